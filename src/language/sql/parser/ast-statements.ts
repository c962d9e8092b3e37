/**
 * The syntax tree of statements: DML, SHOW, DESCRIBE, EXPLAIN, jobs, modules, SET.
 *
 * Flow, shapes: see ast.ts, which exports these types too. Order of keys = order in the text.
 * `ifExists`, `temporary` and their like are always there. Options keep their order and duplicates;
 * the validator judges them.
 */
import type { ExpressionNode } from "./ast.ts";
import type {
  AlterFunctionNode,
  AlterMaterializedTableNode,
  AlterObjectNode,
  AlterTableNode,
  AlterViewNode,
  CreateCatalogNode,
  CreateConnectionNode,
  CreateDatabaseNode,
  CreateFunctionNode,
  CreateMaterializedTableNode,
  CreateModelNode,
  CreateTableNode,
  CreateViewNode,
  DropNode,
  OptionNode,
  PartitionSpec,
} from "./ast-ddl.ts";
import type { QueryNode, TableNode } from "./ast-queries.ts";
import type { IdentifierNode, IdentifierPart, Node } from "./ast-types.ts";

export type * from "./ast-ddl.ts";

// ------------------------------------------------------------------------------------------ DML

export interface QueryStatementNode extends Node {
  readonly kind: "queryStatement";
  readonly query: QueryNode;
}

/** `columns` is empty without a column list; names of several parts address nested columns. */
export interface InsertNode extends Node {
  readonly kind: "insert";
  readonly upsert: boolean;
  readonly overwrite: boolean;
  readonly target: TableNode;
  readonly partition: PartitionSpec;
  readonly columns: readonly IdentifierNode[];
  readonly source: QueryNode;
  readonly onConflict?: "ERROR" | "NOTHING" | "DEDUPLICATE";
}

export interface UpdateNode extends Node {
  readonly kind: "update";
  readonly target: TableNode;
  readonly assignments: readonly {
    readonly column: IdentifierNode;
    readonly value: ExpressionNode;
  }[];
  readonly where?: ExpressionNode;
}

export interface DeleteNode extends Node {
  readonly kind: "delete";
  readonly target: TableNode;
  readonly where?: ExpressionNode;
}

export interface TruncateTableNode extends Node {
  readonly kind: "truncateTable";
  readonly name: IdentifierNode;
}

/** BEGIN STATEMENT SET and END of scripts: statements of their own. */
export interface StatementSetBorderNode extends Node {
  readonly kind: "beginStatementSet" | "endStatementSet";
}

/** STATEMENT SET BEGIN …; END within EXECUTE, EXPLAIN and COMPILE. */
export interface StatementSetNode extends Node {
  readonly kind: "statementSet";
  readonly inserts: readonly InsertNode[];
}

/** EXECUTE <query, INSERT or STATEMENT SET>. */
export interface ExecuteNode extends Node {
  readonly kind: "execute";
  readonly statement: StatementNode;
}

export interface ExecutePlanNode extends Node {
  readonly kind: "executePlan";
  readonly path: string;
}

/** COMPILE PLAN and COMPILE AND EXECUTE PLAN (`execute`). */
export interface CompilePlanNode extends Node {
  readonly kind: "compilePlan";
  readonly path: string;
  readonly ifNotExists: boolean;
  readonly execute: boolean;
  readonly statement: InsertNode | StatementSetNode;
}

export type ExplainDetail =
  | "ESTIMATED_COST"
  | "CHANGELOG_MODE"
  | "JSON_EXECUTION_PLAN"
  | "PLAN_ADVICE";

/** `EXPLAIN PLAN FOR s` is `EXPLAIN s`; `execute` for EXPLAIN EXECUTE s. */
export interface ExplainNode extends Node {
  readonly kind: "explain";
  readonly details: readonly ExplainDetail[];
  readonly execute: boolean;
  readonly statement: StatementNode;
}

export interface AnalyzeTableNode extends Node {
  readonly kind: "analyzeTable";
  readonly name: IdentifierNode;
  readonly partition: PartitionSpec;
  readonly allColumns: boolean;
  readonly columns: readonly IdentifierPart[];
}

/** `CALL cat.db.proc(1, 'x')`: a FunctionCallNode. */
export interface CallNode extends Node {
  readonly kind: "callProcedure";
  readonly call: ExpressionNode;
}

