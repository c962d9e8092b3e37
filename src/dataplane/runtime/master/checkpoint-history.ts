/**
 * CheckpointHistory: what became of the last checkpoints and savepoints, for status, metrics and
 * the REST doors.
 */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { Barrier } from "../exchange/barrier.ts";
import type { TaskSpec } from "../graph/job-graph.ts";
import type { SubtaskReport } from "../task/subtask.ts";
import type { StoredCheckpoint } from "./checkpoint-storage.ts";

const HISTORY = 100;

/** One subtask's part of a checkpoint. */
export interface SubtaskCheckpoint {
  readonly subtask: number;
  /** From the trigger to its answer. */
  readonly durationMs: number;
  readonly alignmentMs: number;
  readonly syncMs: number;
  readonly asyncMs: number;
  readonly sizeBytes: number;
}

/** The operators that run fused, and what each of their subtasks has answered so far. */
export interface TaskCheckpoint {
  readonly task: number;
  readonly name: string;
  /** Uids. */
  readonly operators: readonly string[];
  readonly parallelism: number;
  readonly subtasks: readonly SubtaskCheckpoint[];
}

export interface CheckpointView {
  readonly id: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly status: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  readonly triggeredMs: number;
  /** Epoch ms when it completed or failed. */
  readonly endedMs: number | null;
  readonly durationMs: number | null;
  readonly sizeBytes: number;
  readonly path: string | null;
  readonly discarded: boolean;
  readonly failure: ErrorObject | null;
  readonly acknowledged: number;
  readonly subtasks: number;
  /** The longest among the subtasks. */
  readonly alignmentMs: number;
  readonly syncMs: number;
  readonly asyncMs: number;
  readonly tasks: readonly TaskCheckpoint[];
}

export interface CheckpointCounts {
  readonly total: number;
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: number;
}

export class CheckpointHistory {
  #views: CheckpointView[] = [];
  #total = 0;
  #completed = 0;
  #failed = 0;

  /** Oldest first. */
  get views(): readonly CheckpointView[] {
    return this.#views;
  }

  get counts(): CheckpointCounts {
    const inProgress = this.#total - this.#completed - this.#failed;
    return { total: this.#total, inProgress, completed: this.#completed, failed: this.#failed };
  }

  get lastCompleted(): CheckpointView | undefined {
    return this.#views.findLast(({ status }) => status === "COMPLETED");
  }

  begin(barrier: Barrier, tasks: readonly TaskSpec[]): CheckpointView {
    const view: CheckpointView = {
      id: barrier.checkpointId,
      kind: barrier.kind,
      status: "IN_PROGRESS",
      triggeredMs: barrier.triggeredMs,
      endedMs: null,
      durationMs: null,
      sizeBytes: 0,
      path: null,
      discarded: false,
      failure: null,
      acknowledged: 0,
      subtasks: tasks.reduce((sum, { parallelism }) => sum + parallelism, 0),
      alignmentMs: 0,
      syncMs: 0,
      asyncMs: 0,
      tasks: tasks.map(({ id, name, nodes, parallelism }) => ({
        task: id,
        name,
        operators: nodes.map(({ uid }) => uid),
        parallelism,
        subtasks: [],
      })),
    };
    this.#total++;
    this.#views.push(view);
    if (this.#views.length > HISTORY) this.#views.shift();
    return view;
  }

  acknowledge(id: number, report: SubtaskReport, nowMs: number): void {
    const { subtask, alignmentMs, syncMs, asyncMs } = report;
    const sizeBytes = report.state?.sizeBytes ?? 0;
    this.#update(id, (view) => {
      const durationMs = Math.max(0, nowMs - view.triggeredMs);
      const part = { subtask, durationMs, alignmentMs, syncMs, asyncMs, sizeBytes };
      return {
        acknowledged: view.acknowledged + 1,
        alignmentMs: Math.max(view.alignmentMs, alignmentMs),
        syncMs: Math.max(view.syncMs, syncMs),
        asyncMs: Math.max(view.asyncMs, asyncMs),
        tasks: view.tasks.map((task) =>
          task.task === report.task ? { ...task, subtasks: [...task.subtasks, part] } : task,
        ),
      };
    });
  }

  complete(id: number, stored: StoredCheckpoint, nowMs: number): CheckpointView {
    this.#completed++;
    const { path, sizeBytes } = stored;
    return this.#update(id, (view) => ({
      status: "COMPLETED",
      endedMs: nowMs,
      durationMs: Math.max(0, nowMs - view.triggeredMs),
      acknowledged: view.subtasks,
      path,
      sizeBytes,
    }));
  }

  fail(id: number, failure: ErrorObject, nowMs: number): CheckpointView {
    this.#failed++;
    return this.#update(id, (view) => ({
      status: "FAILED",
      endedMs: nowMs,
      durationMs: Math.max(0, nowMs - view.triggeredMs),
      failure,
    }));
  }

  /** Undefined when it is remembered no more. */
  discarded(id: number): CheckpointView | undefined {
    if (!this.#views.some((view) => view.id === id)) return undefined;
    return this.#update(id, () => ({ discarded: true }));
  }

  #update(id: number, change: (view: CheckpointView) => Partial<CheckpointView>): CheckpointView {
    const index = this.#views.findLastIndex((view) => view.id === id);
    const view = { ...this.#views[index]!, ...change(this.#views[index]!) };
    this.#views[index] = view;
    return view;
  }
}
