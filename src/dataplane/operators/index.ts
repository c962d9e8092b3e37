/** The operators by ExecNode type; sources and the writers of sinks are the runtime's. */
import type {
  ExecNodeOf,
  ExecNodeType,
  WindowAggregateNode,
} from "../../foundation/plan/exec-node.ts";
import { zoneOffsetMs } from "../../foundation/columnar/value-text.ts";
import { readLookupOptions } from "../contract/lookup.ts";
import type { Operator, OperatorContext, OperatorFactory } from "../contract/operator.ts";
import { AsyncCorrelateOperator } from "./async-correlate/async-correlate.ts";
import { createAsker } from "./async-correlate/async-requests.ts";
import { CalcOperator } from "./calc/calc.ts";
import { ChangelogNormalizeOperator } from "./changelog-normalize/changelog-normalize.ts";
import { CorrelateOperator } from "./correlate/correlate.ts";
import { DeduplicateOperator } from "./deduplicate/deduplicate.ts";
import { DropUpdateBeforeOperator } from "./drop-update-before/drop-update-before.ts";
import { ExpandOperator } from "./expand/expand.ts";
import { BatchGroupAggregateOperator } from "./group-aggregate/batch-group-aggregate.ts";
import { GroupAggregateOperator } from "./group-aggregate/group-aggregate.ts";
import { IncrementalGroupAggregateOperator } from "./group-aggregate/incremental-group-aggregate.ts";
import { HashJoinOperator } from "./hash-join/hash-join.ts";
import {
  keepsMoreThanNumbers,
  LocalPartialAggregateOperator,
} from "./group-aggregate/local-partial-aggregate.ts";
import { LocalGroupAggregateOperator } from "./group-aggregate/local-group-aggregate.ts";
import { MergingGroupAggregateOperator } from "./group-aggregate/merging-group-aggregate.ts";
import { IntervalJoinOperator } from "./interval-join/interval-join.ts";
import { JoinOperator } from "./join/join.ts";
import { LateralSnapshotJoinOperator } from "./lateral-snapshot-join/lateral-snapshot-join.ts";
import { LimitOperator } from "./limit/limit.ts";
import { MiniBatchAssignerOperator } from "./mini-batch/mini-batch-assigner.ts";
import { foldsChanges, MiniBatchDeduplicateOperator } from "./mini-batch/mini-batch-deduplicate.ts";
import { MiniBatchGroupAggregateOperator } from "./mini-batch/mini-batch-group-aggregate.ts";
import { miniBatchSize } from "./mini-batch/mini-batch-size.ts";
import { MultiJoinOperator } from "./multi-join/multi-join.ts";
import { NonTimeOverOperator } from "./over-aggregate/non-time-over.ts";
import { keyedLookupJoin } from "./lookup-join/keyed-lookup-join.ts";
import { LookupJoinOperator } from "./lookup-join/lookup-join.ts";
import { MatchOperator } from "./match/match.ts";
import { OverAggregateOperator } from "./over-aggregate/over-aggregate.ts";
import { StreamOverOperator } from "./over-aggregate/stream-over.ts";
import { processTableFunctions } from "./process-table-function/process-table-function.ts";
import { RankOperator } from "./rank/rank.ts";
import { ReplicateRowsOperator } from "./replicate-rows/replicate-rows.ts";
import { GlobalFilterBuilderOperator } from "./runtime-filter/global-filter-builder.ts";
import { LocalFilterBuilderOperator } from "./runtime-filter/local-filter-builder.ts";
import { RuntimeFilterOperator } from "./runtime-filter/runtime-filter.ts";
import { SinkOperator } from "./sink/sink.ts";
import { BatchSortOperator, sortsAtEnd } from "./sort-limit/batch-sort.ts";
import { SortLimitOperator } from "./sort-limit/sort-limit.ts";
import { TemporalJoinOperator } from "./temporal-join/temporal-join.ts";
import { SortMergeJoinOperator } from "./sort-merge-join/sort-merge-join.ts";
import { TemporalSortOperator } from "./temporal-sort/temporal-sort.ts";
import { UnionOperator } from "./union/union.ts";
import { ValuesOperator } from "./values/values.ts";
import { VectorSearchOperator } from "./vector-search/vector-search.ts";
import { WatermarkAssignerOperator } from "./watermark-assigner/watermark-assigner.ts";
import { EmittingWindowAggregateOperator } from "./window-aggregate/emitting-window-aggregate.ts";
import { KeptRowsAggregateOperator } from "./window-aggregate/kept-rows-aggregate.ts";
import { LocalWindowAggregateOperator } from "./window-aggregate/local-window-aggregate.ts";
import { SessionAggregateOperator } from "./window-aggregate/session-aggregate.ts";
import { SliceAggregateOperator } from "./window-aggregate/slice-aggregate.ts";
import { WindowAggregateOperator } from "./window-aggregate/window-aggregate.ts";
import { WindowDeduplicateOperator } from "./window-deduplicate/window-deduplicate.ts";
import { WindowJoinOperator } from "./window-join/window-join.ts";
import { WindowRankOperator } from "./window-rank/window-rank.ts";
import { SessionWindowFunctionOperator } from "./window-table-function/session-window-function.ts";
import { WindowTableFunctionOperator } from "./window-table-function/window-table-function.ts";

