/**
 * The syntax tree of queries: SELECT, VALUES, set operations, WITH, ORDER BY, and what stands in
 * FROM.
 *
 * Flow, shapes and depth: see ast.ts, which exports these types too.
 */
import type { ExpressionNode, StarNode } from "./ast.ts";
import type { DataTypeNode, IdentifierNode, IdentifierPart, Node } from "./ast-types.ts";

export type QueryNode =
  | SelectNode
  | ValuesNode
  | TableQueryNode
  | SetOperationNode
  | OrderedQueryNode
  | WithNode;

/** `SELECT …` without ORDER BY, which wraps it in an OrderedQueryNode. */
export interface SelectNode extends Node {
  readonly kind: "select";
  readonly hints: readonly HintNode[];
  readonly quantifier?: "DISTINCT" | "ALL";
  readonly items: readonly SelectItemNode[];
  /** Absent in `SELECT 1`. */
  readonly from?: RelationNode;
  readonly where?: ExpressionNode;
  readonly groupBy?: GroupByNode;
  readonly having?: ExpressionNode;
  /** The WINDOW clause. */
  readonly windows: readonly NamedWindowNode[];
  readonly qualify?: ExpressionNode;
}

export interface SelectItemNode extends Node {
  readonly value: ExpressionNode | StarNode;
  readonly alias?: IdentifierPart;
}

/** `quantifier` is that of GROUP BY DISTINCT | ALL. */
export interface GroupByNode extends Node {
  readonly quantifier?: "DISTINCT" | "ALL";
  readonly items: readonly GroupItemNode[];
}

/**
 * An expression (legacy group windows are calls), or a grouping construct. `()` and `(a, b)` are
 * groups; the items of GROUPING SETS may be ROLLUP, CUBE and GROUPING SETS again.
 */
export type GroupItemNode =
  | {
      readonly kind: "groupExpression";
      readonly value: ExpressionNode;
      readonly span: Node["span"];
    }
  | GroupingNode;

export interface GroupingNode extends Node {
  readonly kind: "group" | "rollup" | "cube" | "groupingSets";
  readonly items: readonly GroupItemNode[];
}

/** `VALUES (1, 2), ROW(3, 4), 5`: a row without parentheses has one field. */
export interface ValuesNode extends Node {
  readonly kind: "values";
  readonly rows: readonly (readonly ExpressionNode[])[];
}

/** `TABLE t` as a query. */
export interface TableQueryNode extends Node {
  readonly kind: "tableQuery";
  readonly name: IdentifierNode;
}

export interface SetBranch {
  readonly operator: "UNION" | "INTERSECT" | "EXCEPT";
  readonly all: boolean;
  readonly query: QueryNode;
}

/**
 * `first op query op query …`, evaluated from left to right; a tighter INTERSECT is a node of its
 * own in a branch.
 */
export interface SetOperationNode extends Node {
  readonly kind: "setOperation";
  readonly first: QueryNode;
  readonly branches: readonly SetBranch[];
}

export interface OrderItemNode extends Node {
  readonly value: ExpressionNode;
  readonly descending: boolean;
  readonly nulls?: "FIRST" | "LAST";
}

/**
 * ORDER BY, LIMIT, OFFSET, FETCH around a query; at least one of them is there. LIMIT ALL is no
 * `limit`.
 */
export interface OrderedQueryNode extends Node {
  readonly kind: "orderedQuery";
  readonly query: QueryNode;
  readonly orderBy: readonly OrderItemNode[];
  readonly offset?: ExpressionNode;
  /** LIMIT n and FETCH NEXT n ROWS ONLY alike. */
  readonly limit?: ExpressionNode;
}

export interface WithItemNode extends Node {
  readonly name: IdentifierPart;
  readonly columns: readonly IdentifierPart[];
  readonly query: QueryNode;
}

/** RECURSIVE is refused, as in Flink. */
export interface WithNode extends Node {
  readonly kind: "with";
  readonly items: readonly WithItemNode[];
  readonly query: QueryNode;
}

// -------------------------------------------------------------------------------------- windows

export interface NamedWindowNode extends Node {
  readonly name: IdentifierPart;
  readonly window: WindowSpecNode;
}

/** What stands in OVER (…): `base` is the name of another window. */
export interface WindowSpecNode extends Node {
  readonly kind: "window";
  readonly base?: IdentifierPart;
  readonly partitionBy: readonly ExpressionNode[];
  readonly orderBy: readonly OrderItemNode[];
  readonly frame?: WindowFrame;
}

export interface WindowFrame {
  readonly unit: "ROWS" | "RANGE";
  readonly start: WindowBound;
  /** Absent without BETWEEN: then it is CURRENT ROW. */
  readonly end?: WindowBound;
  readonly allowPartial?: boolean;
}

export type WindowBound =
  | { readonly bound: "CURRENT ROW" | "UNBOUNDED PRECEDING" | "UNBOUNDED FOLLOWING" }
  | { readonly bound: "PRECEDING" | "FOLLOWING"; readonly offset: ExpressionNode };

// ---------------------------------------------------------------------------------------- hints

