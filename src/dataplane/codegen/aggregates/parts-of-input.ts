/** What a local half sends, as the operators that merge it read it: where its columns are, and the rows of each DISTINCT set. */
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type AggregateCall,
  call,
  type Expression,
  input,
  literal,
} from "../../../foundation/plan/expression.ts";
import {
  partColumns,
  type PartColumns,
  valueSets,
  type ValueSet,
} from "../../../foundation/plan/value-sets.ts";
import type { DistinctSet } from "./aggregate-plan.ts";

export interface Parts {
  readonly columns: PartColumns;
  readonly sets: readonly ValueSet[];
}

/** `grouping`: of what the local half sends. */
export function partsOf(spec: {
  readonly grouping: readonly unknown[];
  readonly aggregates: readonly AggregateCall[];
  readonly retract: boolean;
  readonly isResolved?: boolean | undefined;
}): Parts {
  const all = valueSets(spec.aggregates, spec.retract);
  const sets = spec.isResolved === true ? all.filter(({ kind }) => kind === "extremes") : all;
  return { sets, columns: partColumns(spec.grouping.length, sets) };
}

/** The `index`-th DISTINCT set over the columns of the parts: its rows, and its arguments there. */
export function distinctPart(
  { columns, sets }: Parts,
  set: DistinctSet,
  index: number,
): { readonly set: DistinctSet; readonly condition: Expression } {
  const places = sets.flatMap(({ kind }, place) => (kind === "distinct" ? [place] : []));
  const place = places[index]!;
  const condition = isPart(columns, place + 1);
  return { set: { ...set, args: columns.sets[place]!.args }, condition };
}

/** The rows of a part: 0 = accumulators. */
export function isPart({ part }: PartColumns, number: number): Expression {
  const type = types.int(false);
  return call("EQUALS", [input(part, type), literal(number, type)], types.boolean(false));
}
