/**
 * RelNode: the logical plan. Frozen data; the validator builds it, the optimizer rewrites it, exec turns it into ExecNodes.
 *
 * Flow:   AST → validator → **RelNode** → optimizer → exec/physical-planner.
 * Shapes: every node has its output schema; expressions refer to input fields by index (foundation/plan/expression.ts).
 *         Joins count left fields first. References to an outer query are calls of OUTER_REF until decorrelated.
 */
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Expression, JoinTypeName, LiteralValue, SortField } from "./rel-imports.ts";
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import type { ProcessSpec, TableTrait } from "../../../foundation/plan/process-table-function.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { MatchSpec } from "../../../foundation/plan/match.ts";

export interface ScanRel {
  readonly kind: "scan";
  readonly schema: Schema;
  readonly table: ResolvedTable;
  /** From OPTIONS hints: merged over the table's options. */
  readonly dynamicOptions: Readonly<Record<string, string>>;
}
export interface ValuesRel {
  readonly kind: "values";
  readonly schema: Schema;
  readonly rows: readonly (readonly LiteralValue[])[];
}
export interface ProjectRel {
  readonly kind: "project";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly expressions: readonly Expression[];
}
export interface FilterRel {
  readonly kind: "filter";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly condition: Expression;
}
/** `temporal` is FOR SYSTEM_TIME AS OF: the expression over the left fields. */
export interface JoinRel {
  readonly kind: "join";
  readonly schema: Schema;
  readonly left: RelNode;
  readonly right: RelNode;
  readonly type: JoinTypeName;
  readonly condition: Expression | undefined;
  readonly temporal?: Expression;
  readonly hints: JoinHints;
}
export interface JoinHints {
  readonly leftTtl?: TtlHint;
  readonly rightTtl?: TtlHint;
  readonly lookup?: LookupHint;
  /** The right side is SNAPSHOT(table). */
  readonly snapshot?: SnapshotSpec;
  /** Of join strategies, for the plan's text: `BROADCAST options:[LEFT]`. */
  readonly strategies?: readonly string[];
  /** The hint MULTI_JOIN names tables of both sides. */
  readonly multiJoin?: true;
}
export interface SnapshotSpec {
  readonly loadUntilMs?: number;
  readonly idleTimeoutMs?: number;
  readonly stateTtlMs?: number;
}
export interface TtlHint {
  readonly ms: number;
  /** As written, for the plan's text. */
  readonly text: string;
}
/** LOOKUP('table' = 't', …), defaults filled in. */
export interface LookupHint {
  readonly table: string;
  readonly async?: boolean;
  readonly unordered: boolean;
  readonly capacity: number;
  readonly timeoutMs: number;
  readonly shuffle: boolean;
  readonly retry?: { readonly delayMs: number; readonly attempts: number };
}
export interface RelAggregateCall {
  readonly function: string;
  readonly args: readonly number[];
  readonly filter: number;
  readonly distinct: boolean;
  readonly type: Expression["type"];
  readonly name: string;
}
/** Output: the grouping fields, then the calls. */
export interface AggregateRel {
  readonly kind: "aggregate";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly grouping: readonly number[];
  readonly calls: readonly RelAggregateCall[];
  readonly ttl?: TtlHint;
  /** A step of an aggregate that was split by its DISTINCT values. */
  readonly partialFinal?: "PARTIAL" | "FINAL";
}
/** Appends window_start, window_end, window_time. */
export interface WindowTvfRel {
  readonly kind: "windowTvf";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly window: WindowSpec;
}
export interface OverCall {
  readonly function: string;
  readonly args: readonly number[];
  readonly distinct: boolean;
  readonly ignoreNulls: boolean;
  readonly type: Expression["type"];
  readonly name: string;
}
export type FrameBound =
  | { readonly kind: "currentRow" | "unboundedPreceding" | "unboundedFollowing" }
  | { readonly kind: "preceding" | "following"; readonly offset: number };
