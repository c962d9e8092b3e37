/**
 * Arguments of a process table function: by name or by position, tables with PARTITION BY and ORDER BY, descriptors,
 * DEFAULT, and the two that every such function has: on_time and uid.
 *
 * Flow:    process-functions.ts → here → ProcessSpec.
 * Errors:  MR2118 with the message of what does not fit.
 * Source:  Flink SystemTypeInference, StaticArgument.
 */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import { typeToString, types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type {
  ProcessArgument,
  ProcessParameter,
  ProcessTable,
  ScalarParameter,
  TableParameter,
  TableTrait,
} from "../../../foundation/plan/process-table-function.ts";
import { type Expression, type SortField, input } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { ExpressionNode, FunctionCallNode, Node, TableArgumentNode } from "../parser/ast.ts";
import { project } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { castTo } from "./casts.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { timeAttributeOf } from "./grouping.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type QueryEnvironment, convertQuery } from "./query-converter.ts";
import { Scope } from "./scope.ts";
import { canCastImplicitly } from "./type-system.ts";

export interface BoundTable extends ProcessTable {
  readonly rel: RelNode;
}

export interface BoundArguments {
  readonly tables: readonly BoundTable[];
  /** In the order of the parameters, then on_time and uid. */
  readonly list: readonly ProcessArgument[];
  readonly byName: ReadonlyMap<string, ProcessArgument>;
  readonly nodes: ReadonlyMap<string, ExpressionNode>;
  readonly onTime: readonly number[];
  readonly uid: string | null;
}

const SYSTEM_PARAMETERS: readonly ProcessParameter[] = [
  { name: "on_time", kind: "descriptor", optional: true },
  { name: "uid", kind: "scalar", optional: true, type: types.string() },
];
const UID = /^[a-zA-Z_-][a-zA-Z_\-0-9]*$/;

export const badArgument = (message: string, at: Node): MillraceError =>
  validateErrors.WINDOW_ARGUMENT({ message }, { at: at.span });

export function bindArguments(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  parameters: readonly ProcessParameter[],
): BoundArguments {
  const all = [...parameters, ...SYSTEM_PARAMETERS];
  const nodes = assign(node, all);
  const tables: BoundTable[] = [];
  const list = all.map((parameter): ProcessArgument => {
    const given = nodes.get(parameter.name);
    if (given === undefined || given.kind === "default") {
      if (parameter.optional) return { kind: "default" };
      throw badArgument(
        `Invalid function call: ${nameOf(node)} requires the argument '${parameter.name}'`,
        node,
      );
    }
    if (parameter.kind === "table") {
      tables.push(bindTable(context, environment, given, parameter));
      return { kind: "table", table: tables.length - 1 };
    }
    if (parameter.kind === "descriptor") {
      if (given.kind !== "descriptor")
        throw badArgument(`The argument '${parameter.name}' must be DESCRIPTOR(column)`, given);
      return { kind: "descriptor", columns: given.columns.map((column) => column.name) };
    }
    return { kind: "scalar", value: scalar(context, given, parameter) };
  });
  const byName = new Map(all.map((parameter, i) => [parameter.name, list[i]!]));
  return {
    tables,
    list,
    byName,
    nodes,
    onTime: onTimeFields(tables, byName.get("on_time")!, node),
    uid: uidOf(byName.get("uid")!, tables, node),
  };
}

export const nameOf = (node: FunctionCallNode): string =>
  node.name.parts.map((part) => part.name).join(".");

/** The argument nodes by parameter; unknown and repeated names are refused. */
function assign(
  node: FunctionCallNode,
  parameters: readonly ProcessParameter[],
): Map<string, ExpressionNode> {
  const nodes = new Map<string, ExpressionNode>();
  node.arguments.forEach((argument, i) => {
    const wanted = argument.name?.name.toLowerCase();
    const parameter =
      wanted === undefined
        ? parameters[i]
        : parameters.find(({ name }) => name.toLowerCase() === wanted);
    if (parameter === undefined || nodes.has(parameter.name))
      throw badArgument(
        `${nameOf(node)} takes the arguments ${parameters.map(({ name }) => name).join(", ")}, each once`,
        argument.value,
      );
    nodes.set(parameter.name, argument.value);
  });
  return nodes;
}

/** `TABLE t`, or a subquery in its place. */
export function tableArgument(node: ExpressionNode | undefined): TableArgumentNode | undefined {
  if (node?.kind === "tableArgument") return node;
  if (node?.kind !== "subquery") return undefined;
  const { query, span } = node;
  return { kind: "tableArgument", query, partitionBy: [], orderBy: [], span };
}

