/**
 * Function calls: looking the name up, binding arguments, and sending aggregates and OVER calls to their collectors.
 *
 * Canonical forms of the expression IR: EXTRACT(unit, t), FLOOR(t, unit), TRIM(side, characters, text),
 * TIMESTAMPADD(unit, n, t); NULLIF becomes CASE, IFNULL COALESCE, MOD the operator.
 * Errors: MR2106 no such function, MR2107 arguments do not fit, MR2113 aggregate misplaced, MR2115 OVER missing.
 */
import { nearest } from "../../../foundation/base/text.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import {
  type LogicalType,
  typeToString,
  types,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import { builtinFunctionNames } from "../functions/function-catalog.ts";
import type { Binding, FunctionDefinition } from "../functions/function-definition.ts";
import { familyName, misfit } from "../functions/signatures.ts";
import type {
  ExtractNode,
  FloorCeilNode,
  FunctionCallNode,
  IdentifierNode,
  Node,
  OrderItemNode,
  TrimNode,
  WindowSpecNode,
} from "../parser/ast.ts";
import { castTo } from "./casts.ts";
import { AGGREGATE_REF, OVER_REF, type OrderRequest } from "./collectors.ts";
import type { ExpressionConverter } from "./expression-converter.ts";
import { comparison, numeric } from "./operators.ts";
import { isNumeric } from "./type-system.ts";

const text = (value: string): Expression => literal(value, types.string(false));

export function convertCall(
  converter: ExpressionConverter,
  node: FunctionCallNode | ExtractNode | FloorCeilNode | TrimNode,
): Expression {
  switch (node.kind) {
    case "extract":
      return bindNamed(
        converter,
        "EXTRACT",
        [text(node.unit), converter.convert(node.operand)],
        node,
      );
    case "floorCeil": {
      const operand = converter.convert(node.operand);
      const type = withoutTimeAttribute(operand.type);
      return call(node.function, [operand, text(node.unit)], type);
    }
    case "trim": {
      const characters = node.characters ? converter.convert(node.characters) : text(" ");
      const args = [text(node.side), characters, converter.convert(node.operand)];
      return bindNamed(converter, "TRIM", args, node);
    }
    default:
      return functionCall(converter, node);
  }
}

function functionCall(converter: ExpressionConverter, node: FunctionCallNode): Expression {
  const simple = node.name.parts.length === 1 ? node.name.parts[0]!.name.toUpperCase() : "";
  const group = converter.collectors.groupFunction?.(simple, node);
  if (group !== undefined) return group;
  const definition = converter.context.resolveFunction(node.name);
  if (definition === undefined) {
    if (node.syntax === "bare") return converter.scope.resolve(node.name.parts, node);
    throw notFound(converter, node);
  }
  if (definition.name === "JSON") throw jsonMisplaced(node);
  if (definition.name === "CURRENT_DATABASE") return text(converter.context.currentPath().database);
  const aggregates = definition.category === "aggregate" || definition.category === "window";
  const inner = aggregates ? converter.insideAggregate() : converter;
  const args = callArguments(node.over === undefined ? inner : converter.insideOver(), node);
  if (definition.category === "table")
    throw validateErrors.NOT_SUPPORTED(
      {
        what: `table function ${plainName(definition.name)} in ${converter.collectors.clause}`,
        remedy: "Call it in FROM with LATERAL TABLE(…).",
      },
      { at: node.span },
    );
  const bound = bind(definition, args, node);
  if (!aggregates) return scalarResult(definition.name, bound.args, bound.type, node);
  return aggregateCall(converter, definition, bound, node);
}

function jsonMisplaced(node: Node): Error {
  return validateErrors.NOT_SUPPORTED(
    {
      what:
        "The JSON() function is currently only supported inside JSON_ARRAY() or as the VALUE " +
        "param of JSON_OBJECT(); its use here",
      remedy: "Put it into JSON_ARRAY() or JSON_OBJECT(), or leave it out.",
    },
    { at: node.span },
  );
}

