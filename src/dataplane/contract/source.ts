/**
 * Sources: a SplitEnumerator in the job master finds splits; a SourceReader in each worker reads the splits given to it
 * straight into columns. Positions of splits are plain JSON and part of every checkpoint.
 *
 * Flow:    connector → here → task (which pushes each batch through its chain and releases the arena).
 */
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { LookupJoinNode, TableSourceScanNode } from "../../foundation/plan/exec-node.ts";
import type { KeyedLookup } from "./lookup.ts";
import type { MetricGroup } from "./metrics.ts";
import type { WorkerRuntime } from "./operator.ts";

/** A part of the input with its position: frozen plain JSON, replaced (not changed) as reading goes on. */
export interface SourceSplit {
  readonly id: string;
  readonly [field: string]: unknown;
}

export interface SourceContext {
  readonly node: TableSourceScanNode;
  readonly env: Env;
  readonly parallelism: number;
  readonly config: Readonly<Record<string, string>>;
  readonly timeZone: string;
  /** The plan's: rows of a batch have no order among each other. Absent: streaming. */
  readonly mode?: "streaming" | "batch";
}

export interface SplitEnumerator {
  /** All splits known now; called at start (not after a restore) and, for continuous sources, every discoverMs. */
  discover(): Promise<readonly SourceSplit[]>;
  /** 0 = once. */
  readonly discoverMs: number;
  /** What it must remember of splits already found; part of the checkpoint. */
  snapshot(): unknown;
  restore(state: unknown): void;
  close(): Promise<void>;
}

export interface SourceReaderContext extends SourceContext {
  readonly runtime: WorkerRuntime;
  readonly output: Schema;
  readonly metrics: MetricGroup;
  readonly subtaskIndex: number;
}

export type PollResult =
  /** A batch in the arena, at most MAX_BATCH_ROWS; `split` is its split's position after the batch. */
  | { readonly kind: "batch"; readonly batch: BatchPtr; readonly split: SourceSplit }
  /** A watermark from the source itself (the values connector of tests). */
  | { readonly kind: "watermark"; readonly watermark: number; readonly split: SourceSplit }
  /** Nothing now: call again after wait() resolves. */
  | { readonly kind: "idle" }
  /** This split is read to its end. */
  | { readonly kind: "finished"; readonly splitId: string }
  /** No split at all is assigned. */
  | { readonly kind: "empty" };

export interface SourceReader {
  open(): Promise<void>;
  addSplits(splits: readonly SourceSplit[]): void;
  /** Synchronous: decodes what has been read already. */
  poll(): PollResult;
  /**
   * Where the rows of one batch came from, for an error that one of them has caused: `/in/a.csv, lines 12 to 40`, of the `row`
   * (from 0) alone if it is known. `before`, `after`: the split around the batch.
   */
  placeOf?(rows: {
    readonly before: SourceSplit;
    readonly after: SourceSplit;
    readonly count: number;
    readonly row: number | undefined;
  }): Promise<string>;
  /** Resolves when poll() may have more; rejects with a catalogue error when reading failed. */
  wait(): Promise<void>;
  close(): Promise<void>;
}

/** What a connector's folder registers under its `connector` name. */
export interface SourceFactory {
  readonly identifier: string;
  /** Refuses unknown and invalid options (MR10xx, MR30xx), without touching the world. */
  validate(node: TableSourceScanNode): void;
  createEnumerator(context: SourceContext): SplitEnumerator;
  createReader(context: SourceReaderContext): SourceReader;
  /** Asks the table by key, for lookup joins that do not keep it whole; absent: it is read for the keys that wait. */
  createLookup?(context: LookupContext): KeyedLookup;
}

export interface LookupContext {
  /** Its table, projection and the fields of its keys. */
  readonly node: LookupJoinNode;
  readonly env: Env;
  readonly timeZone: string;
  readonly config: Readonly<Record<string, string>>;
}
