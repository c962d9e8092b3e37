/**
 * Table functions in FROM: the window functions TUMBLE, HOP, CUMULATE, SESSION; UNNEST; a user's table functions.
 *
 * Errors: MR2118 window arguments, MR2106 no such function.
 */
import { plainName } from "../../../foundation/plan/user-function.ts";
import {
  type LogicalType,
  type RowField,
  typeToString,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { type Expression, call } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import { misfit } from "../functions/signatures.ts";
import type {
  ExpressionNode,
  FunctionCallNode,
  Node,
  TableArgumentNode,
  TableFunctionNode,
  UnnestNode,
} from "../parser/ast.ts";
import { uniqueNames, windowTvf } from "../rel/rel-builder.ts";
import { castTo } from "./casts.ts";
import type { CorrelateRel, RelNode, VectorSearch } from "../rel/rel-node.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { type FromResult, tableOf } from "./from-converter.ts";
import { timeAttributeOf } from "./grouping.ts";
import { intervalMillis } from "./literals.ts";
import type { PlannerContext } from "./planner-context.ts";
import { badArgument, tableArgument } from "./process-arguments.ts";
import { processCall } from "./process-call.ts";
import { changelogFunction, isChangelogFunction } from "./process-functions.ts";
import { isPrediction, prediction } from "./ml-predict.ts";
import { type QueryEnvironment, convertQuery, singleRow } from "./query-converter.ts";
import { Scope } from "./scope.ts";
import { isVectorSearch, vectorSearch } from "./vector-search.ts";
import { snapshotCall, snapshotNode } from "./snapshot-call.ts";

export interface LeftSide {
  readonly rel: RelNode;
  readonly scope: Scope;
}

const WINDOW_FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  TUMBLE: ["DATA", "TIMECOL", "SIZE", "OFFSET"],
  HOP: ["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
  CUMULATE: ["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
  SESSION: ["DATA", "TIMECOL", "GAP"],
};

export function tableFunction(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: TableFunctionNode,
  left: LeftSide | undefined,
): FromResult {
  if (node.call.kind !== "call")
    throw validateErrors.NOT_SUPPORTED(
      { what: "this table expression", remedy: "Call a table function." },
      { at: node.span },
    );
  const name = node.call.name.parts.at(-1)!.name.toUpperCase();
  const parameters = node.call.name.parts.length === 1 ? WINDOW_FUNCTIONS[name] : undefined;
  if (node.call.name.parts.length === 1 && isChangelogFunction(name))
    return tableOf(changelogFunction(context, environment, node.call, name), undefined, []);
  if (snapshotNode(node) !== undefined) {
    if (left === undefined && !node.lateral)
      throw badArgument("SNAPSHOT stands on the right of JOIN LATERAL TABLE(…) only", node.call);
    return tableOf(snapshotCall(context, environment, node.call).rel, undefined, []);
  }
  if (node.call.name.parts.length === 1 && isVectorSearch(name)) {
    const source = left ?? standalone(context, environment);
    const found = vectorSearch(context, environment, node.call, source.scope);
    return correlate(source, found.invocation, found.fields, {
      name: undefined,
      standalone: left === undefined,
      search: found.search,
    });
  }
  if (node.call.name.parts.length === 1 && isPrediction(name))
    return tableOf(prediction(context, environment, node.call), undefined, []);
  if (parameters !== undefined)
    return windowFunction(context, environment, node.call, name, parameters);
  return userTableFunction(context, environment, node.call, left);
}

// ----------------------------------------------------------------------------------------------- windows

function windowFunction(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  name: string,
  parameters: readonly string[],
): FromResult {
  const args = named(node, parameters, name);
  const data = tableArgument(args.get("DATA"));
  const time = args.get("TIMECOL");
  const bad = (message: string, at: Node = node) =>
    validateErrors.WINDOW_ARGUMENT({ message }, { at: at.span });
  if (data === undefined)
    throw bad(
      `The first argument of ${name} must be a table: TABLE t or (SELECT …)`,
      args.get("DATA"),
    );
  if (time?.kind !== "descriptor" || time.columns.length !== 1)
    throw bad(`${name} needs DESCRIPTOR(time column) as its second argument`, time);
  const rel = convertQuery(context, data.query, environment);
  const wanted = time.columns[0]!;
  const index = rel.schema.fields.findIndex((field) => field.name === wanted.name);
  if (index < 0) {
    const known = rel.schema.fields.map((field) => field.name).join(", ");
    throw validateErrors.COLUMN_NOT_FOUND({ column: wanted.name, known }, { at: wanted.span });
  }
  const type = rel.schema.fields[index]!.type;
  const attribute = timeAttributeOf(type);
  if (attribute === undefined && !(context.batch && type.kind.startsWith("TIMESTAMP")))
    throw bad(
      `The window function requires the timecol is a time attribute type, but is ${typeToString(type)}.`,
      time,
    );
  const window = windowSpec(context, args, {
    name,
    rel,
    data,
    node,
    time: { attribute: attribute ?? "ROWTIME", index, type },
  });
  return tableOf(windowTvf(rel, window), undefined, []);
}

/** Positional or `name => value` arguments by parameter name. */
function named(
  node: FunctionCallNode,
  parameters: readonly string[],
  name: string,
): Map<string, ExpressionNode> {
  const result = new Map<string, ExpressionNode>();
  const legacyKey =
    name === "SESSION" && node.arguments.length === 4
      ? ["DATA", "TIMECOL", "KEY", "GAP"]
      : undefined;
  node.arguments.forEach((argument, i) => {
    const parameter = argument.name?.name.toUpperCase() ?? (legacyKey ?? parameters)[i];
    if (parameter === undefined || (legacyKey === undefined && !parameters.includes(parameter)))
      throw validateErrors.WINDOW_ARGUMENT(
        { message: `${name} takes the arguments ${parameters.join(", ")}` },
        { at: argument.span },
      );
    result.set(parameter, argument.value);
  });
  return result;
}

interface WindowInput {
  readonly name: string;
  readonly rel: RelNode;
  readonly data: TableArgumentNode;
  readonly node: FunctionCallNode;
  readonly time: WindowSpec["time"];
}

function windowSpec(
  context: PlannerContext,
  args: ReadonlyMap<string, ExpressionNode>,
  { name, rel, data, node, time }: WindowInput,
): WindowSpec {
  const columns = rel.schema.fields.map((f, index) => ({ name: f.name, type: f.type, index }));
  const tables = [{ name: tableName(data), path: [], columns }];
  const scope = new Scope(context.newScopeId(), tables, undefined);
  const converter = new ExpressionConverter(context, scope, { clause: name });
  const millis = (parameter: string): number | undefined => {
    const argument = args.get(parameter);
    if (argument === undefined) return undefined;
    const value = intervalMillis(converter.convert(argument));
    if (value !== undefined && (value > 0 || parameter === "OFFSET")) return value;
    throw validateErrors.WINDOW_ARGUMENT(
      { message: `${name} table function requires ${parameter} to be a positive interval literal` },
      { at: argument.span },
    );
  };
  const required = (parameter: string): number => {
    const value = millis(parameter);
    if (value !== undefined) return value;
    throw validateErrors.WINDOW_ARGUMENT(
      { message: `${name} table function requires the argument ${parameter}` },
      { at: node.span },
    );
  };
  if (name === "SESSION")
    return {
      kind: "SESSION",
      sizeMs: 0,
      gapMs: required("GAP"),
      offsetMs: 0,
      time,
      partitionKeys: sessionKeys(converter, data, args.get("KEY"), columns),
    };
  const common = { sizeMs: required("SIZE"), offsetMs: millis("OFFSET") ?? 0, time };
  if (name === "TUMBLE") return { kind: "TUMBLE", ...common };
  if (name === "HOP") return { kind: "HOP", ...common, slideMs: required("SLIDE") };
  const stepMs = required("STEP");
  if (common.sizeMs % stepMs !== 0)
    throw validateErrors.WINDOW_ARGUMENT(
      {
        message: `CUMULATE table function based aggregate requires maxSize must be an integral multiple of step, but got maxSize ${common.sizeMs} ms and step ${stepMs} ms`,
      },
      { at: node.span },
    );
  return { kind: "CUMULATE", ...common, stepMs };
}

function tableName(data: TableArgumentNode): string | undefined {
  return data.query.kind === "tableQuery" ? data.query.name.parts.at(-1)!.name : undefined;
}

function sessionKeys(
  converter: ExpressionConverter,
  data: TableArgumentNode,
  key: ExpressionNode | undefined,
  columns: readonly { name: string; index: number }[],
): number[] {
  if (key?.kind === "descriptor")
    return key.columns.map((column) => columns.findIndex((c) => c.name === column.name));
  return data.partitionBy.map((node) => {
    const expression = converter.convert(node);
    if (expression.kind === "input") return expression.index;
    throw validateErrors.WINDOW_ARGUMENT(
      { message: "PARTITION BY of SESSION takes columns only" },
      { at: node.span },
    );
  });
}

// ---------------------------------------------------------------------------------------- UNNEST, functions

export function correlateUnnest(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: UnnestNode,
  left: LeftSide | undefined,
): FromResult {
  const source = left ?? standalone(context, environment);
  const converter = new ExpressionConverter(context, source.scope, { clause: "UNNEST" });
  const operands = node.operands.map((operand) => converter.convert(operand));
  const collection = operands[0];
  const fields = collection === undefined ? undefined : unnestFields(collection.type);
  if (operands.length !== 1 || collection === undefined || fields === undefined)
    throw validateErrors.EXPECTED_TYPE(
      {
        what: "The operand of UNNEST",
        expected: "ARRAY, MAP or MULTISET",
        given: collection === undefined ? "nothing" : typeToString(collection.type),
      },
      { at: node.span },
    );
  const all = node.withOrdinality
    ? [...fields, { name: "ORDINALITY", type: types.int(false) }]
    : fields;
  const name = node.withOrdinality ? "UNNEST_WITH_ORDINALITY" : "UNNEST";
  const aliasColumns = node.alias?.columns.map((column) => column.name) ?? [];
  const renamed = all.map((field, i) => ({ ...field, name: aliasColumns[i] ?? field.name }));
  return correlate(source, call(name, operands, types.row(renamed, false)), renamed, {
    name: node.alias?.name.name,
    standalone: left === undefined,
  });
}

function unnestFields(type: LogicalType): RowField[] | undefined {
  if (type.kind === "MAP")
    return [
      { name: "f0", type: type.key },
      { name: "f1", type: type.value },
    ];
  if (type.kind !== "ARRAY" && type.kind !== "MULTISET") return undefined;
  const { element } = type;
  if (element.kind === "ROW" || element.kind === "STRUCTURED")
    return element.fields.map((field) => ({
      name: field.name,
      type: withNullable(field.type, field.type.nullable || element.nullable),
    }));
  return [{ name: "f0", type: element }];
}

function userTableFunction(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  left: LeftSide | undefined,
): FromResult {
  const signature = `${node.name.parts.map((part) => part.name).join(".")}(…)`;
  const definition = context.resolveFunction(node.name);
  if (definition === undefined || definition.category !== "table")
    throw validateErrors.FUNCTION_NOT_FOUND({ signature }, { at: node.name.span });
  const { process } = definition;
  if (process !== undefined)
    return tableOf(processCall(context, environment, node, process), undefined, []);
  if (node.arguments.some((argument) => argument.value.kind === "tableArgument"))
    throw validateErrors.NOT_SUPPORTED(
      { what: "a table as an argument", remedy: "Use scalar arguments." },
      { at: node.span },
    );
  const source = left ?? standalone(context, environment);
  const converter = new ExpressionConverter(context, source.scope, { clause: "FROM" });
  const args = node.arguments.map((argument) => converter.convert(argument.value));
  const bound = definition.bind(args);
  if (bound === undefined)
    throw validateErrors.FUNCTION_ARGUMENTS(
      {
        call: signature,
        function: plainName(definition.name),
        given: args.map((arg) => `<${typeToString(arg.type)}>`).join(", "),
        expected: definition.forms.join(" or "),
        reason: misfit(definition, args),
      },
      { at: node.span },
    );
  const row = bound.type;
  const fields =
    row.kind === "ROW" || row.kind === "STRUCTURED" ? row.fields : [{ name: "EXPR$0", type: row }];
  const converted = args.map((arg, i) => {
    const to = bound.casts?.[i];
    return to === undefined ? arg : castTo(arg, to);
  });
  return correlate(source, call(definition.name, converted, types.row(fields, false)), fields, {
    name: undefined,
    standalone: left === undefined,
  });
}

function standalone(context: PlannerContext, environment: QueryEnvironment): LeftSide {
  return { rel: singleRow(), scope: new Scope(context.newScopeId(), [], environment.outer) };
}

function correlate(
  left: LeftSide,
  invocation: Expression,
  fields: readonly RowField[],
  options: {
    readonly name: string | undefined;
    readonly standalone: boolean;
    readonly search?: VectorSearch;
  },
): FromResult {
  const own = left.rel.schema.fields;
  const all = [...own, ...fields];
  const names = uniqueNames(all.map((field) => field.name));
  const rel: CorrelateRel = {
    kind: "correlate",
    input: left.rel,
    call: invocation,
    type: "INNER",
    condition: undefined,
    ...(options.search === undefined ? {} : { search: options.search }),
    schema: { fields: all.map((field, i) => ({ name: names[i]!, type: field.type })) },
  };
  const columns = fields.map((field, i) => ({
    name: field.name,
    type: field.type,
    index: own.length + i,
  }));
  return { rel, tables: [{ name: options.name, path: [], columns }], merged: [] };
}
