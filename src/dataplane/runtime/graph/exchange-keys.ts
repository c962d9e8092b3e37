/**
 * ExchangeKeys: what a hash exchange hashes, so that a row arrives where its reader keeps its key:
 *               the reader's own key codec over
 * the same fields with the same nullability.
 *
 * Joins:   all their keys, those of windows among them; both sides must come to one hash, so a key
 *          field counts as nullable when it is on either side (as the join's state does it). So do
 *          the tables of one function.
 */
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { commonKeyNullability, joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import { nullableKeys, withKeys } from "../../../foundation/plan/process-table-function.ts";
import type { EdgeSpec } from "./job-graph.ts";

export interface ExchangeKeys {
  readonly schema: Schema;
  readonly fields: readonly number[];
}

/** Undefined for an exchange that is not by hash. */
export function exchangeKeys(edge: EdgeSpec, plan: ExecPlan): ExchangeKeys | undefined {
  if (edge.distribution.kind !== "hash") return undefined;
  const nodeOf = (id: number) => plan.nodes.find((node) => node.id === id)!;
  const { output } = nodeOf(edge.fromNode);
  const reader = nodeOf(edge.toNode);
  if (reader.type === "ProcessTableFunction") {
    const inputs = reader.inputs.map(({ node }) => nodeOf(node).output);
    const { keys } = edge.distribution;
    return { schema: withKeys(output, keys, nullableKeys(reader.tables, inputs)), fields: keys };
  }
  if (reader.type === "MultiJoin") {
    const inputs = reader.inputs.map(({ node }) => nodeOf(node).output);
    const fields = reader.keys[edge.toInput]!;
    const nullable = commonKeyNullability(reader.keys, inputs);
    return { schema: withNullableKeys(output, fields, nullable), fields };
  }
  if (!("leftKeys" in reader) || !("rightKeys" in reader))
    return { schema: output, fields: edge.distribution.keys };
  const own = edge.toInput === 0 ? reader.leftKeys : reader.rightKeys;
  const [left, right] = reader.inputs.map(({ node }) => nodeOf(node).output) as [Schema, Schema];
  const nullable = joinKeyNullability(reader, left, right);
  return { schema: withNullableKeys(output, own, nullable), fields: own };
}

function withNullableKeys(
  { fields }: Schema,
  keys: readonly number[],
  nullable: readonly boolean[],
): Schema {
  const changed = fields.map((field, index) => {
    const key = keys.indexOf(index);
    return key < 0 ? field : { ...field, type: withNullable(field.type, nullable[key]!) };
  });
  return { fields: changed };
}
