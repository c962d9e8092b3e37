/**
 * Syntax tree → text, for expressions; see unparse.ts.
 */
import type {
  ArgumentNode,
  BinaryNode,
  CallSuffix,
  CaseNode,
  ExpressionNode,
  FunctionCallNode,
  IdentifierNode,
  LogicalNode,
  OrderItemNode,
  QueryNode,
  TableArgumentNode,
  TrimNode,
  WindowBound,
  WindowSpecNode,
} from "./ast.ts";
import { STANDARD_FUNCTIONS } from "./keywords.ts";
import { unparseJson } from "./unparse-json.ts";
import { unparseQuery } from "./unparse-queries.ts";
import {
  quoteName,
  unparseLiteral,
  unparseName,
  unparseNames,
  unparseParts,
  unparseQualifier,
  unparseType,
} from "./unparse-types.ts";

/**
 * Chains with more operands are written without inner parentheses, so that the parser can read them
 * again.
 */
const MAX_NESTED_CHAIN = 64;

export function unparseList(values: readonly ExpressionNode[]): string {
  return values.map(unparseExpression).join(", ");
}

/** A query in parentheses; a set operation brings its own. */
export function unparseSubquery(query: QueryNode): string {
  const text = unparseQuery(query);
  return query.kind === "setOperation" ? text : `(${text})`;
}

export function unparseExpression(node: ExpressionNode): string {
  switch (node.kind) {
    case "identifier":
      return unparseName(node);
    case "star":
      return node.qualifier.length === 0 ? "*" : `${unparseParts(node.qualifier)}.*`;
    case "call":
      return unparseCall(node);
    case "binary":
    case "logical":
      return unparseChain(chainOf(node));
    case "unary":
    case "is":
    case "between":
    case "like":
    case "in":
    case "quantified":
    case "exists":
      return unparseOperator(node);
    case "jsonExists":
    case "jsonValue":
    case "jsonQuery":
    case "jsonObject":
    case "jsonArray":
      return unparseJson(node);
    case "isJson": {
      const not = node.negated ? "NOT " : "";
      return `(${unparseExpression(node.operand)} IS ${not}JSON ${node.item})`;
    }
    case "cast":
    case "extract":
    case "floorCeil":
    case "trim":
    case "case":
      return unparseSpecial(node);
    default:
      return unparseConstructor(node);
  }
}

// ------------------------------------------------------------------------------------ operators

interface Chain {
  readonly operands: readonly ExpressionNode[];
  /** One less than operands. */
  readonly operators: readonly string[];
}

/** The left spine of a binary operator; the operands of a logical one. */
function chainOf(node: BinaryNode | LogicalNode): Chain {
  if (node.kind === "logical") {
    return { operands: node.operands, operators: node.operands.slice(1).map(() => node.operator) };
  }
  const operands: ExpressionNode[] = [];
  const operators: string[] = [];
  let left: ExpressionNode = node;
  while (left.kind === "binary") {
    operands.push(left.right);
    operators.push(left.operator);
    if (!CHAINABLE.has(left.operator)) {
      left = left.left;
      break;
    }
    const next: ExpressionNode = left.left;
    if (next.kind === "binary" && levelOf(next) !== levelOf(left)) {
      left = next;
      break;
    }
    left = next;
  }
  operands.push(left);
  return { operands: operands.reverse(), operators: operators.reverse() };
}

const CHAINABLE = new Set(["+", "-", "*", "/", "%", "||"]);

function levelOf(node: BinaryNode): number {
  if (node.operator === "+" || node.operator === "-") return 1;
  return CHAINABLE.has(node.operator) ? 2 : 0;
}

function unparseChain({ operands, operators }: Chain): string {
  const nested = operators.length <= MAX_NESTED_CHAIN;
  const parts = [nested ? "(".repeat(operators.length) : "(", unparseExpression(operands[0]!)];
  operators.forEach((operator, i) => {
    parts.push(" ", operator, " ", unparseExpression(operands[i + 1]!));
    if (nested) parts.push(")");
  });
  if (!nested) parts.push(")");
  return parts.join("");
}

type OperatorNode = Extract<
  ExpressionNode,
  { kind: "unary" | "is" | "between" | "like" | "in" | "quantified" | "exists" }
>;