function bindTable(
  context: PlannerContext,
  environment: QueryEnvironment,
  given: ExpressionNode,
  parameter: TableParameter,
): BoundTable {
  const data = tableArgument(given);
  const { name, traits } = parameter;
  const has = (trait: TableTrait): boolean => traits.includes(trait);
  if (data === undefined)
    throw badArgument(`The argument '${name}' must be a table: TABLE t or (SELECT …)`, given);
  const rel = typedTable(convertQuery(context, data.query, environment), parameter, given);
  const columns = rel.schema.fields.map((f, index) => ({ name: f.name, type: f.type, index }));
  const alias = data.query.kind === "tableQuery" ? data.query.name.parts.at(-1)!.name : undefined;
  const scope = new Scope(context.newScopeId(), [{ name: alias, path: [], columns }], undefined);
  const converter = new ExpressionConverter(context, scope, { clause: "PARTITION BY" });
  const column = (item: ExpressionNode): number => {
    const expression = converter.convert(item);
    if (expression.kind === "input") return expression.index;
    throw badArgument("PARTITION BY and ORDER BY of a table argument take columns only", item);
  };
  const partitionKeys = data.partitionBy.map(column);
  if (partitionKeys.length > 0 && has("row-semantics") && !has("optional-partition-by"))
    throw badArgument(
      `Only tables with set semantics may be partitioned. Invalid PARTITION BY clause in the argument '${name}'`,
      given,
    );
  if (partitionKeys.length === 0 && has("set-semantics") && !has("optional-partition-by"))
    throw badArgument(
      `Table argument '${name}' requires a PARTITION BY clause for parallel processing.`,
      given,
    );
  const sort = data.orderBy.map((item): SortField => {
    const { descending } = item;
    const nullsFirst = item.nulls === undefined ? !descending : item.nulls === "FIRST";
    return { index: column(item.value), descending, nullsFirst };
  });
  checkOrder(rel, sort, given);
  const semantics = partitionKeys.length > 0 || has("set-semantics") ? "set" : "row";
  const passThrough = has("pass-columns-through");
  const fields = rel.schema.fields.map((field) => field.name);
  return {
    name,
    fields,
    semantics,
    partitionKeys,
    sort,
    rel,
    ...(passThrough ? { passThrough } : {}),
  };
}

/** A table whose columns the function types: cast by position, with its names. */
function typedTable(rel: RelNode, { name, fields }: TableParameter, node: Node): RelNode {
  if (fields === undefined) return rel;
  const given = rel.schema.fields;
  const fits =
    given.length === fields.length &&
    given.every(({ type }, i) => canCastImplicitly(type, fields[i]!.type));
  if (!fits)
    throw badArgument(
      `Invalid argument value. Argument '${name}' expects a table of (${fields.map((f) => typeToString(f.type)).join(", ")}), but its columns are (${given.map((f) => typeToString(f.type)).join(", ")})`,
      node,
    );
  const cast = fields.map(({ type }, i) => castTo(input(i, given[i]!.type), type));
  return project(
    rel,
    cast,
    fields.map((field) => field.name),
  );
}

/** ORDER BY waits for the watermark: it begins with a time attribute, ascending. */
function checkOrder(rel: RelNode, sort: readonly SortField[], node: Node): void {
  const first = sort[0];
  if (first === undefined) return;
  const attribute = timeAttributeOf(rel.schema.fields[first.index]!.type);
  if (attribute === "ROWTIME" && !first.descending) return;
  throw badArgument(
    "ORDER BY of a table argument must begin with a watermarked time attribute in ascending order",
    node,
  );
}

/** A value without a row, of the parameter's type: the operator evaluates it once. */
function scalar(
  context: PlannerContext,
  node: ExpressionNode,
  { name, type }: ScalarParameter,
): Expression {
  const scope = new Scope(context.newScopeId(), [], undefined);
  const collectors = { clause: "a table function" };
  const value = new ExpressionConverter(context, scope, collectors).convert(node);
  if (type.kind === "NULL") return value;
  if (canCastImplicitly(value.type, type))
    return castTo(value, withNullable(type, value.type.nullable));
  throw badArgument(
    `Invalid argument type at '${name}'. Data type ${typeToString(type)} expected but ${typeToString(value.type)} passed.`,
    node,
  );
}

/** The column that on_time names in each table that has it. */
function onTimeFields(
  tables: readonly BoundTable[],
  argument: ProcessArgument,
  node: FunctionCallNode,
): number[] {
  if (argument.kind !== "descriptor") return [];
  return tables.map(({ rel }) => {
    const { fields } = rel.schema;
    const index = fields.findIndex((field) => argument.columns.includes(field.name));
    if (index < 0)
      throw badArgument(
        `Invalid time attribute declaration. Each column in the \`on_time\` argument must reference at least one column in one of the table arguments. Known references: [${tables.flatMap((t) => t.rel.schema.fields.map((f) => f.name)).join(", ")}]`,
        node,
      );
    if (timeAttributeOf(fields[index]!.type) === undefined)
      throw badArgument(
        `Invalid data type for time attribute. The \`on_time\` argument must reference a TIMESTAMP or TIMESTAMP_LTZ column (up to precision 3) with a watermark, but '${fields[index]!.name}' is none.`,
        node,
      );
    return index;
  });
}

function uidOf(
  argument: ProcessArgument,
  tables: readonly BoundTable[],
  node: FunctionCallNode,
): string | null {
  if (argument.kind === "scalar") {
    const { value } = argument;
    if (value.kind === "literal" && typeof value.value === "string" && UID.test(value.value))
      return value.value;
    throw badArgument(
      `Invalid unique identifier for process table function. The \`uid\` argument must be a string literal that follows the pattern ${UID.source}.`,
      node,
    );
  }
  const keyed = tables.some(({ partitionKeys }) => partitionKeys.length > 0);
  return keyed ? node.name.parts.at(-1)!.name : null;
}
