/**
 * Queries → logical plan: set operations, VALUES, WITH, ORDER BY and LIMIT; SELECT is in select-converter.ts.
 *
 * Flow:    script → here → optimizer. Validates and plans in one walk: whatever is built has been checked.
 * Errors:  the 21xx catalogue, each with its place; independent ones are reported through the context.
 */
import { placed } from "../rel/rel-place.ts";
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Expression, LiteralValue, SortField } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { validateErrors } from "../errors.ts";
import type {
  ExpressionNode,
  OrderedQueryNode,
  QueryNode,
  SetOperationNode,
  ValuesNode,
  WithNode,
} from "../parser/ast.ts";
import { fieldRefs } from "../rel/expressions.ts";
import { aggregate, project, select, setop, sort } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { orderRequest } from "./calls.ts";
import { castTo } from "./casts.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { namedTable } from "./from-converter.ts";
import { BlockHints } from "./hints.ts";
import type { PlannerContext } from "./planner-context.ts";
import { Scope } from "./scope.ts";
import { convertSelect } from "./select-converter.ts";
import { isInteger, leastRestrictive } from "./type-system.ts";

/** What a query sees besides the catalog. */
export interface QueryEnvironment {
  readonly withItems: ReadonlyMap<string, RelNode>;
  /** The query around, for correlated references. */
  readonly outer: Scope | undefined;
  /** Of the SELECT whose FROM is converted. */
  readonly hints: BlockHints;
}
export const EMPTY_ENVIRONMENT: QueryEnvironment = {
  withItems: new Map(),
  outer: undefined,
  hints: BlockHints.none,
};

export function convertQuery(
  context: PlannerContext,
  node: QueryNode,
  environment: QueryEnvironment,
): RelNode {
  let rel: RelNode;
  switch (node.kind) {
    case "select":
      rel = convertSelect(context, node, environment, []).rel;
      break;
    case "values":
      rel = convertValues(context, node, environment);
      break;
    case "tableQuery":
      rel = namedTable(context, environment, node.name).rel;
      break;
    case "setOperation":
      rel = convertSetOperation(context, node, environment);
      break;
    case "orderedQuery":
      rel = convertOrdered(context, node, environment);
      break;
    default:
      rel = convertWith(context, node, environment);
  }
  return placed(rel, context.place(node.span));
}

function convertWith(
  context: PlannerContext,
  node: WithNode,
  environment: QueryEnvironment,
): RelNode {
  const withItems = new Map(environment.withItems);
  for (const item of node.items) {
    let rel = convertQuery(context, item.query, { ...environment, withItems });
    if (item.columns.length > 0) {
      const names = item.columns.map((column) => column.name);
      checkCount(names.length, rel.schema.fields.length, `WITH item ${item.name.name}`, item);
      rel = project(rel, fieldRefs(rel.schema), names);
    }
    withItems.set(item.name.name, rel);
  }
  return convertQuery(context, node.query, { ...environment, withItems });
}

function checkCount(
  given: number,
  expected: number,
  where: string,
  node: { span: ValuesNode["span"] },
): void {
  if (given !== expected)
    throw validateErrors.COLUMN_COUNT({ where, expected, given }, { at: node.span });
}

// ----------------------------------------------------------------------------------------------- VALUES

/** One row without meaning, under SELECT without FROM. */
export function singleRow(): RelNode {
  return {
    kind: "values",
    schema: { fields: [{ name: "ZERO", type: types.int(false) }] },
    rows: [[0]],
  };
}

function convertValues(
  context: PlannerContext,
  node: ValuesNode,
  environment: QueryEnvironment,
): RelNode {
  const scope = new Scope(context.newScopeId(), [], environment.outer);
  const converter = new ExpressionConverter(context, scope, { clause: "VALUES" });
  const rows = node.rows.map((row) => row.map((value) => converter.convert(value)));
  const width = rows[0]?.length ?? 0;
  rows.forEach((row) => {
    checkCount(row.length, width, "VALUES", node);
  });
  const columns = Array.from({ length: width }, (_, i) => {
    const type = leastRestrictive(
      rows.map((row) => row[i]!.type),
      "first",
    );
    if (type !== undefined) return type;
    const given = rows.map((row) => typeToString(row[i]!.type)).join(", ");
    throw validateErrors.TYPE_INCOMPATIBLE(
      { what: `Values of column ${i + 1}`, types: given },
      { at: node.span },
    );
  });
  const names = columns.map((_, i) => `EXPR$${i}`);
  const cast = rows.map((row) => row.map((value, i) => castTo(value, columns[i]!)));
  return valuesOf(cast, columns, names);
}

/** Literals become one Values node; computed rows a union of projections. */
export function valuesOf(
  rows: readonly (readonly Expression[])[],
  columns: readonly LogicalType[],
  names: readonly string[],
): RelNode {
  const fields = columns.map((type, i) => ({ name: names[i]!, type }));
  const constant = rows.map((row) => row.map(constantValue));
  if (constant.every((row) => row.every((value) => value !== undefined)))
    return { kind: "values", schema: { fields }, rows: constant as LiteralValue[][] };
  const branches = rows.map((row) => project(singleRow(), row, names));
  return branches.length === 1
    ? branches[0]!
    : setop("UNION", true, branches, { fields: fields.map((f) => ({ ...f })) });
}

