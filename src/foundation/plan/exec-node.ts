/**
 * ExecPlan: the compiled plan, the versioned JSON contract between language and data plane.
 *
 * A plan is a DAG of ExecNodes named as Flink names them (StreamExec…). Node ids are stable for one query text: state is
 * found again by `uid`. Nodes are listed so that inputs come before their readers.
 *
 * Version: PLAN_VERSION; a reader refuses a newer one.
 */
import type { RowField } from "../columnar/logical-type.ts";
import type { Schema } from "../columnar/schema.ts";
import type { AsyncAsking, AsyncRequest } from "./async-request.ts";
import type {
  JoinedWindow,
  TimeColumn,
  WindowAggregateSpec,
  WindowProperty,
  WindowSpec,
} from "./window-spec.ts";
import type { MatchSpec } from "./match.ts";
import type { OverAggregateCall, OverBound } from "./over-spec.ts";
import type { ProcessSpec } from "./process-table-function.ts";
import type { InputEstimate, JoinInputUnique, JoinSideSpec, JoinType } from "./join-spec.ts";
import type { MultiJoinSpec } from "./multi-join.ts";
import type { RuntimeFilterSpec } from "./runtime-filter.ts";
import type { AggregateCall, Expression, LiteralValue, SortField } from "./expression.ts";

export type { InputEstimate, JoinInputUnique, JoinSideSpec, JoinType };
export type { OverAggregateCall, OverBound };
export type { JoinedWindow, TimeColumn, WindowProperty, WindowSpec };

export const PLAN_VERSION = 1;

/** Which kinds of change a stream may hold. `retract` has -U before each +U; `upsert` has no -U. */
export type ChangelogMode = "insert-only" | "retract" | "upsert";

/** How rows find the subtask of the reader. */
export type Distribution =
  | { readonly kind: "forward" }
  | { readonly kind: "hash"; readonly keys: readonly number[] }
  | { readonly kind: "singleton" }
  | { readonly kind: "broadcast" }
  | { readonly kind: "rebalance" };

export interface ExecInput {
  readonly node: number;
  readonly distribution: Distribution;
}

interface Base {
  readonly id: number;
  /** Name of the operator's state, the same in other plans of the query: operator-identity.ts; `group-aggregate_1b9f…`. */
  readonly uid: string;
  readonly inputs: readonly ExecInput[];
  readonly output: Schema;
  readonly changelogMode: ChangelogMode;
  /** The kinds of change that there may be, as EXPLAIN CHANGELOG_MODE tells them: `I,UB,UA,D`, `PD` for deletions by key. */
  readonly changes?: string;
  /** Sets of output fields each of which identifies a row among the changes, if known. */
  readonly upsertKeys: readonly (readonly number[])[];
  /** As EXPLAIN prints it, for example "Calc(select=[a], where=[>(a, 1)])". */
  readonly description: string;
  /** Milliseconds that idle state of this node is kept; 0 = for ever. */
  readonly stateTtlMs?: number;
}

/** A table that a source reads or a sink writes. */
export interface TableSpec {
  /** catalog.database.table; the state of the job that writes a renamed one goes by its `stateName`. */
  readonly name: string;
  readonly stateName?: string;
  readonly options: Readonly<Record<string, string>>;
  /** Physical (and metadata) columns as the connector knows them, before any projection. */
  readonly schema: Schema;
  /** Metadata key by field index, for columns that are read from or written to the connector's metadata. */
  readonly metadata?: Readonly<Record<number, string>>;
  readonly primaryKey?: readonly number[];
  readonly partitionKeys?: readonly number[];
}

