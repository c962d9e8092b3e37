/**
 * The syntax tree of CREATE, ALTER and DROP.
 *
 * Flow, shapes: see ast.ts, which exports these types too. Order of keys = order in the text.
 * `ifExists`, `temporary` and their like are always there. Options keep their order and duplicates;
 * the validator judges them.
 */
import type { ExpressionNode } from "./ast.ts";
import type { HintNode, QueryNode } from "./ast-queries.ts";
import type {
  DataTypeNode,
  DateTimeLiteralNode,
  IdentifierNode,
  IdentifierPart,
  Node,
} from "./ast-types.ts";

/** `'key' = 'value'`. */
export interface OptionNode extends Node {
  readonly key: string;
  readonly value: string;
}

/** `p = 'x'` of PARTITION (…); ANALYZE and SHOW PARTITIONS may leave the value out. */
export interface PartitionEntryNode extends Node {
  readonly name: IdentifierPart;
  readonly value?: ExpressionNode;
}

export type PartitionSpec = readonly PartitionEntryNode[];

// --------------------------------------------------------------------------------------- tables

/** Where ALTER puts a column. */
export type ColumnPosition = { readonly first: true } | { readonly after: IdentifierNode };

interface ColumnBase extends Node {
  /** One part in CREATE; several in ALTER for nested fields. */
  readonly name: IdentifierNode;
  readonly comment?: string;
  readonly position?: ColumnPosition;
}

/** Written after a column; the same as a TableConstraintNode with one column. */
export interface PhysicalColumnNode extends ColumnBase {
  readonly kind: "physicalColumn";
  readonly type: DataTypeNode;
  readonly constraint?: TableConstraintNode;
}

export interface ComputedColumnNode extends ColumnBase {
  readonly kind: "computedColumn";
  readonly expression: ExpressionNode;
}

/** `from` is the metadata key when it differs from the name. */
export interface MetadataColumnNode extends ColumnBase {
  readonly kind: "metadataColumn";
  readonly type: DataTypeNode;
  readonly from?: string;
  readonly virtual: boolean;
}

/** A name without a type, in CREATE TABLE t (a, b) AS SELECT. */
export interface ColumnNameNode extends ColumnBase {
  readonly kind: "columnName";
}

/** `enforced` undefined = not written. */
export interface TableConstraintNode extends Node {
  readonly kind: "constraint";
  readonly type: "PRIMARY KEY" | "UNIQUE";
  readonly name?: IdentifierPart;
  readonly columns: readonly IdentifierPart[];
  readonly enforced?: boolean;
}

export interface WatermarkNode extends Node {
  readonly kind: "watermark";
  readonly column: IdentifierNode;
  readonly expression: ExpressionNode;
}

export type ColumnNode =
  | PhysicalColumnNode
  | ComputedColumnNode
  | MetadataColumnNode
  | ColumnNameNode;
export type TableElementNode = ColumnNode | TableConstraintNode | WatermarkNode;

/** `DISTRIBUTED BY HASH(a) INTO 4 BUCKETS`, `DISTRIBUTED INTO 4 BUCKETS`. */
export interface DistributionNode extends Node {
  readonly kind: "distribution";
  readonly method?: "HASH" | "RANGE";
  readonly columns: readonly IdentifierPart[];
  readonly buckets?: number;
}

/** `LIKE t (INCLUDING ALL …)`; the order counts. */
export interface TableLikeNode extends Node {
  readonly source: IdentifierNode;
  readonly options: readonly {
    readonly merging: "INCLUDING" | "EXCLUDING" | "OVERWRITING";
    readonly feature:
      | "ALL"
      | "CONSTRAINTS"
      | "DISTRIBUTION"
      | "GENERATED"
      | "METADATA"
      | "OPTIONS"
      | "PARTITIONS"
      | "WATERMARKS";
  }[];
}

/**
 * CREATE, CREATE OR REPLACE and REPLACE TABLE, with LIKE, AS <query>, or Alibaba's AS TABLE
 * <source>.
 */