function unparseOperator(node: OperatorNode): string {
  if (node.kind === "exists") return `(EXISTS ${unparseSubquery(node.query)})`;
  const operand = unparseExpression(node.operand);
  const not = "negated" in node && node.negated ? "NOT " : "";
  switch (node.kind) {
    case "unary": {
      const { kind } = node.operand;
      const number = kind === "exactNumber" || kind === "approximateNumber";
      if (number && node.operator === "-") return `-${operand}`;
      return `(${node.operator} ${operand})`;
    }
    case "is":
      return `(${operand} IS ${not}${node.test})`;
    case "between": {
      const word = node.symmetric ? "SYMMETRIC" : "ASYMMETRIC";
      const bounds = `${unparseExpression(node.low)} AND ${unparseExpression(node.high)}`;
      return `(${operand} ${not}BETWEEN ${word} ${bounds})`;
    }
    case "like": {
      const tail = node.escape === undefined ? "" : ` ESCAPE ${unparseExpression(node.escape)}`;
      return `(${operand} ${not}${node.operator} ${unparseExpression(node.pattern)}${tail})`;
    }
    case "in":
      return `(${operand} ${not}IN ${unparseInList(node)})`;
    case "quantified":
      return `(${operand} ${node.operator} ${node.quantifier} ${unparseInList(node)})`;
  }
}

function unparseInList(node: {
  readonly list?: readonly ExpressionNode[];
  readonly query?: QueryNode;
}): string {
  return node.query === undefined
    ? `(${unparseList(node.list ?? [])})`
    : unparseSubquery(node.query);
}

// ---------------------------------------------------------------------------------------- calls

function unparseCall(node: FunctionCallNode): string {
  const name = functionName(node.name);
  if (node.syntax === "bare") return name;
  const args = node.arguments.map(unparseArgument);
  if (node.syntax === "keyword") {
    const words = KEYWORD_ARGUMENTS[node.name.parts[0]!.name.toUpperCase()] ?? [];
    return `${name}(${args.map((arg, i) => (i === 0 ? arg : `${words[i - 1]} ${arg}`)).join(" ")})`;
  }
  const quantifier = node.quantifier === undefined ? "" : `${node.quantifier} `;
  const orderBy = node.orderBy.length === 0 ? "" : ` ${unparseOrderBy(node.orderBy)}`;
  return withSuffix(`${name}(${quantifier}${args.join(", ")}${orderBy})`, node);
}

const KEYWORD_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  SUBSTRING: ["FROM", "FOR"],
  POSITION: ["IN", "FROM"],
  OVERLAY: ["PLACING", "FROM", "FOR"],
};

/** Functions of the standard table are written as keywords, all others as quoted names. */
function functionName(name: IdentifierNode): string {
  const [first] = name.parts;
  const known = name.parts.length === 1 && first !== undefined && !first.quoted;
  const upper = known ? first.name.toUpperCase() : "";
  return STANDARD_FUNCTIONS.has(upper) ? upper : unparseName(name);
}

export function withSuffix(call: string, suffix: CallSuffix): string {
  let text = call;
  if (suffix.nullTreatment !== undefined) text += ` ${suffix.nullTreatment}`;
  if (suffix.withinGroup !== undefined) {
    text += ` WITHIN GROUP (${unparseOrderBy(suffix.withinGroup)})`;
  }
  if (suffix.filter !== undefined) text += ` FILTER (WHERE ${unparseExpression(suffix.filter)})`;
  if (suffix.over === undefined) return text;
  const { over } = suffix;
  return `(${text} OVER ${over.kind === "window" ? unparseWindow(over) : unparseName(over)})`;
}

function unparseArgument(argument: ArgumentNode): string {
  const value = unparseExpression(argument.value);
  if (argument.name === undefined) return value;
  const shown = argument.value.kind === "modelArgument" ? `(${value})` : value;
  return `${quoteName(argument.name.name)} => ${shown}`;
}

export function unparseOrderBy(items: readonly OrderItemNode[]): string {
  return `ORDER BY ${items.map(unparseOrderItem).join(", ")}`;
}

function unparseOrderItem(item: OrderItemNode): string {
  const direction = item.descending ? " DESC" : "";
  const nulls = item.nulls === undefined ? "" : ` NULLS ${item.nulls}`;
  return unparseExpression(item.value) + direction + nulls;
}

export function unparseWindow(window: WindowSpecNode): string {
  const parts: string[] = [];
  if (window.base !== undefined) parts.push(quoteName(window.base.name));
  if (window.partitionBy.length > 0) parts.push(`PARTITION BY ${unparseList(window.partitionBy)}`);
  if (window.orderBy.length > 0) parts.push(unparseOrderBy(window.orderBy));
  if (window.frame !== undefined) {
    const { unit, start, end, allowPartial } = window.frame;
    const from = unparseBound(start);
    parts.push(
      end === undefined ? `${unit} ${from}` : `${unit} BETWEEN ${from} AND ${unparseBound(end)}`,
    );
    if (allowPartial !== undefined) parts.push(allowPartial ? "ALLOW PARTIAL" : "DISALLOW PARTIAL");
  }
  return `(${parts.join(" ")})`;
}