export interface TableSourceScanNode extends Base {
  readonly type: "TableSourceScan";
  readonly table: TableSpec;
  /**
   * For each output field the path of field indexes into the table's schema; `[2]` a column, `[2, 5]` a field of the
   * ROW in column 2.
   */
  readonly projection: readonly (readonly number[])[];
  /** Over the table's schema; the source may use it to read less, the Calc behind still filters. */
  readonly filter?: Expression;
  readonly limit?: number;
  readonly bounded: boolean;
}
export interface ValuesNode extends Base {
  readonly type: "Values";
  readonly rows: readonly (readonly LiteralValue[])[];
}
export interface WatermarkAssignerNode extends Base {
  readonly type: "WatermarkAssigner";
  readonly rowtime: number;
  /** TIMESTAMP or TIMESTAMP_LTZ expression over the input. */
  readonly watermark: Expression;
  readonly idleTimeoutMs: number;
  readonly alignment?: WatermarkAlignment;
}
/** Sources of a group that wait for each other. */
export interface WatermarkAlignment {
  readonly group: string;
  readonly maxDriftMs: number;
  readonly updateIntervalMs: number;
}
/** Ends mini-batches by watermarks: operators behind it hold rows back until then. */
export interface MiniBatchAssignerNode extends Base {
  readonly type: "MiniBatchAssigner";
  readonly intervalMs: number;
  readonly mode: "ProcTime" | "RowTime";
}
export interface CalcNode extends Base {
  readonly type: "Calc";
  readonly projection: readonly Expression[];
  readonly condition?: Expression;
}
export interface GroupAggregateNode extends Base {
  readonly type: "GroupAggregate";
  readonly grouping: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  /** The TTL as a STATE_TTL hint gave it, for the description. */
  readonly stateTtlHint?: string;
  readonly generateUpdateBefore: boolean;
  /**
   * First half of two phases: folds what it has room for; its output is the grouping fields and an accumulator as bytes, of
   * streams also single values (value-sets.ts).
   */
  readonly isLocal?: boolean;
  /**
   * Second half: merges accumulators of a first half. Its grouping refers to its input; the aggregates' arguments
   * refer to these fields, which the first half has read.
   */
  readonly mergedRows?: Schema;
  /**
   * Between two exchanges: merges accumulators of a first half, and gives on accumulators of these of its grouping fields, in
   * which DISTINCT values are counted.
   */
  readonly incrementalGrouping?: readonly number[];
  /** Second half behind an incremental one. What each aggregate is over the results of the first step: EXPLAIN shows it. */
  readonly finalFunctions?: readonly string[];
  /** In batch mode: whether rows of a key come one behind the other; false: there is a hash table. */
  readonly sorted?: boolean;
  /** Of halves of a stream's aggregate: they fold mini-batches. */
  readonly foldsMiniBatches?: boolean;
  /** One of the two steps of an aggregate that was split by its DISTINCT values; what FINAL gets at once, it shows at once. */
  readonly partialFinal?: "PARTIAL" | "FINAL";
}
/** Appends window_start, window_end, window_time. */
export interface WindowTableFunctionNode extends Base {
  readonly type: "WindowTableFunction";
  readonly window: WindowSpec;
}
/** Output: grouping fields, aggregates, then `properties`. */
export interface WindowAggregateNode extends Base, WindowAggregateSpec {
  readonly type: "WindowAggregate";
}

