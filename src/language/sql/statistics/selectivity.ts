/**
 * The share of rows that satisfy a condition, by the statistics of the columns it reads; conventional shares without them.
 *
 * Rules:   `column = constant` keeps 1 / distinct values, a comparison its part of the range between min and max, several of one
 *          column what they leave together, IS NULL the share of NULLs, IN the sum of its values. Unknown: = 15 %, comparison 50 %,
 *          IS NULL 10 %, IS NOT NULL 90 %, LIKE 5 %, anything else 25 %. AND multiplies, OR adds without the overlap.
 * Source:  Flink SelectivityEstimator, Calcite RelMdUtil.guessSelectivity.
 */
import type { Expression, Literal, LiteralValue } from "../../../foundation/plan/expression.ts";
import { conjuncts } from "../rel/expressions.ts";
import type { ColumnEstimate, RelEstimate } from "./estimates.ts";

const EQUALS = 0.15;
const COMPARISON = 0.5;
const IS_NULL = 0.1;
const LIKE = 0.05;
const OTHER = 0.25;

export function selectivity(condition: Expression, input: RelEstimate): number {
  const ranges = new Map<number, Range>();
  let share = 1;
  for (const part of conjuncts(condition)) {
    const bound = boundOf(part, input);
    if (bound === undefined) share *= partSelectivity(part, input);
    else narrow(ranges, bound);
  }
  for (const [index, range] of ranges) share *= rangeShare(range, input.columns[index]!);
  return clamp(share);
}

/** Columns behind a filter: distinct values and ranges that its comparisons leave. */
export function filtered(condition: Expression, input: RelEstimate): readonly ColumnEstimate[] {
  const columns = [...input.columns];
  const ranges = new Map<number, Range>();
  for (const part of conjuncts(condition)) {
    const bound = boundOf(part, input);
    if (bound !== undefined) narrow(ranges, bound);
    const fixed = fixedColumn(part);
    if (fixed !== undefined) {
      const column = columns[fixed.index];
      if (column !== undefined)
        columns[fixed.index] = {
          ...column,
          distinct: Math.min(fixed.values, column.distinct ?? fixed.values),
          nulls: 0,
        };
    }
  }
  for (const [index, range] of ranges) {
    const column = columns[index]!;
    const share = rangeShare(range, column);
    columns[index] = {
      ...column,
      min: Math.max(range.from, column.min!),
      max: Math.min(range.to, column.max!),
      nulls: 0,
      ...(column.distinct === undefined ? {} : { distinct: Math.max(1, column.distinct * share) }),
    };
  }
  return columns;
}

interface Range {
  readonly from: number;
  readonly to: number;
}
interface Bound extends Range {
  readonly index: number;
}

function narrow(ranges: Map<number, Range>, { index, from, to }: Bound): void {
  const known = ranges.get(index);
  ranges.set(index, {
    from: Math.max(from, known?.from ?? -Infinity),
    to: Math.min(to, known?.to ?? Infinity),
  });
}

function rangeShare({ from, to }: Range, { min, max, nulls, distinct }: ColumnEstimate): number {
  const [low, high] = [Math.max(from, min!), Math.min(to, max!)];
  if (high < low) return 0;
  const rows = 1 - (nulls ?? 0);
  if (max! === min!) return rows;
  const least = distinct === undefined ? 0 : 1 / distinct;
  return rows * Math.max((high - low) / (max! - min!), least);
}

const FLIPPED: Readonly<Record<string, string>> = {
  LESS_THAN: "GREATER_THAN",
  LESS_THAN_OR_EQUAL: "GREATER_THAN_OR_EQUAL",
  GREATER_THAN: "LESS_THAN",
  GREATER_THAN_OR_EQUAL: "LESS_THAN_OR_EQUAL",
};

/** `column < constant` and its kin, of a column whose range is known. */
function boundOf(part: Expression, input: RelEstimate): Bound | undefined {
  if (part.kind !== "call" || FLIPPED[part.function] === undefined) return undefined;
  const [a, b] = part.args as [Expression, Expression];
  const column = columnOf(a) ?? columnOf(b);
  const constant = numberOf(a) ?? numberOf(b);
  if (column === undefined || constant === undefined) return undefined;
  const known = input.columns[column];
  if (known?.min === undefined || known.max === undefined) return undefined;
  const operator = columnOf(a) === undefined ? FLIPPED[part.function]! : part.function;
  return operator.startsWith("LESS")
    ? { index: column, from: -Infinity, to: constant }
    : { index: column, from: constant, to: Infinity };
}