// ---------------------------------------------------------------------------------------- SHOW,
// DESCRIBE, USE

/** LIKE 'pattern' of SHOW; ILIKE ignores case. */
export interface ShowLike {
  readonly operator: "LIKE" | "ILIKE";
  readonly negated: boolean;
  readonly pattern: string;
}

export interface ShowNode extends Node {
  readonly kind: "show";
  readonly object:
    | "CATALOGS"
    | "CURRENT CATALOG"
    | "DATABASES"
    | "CURRENT DATABASE"
    | "TABLES"
    | "VIEWS"
    | "MATERIALIZED TABLES"
    | "FUNCTIONS"
    | "USER FUNCTIONS"
    | "PROCEDURES"
    | "MODULES"
    | "FULL MODULES"
    | "MODELS"
    | "CONNECTIONS"
    | "COLUMNS"
    | "PARTITIONS"
    | "JARS"
    | "JOBS";
  /** COLUMNS needs it; PARTITIONS has a name without the word. */
  readonly preposition?: "FROM" | "IN";
  readonly name?: IdentifierNode;
  readonly like?: ShowLike;
  readonly partition: PartitionSpec;
}

export interface ShowCreateNode extends Node {
  readonly kind: "showCreate";
  readonly object: "TABLE" | "VIEW" | "CATALOG" | "MODEL" | "CONNECTION" | "MATERIALIZED TABLE";
  /** SHOW CREATE OR ALTER MATERIALIZED TABLE. */
  readonly orAlter: boolean;
  readonly name: IdentifierNode;
}

export interface DescribeNode extends Node {
  readonly kind: "describe";
  readonly object: "TABLE" | "CATALOG" | "DATABASE" | "FUNCTION" | "MODEL" | "CONNECTION";
  readonly extended: boolean;
  readonly name: IdentifierNode;
}

export interface DescribeJobNode extends Node {
  readonly kind: "describeJob";
  readonly jobId: string;
}

export interface StopJobNode extends Node {
  readonly kind: "stopJob";
  readonly jobId: string;
  readonly withSavepoint: boolean;
  readonly withDrain: boolean;
}

export interface UseNode extends Node {
  readonly kind: "use";
  readonly object: "CATALOG" | "DATABASE";
  readonly name: IdentifierNode;
}

export interface UseModulesNode extends Node {
  readonly kind: "useModules";
  readonly names: readonly IdentifierPart[];
}

export interface LoadModuleNode extends Node {
  readonly kind: "loadModule";
  readonly name: IdentifierPart;
  readonly options: readonly OptionNode[];
}

export interface UnloadModuleNode extends Node {
  readonly kind: "unloadModule";
  readonly name: IdentifierPart;
}

/** `SET`, `SET 'key' = 'value'`. */
export interface SetNode extends Node {
  readonly kind: "set";
  readonly option?: OptionNode;
}

/** `RESET`, `RESET 'key'`. */
export interface ResetNode extends Node {
  readonly kind: "reset";
  readonly key?: string;
}

export interface JarNode extends Node {
  readonly kind: "jar";
  readonly action: "ADD" | "REMOVE";
  readonly path: string;
}

export type StatementNode =
  | QueryStatementNode
  | InsertNode
  | UpdateNode
  | DeleteNode
  | TruncateTableNode
  | StatementSetBorderNode
  | StatementSetNode
  | ExecuteNode
  | ExecutePlanNode
  | CompilePlanNode
  | ExplainNode
  | AnalyzeTableNode
  | CallNode
  | CreateTableNode
  | AlterTableNode
  | CreateMaterializedTableNode
  | AlterMaterializedTableNode
  | CreateViewNode
  | AlterViewNode
  | CreateCatalogNode
  | AlterObjectNode
  | CreateDatabaseNode
  | CreateFunctionNode
  | AlterFunctionNode
  | CreateModelNode
  | CreateConnectionNode
  | DropNode
  | ShowNode
  | ShowCreateNode
  | DescribeNode
  | DescribeJobNode
  | StopJobNode
  | UseNode
  | UseModulesNode
  | LoadModuleNode
  | UnloadModuleNode
  | SetNode
  | ResetNode
  | JarNode;
