/**
 * Estimates of what an operator yields: rows, and of each column the distinct values, NULLs, range and width. One set of rules
 * for logical and physical plans: rel-estimates.ts and plan-estimates.ts walk the trees and ask here.
 *
 * Rules:   a table without statistics has 1.0E8 rows; grouping without distinct counts keeps a tenth; an equi-join yields
 *          left · right / distinct keys, where keys without a count are taken to be those of the smaller base table.
 * Units:   rows (fractions are kept), bytes a row, shares 0…1.
 * Source:  Flink FlinkRelMdRowCount, FlinkRelMdDistinctRowCount, FlinkRelMdSize for the widths of types.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinType } from "../../../foundation/plan/exec-node.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { filtered, selectivity } from "./selectivity.ts";
import type { TableStatistics } from "./table-statistics.ts";

export const UNKNOWN_ROWS = 1e8;
/** Of rows, when nothing is known about the keys. */
const KEPT_BY_GROUPING = 0.1;
const KEPT_BY_SEMI_JOIN = 0.5;
const UNNEST_FACTOR = 1;

export interface ColumnEstimate {
  /** Average bytes. */
  readonly width: number;
  /** Distinct values, if known. */
  readonly distinct?: number;
  /** Rows of the table that the column comes from: an upper bound of its distinct values. */
  readonly base?: number;
  /** Share of NULLs. */
  readonly nulls?: number;
  readonly min?: number;
  readonly max?: number;
}

export interface RelEstimate {
  readonly rows: number;
  readonly columns: readonly ColumnEstimate[];
}

const WIDTHS: Readonly<Partial<Record<LogicalType["kind"], number>>> = {
  BOOLEAN: 1,
  TINYINT: 1,
  SMALLINT: 2,
  INTEGER: 4,
  FLOAT: 4,
  DATE: 4,
  BIGINT: 8,
  DOUBLE: 8,
};
/** Of a type without a fixed width. */
const OTHER_WIDTH = 12;

export const typeWidth = (type: LogicalType): number => WIDTHS[type.kind] ?? OTHER_WIDTH;

export const rowBytes = (estimate: RelEstimate): number =>
  estimate.columns.reduce((sum, { width }) => sum + width, 0);

/** A column about which nothing is known but how many rows it was made for. */
function unknownColumn(type: LogicalType, rows: number): ColumnEstimate {
  return { width: typeWidth(type), base: rows };
}

/** Rows of which nothing is known but their number. */
export function unknownRel(schema: Schema, rows: number): RelEstimate {
  return { rows, columns: schema.fields.map(({ type }) => unknownColumn(type, rows)) };
}

export function estimateTable(
  schema: Schema,
  statistics: TableStatistics | undefined,
  primaryKey: readonly number[] | undefined,
): RelEstimate {
  const rows = statistics?.rowCount ?? UNKNOWN_ROWS;
  const unique = primaryKey?.length === 1 ? primaryKey[0] : undefined;
  const columns = schema.fields.map(({ name, type }, i): ColumnEstimate => {
    const known = statistics?.columns[name];
    const distinct = known?.distinctCount ?? (i === unique ? rows : undefined);
    return {
      width: known?.averageLength ?? typeWidth(type),
      base: rows,
      ...(distinct === undefined ? {} : { distinct: Math.max(1, Math.min(distinct, rows)) }),
      ...(known?.nullCount === undefined || rows === 0 ? {} : { nulls: known.nullCount / rows }),
      ...(known?.min === undefined ? {} : { min: known.min }),
      ...(known?.max === undefined ? {} : { max: known.max }),
    };
  });
  return { rows, columns };
}

export function estimateFilter(input: RelEstimate, condition: Expression): RelEstimate {
  const share = selectivity(condition, input);
  return withRows({ ...input, columns: filtered(condition, input) }, input.rows * share);
}