function callArguments(converter: ExpressionConverter, node: FunctionCallNode): Expression[] {
  if (node.arguments.length === 1 && node.arguments[0]!.value.kind === "star") return [];
  return node.arguments.map((argument) => converter.convert(argument.value));
}

function aggregateCall(
  converter: ExpressionConverter,
  definition: FunctionDefinition,
  bound: { args: Expression[]; type: LogicalType },
  node: FunctionCallNode,
): Expression {
  const distinct = node.quantifier === "DISTINCT";
  const ignoreNulls = node.nullTreatment === "IGNORE NULLS";
  const name =
    ignoreNulls && definition.name === "ARRAY_AGG" ? "ARRAY_AGG_IGNORE_NULLS" : definition.name;
  if (node.over !== undefined)
    return addOver(converter, { name, ...bound, distinct, ignoreNulls, node, over: node.over });
  if (definition.category === "window")
    throw validateErrors.OVER_REQUIRED({ function: definition.name }, { at: node.span });
  return addAggregate(converter, { name, ...bound, distinct, node, filter: node.filter });
}

/** A function that the language itself calls by name. */
export function bindNamed(
  converter: ExpressionConverter,
  name: string,
  args: readonly Expression[],
  node: Node,
): Expression {
  const parts = [{ name, quoted: false, span: node.span }];
  const definition = converter.context.resolveFunction({
    kind: "identifier",
    parts,
    span: node.span,
  });
  if (definition === undefined) throw validateErrors.FUNCTION_NOT_FOUND({ signature: `${name}()` });
  const bound = bind(definition, args, node);
  return scalarResult(definition.name, bound.args, bound.type, node);
}

function scalarResult(
  name: string,
  args: readonly Expression[],
  type: LogicalType,
  node: Node,
): Expression {
  switch (name) {
    case "IFNULL":
      return args[0]!.type.nullable ? call("COALESCE", args, type) : args[0]!;
    case "COALESCE":
      return args.length === 1 ? args[0]! : call(name, args, type);
    case "NULLIF": {
      const [value, other] = args as [Expression, Expression];
      const equal = comparison("=", value, other, node);
      return call("CASE", [equal, literal(null, withNullable(value.type, true)), value], type);
    }
    case "MOD":
      return numeric("MOD", args[0]!, args[1]!);
    case "SUBSTR":
      return call("SUBSTRING", args, type);
    default:
      return call(name, args, type);
  }
}

function bind(
  definition: FunctionDefinition,
  args: readonly Expression[],
  node: Node,
): { args: Expression[]; type: LogicalType } {
  const bound: Binding | undefined = definition.bind(args);
  if (bound === undefined) {
    const given = args.map((arg) => `<${typeToString(arg.type)}>`).join(", ");
    throw validateErrors.FUNCTION_ARGUMENTS(
      {
        call: `${plainName(definition.name)}(${args.map((arg) => typeToString(arg.type)).join(", ")})`,
        function: plainName(definition.name),
        given: given === "" ? "none" : given,
        expected: definition.forms.join(" or "),
        reason: definition.explain?.(args) ?? misfit(definition, args),
      },
      { at: node.span },
    );
  }
  const converted = args.map((arg, i) => {
    const to = bound.casts?.[i];
    return to === undefined ? arg : castTo(arg, to);
  });
  return { args: converted, type: bound.type };
}

function notFound(converter: ExpressionConverter, node: FunctionCallNode): Error {
  const name = node.name.parts.map((part) => part.name).join(".");
  let given = "";
  try {
    given = callArguments(converter, node)
      .map((arg) => `<${familyName(arg.type)}>`)
      .join(", ");
  } catch {
    // The function itself is the error to report; what is wrong with its arguments comes second.
    given = "…";
  }
  return validateErrors.FUNCTION_NOT_FOUND(
    { signature: `${name}(${given})` },
    { at: node.name.span, didYouMean: nearest(name, builtinFunctionNames()) },
  );
}

// ------------------------------------------------------------------------------- aggregates and windows

interface AggregateArguments {
  readonly name: string;
  readonly args: readonly Expression[];
  readonly type: LogicalType;
  readonly distinct: boolean;
  readonly node: Node;
}