/** `OPTIONS('k'='v')`, `LOOKUP('table'='t')`, `BROADCAST(t1, t2)`, `NO_X`. */
export interface HintNode extends Node {
  readonly name: IdentifierPart;
  readonly options: readonly HintOption[];
}

/**
 * `key` is absent in lists of names or literals; `quoted` tells that the value was a string
 * literal.
 */
export interface HintOption {
  readonly key?: string;
  readonly value: string;
  readonly quoted: boolean;
  /** The key was a string literal. */
  readonly keyQuoted?: boolean;
}

// ------------------------------------------------------------------------------------ relations

/** `AS t (a, b)`. */
export interface TableAliasNode extends Node {
  readonly name: IdentifierPart;
  readonly columns: readonly IdentifierPart[];
}

interface RelationBase extends Node {
  readonly alias?: TableAliasNode;
  readonly sample?: TableSample;
}

/** `TABLESAMPLE BERNOULLI (10) REPEATABLE (1)`. */
export interface TableSample {
  readonly method: "BERNOULLI" | "SYSTEM";
  readonly percentage: string;
  readonly seed?: string;
}

/** A table, view or WITH item by name. `systemTime` is FOR SYSTEM_TIME AS OF. */
export interface TableNode extends RelationBase {
  readonly kind: "table";
  readonly name: IdentifierNode;
  readonly hints: readonly HintNode[];
  readonly extend: readonly { readonly name: IdentifierPart; readonly type: DataTypeNode }[];
  readonly systemTime?: ExpressionNode;
}

/** Millrace's addition: `FROM 'data/*.csv'`. */
export interface FileTableNode extends RelationBase {
  readonly kind: "fileTable";
  readonly path: string;
  readonly hints: readonly HintNode[];
}

/**
 * `TABLE(f(x))`, `LATERAL TABLE(f(x))`, `f(TABLE t, …)`, and the window functions TUMBLE, HOP,
 * CUMULATE, SESSION. The call is a FunctionCallNode; its table arguments are TableArgumentNodes.
 */
export interface TableFunctionNode extends RelationBase {
  readonly kind: "tableFunction";
  readonly lateral: boolean;
  readonly call: ExpressionNode;
  readonly hints: readonly HintNode[];
}

/** `(SELECT …) AS t`. */
export interface DerivedTableNode extends RelationBase {
  readonly kind: "derivedTable";
  readonly lateral: boolean;
  readonly query: QueryNode;
}

export interface UnnestNode extends RelationBase {
  readonly kind: "unnest";
  readonly lateral: boolean;
  readonly operands: readonly ExpressionNode[];
  readonly withOrdinality: boolean;
}

/** `(a JOIN b ON …) AS t` keeps its alias; a comma is a "COMMA" join. */
export interface JoinNode extends RelationBase {
  readonly kind: "join";
  readonly type: "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "COMMA";
  readonly natural: boolean;
  readonly left: RelationNode;
  readonly right: RelationNode;
  readonly on?: ExpressionNode;
  readonly using?: readonly IdentifierPart[];
}

// ------------------------------------------------------------------------------ MATCH_RECOGNIZE

export interface MatchRecognizeNode extends RelationBase {
  readonly kind: "matchRecognize";
  readonly input: RelationNode;
  readonly partitionBy: readonly ExpressionNode[];
  readonly orderBy: readonly OrderItemNode[];
  readonly measures: readonly MeasureNode[];
  readonly rowsPerMatch?: "ONE ROW" | "ALL ROWS";
  readonly afterMatch?: AfterMatch;
  readonly pattern: PatternNode;
  readonly strictStart: boolean;
  readonly strictEnd: boolean;
  readonly within?: ExpressionNode;
  readonly subsets: readonly {
    readonly name: IdentifierPart;
    readonly variables: readonly IdentifierPart[];
  }[];
  readonly definitions: readonly {
    readonly variable: IdentifierPart;
    readonly condition: ExpressionNode;
  }[];
}

export interface MeasureNode extends Node {
  readonly value: ExpressionNode;
  readonly alias: IdentifierPart;
}

export type AfterMatch =
  | { readonly skip: "PAST LAST ROW" | "TO NEXT ROW" }
  | { readonly skip: "TO FIRST" | "TO LAST"; readonly variable: IdentifierPart };

/** A row pattern; `max` undefined is unbounded; `{- A -}` is an exclusion. */
export type PatternNode =
  | (Node & { readonly kind: "patternVariable"; readonly name: IdentifierPart })
  | (Node & {
      readonly kind: "patternSequence" | "patternAlternation" | "patternPermute";
      readonly items: readonly PatternNode[];
    })
  | (Node & {
      readonly kind: "patternQuantified";
      readonly item: PatternNode;
      readonly min: number;
      readonly max?: number;
      readonly reluctant: boolean;
    })
  | (Node & { readonly kind: "patternExclusion"; readonly item: PatternNode });

export type RelationNode =
  | TableNode
  | FileTableNode
  | TableFunctionNode
  | DerivedTableNode
  | UnnestNode
  | JoinNode
  | MatchRecognizeNode;