type Factories = { readonly [T in ExecNodeType]?: OperatorFactory<ExecNodeOf<T>> };

export const operatorFactories: Factories = {
  AsyncCorrelate: (node, context) =>
    new AsyncCorrelateOperator(node, context, () =>
      createAsker(node.request, node.fields, context),
    ),
  Calc: (node, context) => new CalcOperator(node, context),
  ChangelogNormalize: (node, context) => new ChangelogNormalizeOperator(node, context),
  Correlate: (node, context) => new CorrelateOperator(node, context),
  Deduplicate: createDeduplicate,
  DropUpdateBefore: (_node, context) => new DropUpdateBeforeOperator(context),
  Expand: (node, context) => new ExpandOperator(node, context),
  GlobalRuntimeFilterBuilder: (node, context) => new GlobalFilterBuilderOperator(node, context),
  GroupAggregate: createGroupAggregate,
  IntervalJoin: (node, context) => new IntervalJoinOperator(node, context),
  Join: createJoin,
  LateralSnapshotJoin: (node, context) => new LateralSnapshotJoinOperator(node, context),
  Limit: (node, context) => new LimitOperator(node, context),
  LocalRuntimeFilterBuilder: (node, context) => new LocalFilterBuilderOperator(node, context),
  LookupJoin: createLookupJoin,
  Match: (node, context) => new MatchOperator(node, context),
  MiniBatchAssigner: (node, context) => new MiniBatchAssignerOperator(node, context),
  MultiJoin: (node, context) => new MultiJoinOperator(node, context),
  OverAggregate: createOverAggregate,
  ProcessTableFunction: processTableFunctions(() => undefined),
  Rank: (node, context) => new RankOperator(node, context),
  RuntimeFilter: (node, context) => new RuntimeFilterOperator(node, context),
  Sink: (node, context) => new SinkOperator(node, context),
  ReplicateRows: (node, context) => new ReplicateRowsOperator(node, context),
  SortLimit: (node, context) =>
    sortsAtEnd(node, context)
      ? new BatchSortOperator(node, context)
      : new SortLimitOperator(node, context),
  TemporalJoin: (node, context) => new TemporalJoinOperator(node, context),
  TemporalSort: (node, context) => new TemporalSortOperator(node, context),
  Union: (_node, context) => new UnionOperator(context),
  Values: (node, context) => new ValuesOperator(node, context),
  VectorSearchTableFunction: (node, context) => new VectorSearchOperator(node, context),
  WatermarkAssigner: (node, context) => new WatermarkAssignerOperator(node, context),
  WindowAggregate: createWindowAggregate,
  WindowDeduplicate: (node, context) => new WindowDeduplicateOperator(node, context),
  WindowJoin: (node, context) => new WindowJoinOperator(node, context),
  WindowRank: (node, context) => new WindowRankOperator(node, context),
  WindowTableFunction: (node, context) =>
    node.window.kind === "SESSION"
      ? new SessionWindowFunctionOperator(node, context)
      : new WindowTableFunctionOperator(node, context),
};