export function addAggregate(
  converter: ExpressionConverter,
  request: AggregateArguments & { readonly filter: FunctionCallNode["filter"] | undefined },
): Expression {
  const { aggregates, clause } = converter.collectors;
  if (aggregates === undefined)
    throw validateErrors.AGGREGATE_MISPLACED({ clause }, { at: request.node.span });
  const filter =
    request.filter === undefined
      ? undefined
      : converter.insideAggregate().with({ clause: "FILTER" }).condition(request.filter);
  const never = /^COUNT$|COUNT_DISTINCT$|^JSON_|^COLLECT$/.test(request.name);
  const nullable =
    request.type.nullable || (!never && (aggregates.nullable || filter !== undefined));
  const type = withNullable(withoutTimeAttribute(request.type), nullable);
  const index = aggregates.add({
    function: request.name,
    args: request.args,
    filter,
    distinct: request.distinct && !["MIN", "MAX"].includes(request.name),
    type,
  });
  return call(AGGREGATE_REF, [literal(index, types.int(false))], type);
}

export function addOver(
  converter: ExpressionConverter,
  request: AggregateArguments & {
    readonly over: WindowSpecNode | IdentifierNode;
    readonly ignoreNulls?: boolean;
  },
): Expression {
  const { overs, clause } = converter.collectors;
  if (overs === undefined)
    throw validateErrors.WINDOW_FUNCTION_MISPLACED({ clause }, { at: request.node.span });
  const window = resolveWindow(converter, request.over);
  const keys = converter.insideOver();
  const frame = window.frame;
  const offsets = [frame?.start, frame?.end].map((bound) =>
    bound !== undefined && "offset" in bound ? frameOffset(converter, bound.offset) : 0,
  );
  const index = overs.add({
    at: converter.context.place(request.node.span),
    function: request.name,
    args: request.args,
    distinct: request.distinct,
    ignoreNulls: request.ignoreNulls ?? false,
    partition: window.partitionBy.map((e) => keys.convert(e)),
    order: window.orderBy.map((item) => orderRequest(keys, item)),
    frame,
    frameOffsets: offsets,
    type: withoutTimeAttribute(request.type),
  });
  return call(OVER_REF, [literal(index, types.int(false))], withoutTimeAttribute(request.type));
}

function frameOffset(converter: ExpressionConverter, node: OrderItemNode["value"]): number {
  const value = converter.convert(node);
  if (
    value.kind === "literal" &&
    (isNumeric(value.type) || value.type.kind === "INTERVAL_DAY_TIME")
  )
    return Number(value.value);
  throw validateErrors.ARGUMENT_LITERAL({ what: "The bound of a window frame" }, { at: node.span });
}

export function orderRequest(converter: ExpressionConverter, item: OrderItemNode): OrderRequest {
  const expression = converter.convert(item.value);
  return {
    expression,
    descending: item.descending,
    nullsFirst: item.nulls === undefined ? !item.descending : item.nulls === "FIRST",
  };
}

const MAX_WINDOW_DEPTH = 50;

function resolveWindow(
  converter: ExpressionConverter,
  over: WindowSpecNode | IdentifierNode,
  depth = 0,
): WindowSpecNode {
  const named = (name: string, at: Node): WindowSpecNode => {
    const found = converter.collectors.windows?.find((window) => window.name.name === name);
    if (found === undefined || depth > MAX_WINDOW_DEPTH)
      throw validateErrors.OBJECT_NOT_FOUND({ object: "Window", name }, { at: at.span });
    return resolveWindow(converter, found.window, depth + 1);
  };
  if (over.kind === "identifier") return named(over.parts[0]!.name, over);
  if (over.base === undefined) return over;
  const base = named(over.base.name, over.base);
  const frame = over.frame ?? base.frame;
  return {
    kind: "window",
    span: over.span,
    partitionBy: over.partitionBy.length > 0 ? over.partitionBy : base.partitionBy,
    orderBy: over.orderBy.length > 0 ? over.orderBy : base.orderBy,
    ...(frame === undefined ? {} : { frame }),
  };
}
