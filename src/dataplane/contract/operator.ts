/**
 * Operator: one physical operator of a chain, pushed batch by batch.
 *
 * Flow:    task → operator → next operator of the chain … → exchange or sink writer, all within one synchronous call.
 * Rules:   no await and no I/O in processBatch; a batch is valid only during the call (columnar/batch.ts); what an
 *          operator keeps lives in keyed state, never beside it. State changed by a call is part of the next checkpoint:
 *          operators hold nothing back across a barrier (prepareSnapshot flushes what is folded).
 * Watermarks: epoch milliseconds as a number; MIN_WATERMARK before the first, MAX_WATERMARK at the end of all input.
 */
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type {
  ExecNode,
  LookupJoinNode,
  TableSourceScanNode,
} from "../../foundation/plan/exec-node.ts";
import type { UserFunctionLookup } from "../../foundation/plan/user-function.ts";
import type { Clock, Random, ScratchFile } from "../../foundation/host/env.ts";
import type { KernelExports } from "../kernels/kernels.generated.ts";
import type { KeyedStateBackend } from "./keyed-state.ts";
import type { KeyedLookup, TableScan } from "./lookup.ts";
import type { MetricGroup } from "./metrics.ts";
import type { Model, ModelDescription } from "./model.ts";

export const MIN_WATERMARK = Number.MIN_SAFE_INTEGER;
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER;

/** Where an operator's results go. */
export interface Output {
  /** False asks the caller to stop producing as soon as it can: downstream is full (backpressure). */
  emit(batch: BatchPtr): boolean;
  emitWatermark(watermark: number): void;
  /** Batch mode: nobody wants more rows (LIMIT): an operator that makes many of few can stop. */
  readonly satisfied?: boolean;
}

/** The worker's memory and kernels, shared by everything that runs in the worker. */
export interface WorkerRuntime {
  readonly memory: WebAssembly.Memory;
  readonly kernels: KernelExports;
  /** Raw exports, for generated modules that import kernels. */
  readonly kernelInstance: WebAssembly.Exports;
}

/** A worker's budget of memory, and files for what exceeds it. */
export interface SpillSpace {
  readonly budgetBytes: number;
  /** A new file that goes with the process. */
  readonly createFile: () => ScratchFile;
}

export interface OperatorContext {
  readonly runtime: WorkerRuntime;
  readonly inputs: readonly Schema[];
  readonly state: KeyedStateBackend;
  readonly output: Output;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricGroup;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  /** Options of the plan (Flink's keys), defaults not filled in. */
  readonly config: Readonly<Record<string, string>>;
  readonly timeZone: string;
  readonly mode: "streaming" | "batch";
  /** The combined watermark of the inputs since the start; MIN_WATERMARK before the first. */
  currentWatermark(): number;
  /** Asks for onProcessingTime(time) at or after `time` (epoch ms). Not state: re-register in open() from state. */
  registerProcessingTimer(time: number): void;
  /** Reads a table that the operator keeps beside its inputs (lookup joins); absent where there are no connectors. */
  readonly scanTable?: (node: TableSourceScanNode) => TableScan;
  /** What an operator of batch mode keeps in memory of its own stays within this; absent: it may use all there is. */
  readonly spill?: SpillSpace;
  /** Asks a lookup join's table by key; undefined: its connector only reads. */
  readonly openLookup?: (node: LookupJoinNode) => KeyedLookup | undefined;
  /** Opens a model for ML_PREDICT; absent where there are no providers. */
  readonly openModel?: (model: ModelDescription) => Model;
  /** Functions of the user that the plan refers to; absent where there are none. */
  readonly userFunction?: UserFunctionLookup;
}

export interface Operator {
  /** Compiles, creates or finds its state. Called once, before any row; after a restore the state is filled already. */
  open(): void;
  /** What must be loaded before the first row and takes time; awaited after open(). */
  prepare?(): Promise<void>;
  processBatch(input: number, batch: BatchPtr): void;
  /** The combined watermark of all inputs has risen; emits results, then passes it on with output.emitWatermark. */
  processWatermark(watermark: number): void;
  /** An input's own watermark, before processWatermark is told the combined one. It may have come again after a restore. */
  processInputWatermark?(input: number, watermark: number): void;
  /** Nothing more will come from this input (after its last batch and watermark). */
  endInput(input: number): void;
  /**
   * False while rows of this input would only be kept. They are then left where they are, when what the operator waits
   * for does not depend on them; they may come all the same. Streams: for operators with pending() alone.
   */
  wantsInput?(input: number): boolean;
  /**
   * Batch mode: one piece (about a batch) of what ends of inputs have left to emit; true while there is more. Called again
   * and again, but not while downstream is full; the end is passed on when it is done.
   */
  emitPiece?(): boolean;
  /** True while answers are waited for: the end of all inputs is passed on when it has become false in onProcessingTime. */
  pending?(): boolean;
  /** Batch mode: it has all the rows that it needs; others would be dropped. */
  isSatisfied?(): boolean;
  onProcessingTime(time: number): void;
  /** Before a barrier is passed on: emit what is folded or buffered, so that state alone is the truth. */
  prepareSnapshot(): void;
  /** Idempotent. */
  close(): void;
}

/** One factory per ExecNode type; operators/index.ts holds the registry. */
export type OperatorFactory<N extends ExecNode = ExecNode> = (
  node: N,
  context: OperatorContext,
) => Operator;
