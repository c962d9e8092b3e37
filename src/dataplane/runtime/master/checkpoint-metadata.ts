/**
 * CheckpointMetadata: everything a completed checkpoint or savepoint knows, by uid of node, so that
 *                     another plan of the same
 * query, at another parallelism, finds its part again. Plain data; the state backend's handles are
 * opaque here.
 *
 * Flow:    reports of all subtasks → assembleCheckpoint → CheckpointStorage → (restore) restorePlan
 *          → Execution.
 * Errors:  MR4258 another maxParallelism, MR4259 state that no node of the plan claims.
 */
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { Committable } from "../../contract/sink.ts";
import type { SourceSplit } from "../../contract/source.ts";
import { unclaimedUids } from "../../state/state-handle.ts";
import { checkpointErrors } from "../errors.ts";
import { type OperatorRecord, operatorRecords } from "../savepoint/operator-record.ts";
import type { JobGraph } from "../graph/job-graph.ts";
import type { SubtaskReport } from "../task/subtask.ts";
import type { RestoredTasks } from "../worker/messages.ts";
import type { RestoredSources } from "./execution.ts";
import type { EnumeratorSnapshot } from "./split-assigner.ts";

export const CHECKPOINT_VERSION = 1;

export interface CheckpointMetadata {
  readonly version: typeof CHECKPOINT_VERSION;
  readonly jobId: string;
  readonly checkpointId: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly triggeredMs: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly nodes: readonly OperatorRecord[];
  readonly sources: Readonly<Record<string, SourceCheckpoint>>;
  readonly sinks: Readonly<Record<string, SinkCheckpoint>>;
  /** Combined input watermark of each operator, the smallest of its subtasks. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Uids of nodes whose input has ended in all their subtasks. */
  readonly endedNodes: readonly string[];
  /** The state backend's handles, one a subtask. */
  readonly states: readonly unknown[];
  readonly stateSizeBytes: number;
}

export interface SourceCheckpoint {
  readonly enumerator: EnumeratorSnapshot;
  readonly splits: readonly SourceSplit[];
}

export interface SinkCheckpoint {
  readonly committables: readonly Committable[];
  /** One a subtask; those without are left out. */
  readonly states: readonly unknown[];
}

export type CommittablesByUid = Readonly<Record<string, readonly Committable[]>>;

export function assembleCheckpoint(options: {
  readonly jobId: string;
  readonly checkpointId: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly triggeredMs: number;
  readonly plan: ExecPlan;
  readonly graph: JobGraph;
  readonly enumerators: Readonly<Record<string, EnumeratorSnapshot>>;
  readonly reports: readonly SubtaskReport[];
}): CheckpointMetadata {
  const { graph, plan, enumerators } = options;
  const reports = options.reports.toSorted((a, b) => a.task - b.task || a.subtask - b.subtask);
  const sources: Record<string, SourceCheckpoint> = {};
  for (const [uid, enumerator] of Object.entries(enumerators)) {
    const splits = reports.flatMap((report) => report.sources[uid] ?? []);
    sources[uid] = { enumerator, splits };
  }
  const sinks: Record<string, SinkCheckpoint> = {};
  for (const node of plan.nodes) {
    if (node.type !== "Sink") continue;
    const parts = reports.flatMap((report) => report.sinks[node.uid] ?? []);
    sinks[node.uid] = {
      committables: parts.flatMap((part) => part.committables),
      states: parts
        .map(({ state }) => state)
        .filter((state) => state !== null && state !== undefined),
    };
  }
  return {
    version: CHECKPOINT_VERSION,
    jobId: options.jobId,
    checkpointId: options.checkpointId,
    kind: options.kind,
    triggeredMs: options.triggeredMs,
    parallelism: graph.parallelism,
    maxParallelism: graph.maxParallelism,
    nodes: operatorRecords(plan),
    sources,
    sinks,
    watermarks: smallestWatermarks(reports),
    endedNodes: endedNodes(graph, reports),
    states: reports.flatMap(({ state }) => (state === undefined ? [] : [state.handle])),
    stateSizeBytes: reports.reduce((sum, { state }) => sum + (state?.sizeBytes ?? 0), 0),
  };
}

export function committablesOf(metadata: CheckpointMetadata): CommittablesByUid {
  return Object.fromEntries(
    Object.entries(metadata.sinks).map(([uid, { committables }]) => [uid, committables]),
  );
}

/** What a new execution of `plan` takes from a checkpoint. */
export function restorePlan(
  metadata: CheckpointMetadata,
  plan: ExecPlan,
  graph: JobGraph,
  options: { readonly ignoreUnclaimed: boolean },
): { readonly tasks: RestoredTasks; readonly sources: RestoredSources } {
  if (metadata.maxParallelism !== graph.maxParallelism)
    throw checkpointErrors.MAX_PARALLELISM_CHANGED({
      found: metadata.maxParallelism,
      wanted: graph.maxParallelism,
    });
  const uids = new Set(plan.nodes.map((node) => node.uid));
  const others = statefulUids(metadata).filter((uid) => !uids.has(uid));
  const unclaimed = [...others, ...unclaimedUids(metadata.states, uids)];
  if (unclaimed.length > 0 && !options.ignoreUnclaimed)
    throw checkpointErrors.STATE_UNMATCHED({ uids: unclaimed.join(", ") });
  const sources = Object.entries(metadata.sources);
  return {
    tasks: {
      checkpointId: metadata.checkpointId,
      states: metadata.states,
      sinkStates: Object.fromEntries(
        Object.entries(metadata.sinks).map(([uid, { states }]) => [uid, states]),
      ),
      watermarks: metadata.watermarks,
      endedNodes: metadata.endedNodes,
    },
    sources: {
      enumerators: Object.fromEntries(sources.map(([uid, { enumerator }]) => [uid, enumerator])),
      splits: Object.fromEntries(sources.map(([uid, { splits }]) => [uid, splits])),
    },
  };
}

/** Scans and sinks that have something to lose. */
function statefulUids(metadata: CheckpointMetadata): string[] {
  const sources = Object.entries(metadata.sources)
    .filter(([, { enumerator }]) => enumerator.started)
    .map(([uid]) => uid);
  const sinks = Object.entries(metadata.sinks)
    .filter(([, { states, committables }]) => states.length + committables.length > 0)
    .map(([uid]) => uid);
  return [...sources, ...sinks];
}

function smallestWatermarks(reports: readonly SubtaskReport[]): Record<string, number> {
  const watermarks: Record<string, number> = {};
  for (const report of reports) {
    for (const [uid, watermark] of Object.entries(report.watermarks))
      watermarks[uid] = Math.min(watermark, watermarks[uid] ?? Number.POSITIVE_INFINITY);
  }
  return watermarks;
}

function endedNodes(graph: JobGraph, reports: readonly SubtaskReport[]): string[] {
  const counts = new Map<string, number>();
  for (const report of reports)
    for (const uid of report.ended) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  return graph.tasks.flatMap((task) =>
    task.nodes.filter((node) => counts.get(node.uid) === task.parallelism).map(({ uid }) => uid),
  );
}
