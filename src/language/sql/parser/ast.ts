/**
 * The syntax tree of expressions, queries and data types; statements are in ast-statements.ts.
 *
 * Flow:    text → lexer → parser → **this** → validator, planner, editor. Plain data without
 *          behaviour: no node refers to its parent, no name is resolved, no type is known. Nodes
 *          may be frozen and shared.
 * Shapes:  a discriminated union by `kind`; every node has `span` (UTF-16 offsets, [start, end)).
 *          Optional parts are `undefined` (the key is absent), lists are never undefined.
 * Depth:   no walk by recursion needs more than MAX_TREE_DEPTH levels for expressions and joins,
 *          and MAX_NESTING_DEPTH for types and patterns (limits.ts): AND and OR are n-ary, set
 *          operations are a list of branches; other operator and join chains are left-deep, and
 *          counted.
 * Source:  the grammar of Flink's SQL parser (Apache Calcite's Parser.jj with Flink's additions).
 */
import type { OrderItemNode, QueryNode, WindowSpecNode } from "./ast-queries.ts";
import type {
  DataTypeNode,
  IdentifierNode,
  IdentifierPart,
  IntervalQualifier,
  LiteralNode,
  Node,
  TimeUnit,
} from "./ast-types.ts";

export type * from "./ast-queries.ts";
export type * from "./ast-statements.ts";
export type * from "./ast-types.ts";

// ---------------------------------------------------------------------------------- expressions

/** `*`, `t.*`, `t.composite.*`. */
export interface StarNode extends Node {
  readonly kind: "star";
  readonly qualifier: readonly IdentifierPart[];
}

/**
 * What may follow an aggregate: in the order written. `over` is a name of the WINDOW clause or a
 * window itself.
 */
export interface CallSuffix {
  readonly nullTreatment?: "IGNORE NULLS" | "RESPECT NULLS";
  readonly withinGroup?: readonly OrderItemNode[];
  readonly filter?: ExpressionNode;
  readonly over?: WindowSpecNode | IdentifierNode;
}

/** `name => value`, or `value` alone. */
export interface ArgumentNode extends Node {
  readonly name?: IdentifierPart;
  readonly value: ExpressionNode;
}

/**
 * A function call. `syntax` tells how it was written: "call" f(a, b); "keyword" with words between
 * the arguments, which are then in this order: SUBSTRING(s, from, for?), POSITION(needle, haystack,
 * from?), OVERLAY(s, placing, from, for?), COLLECT etc. stay "call"; "bare" without parentheses:
 * CURRENT_DATE, LOCALTIMESTAMP. COUNT(*) has one StarNode argument. `name` keeps its case; names of
 * one part are looked up without regard to it.
 */
export interface FunctionCallNode extends Node, CallSuffix {
  readonly kind: "call";
  readonly name: IdentifierNode;
  readonly syntax: "call" | "keyword" | "bare";
  readonly quantifier?: "DISTINCT" | "ALL";
  readonly arguments: readonly ArgumentNode[];
  /** ORDER BY inside the parentheses. */
  readonly orderBy: readonly OrderItemNode[];
}

export interface CastNode extends Node {
  readonly kind: "cast";
  readonly function: "CAST" | "TRY_CAST";
  readonly operand: ExpressionNode;
  readonly type: DataTypeNode;
  readonly format?: string;
}

export interface ExtractNode extends Node {
  readonly kind: "extract";
  readonly unit: TimeUnit;
  readonly operand: ExpressionNode;
}

/** `FLOOR(ts TO HOUR)`; FLOOR and CEIL of a number are ordinary calls. */
export interface FloorCeilNode extends Node {
  readonly kind: "floorCeil";
  readonly function: "FLOOR" | "CEIL";
  readonly operand: ExpressionNode;
  readonly unit: TimeUnit;
}

/** `TRIM(LEADING 'x' FROM s)`; without `side` BOTH, without `characters` blanks. */
export interface TrimNode extends Node {
  readonly kind: "trim";
  readonly side: "BOTH" | "LEADING" | "TRAILING";
  readonly characters?: ExpressionNode;
  readonly operand: ExpressionNode;
}

/** An argument such as SECOND in TIMESTAMPADD(SECOND, 1, ts). */
export interface TimeUnitNode extends Node {
  readonly kind: "timeUnit";
  readonly unit: TimeUnit;
}

/** `when` has several entries in CASE x WHEN 1, 2 THEN …. */
export interface CaseBranchNode extends Node {
  readonly when: readonly ExpressionNode[];
  readonly then: ExpressionNode;
}

export interface CaseNode extends Node {
  readonly kind: "case";
  readonly operand?: ExpressionNode;
  readonly branches: readonly CaseBranchNode[];
  readonly otherwise?: ExpressionNode;
}