/** Output: left fields, right fields (SEMI, ANTI: left only). */
export interface JoinNode extends Base {
  readonly type: "Join";
  readonly joinType: JoinType;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  /** By key: true when NULL = NULL does not match (SQL's `=`). */
  readonly filterNulls: readonly boolean[];
  /** Further condition over left fields then right fields. */
  readonly condition?: Expression;
  readonly left: JoinSideSpec;
  readonly right: JoinSideSpec;
  /** Bounded inputs that only insert: the side whose rows go into a hash table, the other is looked up in it. */
  readonly build?: "left" | "right";
  /** With `build`: both sides are sorted and merged, there is no hash table. */
  readonly merges?: boolean;
  /** Hints of join strategies, as the description prints them: `BROADCAST options:[LEFT]`. */
  readonly strategyHints?: readonly string[];
  /** In batch mode: of the two inputs. Nothing but speed may depend on it. */
  readonly estimates?: { readonly left: InputEstimate; readonly right: InputEstimate };
}
/** Output: the fields of all inputs, those behind a LEFT nullable. */
export interface MultiJoinNode extends Base, MultiJoinSpec {
  readonly type: "MultiJoin";
}
/** Joins rows of one window: keys hold window_start and window_end of both sides. Emits at the window's end. */
export interface WindowJoinNode extends Base {
  readonly type: "WindowJoin";
  readonly joinType: JoinType;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly leftWindowEnd: number;
  readonly rightWindowEnd: number;
  readonly attribute: "ROWTIME" | "PROCTIME";
  /** Of the left and the right side, for the description. */
  readonly windows?: readonly [JoinedWindow, JoinedWindow];
  readonly condition?: Expression;
}
/** Top-N: ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) between start and end (1-based, inclusive). */
export interface RankNode extends Base {
  readonly type: "Rank";
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
  readonly rankType: "ROW_NUMBER";
  readonly rankStart: number;
  readonly rankEnd: number;
  /** Appends the rank as BIGINT. */
  readonly outputRankNumber: boolean;
  readonly strategy:
    | { readonly kind: "append" }
    | { readonly kind: "update"; readonly primaryKey: readonly number[] }
    | { readonly kind: "retract" };
  readonly generateUpdateBefore: boolean;
}
/** ROW_NUMBER() = 1 on a time attribute. */
export interface DeduplicateNode extends Base {
  readonly type: "Deduplicate";
  readonly keys: readonly number[];
  readonly keepLast: boolean;
  readonly time: TimeColumn;
  /** The first row is told once, when none can come before it any more. Absent in plans of before: it is replaced by earlier ones. */
  readonly outputInsertOnly?: boolean;
  readonly generateUpdateBefore: boolean;
}
export interface UnionNode extends Base {
  readonly type: "Union";
}
/** Keyed by the primary key: turns upserts into full changes and drops what changes nothing. */
export interface ChangelogNormalizeNode extends Base {
  readonly type: "ChangelogNormalize";
  readonly uniqueKey: readonly number[];
  readonly condition?: Expression;
  readonly generateUpdateBefore: boolean;
}
export interface DropUpdateBeforeNode extends Base {
  readonly type: "DropUpdateBefore";
}
/** ORDER BY … LIMIT; limit -1 = all (bounded input only). */
export interface SortLimitNode extends Base {
  readonly type: "SortLimit";
  readonly sort: readonly SortField[];
  readonly offset: number;
  readonly limit: number;
  readonly generateUpdateBefore: boolean;
  /** Input takes rows back. */
  readonly retract: boolean;
}
export interface LimitNode extends Base {
  readonly type: "Limit";
  readonly offset: number;
  readonly limit: number;
  readonly generateUpdateBefore: boolean;
  readonly retract: boolean;
}
/** One input row becomes one row per projection (GROUPING SETS). */
export interface ExpandNode extends Base {
  readonly type: "Expand";
  readonly projections: readonly (readonly Expression[])[];
}
/** Its input has exactly the fields of table.schema, in order: the planner has put a Calc before it. */
export interface SinkNode extends Base {
  readonly type: "Sink";
  readonly table: TableSpec;
  /** What the connector is given. */
  readonly sinkChangelogMode: ChangelogMode;
  /** Fields of the input by which changes are upserted; empty = none. */
  readonly upsertKey: readonly number[];
  readonly upsertMaterialize: boolean;
  /** With upsertMaterialize: what happens when rows of several upsert keys fall on one primary key. */
  readonly onConflict?: "ERROR" | "NOTHING" | "DEDUPLICATE";
  readonly notNullEnforcer: "ERROR" | "DROP";
  /** What is done with texts and bytes whose length does not fit; absent = nothing. */
  readonly typeLengthEnforcer?: "TRIM_PAD" | "ERROR";
  /** Which nested values are held to their constraints; absent = none. */
  readonly nestedConstraintEnforcer?: "ROWS" | "ROWS_AND_COLLECTIONS";
  /** NOT NULL fields of the table, as field indexes of the input. */
  readonly notNullFields: readonly number[];
  /** INSERT OVERWRITE: what the table holds gives way to the rows of this job, when they are complete. */
  readonly overwrite?: boolean;
  /** With overwrite: all partitions, not only those that get rows (UPDATE, DELETE, TRUNCATE). */
  readonly overwriteAll?: boolean;
  /** Partition columns that the statement's PARTITION (…) gives a constant, as text. */
  readonly partition?: Readonly<Record<string, string>>;
}