function constantValue(expression: Expression): LiteralValue | undefined {
  if (expression.kind === "literal") return expression.value;
  if (expression.kind !== "call") return undefined;
  if (expression.function === "CAST") {
    const inner = expression.args[0]!;
    const same = inner.type.kind === "CHAR" && expression.type.kind === "VARCHAR";
    return same && inner.kind === "literal" ? inner.value : undefined;
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------- set operations

const NAMES = { UNION: "UNION", INTERSECT: "INTERSECT", EXCEPT: "MINUS" } as const;

function convertSetOperation(
  context: PlannerContext,
  node: SetOperationNode,
  environment: QueryEnvironment,
): RelNode {
  let result = convertQuery(context, node.first, environment);
  let index = 0;
  while (index < node.branches.length) {
    const { operator, all } = node.branches[index]!;
    const inputs = [result];
    while (
      index < node.branches.length &&
      node.branches[index]!.operator === operator &&
      node.branches[index]!.all === all &&
      (operator === "UNION" || inputs.length === 1)
    )
      inputs.push(convertQuery(context, node.branches[index++]!.query, environment));
    result = combine(NAMES[operator], all, inputs, node);
  }
  return result;
}

function combine(
  operator: "UNION" | "INTERSECT" | "MINUS",
  all: boolean,
  inputs: readonly RelNode[],
  node: SetOperationNode,
): RelNode {
  const first = inputs[0]!.schema.fields;
  for (const other of inputs)
    checkCount(other.schema.fields.length, first.length, `operands of ${operator}`, node);
  const columns = first.map((_, i) => {
    const given = inputs.map((rel) => rel.schema.fields[i]!.type);
    const type = leastRestrictive(given, "first");
    if (type !== undefined) return type;
    throw validateErrors.TYPE_INCOMPATIBLE(
      { what: `Columns ${i + 1} of ${operator}`, types: given.map(typeToString).join(", ") },
      { at: node.span },
    );
  });
  const aligned = inputs.map((rel) => alignColumns(rel, columns));
  const schema = { fields: first.map((field, i) => ({ name: field.name, type: columns[i]! })) };
  if (operator !== "UNION") return setop(operator, all, aligned, schema);
  const whole = setop("UNION", true, aligned, schema);
  return all
    ? whole
    : aggregate(
        whole,
        columns.map((_, i) => i),
        [],
      );
}

function alignColumns(rel: RelNode, columns: readonly LogicalType[]): RelNode {
  const refs = fieldRefs(rel.schema);
  const cast = refs.map((ref, i) => castTo(ref, columns[i]!));
  const changed = cast.some((expression, i) => expression !== refs[i]);
  if (!changed) return rel;
  return project(
    rel,
    cast,
    rel.schema.fields.map((field) => field.name),
  );
}

// ---------------------------------------------------------------------------------------------- ORDER BY

function convertOrdered(
  context: PlannerContext,
  node: OrderedQueryNode,
  environment: QueryEnvironment,
): RelNode {
  const offset = rowCount(context, node.offset, "OFFSET") ?? 0;
  const fetch = rowCount(context, node.limit, "LIMIT") ?? -1;
  const at = context.place((node.orderBy[0] ?? node).span);
  if (node.query.kind === "select") {
    const {
      rel,
      sort: fields,
      width,
    } = convertSelect(context, node.query, environment, node.orderBy);
    const sorted = placed(sort(rel, fields, offset, fetch), at);
    return width === rel.schema.fields.length
      ? sorted
      : select(
          sorted,
          Array.from({ length: width }, (_, i) => i),
        );
  }
  const rel = convertQuery(context, node.query, environment);
  return placed(sort(rel, sortFields(context, node, rel, environment), offset, fetch), at);
}

function sortFields(
  context: PlannerContext,
  node: OrderedQueryNode,
  rel: RelNode,
  environment: QueryEnvironment,
): SortField[] {
  const columns = rel.schema.fields.map((f, index) => ({ name: f.name, type: f.type, index }));
  const table = { name: undefined, path: [], columns };
  const scope = new Scope(context.newScopeId(), [table], environment.outer);
  const converter = new ExpressionConverter(context, scope, { clause: "ORDER BY" });
  return node.orderBy.map((item) => {
    const ordinal = ordinalOf(item.value, rel.schema.fields.length);
    const request = orderRequest(converter, item);
    const index =
      ordinal ?? (request.expression.kind === "input" ? request.expression.index : undefined);
    if (index === undefined)
      throw validateErrors.NOT_SUPPORTED(
        { what: "an expression in ORDER BY of a set operation", remedy: "Order by a column." },
        { at: item.span },
      );
    return { index, descending: request.descending, nullsFirst: request.nullsFirst };
  });
}

/** `ORDER BY 2`: the column's index. */
export function ordinalOf(node: ExpressionNode, columns: number): number | undefined {
  if (node.kind !== "exactNumber" || !/^\d+$/.test(node.text)) return undefined;
  const ordinal = Number(node.text);
  if (ordinal < 1 || ordinal > columns)
    throw validateErrors.ORDINAL({ ordinal: node.text, columns }, { at: node.span });
  return ordinal - 1;
}

function rowCount(
  context: PlannerContext,
  node: ExpressionNode | undefined,
  what: string,
): number | undefined {
  if (node === undefined) return undefined;
  const scope = new Scope(context.newScopeId(), [], undefined);
  const value = new ExpressionConverter(context, scope, { clause: what }).convert(node);
  if (value.kind === "literal" && isInteger(value.type) && Number(value.value) >= 0)
    return Number(value.value);
  throw validateErrors.ARGUMENT_LITERAL({ what: `The number of ${what}` }, { at: node.span });
}
