/** The text of MultiJoin as EXPLAIN prints it. Source: Flink StreamPhysicalMultiJoin.explainTerms. */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { PhysSpecOf } from "../exec/phys-node.ts";
import { expressionText, type TextStyle } from "./expression-text.ts";
import { ttlText } from "./join-text.ts";
import { rowTypeText } from "./process-text.ts";

export function multiJoinText(
  spec: PhysSpecOf<"MultiJoin">,
  inputs: readonly Schema[],
  output: Schema,
  style: TextStyle,
): string[] {
  const listed = (fields: readonly number[], { fields: all }: Schema) =>
    fields.map((index) => all[index]!.name).join(", ");
  const name = (index: number) => output.fields[index]?.name ?? `$${index}`;
  const unique = spec.sides.map(({ uniqueKey }, i) =>
    uniqueKey === undefined ? "noUniqueKey" : `(${listed(uniqueKey, inputs[i]!)})`,
  );
  const ttls = spec.sides.map(({ stateTtlHint }) => stateTtlHint);
  const hints = ttls.every((ttl) => ttl === undefined)
    ? ""
    : `[${ttls.map((ttl) => ttl ?? "0s").join(", ")}]`;
  return [
    `commonJoinKey=[${listed(spec.keys[0]!, inputs[0]!)}]`,
    `joinTypes=[${spec.joinTypes.join(", ")}]`,
    `inputUniqueKeys=[${unique.join(", ")}]`,
    ...ttlText(hints),
    `joinConditions=[${spec.conditions.map((e) => expressionText(e, name, style)).join(", ")}]`,
    `select=[${output.fields.map((field) => field.name).join(",")}]`,
    `rowType=[${rowTypeText(output)}]`,
  ];
}