/** One call of an OVER window. */
/** Appends one field per call. */
export interface OverAggregateNode extends Base {
  readonly type: "OverAggregate";
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
  /** The time attribute that comes first in `sort`; absent: ordered by values, results are updated. */
  readonly time?: TimeColumn;
  readonly unit: "ROWS" | "RANGE";
  readonly start: OverBound;
  readonly end: OverBound;
  readonly aggregates: readonly OverAggregateCall[];
  readonly generateUpdateBefore: boolean;
  readonly retract: boolean;
}
/** Joins rows whose times lie near: lowerBoundMs ≤ left time − right time ≤ upperBoundMs. */
export interface IntervalJoinNode extends Base {
  readonly type: "IntervalJoin";
  readonly joinType: "INNER" | "LEFT" | "RIGHT" | "FULL";
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly filterNulls: readonly boolean[];
  readonly lowerBoundMs: number;
  readonly upperBoundMs: number;
  readonly leftTime: TimeColumn;
  readonly rightTime: TimeColumn;
  readonly condition?: Expression;
}
/** FOR SYSTEM_TIME AS OF an event time: the right side is a versioned table, keyed by its unique key. */
export interface TemporalJoinNode extends Base {
  readonly type: "TemporalJoin";
  readonly joinType: "INNER" | "LEFT";
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly filterNulls: readonly boolean[];
  readonly leftTime: TimeColumn;
  readonly rightTime: TimeColumn;
  readonly rightUniqueKey: readonly number[];
  readonly condition?: Expression;
}
/** FOR SYSTEM_TIME AS OF a processing time on a table that answers by key. Output: input fields, then `projection`. */
export interface LookupJoinNode extends Base {
  readonly type: "LookupJoin";
  readonly joinType: "INNER" | "LEFT";
  readonly table: TableSpec;
  /** As in TableSourceScanNode. */
  readonly projection: readonly (readonly number[])[];
  /** Fields of the table's schema, each with the value it must have: a field of the input, or a constant. */
  readonly lookupKeys: readonly {
    readonly field: number;
    readonly value: Expression;
  }[];
  /** Over the input's fields, then `projection`. */
  readonly condition?: Expression;
  /** The input only inserts: answers may pass each other. */
  readonly inputInserts?: boolean;
  /** Fields of the input: what a row was given is kept by them, and taken back with it. */
  readonly keepBy?: readonly number[];
  /** They are all fields, and not unique. */
  readonly keepsEqual?: boolean;
  /** Of a LOOKUP hint: a row without a match is looked up again. */
  readonly retry?: { readonly delayMs: number; readonly attempts: number };
  /** Of a LOOKUP hint, or a table that answers asynchronously. Rows come out in order whatever it says. */
  readonly async?: {
    readonly unordered: boolean;
    readonly timeoutMs: number;
    readonly capacity: number;
  };
}
/**
 * JOIN LATERAL TABLE(SNAPSHOT(…)): left rows meet the right side's rows of the moment, as soon as its watermark has reached
 * loadUntilMs (absent: the moment at which the job started).
 */
