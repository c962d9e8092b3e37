/**
 * ML_PREDICT(INPUT, MODEL, ARGS [, CONFIG]): each row of a table with what a model answers for its columns.
 *
 * Output:  the table's columns and the model's; a CorrelateRel that names the model.
 * Errors:  MR2118 arguments, MR2102 no such column, MR2105 no such model.
 * Source:  Flink SqlMLPredictTableFunction, MLPredictRuntimeConfigOptions.
 */
import { parseDuration } from "../../../foundation/base/duration.ts";
import { typeToString, types } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, input } from "../../../foundation/plan/expression.ts";
import type { CatalogModel } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { ExpressionNode, FunctionCallNode } from "../parser/ast.ts";
import { uniqueNames } from "../rel/rel-builder.ts";
import type { CorrelateRel, PredictConfig, RelNode } from "../rel/rel-node.ts";
import { castTo } from "./casts.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import type { PlannerContext } from "./planner-context.ts";
import { badArgument, tableArgument } from "./process-arguments.ts";
import { type QueryEnvironment, convertQuery } from "./query-converter.ts";
import { Scope } from "./scope.ts";
import { canCastImplicitly } from "./type-system.ts";

const NAME = "ML_PREDICT";
const PARAMETERS = ["INPUT", "MODEL", "ARGS", "CONFIG"];

export const isPrediction = (name: string): boolean => name === NAME;

export function prediction(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
): CorrelateRel {
  const args = argumentsOf(node);
  const data = tableArgument(args.get("INPUT"));
  if (data === undefined) throw badArgument(`${NAME} requires INPUT => TABLE t`, node);
  const rel = convertQuery(context, data.query, environment);
  const model = modelOf(context, args.get("MODEL"), node);
  const asked = argumentsFor(model, rel, args.get("ARGS"), node);
  const own = rel.schema.fields;
  const all = [...own, ...model.output];
  const names = uniqueNames(all.map(({ name }) => name));
  const { catalog, database, object } = model.identifier;
  return {
    kind: "correlate",
    input: rel,
    call: call(NAME, asked, types.row(model.output, false)),
    type: "INNER",
    condition: undefined,
    model: {
      name: `${catalog}.${database}.${object}`,
      options: model.options,
      input: model.input,
      config: configOf(context, args.get("CONFIG")),
    },
    schema: { fields: all.map(({ type }, i) => ({ name: names[i]!, type })) },
  };
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

function modelOf(
  context: PlannerContext,
  given: ExpressionNode | undefined,
  node: FunctionCallNode,
): CatalogModel {
  if (given?.kind !== "modelArgument")
    throw badArgument(`${NAME} requires MODEL => MODEL m`, given ?? node);
  const parts = given.name.parts.map(({ name }) => name);
  const model = context.resolveModel(parts);
  if (model !== undefined) return model;
  throw validateErrors.OBJECT_NOT_FOUND(
    { object: "Model", name: `'${parts.join(".")}'` },
    { at: given.span },
  );
}

function argumentsFor(
  model: CatalogModel,
  rel: RelNode,
  given: ExpressionNode | undefined,
  node: FunctionCallNode,
): Expression[] {
  if (given?.kind !== "descriptor")
    throw badArgument(`${NAME} requires ARGS => DESCRIPTOR(column, …)`, given ?? node);
  const { columns } = given;
  if (columns.length !== model.input.length)
    throw badArgument(
      `Number of descriptor input columns (${columns.length}) does not match model input size (${model.input.length})`,
      given,
    );
  return columns.map(({ name }, i) => {
    const index = rel.schema.fields.findIndex((field) => field.name === name);
    if (index < 0)
      throw validateErrors.COLUMN_NOT_FOUND(
        { column: name, known: rel.schema.fields.map((field) => field.name).join(", ") },
        { at: given.span },
      );
    const { type } = rel.schema.fields[index]!;
    const wanted = model.input[i]!.type;
    if (!canCastImplicitly(type, wanted))
      throw badArgument(
        `Descriptor column type ${typeToString(type)} cannot be assigned to model input type ${typeToString(wanted)} at position ${i}`,
        given,
      );
    return castTo(input(index, type), { ...wanted, nullable: type.nullable });
  });
}

/** MAP['async', 'true', …]: words alone. */
function configOf(context: PlannerContext, given: ExpressionNode | undefined): PredictConfig {
  if (given === undefined || given.kind === "default") return {};
  const scope = new Scope(context.newScopeId(), [], undefined);
  const config = new ExpressionConverter(context, scope, { clause: NAME }).convert(given);
  const isMap = config.kind === "call" && config.function === "MAP";
  const texts = (isMap ? config.args : []).map((one) => (one.kind === "call" ? one.args[0] : one));
  const words = texts.map((one) => (one?.kind === "literal" ? String(one.value) : undefined));
  const bad = (message: string) => badArgument(message, given);
  if (!isMap || words.includes(undefined)) throw bad(`CONFIG of ${NAME} must be a MAP of literals`);
  const found: { -readonly [K in keyof PredictConfig]: PredictConfig[K] } = {};
  for (let i = 0; i < words.length; i += 2) {
    const [key, value] = [words[i]!, words[i + 1]!];
    const problem = readConfig(found, key, value);
    if (problem !== undefined) throw bad(`CONFIG of ${NAME}: '${key}' = '${value}' ${problem}`);
  }
  return found;
}

/** Undefined, or what is wrong. */
function readConfig(
  found: { -readonly [K in keyof PredictConfig]: PredictConfig[K] },
  key: string,
  value: string,
): string | undefined {
  const word = value.toLowerCase();
  switch (key) {
    case "async":
      found.async = word === "true";
      return word === "true" || word === "false" ? undefined : "must be true or false";
    case "output-mode":
      found.unordered = word === "allow_unordered";
      return word === "ordered" || found.unordered
        ? undefined
        : "must be ORDERED or ALLOW_UNORDERED";
    case "max-concurrent-operations":
      found.capacity = Number(value);
      return Number.isSafeInteger(found.capacity) && found.capacity > 0
        ? undefined
        : "must be a positive integer";
    case "timeout": {
      const timeoutMs = parseDuration(value);
      if (timeoutMs !== undefined) found.timeoutMs = timeoutMs;
      return timeoutMs === undefined ? "is no duration" : undefined;
    }
    default:
      return "is unknown; async, max-concurrent-operations, output-mode and timeout are possible";
  }
}
