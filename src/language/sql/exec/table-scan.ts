/**
 * Reading a table: one TableSourceScan per table and plan, which reads the columns and ROW fields that any of its readers
 * uses; computed columns, watermark and normalisation of upserts on top.
 *
 *   TableSourceScan(paths) → Calc(computed columns) → WatermarkAssigner → [ChangelogNormalize] → each reader's own Calc
 *
 * Flow:    physical-planner first records every use (use()), then asks for readers (read()).
 * Rules:   a filter goes into the scan only when every reader has one and the table has no watermark, whose progress the
 *          missing rows would change.
 */
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
  type RowField,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import { type Expression, input } from "../../../foundation/plan/expression.ts";
import { type ResolvedTable, identifierText, sourceColumns } from "../catalog/catalog-objects.ts";
import { isDeterministic, or, transform } from "../rel/expressions.ts";
import { uniqueNames } from "../rel/rel-builder.ts";
import type { ScanRel } from "../rel/rel-node.ts";

/** A column, or a field inside one: column index, then field indexes. */
export type Path = readonly number[];

export interface ScanUse {
  readonly table: ResolvedTable;
  readonly options: Readonly<Record<string, string>>;
  readonly paths: Map<string, Path>;
  /** Conditions of the readers, over the table's columns; undefined = one reads everything. */
  readonly filters: (Expression | undefined)[];
}

export function scanKey(rel: ScanRel): string {
  const { table, dynamicOptions } = rel;
  const name = identifierText(table.identifier);
  return JSON.stringify([name, dynamicOptions, table.inline ? table.options : 0]);
}

/** Paths that expressions over a table's columns touch; a whole column covers its fields. */
export function pathsOf(expressions: readonly Expression[], into = new Map<string, Path>()) {
  const visit = (expression: Expression): void => {
    const path = asPath(expression);
    if (path !== undefined) {
      into.set(path.join("."), path);
      return;
    }
    if (expression.kind === "field") visit(expression.input);
    if (expression.kind === "call") expression.args.forEach(visit);
  };
  expressions.forEach(visit);
  return into;
}

function asPath(expression: Expression): Path | undefined {
  if (expression.kind === "input") return [expression.index];
  if (expression.kind !== "field") return undefined;
  const inner = asPath(expression.input);
  return inner && [...inner, expression.index];
}

/** Without paths that another one covers, in column order. */
export function outermost(paths: Iterable<Path>): Path[] {
  const all = [...new Map([...paths].map((path) => [path.join("."), path])).values()];
  const kept = all.filter(
    (path) => !all.some((o) => o.length < path.length && o.every((step, i) => step === path[i])),
  );
  return kept.sort(comparePaths);
}

