/**
 * What a subtask is built from: the worker's things, and the few calls it may make into the worker.
 */
import type { BatchView } from "../../../foundation/columnar/batch.ts";
import type { KeyGroupRange } from "../../../foundation/columnar/key-group.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecNode, ExecNodeType, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { KeyedStateBackend } from "../../contract/keyed-state.ts";
import type { OperatorFactory, WorkerRuntime } from "../../contract/operator.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import type { SinkPorts } from "../../contract/sink.ts";
import type { Barrier } from "../exchange/barrier.ts";

/**
 * One factory per ExecNode type. Types that the runtime handles itself may be absent
 * (TableSourceScan).
 */
export type OperatorFactories = { readonly [T in ExecNodeType]?: OperatorFactory<never> };

/** The part of the state backend that a subtask drives; one a subtask. */
export interface SubtaskState {
  /** The state of one operator. */
  forOperator(node: ExecNode): KeyedStateBackend;
  /**
   * At the barrier: freezes what is dirty. `step` writes up to `budgetBytes` and is true when
   * nothing is left to write.
   */
  beginSnapshot(barrier: Barrier): StateSnapshotRun;
  /** Between batches: time for TTL, housekeeping. Cheap when called too often. */
  maintain(): void;
  /** Much of the restored state is read when keys first ask for it. */
  readonly isCold?: boolean;
  /** Bytes of an operator's live state, and of what of it is in memory; by uid. */
  operatorBytes(uid: string): { readonly stateBytes: number; readonly memoryBytes: number };
  /** The checkpoint is complete: what it replaced may go. */
  checkpointCompleted(checkpointId: number): void;
  close(): void;
}

export interface StateSnapshotRun {
  step(budgetBytes: number): boolean;
  /** Resolves when all is durable, with plain data that goes into the checkpoint. */
  readonly done: Promise<StateSnapshot>;
}

export interface StateSnapshot {
  readonly sizeBytes: number;
  /** The state backend's own description of the snapshot. */
  readonly handle: unknown;
}

export interface SubtaskStateOptions {
  readonly runtime: WorkerRuntime;
  readonly env: Env;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  /** Unique in the job, for names of files: "task-subtask". */
  readonly name: string;
  /** Where snapshots go; undefined when the job takes none. */
  readonly checkpointDirectory: string | undefined;
  /** Handles of every subtask of the checkpoint that is restored. */
  readonly restored: readonly unknown[];
  /** Keeps a worker's memory within a budget; without it, all state stays in memory. */
  readonly spill?: {
    readonly budgetBytes: number;
    /** Of each operator. */
    readonly operatorBytes?: number;
    readonly folder: string;
  };
  /** Segments on local disk besides those in checkpoint storage. */
  readonly localCopies?: {
    readonly folder: string;
    readonly write: boolean;
    readonly read: boolean;
  };
  /** Uids of the nodes that this subtask runs: state of others is not loaded. */
  readonly uids: readonly string[];
  /** What messages call an operator. */
  readonly operatorName: (uid: string) => string;
}

export type CreateSubtaskState = (options: SubtaskStateOptions) => Promise<SubtaskState>;

/** The worker's scratch memory: what is allocated after mark() is given back by release(). */
export interface Arena {
  mark(): number;
  release(mark: number): void;
}

export interface TaskEnvironment {
  readonly runtime: WorkerRuntime;
  readonly arena: Arena;
  readonly view: BatchView;
  readonly env: Env;
  readonly plan: ExecPlan;
  readonly jobId: string;
  readonly attempt: number;
  readonly config: Readonly<Record<string, string>>;
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  /** Ways out of the job, for sinks that print or collect. */
  readonly ports: SinkPorts;
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}