function unparseBound(bound: WindowBound): string {
  return "offset" in bound ? `${unparseExpression(bound.offset)} ${bound.bound}` : bound.bound;
}

// ------------------------------------------------------------------------------ special syntax,
// constructors

type SpecialNode = Extract<
  ExpressionNode,
  { kind: "cast" | "extract" | "floorCeil" | "trim" | "case" }
>;

function unparseSpecial(node: SpecialNode): string {
  switch (node.kind) {
    case "cast": {
      const format = node.format === undefined ? "" : ` FORMAT '${node.format}'`;
      const type = unparseType(node.type);
      return `${node.function}(${unparseExpression(node.operand)} AS ${type}${format})`;
    }
    case "extract":
      return `EXTRACT(${node.unit} FROM ${unparseExpression(node.operand)})`;
    case "floorCeil":
      return `${node.function}(${unparseExpression(node.operand)} TO ${node.unit})`;
    case "trim":
      return unparseTrim(node);
    case "case":
      return unparseCase(node);
  }
}

function unparseTrim(node: TrimNode): string {
  const characters = node.characters === undefined ? "' '" : unparseExpression(node.characters);
  return `TRIM(${node.side} ${characters} FROM ${unparseExpression(node.operand)})`;
}

/** CASE x WHEN 1 is written as CASE WHEN x = 1, which is what it means. */
function unparseCase(node: CaseNode): string {
  const operand = node.operand === undefined ? undefined : unparseExpression(node.operand);
  const branches = node.branches.map(({ when, then }) => {
    const tests = unparseList(when);
    let condition = tests;
    if (operand !== undefined) {
      condition = when.length === 1 ? `(${operand} = ${tests})` : `(${operand} IN (${tests}))`;
    }
    return `WHEN ${condition} THEN ${unparseExpression(then)} `;
  });
  const otherwise = node.otherwise === undefined ? "NULL" : unparseExpression(node.otherwise);
  return `(CASE ${branches.join("")}ELSE ${otherwise} END)`;
}

type ConstructorNode = Exclude<
  ExpressionNode,
  | OperatorNode
  | SpecialNode
  | BinaryNode
  | LogicalNode
  | FunctionCallNode
  | IdentifierNode
  | {
      kind:
        | "star"
        | "isJson"
        | "jsonExists"
        | "jsonValue"
        | "jsonQuery"
        | "jsonObject"
        | "jsonArray";
    }
>;

function unparseConstructor(node: ConstructorNode): string {
  switch (node.kind) {
    case "item":
      return `${unparseExpression(node.operand)}[${unparseExpression(node.index)}]`;
    case "fieldAccess":
      return `${accessible(node.operand)}.${quoteName(node.field.name)}`;
    case "row":
      return `(ROW(${unparseList(node.fields)}))`;
    case "collection":
      return `(${node.collection}[${unparseList(node.elements)}])`;
    case "collectionQuery":
      return `(${node.collection} ${unparseSubquery(node.query)})`;
    case "subquery":
      return unparseSubquery(node.query);
    case "descriptor":
      return `DESCRIPTOR${unparseNames(node.columns)}`;
    case "tableArgument":
      return unparseTableArgument(node);
    case "modelArgument":
      return `MODEL ${unparseName(node.name)}`;
    case "default":
      return "DEFAULT";
    case "timeUnit":
      return node.unit;
    case "matchMode":
      return `${node.mode} ${unparseExpression(node.operand)}`;
    case "intervalExpression":
      return `INTERVAL ${intervalAmount(node.operand)} ${unparseQualifier(node.qualifier)}`;
    default:
      return unparseLiteral(node);
  }
}

/**
 * Names and literals get parentheses before a dot, so that the dot does not become part of them.
 */
function accessible(node: ExpressionNode): string {
  const text = unparseExpression(node);
  const safe = node.kind === "call" || node.kind === "item" || node.kind === "fieldAccess";
  return safe || text.startsWith("(") ? text : `(${text})`;
}

function intervalAmount(node: ExpressionNode): string {
  const text = unparseExpression(node);
  const plain = node.kind === "identifier" || node.kind === "exactNumber";
  return plain || text.startsWith("(") ? text : `(${text})`;
}

function unparseTableArgument(node: TableArgumentNode): string {
  const list = unparseList(node.partitionBy);
  const order = unparseOrderBy(node.orderBy).slice("ORDER BY ".length);
  let text = unparseSubquery(node.query);
  if (node.partitionBy.length === 1) text += ` PARTITION BY ${list}`;
  else if (node.partitionBy.length > 1) text += ` PARTITION BY (${list})`;
  if (node.orderBy.length === 1) text += ` ORDER BY ${order}`;
  else if (node.orderBy.length > 1) text += ` ORDER BY (${order})`;
  return text;
}