export type JsonBehavior =
  | { readonly behavior: "NULL" | "ERROR" | "EMPTY ARRAY" | "EMPTY OBJECT" | "TRUE" | "FALSE" }
  | { readonly behavior: "UNKNOWN" }
  | { readonly behavior: "DEFAULT"; readonly value: ExpressionNode };

interface JsonPathCall extends Node {
  readonly input: ExpressionNode;
  readonly path: ExpressionNode;
  readonly onError?: JsonBehavior;
}

export interface JsonExistsNode extends JsonPathCall {
  readonly kind: "jsonExists";
}

export interface JsonValueNode extends JsonPathCall {
  readonly kind: "jsonValue";
  readonly returning?: DataTypeNode;
  readonly onEmpty?: JsonBehavior;
}

export interface JsonQueryNode extends JsonPathCall {
  readonly kind: "jsonQuery";
  readonly returning?: DataTypeNode;
  readonly wrapper?: "WITHOUT ARRAY" | "WITH CONDITIONAL ARRAY" | "WITH UNCONDITIONAL ARRAY";
  readonly onEmpty?: JsonBehavior;
}

export interface JsonEntryNode extends Node {
  readonly key: ExpressionNode;
  readonly value: ExpressionNode;
}

/** JSON_OBJECT(KEY k VALUE v, k: v NULL ON NULL) and JSON_OBJECTAGG (one entry). */
export interface JsonObjectNode extends Node, CallSuffix {
  readonly kind: "jsonObject";
  readonly aggregate: boolean;
  readonly entries: readonly JsonEntryNode[];
  readonly onNull?: "NULL" | "ABSENT";
}

/** JSON_ARRAY(a, b ABSENT ON NULL) and JSON_ARRAYAGG (one element, ORDER BY inside). */
export interface JsonArrayNode extends Node, CallSuffix {
  readonly kind: "jsonArray";
  readonly aggregate: boolean;
  readonly elements: readonly ExpressionNode[];
  readonly orderBy: readonly OrderItemNode[];
  readonly onNull?: "NULL" | "ABSENT";
}

export interface IsJsonNode extends Node {
  readonly kind: "isJson";
  readonly operand: ExpressionNode;
  readonly item: "VALUE" | "OBJECT" | "ARRAY" | "SCALAR";
  readonly negated: boolean;
}

export type ComparisonOperator = "=" | "<>" | "<" | "<=" | ">" | ">=";
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%";
export type PeriodOperator =
  | "OVERLAPS"
  | "CONTAINS"
  | "EQUALS"
  | "PRECEDES"
  | "SUCCEEDS"
  | "IMMEDIATELY PRECEDES"
  | "IMMEDIATELY SUCCEEDS";
export type MultisetOperator =
  | "MULTISET UNION"
  | "MULTISET UNION ALL"
  | "MULTISET UNION DISTINCT"
  | "MULTISET INTERSECT"
  | "MULTISET INTERSECT ALL"
  | "MULTISET INTERSECT DISTINCT"
  | "MULTISET EXCEPT"
  | "MULTISET EXCEPT ALL"
  | "MULTISET EXCEPT DISTINCT"
  | "MEMBER OF"
  | "NOT MEMBER OF"
  | "SUBMULTISET OF"
  | "NOT SUBMULTISET OF";
export type BinaryOperator =
  | ComparisonOperator
  | ArithmeticOperator
  | "||"
  | "IS DISTINCT FROM"
  | "IS NOT DISTINCT FROM"
  | PeriodOperator
  | MultisetOperator;

/** Chains are left-deep. Periods of OVERLAPS are RowNodes. */
export interface BinaryNode extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: ExpressionNode;
  readonly right: ExpressionNode;
}

/**
 * `a AND b AND c`: two operands or more; an operand in parentheses with the same operator stays its
 * own node.
 */
export interface LogicalNode extends Node {
  readonly kind: "logical";
  readonly operator: "AND" | "OR";
  readonly operands: readonly ExpressionNode[];
}

export interface UnaryNode extends Node {
  readonly kind: "unary";
  readonly operator: "NOT" | "-" | "+";
  readonly operand: ExpressionNode;
}

/** `a IS NOT NULL`, `a IS TRUE`, `m IS A SET`. */
export interface IsNode extends Node {
  readonly kind: "is";
  readonly operand: ExpressionNode;
  readonly test: "NULL" | "TRUE" | "FALSE" | "UNKNOWN" | "A SET" | "EMPTY";
  readonly negated: boolean;
}

export interface BetweenNode extends Node {
  readonly kind: "between";
  readonly operand: ExpressionNode;
  readonly symmetric: boolean;
  readonly negated: boolean;
  readonly low: ExpressionNode;
  readonly high: ExpressionNode;
}

export interface LikeNode extends Node {
  readonly kind: "like";
  readonly operator: "LIKE" | "SIMILAR TO";
  readonly operand: ExpressionNode;
  readonly pattern: ExpressionNode;
  readonly escape?: ExpressionNode;
  readonly negated: boolean;
}

