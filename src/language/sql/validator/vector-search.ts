/**
 * VECTOR_SEARCH(SEARCH_TABLE, COLUMN_TO_SEARCH, COLUMN_TO_QUERY, TOP_K [, CONFIG]): each row with the rows of a table whose
 * vectors are nearest to its own.
 *
 * Output:  the table's columns and `score`; a CorrelateRel that names the table.
 * Errors:  MR2118 arguments, MR2102 no such column.
 * Source:  Flink SqlVectorSearchTableFunction.
 */
import {
  type LogicalType,
  type RowField,
  types,
} from "../../../foundation/columnar/logical-type.ts";
import { call, literal } from "../../../foundation/plan/expression.ts";
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { ExpressionNode, FunctionCallNode } from "../parser/ast.ts";
import type { VectorSearch } from "../rel/rel-node.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import type { PlannerContext } from "./planner-context.ts";
import { badArgument, tableArgument } from "./process-arguments.ts";
import { type QueryEnvironment, convertQuery } from "./query-converter.ts";
import type { Scope } from "./scope.ts";

const NAME = "VECTOR_SEARCH";
const PARAMETERS = ["SEARCH_TABLE", "COLUMN_TO_SEARCH", "COLUMN_TO_QUERY", "TOP_K", "CONFIG"];

export const isVectorSearch = (name: string): boolean => name === NAME;

export function vectorSearch(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  scope: Scope,
) {
  const args = argumentsOf(node);
  const table = tableOf(context, environment, args.get("SEARCH_TABLE"), node);
  const column = columnOf(table, args.get("COLUMN_TO_SEARCH"), node);
  const queried = args.get("COLUMN_TO_QUERY");
  if (queried === undefined) throw badArgument(`${NAME} requires COLUMN_TO_QUERY`, node);
  const converter = new ExpressionConverter(context, scope, { clause: NAME });
  const query = converter.convert(queried);
  checkVector(query.type, "COLUMN_TO_QUERY", queried);
  const topK = args.get("TOP_K") ?? node;
  const given = topK === node ? undefined : converter.convert(topK);
  const count = given?.kind === "literal" ? Number(given.value) : Number.NaN;
  if (!Number.isInteger(count) || count <= 0)
    throw badArgument("Parameter top_k must be greater than 0, and an INTEGER literal", topK);
  checkConfig(context, scope, args.get("CONFIG"));
  const own: RowField[] = [
    ...table.columns.map(({ name, type }) => ({ name, type })),
    { name: "score", type: types.double(false) },
  ];
  const search: VectorSearch = { table, column, topK: count };
  const invocation = call(NAME, [query, literal(count, types.int(false))], types.row(own, false));
  return { invocation, fields: own, search };
}

function argumentsOf(node: FunctionCallNode): Map<string, ExpressionNode> {
  const result = new Map<string, ExpressionNode>();
  node.arguments.forEach((argument, i) => {
    const name = argument.name?.name.toUpperCase() ?? PARAMETERS[i];
    if (name === undefined || !PARAMETERS.includes(name) || result.has(name))
      throw badArgument(`${NAME} takes the arguments ${PARAMETERS.join(", ")}`, argument.value);
    result.set(name, argument.value);
  });
  return result;
}

/** The table is read to its end and asked in memory: it has no computed columns and ends. */
function tableOf(
  context: PlannerContext,
  environment: QueryEnvironment,
  given: ExpressionNode | undefined,
  node: FunctionCallNode,
): ResolvedTable {
  const data = tableArgument(given);
  if (data === undefined) throw badArgument(`${NAME} requires SEARCH_TABLE => TABLE t`, node);
  const rel = convertQuery(context, data.query, environment);
  if (rel.kind === "scan" && rel.table.columns.every(({ kind }) => kind === "physical"))
    return { ...rel.table, options: { ...rel.table.options, ...rel.dynamicOptions } };
  throw badArgument(
    `The argument SEARCH_TABLE of ${NAME} must be a table with physical columns`,
    data,
  );
}

function columnOf(
  table: ResolvedTable,
  given: ExpressionNode | undefined,
  node: FunctionCallNode,
): number {
  if (given?.kind !== "descriptor" || given.columns.length !== 1)
    throw badArgument(`${NAME} requires COLUMN_TO_SEARCH => DESCRIPTOR(column)`, given ?? node);
  const { name } = given.columns[0]!;
  const index = table.columns.findIndex((column) => column.name === name);
  if (index < 0)
    throw validateErrors.COLUMN_NOT_FOUND(
      { column: name, known: table.columns.map((column) => column.name).join(", ") },
      { at: given.span },
    );
  checkVector(table.columns[index]!.type, "COLUMN_TO_SEARCH", given);
  return index;
}

function checkVector(type: LogicalType, what: string, node: ExpressionNode): void {
  if (type.kind === "ARRAY" && (type.element.kind === "FLOAT" || type.element.kind === "DOUBLE"))
    return;
  throw badArgument(`${what} of ${NAME} must be an ARRAY<FLOAT> or ARRAY<DOUBLE>`, node);
}

/** The search is within memory: there is nothing to wait for. */
function checkConfig(
  context: PlannerContext,
  scope: Scope,
  given: ExpressionNode | undefined,
): void {
  if (given === undefined || given.kind === "default") return;
  const config = new ExpressionConverter(context, scope, { clause: NAME }).convert(given);
  const texts =
    config.kind === "call" && config.function === "MAP"
      ? config.args.map((one) => (one.kind === "call" ? one.args[0] : one))
      : [];
  const words = texts.map((one) => (one?.kind === "literal" ? String(one.value) : ""));
  if (words.length === 2 && words[0] === "async" && words[1] === "false") return;
  throw badArgument(
    `CONFIG of ${NAME} takes MAP['async', 'false']: tables are searched in memory, without requests to wait for`,
    given,
  );
}