export function estimateProject(
  input: RelEstimate,
  projection: readonly Expression[],
): RelEstimate {
  const columns = projection.map((e): ColumnEstimate => {
    if (e.kind === "input") return input.columns[e.index] ?? unknownColumn(e.type, input.rows);
    if (e.kind === "literal") return { width: typeWidth(e.type), distinct: 1 };
    const inner = castOfColumn(e);
    const known = inner === undefined ? undefined : input.columns[inner];
    if (known === undefined) return unknownColumn(e.type, input.rows);
    return { ...known, width: typeWidth(e.type) };
  });
  return { rows: input.rows, columns };
}

/** A CAST keeps the number of values, and the range of numbers. */
function castOfColumn(e: Expression): number | undefined {
  if (e.kind !== "call" || e.function !== "CAST") return undefined;
  const [arg] = e.args;
  return arg?.kind === "input" ? arg.index : undefined;
}

/** `others`: columns behind the grouping fields. */
export function estimateAggregate(
  input: RelEstimate,
  grouping: readonly number[],
  others: readonly LogicalType[],
): RelEstimate {
  const keys = grouping.map((index) => input.columns[index]!);
  const rows = grouping.length === 0 ? 1 : distinctRows(input, grouping);
  const columns = [...keys, ...others.map((type) => unknownColumn(type, rows))];
  const [only] = keys;
  if (keys.length === 1 && only!.distinct === undefined)
    columns[0] = { ...only!, distinct: Math.max(1, rows) };
  return withRows({ rows, columns }, rows);
}

/** How many different values the columns have together. */
export function distinctRows(input: RelEstimate, columns: readonly number[]): number {
  let product = 1;
  for (const index of columns) {
    const { distinct } = input.columns[index] ?? {};
    if (distinct === undefined) {
      const { base } = input.columns[index] ?? {};
      const few = base !== undefined && base < input.rows ? base : input.rows * KEPT_BY_GROUPING;
      return Math.min(input.rows, Math.max(1, Math.min(few * product, input.rows)));
    }
    product *= distinct;
  }
  return Math.min(input.rows, Math.max(1, product));
}

export interface JoinShape {
  readonly type: JoinType;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  /** Over left fields, then right fields. */
  readonly condition?: Expression | undefined;
}

export function estimateJoin(left: RelEstimate, right: RelEstimate, shape: JoinShape): RelEstimate {
  const columns = joinedColumns(left, right, shape);
  const rest = shape.condition;
  const both = { rows: left.rows * right.rows, columns: [...left.columns, ...right.columns] };
  const kept = rest === undefined ? 1 : selectivity(rest, both);
  const inner = innerRows(left, right, shape) * kept;
  switch (shape.type) {
    case "INNER":
      return withRows({ rows: inner, columns }, inner);
    case "LEFT":
      return withRows({ rows: 0, columns }, Math.max(inner, left.rows));
    case "RIGHT":
      return withRows({ rows: 0, columns }, Math.max(inner, right.rows));
    case "FULL":
      return withRows({ rows: 0, columns }, Math.max(inner, left.rows, right.rows));
    case "SEMI":
      return withRows(left, left.rows * semiShare(left, right, shape) * kept);
    case "ANTI": {
      const matched = semiShare(left, right, shape) * kept;
      return withRows(left, Math.max(left.rows * (1 - matched), Math.min(1, left.rows)));
    }
  }
}

function joinedColumns(
  left: RelEstimate,
  right: RelEstimate,
  { leftKeys, rightKeys, type }: JoinShape,
): ColumnEstimate[] {
  const columns = [...left.columns, ...right.columns];
  if (type !== "INNER") return columns;
  const width = left.columns.length;
  leftKeys.forEach((key, i) => {
    const other = width + rightKeys[i]!;
    const [a, b] = [columns[key]!, columns[other]!];
    const distinct = smaller(a.distinct, b.distinct);
    const base = smaller(a.base, b.base);
    const shared = {
      ...(distinct === undefined ? {} : { distinct }),
      ...(base === undefined ? {} : { base }),
      nulls: 0,
    };
    columns[key] = { ...a, ...shared };
    columns[other] = { ...b, ...shared };
  });
  return columns;
}