export interface LateralSnapshotJoinNode extends Base {
  readonly type: "LateralSnapshotJoin";
  readonly joinType: "INNER" | "LEFT";
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly filterNulls: readonly boolean[];
  readonly right: JoinSideSpec;
  readonly condition?: Expression;
  readonly loadUntilMs?: number;
  /** The right side counts as loaded when nothing has come from it for so long. */
  readonly idleTimeoutMs?: number;
}
/** Each row with the rows of a table function: a call over the input's fields whose type is the ROW it yields. */
export interface CorrelateNode extends Base {
  readonly type: "Correlate";
  readonly joinType: "INNER" | "LEFT";
  readonly call: Expression;
  /** Over the input's fields, then the function's. */
  readonly condition?: Expression;
}
/** Each row with the rows that a request over `args` answers later: input fields, then `fields`. */
export interface AsyncCorrelateNode extends Base {
  readonly type: "AsyncCorrelate";
  readonly joinType: "INNER" | "LEFT";
  readonly request: AsyncRequest;
  readonly args: readonly Expression[];
  /** Of a scalar: which rows need the answer, the others get NULL; absent = all. */
  readonly when?: Expression;
  readonly fields: readonly RowField[];
  readonly asking: AsyncAsking;
  /** As in LookupJoinNode. */
  readonly keepBy?: readonly number[];
  readonly keepsEqual?: boolean;
}
/** Each row as often as its BIGINT field `count` says, `fields` repeated behind it: INTERSECT ALL, EXCEPT ALL. */
export interface ReplicateRowsNode extends Base {
  readonly type: "ReplicateRows";
  readonly count: number;
  readonly fields: readonly number[];
}
/** Top-N of each window; emits inserts at the window's end. Partition keys do not hold the window's columns. */
export interface WindowRankNode extends Base {
  readonly type: "WindowRank";
  readonly window: WindowSpec;
  readonly attached: { readonly start: number; readonly end: number };
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
  readonly rankStart: number;
  readonly rankEnd: number;
  readonly outputRankNumber: boolean;
}
/** First or last row of each window and key by event time; emits inserts at the window's end. */
export interface WindowDeduplicateNode extends Base {
  readonly type: "WindowDeduplicate";
  readonly window: WindowSpec;
  readonly attached: { readonly start: number; readonly end: number };
  readonly keys: readonly number[];
  readonly keepLast: boolean;
  readonly time: TimeColumn;
}
/** MATCH_RECOGNIZE. Output: the partition fields, then the measures. */
export interface MatchNode extends Base, MatchSpec {
  readonly type: "Match";
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
  /** The time attribute that comes first in `sort`. */
  readonly time?: TimeColumn;
}
/** Sorts a stream by an ascending time attribute, then by further fields. */
export interface TemporalSortNode extends Base {
  readonly type: "TemporalSort";
  readonly sort: readonly SortField[];
  readonly time: TimeColumn;
}

/** Each row with the rows of a table whose vectors are nearest: input fields, the table's, score. */
export interface VectorSearchTableFunctionNode extends Base {
  readonly type: "VectorSearchTableFunction";
  readonly joinType: "INNER" | "LEFT";
  readonly table: TableSpec;
  /** Field of the table that holds the vectors. */
  readonly column: number;
  /** Over the input: the vector that is looked for. */
  readonly query: Expression;
  readonly topK: number;
}
/** A function over tables; one input per table argument. */
export interface ProcessTableFunctionNode extends Base, ProcessSpec {
  readonly type: "ProcessTableFunction";
}

export type ExecNode =
  | TableSourceScanNode
  | ValuesNode
  | WatermarkAssignerNode
  | MiniBatchAssignerNode
  | CalcNode
  | GroupAggregateNode
  | WindowTableFunctionNode
  | WindowAggregateNode
  | JoinNode
  | MultiJoinNode
  | WindowJoinNode
  | RankNode
  | DeduplicateNode
  | UnionNode
  | ChangelogNormalizeNode
  | DropUpdateBeforeNode
  | SortLimitNode
  | LimitNode
  | ExpandNode
  | OverAggregateNode
  | IntervalJoinNode
  | TemporalJoinNode
  | LookupJoinNode
  | LateralSnapshotJoinNode
  | CorrelateNode
  | AsyncCorrelateNode
  | ReplicateRowsNode
  | WindowRankNode
  | WindowDeduplicateNode
  | MatchNode
  | TemporalSortNode
  | ProcessTableFunctionNode
  | VectorSearchTableFunctionNode
  | (Base & RuntimeFilterSpec)
  | SinkNode;

export type ExecNodeType = ExecNode["type"];
export type ExecNodeOf<T extends ExecNodeType> = Extract<ExecNode, { type: T }>;

export interface ExecPlan {
  readonly version: typeof PLAN_VERSION;
  readonly nodes: readonly ExecNode[];
  /** Options in force when the plan was made (Flink's keys). */
  readonly config: Readonly<Record<string, string>>;
  /** IANA zone of the session, for example "UTC" or "Asia/Shanghai". */
  readonly timeZone: string;
  readonly mode: "streaming" | "batch";
}