function partSelectivity(e: Expression, input: RelEstimate): number {
  if (e.kind === "literal") return e.value === true ? 1 : 0;
  if (e.kind !== "call") return COMPARISON;
  switch (e.function) {
    case "AND":
      return selectivity(e, input);
    case "OR":
      return 1 - e.args.reduce((rest, arg) => rest * (1 - selectivity(arg, input)), 1);
    case "NOT":
      return 1 - selectivity(e.args[0]!, input);
    case "EQUALS":
    case "IS_NOT_DISTINCT_FROM":
      return equality(e.args as readonly [Expression, Expression], input);
    case "NOT_EQUALS":
    case "IS_DISTINCT_FROM":
      return 1 - equality(e.args as readonly [Expression, Expression], input);
    case "IN":
      return membership(e.args, input);
    case "IS_NULL":
      return nullsOf(e.args[0]!, input) ?? IS_NULL;
    case "IS_NOT_NULL":
      return 1 - (nullsOf(e.args[0]!, input) ?? IS_NULL);
    case "LIKE":
    case "SIMILAR_TO":
      return LIKE;
    default:
      return FLIPPED[e.function] === undefined ? OTHER : COMPARISON;
  }
}

function equality([a, b]: readonly [Expression, Expression], input: RelEstimate): number {
  const [left, right] = [columnOf(a), columnOf(b)].map((index) =>
    index === undefined ? undefined : input.columns[index],
  );
  if (left !== undefined && right !== undefined) {
    const most = Math.max(left.distinct ?? 0, right.distinct ?? 0);
    return most === 0 ? EQUALS : 1 / most;
  }
  const column = left ?? right;
  if (column?.distinct === undefined) return EQUALS;
  const value = numberOf(a) ?? numberOf(b);
  if (value !== undefined && (value < (column.min ?? value) || value > (column.max ?? value)))
    return 0;
  return (1 - (column.nulls ?? 0)) / column.distinct;
}

function membership(args: readonly Expression[], input: RelEstimate): number {
  const [value, ...list] = args;
  const total = list.reduce((sum, entry) => sum + equality([value!, entry], input), 0);
  return Math.min(1, total);
}

function nullsOf(e: Expression, input: RelEstimate): number | undefined {
  const index = columnOf(e);
  return index === undefined ? undefined : input.columns[index]?.nulls;
}

/** `column = constant`, `column IN (…)`: how many values are left. */
function fixedColumn(
  e: Expression,
): { readonly index: number; readonly values: number } | undefined {
  if (e.kind !== "call" || (e.function !== "EQUALS" && e.function !== "IN")) return undefined;
  const [first, ...rest] = e.args;
  if (e.function === "EQUALS" && first!.kind === "literal") {
    const index = columnOf(rest[0]!);
    return index === undefined ? undefined : { index, values: 1 };
  }
  const index = columnOf(first!);
  if (index === undefined || rest.some((each) => each.kind !== "literal")) return undefined;
  return { index, values: rest.length };
}

/** A column, as it is or cast to another type. */
function columnOf(e: Expression): number | undefined {
  if (e.kind === "input") return e.index;
  if (e.kind === "call" && e.function === "CAST") return columnOf(e.args[0]!);
  return undefined;
}

function numberOf(e: Expression): number | undefined {
  return e.kind === "literal" ? comparable(e.value, e.type) : undefined;
}

const NUMERIC = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE"]);
const TEMPORAL = new Set(["DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ"]);

/** A value on the line that min and max are on; undefined for types without one. */
export function comparable(value: LiteralValue, type: Literal["type"]): number | undefined {
  if (value === null) return undefined;
  if (TEMPORAL.has(type.kind))
    return typeof value === "number"
      ? value
      : typeof value === "object" && "millis" in value
        ? value.millis
        : undefined;
  if (!NUMERIC.has(type.kind)) return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

const clamp = (share: number): number => Math.min(1, Math.max(0, share));