/** `a IN (1, 2)` has a list, `a IN (SELECT …)` a query; the operand may be a RowNode. */
export interface InNode extends Node {
  readonly kind: "in";
  readonly operand: ExpressionNode;
  readonly negated: boolean;
  readonly list?: readonly ExpressionNode[];
  readonly query?: QueryNode;
}

/** `a > ALL (SELECT …)`, `a = ANY (1, 2)`; ANY is SOME. */
export interface QuantifiedNode extends Node {
  readonly kind: "quantified";
  readonly operand: ExpressionNode;
  readonly operator: ComparisonOperator;
  readonly quantifier: "SOME" | "ALL";
  readonly list?: readonly ExpressionNode[];
  readonly query?: QueryNode;
}

export interface ExistsNode extends Node {
  readonly kind: "exists";
  readonly query: QueryNode;
}

/** `a[1]`, `map['key']`. */
export interface ItemNode extends Node {
  readonly kind: "item";
  readonly operand: ExpressionNode;
  readonly index: ExpressionNode;
}

/** `f(x).name`, `(r).name`, `a[1].name`; a path of plain names is an IdentifierNode. */
export interface FieldAccessNode extends Node {
  readonly kind: "fieldAccess";
  readonly operand: ExpressionNode;
  readonly field: IdentifierPart;
}

/** `ROW(1, 2)`, or `(1, 2)` with `explicit` false. */
export interface RowNode extends Node {
  readonly kind: "row";
  readonly fields: readonly ExpressionNode[];
  readonly explicit: boolean;
}

/** `ARRAY[1, 2]`; `MAP['a', 1]` with key and value in turn; `MULTISET[1]`. */
export interface CollectionNode extends Node {
  readonly kind: "collection";
  readonly collection: "ARRAY" | "MAP" | "MULTISET";
  readonly elements: readonly ExpressionNode[];
}

/** `ARRAY(SELECT …)` and its kin. */
export interface CollectionQueryNode extends Node {
  readonly kind: "collectionQuery";
  readonly collection: "ARRAY" | "MAP" | "MULTISET";
  readonly query: QueryNode;
}

/** A query as a value: `(SELECT max(a) FROM t)`. */
export interface SubqueryNode extends Node {
  readonly kind: "subquery";
  readonly query: QueryNode;
}

/** `DESCRIPTOR(ts, amount)`. */
export interface DescriptorNode extends Node {
  readonly kind: "descriptor";
  readonly columns: readonly IdentifierPart[];
}

/**
 * An argument that is a table: `TABLE t PARTITION BY k ORDER BY ts`, `(SELECT …) PARTITION BY k`.
 */
export interface TableArgumentNode extends Node {
  readonly kind: "tableArgument";
  readonly query: QueryNode;
  readonly partitionBy: readonly ExpressionNode[];
  readonly orderBy: readonly OrderItemNode[];
}

/** An argument that is a model: `MODEL cat.db.m`. */
export interface ModelArgumentNode extends Node {
  readonly kind: "modelArgument";
  readonly name: IdentifierNode;
}

/** The argument DEFAULT, and a DEFAULT in VALUES. */
export interface DefaultNode extends Node {
  readonly kind: "default";
}

/** `INTERVAL x DAY`, `INTERVAL (a + 1) HOUR`: an interval whose amount is computed. */
export interface IntervalExpressionNode extends Node {
  readonly kind: "intervalExpression";
  readonly operand: ExpressionNode;
  readonly qualifier: IntervalQualifier;
}

/** `FINAL LAST(A.x)`, `RUNNING SUM(A.x)` in MATCH_RECOGNIZE. */
export interface MatchModeNode extends Node {
  readonly kind: "matchMode";
  readonly mode: "FINAL" | "RUNNING";
  readonly operand: ExpressionNode;
}

export type ExpressionNode =
  | LiteralNode
  | IdentifierNode
  | StarNode
  | FunctionCallNode
  | CastNode
  | ExtractNode
  | FloorCeilNode
  | TrimNode
  | TimeUnitNode
  | CaseNode
  | JsonExistsNode
  | JsonValueNode
  | JsonQueryNode
  | JsonObjectNode
  | JsonArrayNode
  | IsJsonNode
  | BinaryNode
  | LogicalNode
  | UnaryNode
  | IsNode
  | BetweenNode
  | LikeNode
  | InNode
  | QuantifiedNode
  | ExistsNode
  | ItemNode
  | FieldAccessNode
  | RowNode
  | CollectionNode
  | CollectionQueryNode
  | SubqueryNode
  | DescriptorNode
  | TableArgumentNode
  | ModelArgumentNode
  | DefaultNode
  | IntervalExpressionNode
  | MatchModeNode;
