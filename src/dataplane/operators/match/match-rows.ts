/** What the operator Match makes of its node: the times that WITHIN goes by, and the fields in front of the measures. */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { MatchNode } from "../../../foundation/plan/exec-node.ts";
import { type Expression, input as inputRef } from "../../../foundation/plan/expression.ts";
import type { MatchExpressions } from "../../../foundation/plan/match.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { RowTimes } from "../rows/row-times.ts";

/** A bounded run has no time attribute: WITHIN goes by the field that orders the rows. */
export function rowTimesOf(
  context: OperatorContext,
  { sort, time, withinMs, description }: MatchNode,
  isRowtime: boolean,
): RowTimes {
  const index = sort[0]?.index ?? 0;
  const input = context.inputs[0]!;
  const { type } = input.fields[index]!;
  const orders = withinMs > 0 && context.mode === "batch" && type.kind.startsWith("TIMESTAMP");
  const rowtime = orders ? { attribute: "ROWTIME" as const, index, type } : time;
  return new RowTimes(context, {
    input,
    rowtime: orders || isRowtime ? rowtime : undefined,
    operator: description,
  });
}

/** The measures with the partition's fields before them: those of any row, so of the last. */
export function withPartition(node: MatchNode, schema: Schema): MatchExpressions {
  const { partitionKeys, measures } = node;
  const width = partitionKeys.length;
  const moved = (e: Expression): Expression => {
    if (e.kind === "input") return { ...e, index: e.index + width };
    if (e.kind === "call") return { ...e, args: e.args.map(moved) };
    return e.kind === "field" ? { ...e, input: moved(e.input) } : e;
  };
  return {
    references: [
      ...partitionKeys.map((field) => ({ position: -1, first: false, offset: 0, field })),
      ...measures.references,
    ],
    aggregates: measures.aggregates,
    expressions: [
      ...partitionKeys.map((field, i) => inputRef(i, schema.fields[field]!.type)),
      ...measures.expressions.map(moved),
    ],
  };
}