const smaller = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

/** Without the condition beside the keys. */
function innerRows(
  left: RelEstimate,
  right: RelEstimate,
  { leftKeys, rightKeys }: JoinShape,
): number {
  const product = left.rows * right.rows;
  if (leftKeys.length === 0) return product;
  let domain = 1;
  let [leftDistinct, rightDistinct] = [1, 1];
  leftKeys.forEach((key, i) => {
    const [a, b] = [left.columns[key]!, right.columns[rightKeys[i]!]!];
    domain *= keyDomain(a, b);
    leftDistinct *= a.distinct ?? a.base ?? left.rows;
    rightDistinct *= b.distinct ?? b.base ?? right.rows;
  });
  // Several keys have no more values together than the larger side has rows.
  const bound = Math.max(Math.min(leftDistinct, left.rows), Math.min(rightDistinct, right.rows));
  const several = leftKeys.length > 1 ? Math.min(domain, Math.max(bound, 1)) : domain;
  return (product / Math.max(1, several)) * notNull(left, leftKeys) * notNull(right, rightKeys);
}

/** Values that a pair of keys can have. */
export function keyDomain(a: ColumnEstimate, b: ColumnEstimate): number {
  if (a.distinct !== undefined && b.distinct !== undefined) return Math.max(a.distinct, b.distinct);
  const known = a.distinct ?? b.distinct;
  if (known !== undefined) return Math.max(1, known);
  return Math.max(1, Math.min(a.base ?? UNKNOWN_ROWS, b.base ?? UNKNOWN_ROWS));
}

function notNull(side: RelEstimate, keys: readonly number[]): number {
  return keys.reduce((share, key) => share * (1 - (side.columns[key]!.nulls ?? 0)), 1);
}

/** The share of left rows that have a match. */
function semiShare(left: RelEstimate, right: RelEstimate, shape: JoinShape): number {
  const [key] = shape.leftKeys;
  const [other] = shape.rightKeys;
  if (key === undefined || other === undefined) return right.rows === 0 ? 0 : KEPT_BY_SEMI_JOIN;
  const a = left.columns[key]!.distinct;
  const b = right.columns[other]!.distinct;
  if (a === undefined || b === undefined) return KEPT_BY_SEMI_JOIN;
  return Math.min(1, b / a);
}

/** `factor` rows for each. */
export function estimateExpansion(input: RelEstimate, factor = UNNEST_FACTOR): RelEstimate {
  return withRows(input, input.rows * factor);
}

/** Top-N: `rank` rows of each partition. */
export function estimateRank(
  input: RelEstimate,
  partition: readonly number[],
  rank: number,
): RelEstimate {
  const groups = partition.length === 0 ? 1 : distinctRows(input, partition);
  return withRows(input, Math.min(input.rows, groups * rank));
}

/** The same columns over fewer rows: no column has more values than there are rows. */
export function withRows(estimate: RelEstimate, rows: number): RelEstimate {
  const columns = estimate.columns.map((column) =>
    column.distinct !== undefined && column.distinct > rows
      ? { ...column, distinct: Math.max(1, rows) }
      : column,
  );
  return { rows, columns };
}

/** The same rows with further columns. */
export function appended(input: RelEstimate, schema: Schema): RelEstimate {
  const columns = schema.fields.map(
    ({ type }, i) => input.columns[i] ?? unknownColumn(type, input.rows),
  );
  return { rows: input.rows, columns };
}

export function estimateUnion(inputs: readonly RelEstimate[]): RelEstimate {
  const rows = inputs.reduce((sum, input) => sum + input.rows, 0);
  const columns = (inputs[0]?.columns ?? []).map(({ width }) => ({ width, base: rows }));
  return { rows, columns };
}