export interface CreateTableNode extends Node {
  readonly kind: "createTable";
  readonly verb: "CREATE" | "CREATE OR REPLACE" | "REPLACE";
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly elements: readonly TableElementNode[];
  readonly comment?: string;
  readonly distribution?: DistributionNode;
  readonly partitionedBy: readonly IdentifierPart[];
  readonly connection?: IdentifierNode;
  readonly options: readonly OptionNode[];
  readonly like?: TableLikeNode;
  readonly query?: QueryNode;
  /** AS TABLE src with OPTIONS hints and ADD COLUMN (…): synchronise a whole table. */
  readonly sourceTable?: {
    readonly name: IdentifierNode;
    readonly hints: readonly HintNode[];
    readonly addColumns: readonly ColumnNode[];
  };
}

export type AlterTableAction =
  | { readonly action: "renameTable"; readonly to: IdentifierNode }
  | { readonly action: "renameColumn"; readonly from: IdentifierNode; readonly to: IdentifierNode }
  | { readonly action: "setOptions"; readonly options: readonly OptionNode[] }
  | { readonly action: "resetOptions"; readonly keys: readonly string[] }
  | { readonly action: "add" | "modify"; readonly elements: readonly TableElementNode[] }
  | {
      readonly action: "addDistribution" | "modifyDistribution";
      readonly distribution: DistributionNode;
    }
  | { readonly action: "dropColumns"; readonly columns: readonly IdentifierNode[] }
  | { readonly action: "dropConstraint"; readonly name: IdentifierPart }
  | { readonly action: "dropPrimaryKey" }
  | { readonly action: "dropWatermark" }
  | { readonly action: "dropDistribution" }
  | {
      readonly action: "addPartitions";
      readonly ifNotExists: boolean;
      readonly partitions: readonly {
        readonly partition: PartitionSpec;
        readonly options: readonly OptionNode[];
      }[];
    }
  | {
      readonly action: "dropPartitions";
      readonly ifExists: boolean;
      readonly partitions: readonly PartitionSpec[];
    };

export interface AlterTableNode extends Node {
  readonly kind: "alterTable";
  readonly ifExists: boolean;
  readonly name: IdentifierNode;
  readonly action: AlterTableAction;
}

// -------------------------------------------------------------------------- materialized tables

export type StartMode =
  | { readonly mode: "FROM_BEGINNING" | "RESUME_OR_FROM_BEGINNING" }
  | {
      readonly mode: "FROM_NOW" | "RESUME_OR_FROM_NOW";
      readonly interval?: ExpressionNode;
    }
  | {
      readonly mode: "FROM_TIMESTAMP" | "RESUME_OR_FROM_TIMESTAMP";
      readonly timestamp: DateTimeLiteralNode;
    };

export interface CreateMaterializedTableNode extends Node {
  readonly kind: "createMaterializedTable";
  readonly verb: "CREATE" | "CREATE OR ALTER";
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly elements: readonly TableElementNode[];
  readonly comment?: string;
  readonly distribution?: DistributionNode;
  readonly partitionedBy: readonly IdentifierPart[];
  readonly options: readonly OptionNode[];
  readonly startMode?: StartMode;
  /** An interval literal. */
  readonly freshness?: ExpressionNode;
  readonly refreshMode?: "FULL" | "CONTINUOUS";
  readonly query: QueryNode;
}

export type AlterMaterializedTableAction =
  | AlterTableAction
  | { readonly action: "suspend" }
  | { readonly action: "resume"; readonly options: readonly OptionNode[] }
  | { readonly action: "refresh"; readonly partition: PartitionSpec }
  | { readonly action: "setFreshness"; readonly freshness: ExpressionNode }
  | { readonly action: "setRefreshMode"; readonly refreshMode: "FULL" | "CONTINUOUS" }
  | { readonly action: "setStartMode"; readonly startMode: StartMode }
  | { readonly action: "asQuery"; readonly query: QueryNode };

export interface AlterMaterializedTableNode extends Node {
  readonly kind: "alterMaterializedTable";
  readonly name: IdentifierNode;
  readonly action: AlterMaterializedTableAction;
}