/** Appends one column per call; all calls share one window. */
export interface OverRel {
  readonly kind: "over";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly partition: readonly number[];
  readonly sort: readonly SortField[];
  readonly unit: "ROWS" | "RANGE";
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly calls: readonly OverCall[];
}
export interface SetOpRel {
  readonly kind: "setop";
  readonly schema: Schema;
  readonly operator: "UNION" | "INTERSECT" | "MINUS";
  readonly all: boolean;
  readonly inputs: readonly RelNode[];
}
/** `fetch` -1 = all. */
export interface SortRel {
  readonly kind: "sort";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly sort: readonly SortField[];
  readonly offset: number;
  readonly fetch: number;
}
/** One row per projection and input row. */
export interface ExpandRel {
  readonly kind: "expand";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly projections: readonly (readonly Expression[])[];
}
/** Joins each left row with the rows of a table function or UNNEST over its fields. */
export interface CorrelateRel {
  readonly kind: "correlate";
  readonly schema: Schema;
  readonly input: RelNode;
  /** A call over the left fields. */
  readonly call: Expression;
  readonly type: "INNER" | "LEFT";
  readonly condition: Expression | undefined;
  /** VECTOR_SEARCH: the call's first argument is the vector, its rows are those of the table and a score. */
  readonly search?: VectorSearch;
  /** ML_PREDICT: the call's arguments are the model's, its rows the model's outputs. */
  readonly model?: Prediction;
}
export interface PredictConfig {
  readonly async?: boolean;
  readonly unordered?: boolean;
  readonly capacity?: number;
  readonly timeoutMs?: number;
}
export interface Prediction {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly input: readonly RowField[];
  readonly config: PredictConfig;
}
export interface VectorSearch {
  readonly table: ResolvedTable;
  /** The column that holds the vectors. */
  readonly column: number;
  readonly topK: number;
}
export interface RankRel {
  readonly kind: "rank";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly partition: readonly number[];
  readonly sort: readonly SortField[];
  readonly start: number;
  readonly end: number;
  readonly outputRankNumber: boolean;
}
/** MATCH_RECOGNIZE. Output: the partition fields, then the measures. */
export interface MatchRel extends MatchSpec {
  readonly kind: "match";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly partition: readonly number[];
  readonly sort: readonly SortField[];
}
/** A function over tables. */
export interface ProcessRel {
  readonly kind: "process";
  readonly schema: Schema;
  readonly inputs: readonly RelNode[];
  readonly spec: ProcessSpec;
  /** Of a user's function: what its table parameters say, by name. */
  readonly traits?: Readonly<Record<string, readonly TableTrait[]>>;
}
/** Marks where a stream gets its watermark; only for WATERMARK on views or derived tables of tests. */
export interface WatermarkRel {
  readonly kind: "watermark";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly rowtime: number;
  readonly watermark: Expression;
}
export interface SinkRel {
  readonly kind: "sink";
  readonly schema: Schema;
  readonly input: RelNode;
  readonly table: ResolvedTable;
  readonly dynamicOptions: Readonly<Record<string, string>>;
  readonly onConflict?: "ERROR" | "NOTHING" | "DEDUPLICATE";
  readonly overwrite: boolean;
  /** UPDATE, DELETE, TRUNCATE: partitions that get no row are replaced too. */
  readonly overwriteAll?: boolean;
  readonly staticPartition: Readonly<Record<string, string>>;
}

export type RelNode =
  | ScanRel
  | ValuesRel
  | ProjectRel
  | FilterRel
  | JoinRel
  | AggregateRel
  | WindowTvfRel
  | OverRel
  | SetOpRel
  | SortRel
  | ExpandRel
  | CorrelateRel
  | RankRel
  | MatchRel
  | ProcessRel
  | WatermarkRel
  | SinkRel;

/** A reference to a field of an outer query: arguments are the scope's id and the field's index. */
export const OUTER_REF = "$OUTER_REF";

/** Inputs of a node, left to right. */
export function relInputs(rel: RelNode): readonly RelNode[] {
  switch (rel.kind) {
    case "scan":
    case "values":
      return [];
    case "join":
      return [rel.left, rel.right];
    case "setop":
    case "process":
      return rel.inputs;
    default:
      return [rel.input];
  }
}

/** The same node over other inputs of the same schemas. */
export function withInputs(rel: RelNode, inputs: readonly RelNode[]): RelNode {
  switch (rel.kind) {
    case "scan":
    case "values":
      return rel;
    case "join":
      return inputs[0] === rel.left && inputs[1] === rel.right
        ? rel
        : { ...rel, left: inputs[0]!, right: inputs[1]! };
    case "setop":
    case "process":
      return inputs.every((input, i) => input === rel.inputs[i]) ? rel : { ...rel, inputs };
    default:
      return inputs[0] === rel.input ? rel : { ...rel, input: inputs[0]! };
  }
}