/** Rows kept until their window is over, sessions, windows that share slices, or windows that every row is folded into. */
function createWindowAggregate(node: WindowAggregateNode, context: OperatorContext): Operator {
  const { window, attached, aggregates, emit } = node;
  if (node.isLocal === true) return new LocalWindowAggregateOperator(node, context);
  if (emit !== undefined) return new EmittingWindowAggregateOperator(node, emit, context);
  const isSession = window.kind === "SESSION" && attached === undefined;
  const keeps = aggregates.some(({ retract, distinct }) => retract || (isSession && distinct));
  if (keeps || node.retracts === true) return new KeptRowsAggregateOperator(node, context);
  if (attached !== undefined) return new WindowAggregateOperator(node, context);
  if (window.kind === "SESSION") return new SessionAggregateOperator(node, context);
  const shares = window.kind === "HOP" || window.kind === "CUMULATE";
  const plain = aggregates.every(({ distinct, retract }) => !distinct && !retract);
  return shares && plain && window.time.attribute === "ROWTIME"
    ? new SliceAggregateOperator(node, context)
    : new WindowAggregateOperator(node, context);
}

/** A table that is kept whole, or asked by key. */
function createLookupJoin(node: ExecNodeOf<"LookupJoin">, context: OperatorContext): Operator {
  const zone = zoneOffsetMs(context.clock.nowMs(), context.timeZone);
  const options = readLookupOptions(`table ${node.table.name}`, node.table.options, zone);
  return options.byKey === true || node.keepBy !== undefined
    ? keyedLookupJoin(node, options, context)
    : new LookupJoinOperator(node, options, context);
}

function createJoin(node: ExecNodeOf<"Join">, context: OperatorContext) {
  if (node.build === undefined) return new JoinOperator(node, context);
  return node.merges === true
    ? new SortMergeJoinOperator(node, context)
    : new HashJoinOperator(node, context);
}

function createGroupAggregate(node: ExecNodeOf<"GroupAggregate">, context: OperatorContext) {
  const size = miniBatchSize(context);
  if (node.isLocal === true)
    return size !== undefined && keepsMoreThanNumbers(node, context.inputs[0]!)
      ? new LocalPartialAggregateOperator(node, context, size)
      : new LocalGroupAggregateOperator(node, context, size);
  if (context.mode === "batch")
    return node.mergedRows === undefined
      ? new BatchGroupAggregateOperator(node, context)
      : new MergingGroupAggregateOperator(node, node.mergedRows, context);
  if (size === undefined) return new GroupAggregateOperator(node, context);
  if (node.incrementalGrouping !== undefined)
    return new IncrementalGroupAggregateOperator(node, node.mergedRows!, context, size);
  return new MiniBatchGroupAggregateOperator(node, context, size);
}

function createDeduplicate(node: ExecNodeOf<"Deduplicate">, context: OperatorContext) {
  const size = foldsChanges(node, context) ? miniBatchSize(context) : undefined;
  if (size === undefined) return new DeduplicateOperator(node, context);
  return new MiniBatchDeduplicateOperator(node, context, size);
}

/** Of bounded input; or of a stream by time, or by values, whose results are updated. */
function createOverAggregate(node: ExecNodeOf<"OverAggregate">, context: OperatorContext) {
  if (context.mode === "batch") return new OverAggregateOperator(node, context);
  if (node.time === undefined) return new NonTimeOverOperator(node, context);
  return new StreamOverOperator(node, context);
}