// ---------------------------------------------------------------------------------------- other
// catalog objects

export interface CreateViewNode extends Node {
  readonly kind: "createView";
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly columns: readonly IdentifierPart[];
  readonly comment?: string;
  readonly query: QueryNode;
}

export interface AlterViewNode extends Node {
  readonly kind: "alterView";
  readonly name: IdentifierNode;
  readonly action:
    | { readonly action: "rename"; readonly to: IdentifierNode }
    | { readonly action: "setOptions"; readonly options: readonly OptionNode[] }
    | { readonly action: "asQuery"; readonly query: QueryNode };
}

export interface CreateCatalogNode extends Node {
  readonly kind: "createCatalog";
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly comment?: string;
  readonly options: readonly OptionNode[];
}

/** SET, RESET, COMMENT and RENAME of catalogs, databases, models and connections. */
export type AlterObjectAction =
  | { readonly action: "setOptions"; readonly options: readonly OptionNode[] }
  | { readonly action: "resetOptions"; readonly keys: readonly string[] }
  | { readonly action: "setComment"; readonly comment: string }
  | { readonly action: "rename"; readonly to: IdentifierNode };

export interface AlterObjectNode extends Node {
  readonly kind: "alterObject";
  readonly object: "CATALOG" | "DATABASE" | "MODEL" | "CONNECTION";
  readonly ifExists: boolean;
  readonly name: IdentifierNode;
  readonly action: AlterObjectAction;
}

/**
 * With `source`: Alibaba's CREATE DATABASE … AS DATABASE, which synchronises all or the listed
 * tables.
 */
export interface CreateDatabaseNode extends Node {
  readonly kind: "createDatabase";
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly comment?: string;
  readonly options: readonly OptionNode[];
  readonly source?: {
    readonly name: IdentifierNode;
    /** Absent: INCLUDING ALL TABLES. Names are patterns. */
    readonly including?: readonly string[];
    readonly excluding: readonly string[];
    readonly hints: readonly HintNode[];
  };
}

/** TYPESCRIPT and JAVASCRIPT are Millrace's own. */
type FunctionLanguage = "JAVA" | "SCALA" | "PYTHON" | "SQL" | "TYPESCRIPT" | "JAVASCRIPT";

export interface CreateFunctionNode extends Node {
  readonly kind: "createFunction";
  readonly temporary: boolean;
  readonly system: boolean;
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly className: string;
  readonly language?: FunctionLanguage;
  readonly resources: readonly { readonly type: "JAR" | "ARTIFACT"; readonly path: string }[];
  readonly options: readonly OptionNode[];
}

export interface AlterFunctionNode extends Node {
  readonly kind: "alterFunction";
  readonly temporary: boolean;
  readonly system: boolean;
  readonly ifExists: boolean;
  readonly name: IdentifierNode;
  readonly className: string;
  readonly language?: FunctionLanguage;
}

export interface CreateModelNode extends Node {
  readonly kind: "createModel";
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly input: readonly TableElementNode[];
  readonly output: readonly TableElementNode[];
  readonly comment?: string;
  readonly options: readonly OptionNode[];
  readonly query?: QueryNode;
}

export interface CreateConnectionNode extends Node {
  readonly kind: "createConnection";
  readonly temporary: boolean;
  readonly system: boolean;
  readonly ifNotExists: boolean;
  readonly name: IdentifierNode;
  readonly comment?: string;
  readonly options: readonly OptionNode[];
}

export interface DropNode extends Node {
  readonly kind: "drop";
  readonly object:
    | "TABLE"
    | "VIEW"
    | "MATERIALIZED TABLE"
    | "CATALOG"
    | "DATABASE"
    | "FUNCTION"
    | "MODEL"
    | "CONNECTION";
  readonly temporary: boolean;
  readonly system: boolean;
  readonly ifExists: boolean;
  readonly name: IdentifierNode;
  /** Databases only; RESTRICT unless CASCADE was written. */
  readonly behavior?: "RESTRICT" | "CASCADE";
}