function comparePaths(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Name and type at the end of a path: fields of a nullable ROW are nullable; names are joined by `_`. */
export function pathField(fields: readonly RowField[], path: Path): RowField {
  let field = fields[path[0]!]!;
  let { name } = field;
  let type: LogicalType = field.type;
  for (const step of path.slice(1)) {
    const nullable = type.nullable;
    field = (type as Extract<LogicalType, { kind: "ROW" }>).fields[step]!;
    type = withNullable(field.type, nullable || field.type.nullable);
    name = `${name}_${field.name}`;
  }
  return { name, type };
}

/** Rewrites paths over a wide schema to fields of a narrow one that holds `items`. */
export function narrow(
  expression: Expression,
  items: readonly Path[],
  fields: readonly RowField[],
): Expression {
  const path = asPath(expression);
  if (path !== undefined) return fromItems(path, expression, items, fields);
  if (expression.kind === "field")
    return { ...expression, input: narrow(expression.input, items, fields) };
  if (expression.kind !== "call") return expression;
  return { ...expression, args: expression.args.map((arg) => narrow(arg, items, fields)) };
}

function fromItems(
  path: Path,
  original: Expression,
  items: readonly Path[],
  fields: readonly RowField[],
): Expression {
  const index = items.findIndex(
    (item) => item.length <= path.length && item.every((step, i) => step === path[i]),
  );
  let result: Expression = input(index, fields[index]!.type);
  const chain: Expression[] = [];
  for (let e = original; e.kind === "field"; e = e.input) chain.unshift(e);
  const rest = chain.slice(chain.length - (path.length - items[index]!.length));
  for (const step of rest) if (step.kind === "field") result = { ...step, input: result };
  return result;
}

export interface ScanLayout {
  /** Of the connector's schema (physical and metadata columns). */
  readonly sourcePaths: readonly Path[];
  readonly sourceFields: readonly RowField[];
  /** Of the table's columns: what readers see. */
  readonly items: readonly Path[];
  readonly itemFields: readonly RowField[];
  /** Over the scan's output; undefined when it is the output itself. */
  readonly computed: readonly Expression[] | undefined;
}

/** Which fields are read and how the reader's columns come from them. */
export function layoutOf(use: ScanUse, always: readonly Path[]): ScanLayout {
  const { table } = use;
  const columns = table.columns;
  const items = outermost([...use.paths.values(), ...always]);
  const source = sourceColumns(table);
  const sourceIndex = new Map(source.map((column, i) => [column, i]));
  const sourceFieldsAll = source.map((column) => ({
    name: column.name,
    type: withoutTimeAttribute(column.type),
  }));
  const paths = new Map<string, Path>();
  for (const item of items) {
    const column = columns[item[0]!]!;
    if (column.kind === "computed") pathsOf([column.expression], paths);
    else {
      const path = [sourceIndex.get(column)!, ...item.slice(1)];
      paths.set(path.join("."), path);
    }
  }
  // A source yields at least one column, so that rows can be counted.
  if (paths.size === 0) paths.set("cheapest", [cheapestColumn(sourceFieldsAll)]);
  const sourcePaths = outermost(paths.values());
  const sourceFields = named(sourcePaths.map((path) => pathField(sourceFieldsAll, path)));
  const tableFields = columns.map((column) => ({ name: column.name, type: column.type }));
  const itemFields = named(items.map((item) => pathField(tableFields, item)));
  const computed = items.map((item): Expression => {
    const column = columns[item[0]!]!;
    if (column.kind === "computed")
      return narrow(follow(column.expression, item.slice(1)), sourcePaths, sourceFields);
    const path = [sourceIndex.get(column)!, ...item.slice(1)];
    const at = sourcePaths.findIndex(
      (p) => p.length <= path.length && p.every((s, k) => s === path[k]),
    );
    const base = input(at, sourceFields[at]!.type);
    const rest = path.slice(sourcePaths[at]!.length);
    return follow(base, rest);
  });
  const direct =
    computed.length === sourcePaths.length &&
    computed.every((e, i) => e.kind === "input" && e.index === i);
  return { sourcePaths, sourceFields, items, itemFields, computed: direct ? undefined : computed };
}

function cheapestColumn(fields: readonly RowField[]): number {
  const widths = fields.map((field) => {
    const physical = physicalOf(field.type);
    return physical === "row" ? 99 : physical === "view" ? 50 : PHYSICAL_WIDTH[physical];
  });
  return Math.max(0, widths.indexOf(Math.min(...widths)));
}

function follow(expression: Expression, rest: Path): Expression {
  let result = expression;
  for (const index of rest) {
    const row = result.type;
    const field = row.kind === "ROW" || row.kind === "STRUCTURED" ? row.fields[index]! : undefined;
    if (field === undefined) return result;
    const type = withNullable(field.type, field.type.nullable || row.nullable);
    result = { kind: "field", input: result, index, type };
  }
  return result;
}

function named(fields: readonly RowField[]): RowField[] {
  const names = uniqueNames(fields.map((field) => field.name));
  return fields.map((field, i) => ({ name: names[i]!, type: field.type }));
}

/** The condition that may go into the scan: over the connector's schema, true for every row that a reader keeps. */
export function scanFilter(use: ScanUse): Expression | undefined {
  const { table, filters } = use;
  if (table.watermark !== undefined || filters.some((f) => f === undefined)) return undefined;
  const source = sourceColumns(table);
  const rewrite = (condition: Expression): Expression =>
    transform(condition, (e) => {
      if (e.kind !== "input") return e;
      const column = table.columns[e.index]!;
      if (column.kind === "computed") return column.expression;
      return input(source.indexOf(column), column.type);
    });
  const conditions = filters.map((f) => rewrite(f as Expression));
  if (!conditions.every(isDeterministic)) return undefined;
  return conditions.length === 0 ? undefined : or(conditions);
}
