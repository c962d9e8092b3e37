/**
 * Sinks: a SinkWriter per subtask takes batches; a Committer in the job master makes what a completed checkpoint holds
 * visible. Two-phase sinks hand out committables at the barrier; commit() must be safe to repeat after a crash.
 */
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { SinkNode } from "../../foundation/plan/exec-node.ts";
import type { MetricGroup } from "./metrics.ts";
import type { WorkerRuntime } from "./operator.ts";

/** Frozen plain JSON that says what to commit. */
export interface Committable {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** Rows handed out of a job as JavaScript values (columnar/value-reader.ts); can be cloned to another thread. */
export interface CollectedRows {
  /** The table as written in the plan. */
  readonly table: string;
  readonly kinds: readonly number[];
  readonly rows: readonly (readonly Value[])[];
}

/** Ways out of the job that only the host of the worker can open. */
export interface SinkPorts {
  /** Whole lines for the standard output, each with its line feed. */
  print?(text: string): void;
  collect?(rows: CollectedRows): void;
}

export interface SinkContext {
  readonly node: SinkNode;
  readonly env: Env;
  readonly config: Readonly<Record<string, string>>;
  readonly timeZone: string;
  readonly jobId: string;
  readonly ports?: SinkPorts;
}

export interface SinkWriterContext extends SinkContext {
  readonly runtime: WorkerRuntime;
  readonly input: Schema;
  readonly metrics: MetricGroup;
  readonly subtaskIndex: number;
  readonly parallelism?: number;
  /** Increases with every start of the job, so that files of an earlier attempt are never overwritten. */
  readonly attempt: number;
}

export interface SinkWriter {
  open(restored: readonly unknown[]): Promise<void>;
  /** Synchronous: encodes or copies at once. False = buffers are full, await flush() before the next batch. */
  write(batch: BatchPtr): boolean;
  writeWatermark(watermark: number): void;
  /** Resolves when buffered bytes are handed on; rejects with a catalogue error. */
  flush(): Promise<void>;
  /** At the barrier (or the end of input): everything written so far becomes committables; also its own state. */
  prepareCommit(checkpointId: number): Promise<{
    readonly committables: readonly Committable[];
    readonly state: unknown;
  }>;
  close(): Promise<void>;
}

export interface Committer {
  /** Makes the committables visible; idempotent. */
  commit(committables: readonly Committable[]): Promise<void>;
  close(): Promise<void>;
}

export interface SinkFactory {
  readonly identifier: string;
  /** The richest changelog it takes. */
  readonly accepts: "insert-only" | "upsert" | "retract";
  validate(node: SinkNode): void;
  createWriter(context: SinkWriterContext): SinkWriter;
  /** Absent for sinks whose rows are visible at once. */
  createCommitter?(context: SinkContext): Committer;
}
