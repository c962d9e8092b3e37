/**
 * Subtask: one parallel copy of a task: a step function that does one bounded piece of work, so
 *          that a worker can run
 * many in one thread and a simulator can choose their order.
 *
 * Flow:    worker's loop → step() → due timers | one batch from a head through the chain | a slice
 *          of a snapshot.
 * Rules:   nothing is read while anything downstream is full (backpressure), while a sink prepares
 *          a commit, or from a head behind its barrier (alignment). Arena memory is released after
 *          each piece.
 * Barrier: when every open head has it: operators flush (prepareSnapshot), the barrier goes out in
 *          band, state is frozen, sinks prepare their commits; state is written in slices between
 *          batches, then the report goes to the master. A head that has ended needs no barrier; a
 *          subtask that has ended answers for every later one.
 */
import type { SourceSplit } from "../../contract/source.ts";
import type { Barrier } from "../exchange/barrier.ts";
import type { ExchangeInput } from "../exchange/exchange-input.ts";
import type { ExchangeOutput } from "../exchange/exchange-output.ts";
import type { TaskSpec } from "../graph/job-graph.ts";
import type { Chain } from "./chain.ts";
import type { Gate } from "./chain-target.ts";
import { inputHolds } from "./input-holds.ts";
import type { ProcessingTimers } from "./processing-timers.ts";
import type { SinkSnapshot } from "./sink-tail.ts";
import type { StateSnapshotRun, SubtaskState, TaskEnvironment } from "./task-environment.ts";
import type { TaskMetricGroup } from "./task-metrics.ts";

/** State written at a time: a fraction of a millisecond of copying and hashing beside rows, a millisecond without. */
const SNAPSHOT_SLICE_BYTES = 256 * 1024;
const SNAPSHOT_QUIET_BYTES = 1024 * 1024;
/** Beside rows a snapshot has one part in so many of the time. */
const SNAPSHOT_SHARE = 4;
/** Without a row for so long a snapshot has all the time. */
const SNAPSHOT_QUIET_MS = 20;

export type StepResult = "progress" | "idle" | "blocked" | "done";

/** One subtask's part of a checkpoint; plain data. */
export interface SubtaskReport {
  readonly task: number;
  readonly subtask: number;
  /** Positions of the splits of each scan, by uid. */
  readonly sources: Readonly<Record<string, readonly SourceSplit[]>>;
  readonly sinks: Readonly<Record<string, SinkSnapshot>>;
  /** Combined input watermark of each operator, by uid. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Uids of the nodes whose input has ended in this subtask. */
  readonly ended: readonly string[];
  readonly state: { readonly sizeBytes: number; readonly handle: unknown } | undefined;
  readonly alignmentMs: number;
  readonly syncMs: number;
  readonly asyncMs: number;
}

export interface SubtaskEvents {
  readonly onSnapshot: (checkpointId: number, report: SubtaskReport) => void;
  readonly onSnapshotFailed: (checkpointId: number, error: unknown) => void;
  /** Everything is read and emitted; the report holds what its sinks still have to commit. */
  readonly onFinished: (report: SubtaskReport) => void;
}

type Head = Chain["sources"][number] | Chain["values"][number] | ExchangeInput;

export interface SubtaskOptions {
  readonly task: TaskSpec;
  readonly subtaskIndex: number;
  readonly environment: TaskEnvironment;
  readonly chain: Chain;
  readonly inputs: readonly ExchangeInput[];
  readonly outputs: readonly ExchangeOutput[];
  readonly state: SubtaskState;
  readonly gate: Gate;
  readonly timers: ProcessingTimers;
  readonly metrics: TaskMetricGroup;
  readonly events: SubtaskEvents;
  readonly lastCheckpointId: number;
  /** As CheckpointOptions. */
  readonly aligns: boolean;
}

export class Subtask {
  readonly task: TaskSpec;
  readonly subtaskIndex: number;
  readonly chain: Chain;
  readonly metrics: TaskMetricGroup;
  readonly inputs: readonly ExchangeInput[];
  readonly #options: SubtaskOptions;
  readonly #heads: readonly Head[];
  /** By head: whether its rows are not wanted yet (input-holds.ts). */
  readonly #holds: readonly (() => boolean)[];
  #phase: "running" | "finishing" | "finished" | "closed" = "running";
  #nextHead = 0;
  /** Barriers that have come on some ways only, in order; more than one where rows behind them do not wait. */
  readonly #awaited: { readonly barrier: Barrier; readonly sinceMs: number }[] = [];
  #snapshot: StateSnapshotRun | undefined;
  /** Beside rows: the snapshot waits for its turn. */
  #snapshotRests = false;
  /** While there is a snapshot: when the last rows came. */
  #rowsMs = 0;
  /** Triggers that came while an earlier barrier was under way: barriers leave in order, each of them. */
  readonly #triggers: Barrier[] = [];
  /** Barriers that were not answered yet: their snapshots are on their way to storage. */
  #unanswered = 0;
  #lastCheckpointId: number;
  /** After a barrier with stop: no source is read any more. */
  #stopped = false;
  #lastCommits: Record<string, SinkSnapshot> | undefined;
  readonly #aborted = new Set<number>();

  constructor(options: SubtaskOptions) {
    this.#options = options;
    this.task = options.task;
    this.subtaskIndex = options.subtaskIndex;
    this.chain = options.chain;
    this.inputs = options.inputs;
    this.metrics = options.metrics;
    this.#heads = [...options.chain.sources, ...options.chain.values, ...options.inputs];
    this.#lastCheckpointId = options.lastCheckpointId;
    const { plan } = options.environment;
    this.#holds = inputHolds(plan, options.task, options.chain, options.inputs);
  }

  get finished(): boolean {
    return this.#phase === "finished";
  }

  /** One bounded piece of work. */
  step(): StepResult {
    if (this.#phase === "finished" || this.#phase === "closed") return "done";
    const { gate, outputs, timers } = this.#options;
    this.#options.state.maintain();
    let progress = this.#stepSnapshot();
    for (const output of outputs) progress = output.drain() || progress;
    if (gate.blocked) {
      for (const sink of this.chain.sinks) sink.maybeFlush(false);
      return progress ? "progress" : "blocked";
    }
    if (this.#phase === "finishing")
      return this.#stepFinishing() || progress ? "progress" : "blocked";
    const due = timers.takeDue();
    if (due !== undefined) {
      this.#inArena(() => this.chain.timed[due.owner]!.onProcessingTime(due.time));
      return "progress";
    }
    if (this.#emitPiece()) return "progress";
    if (this.#isAligned()) return this.#barrier();
    const polled = this.#poll();
    for (const sink of this.chain.sinks) sink.maybeFlush(!polled);
    if (gate.blocked) return "progress";
    if (polled) return "progress";
    const waits = this.chain.runners.some((runner) => runner.waits);
    if (!waits && this.#heads.every((head) => head.ended)) return this.#finish();
    return progress ? "progress" : "idle";
  }

  /** As DirectConsumer: what step() asks before it reads from an input. */
  accepts(input: ExchangeInput): boolean {
    if (this.#phase !== "running" || this.#options.gate.blocked) return false;
    if (input.ended || input.blockedByBarrier) return false;
    if (this.#holds[this.#heads.indexOf(input)]!()) return false;
    return !this.chain.runners.some(({ working }) => working);
  }

  /** As DirectConsumer. */
  run(work: () => void): void {
    this.#inArena(work);
  }

  assignSplits(nodeId: number, splits: readonly SourceSplit[], noMore: boolean): void {
    this.chain.sources.find(({ node }) => node.id === nodeId)?.assign(splits, noMore);
  }

  /** The master's trigger, for subtasks that read sources; the others get the barrier in band. */
  triggerCheckpoint(barrier: Barrier): void {
    const heads = [...this.chain.sources, ...this.chain.values].filter(({ ended }) => !ended);
    if (heads.length === 0 || this.#phase !== "running" || this.#stopped) return;
    // Passing over one would mix them up downstream: some channels at this barrier, some at that.
    const [earlier] = this.#awaited;
    if (earlier !== undefined && earlier.barrier.checkpointId < barrier.checkpointId) {
      this.#triggers.push(barrier);
      return;
    }
    if (barrier.stop === "drain")
      this.#inArena(() => {
        for (const head of heads) head.drain();
      });
    const waits = this.#options.aligns || barrier.stop !== "none";
    for (const head of heads) head.barrier(barrier.checkpointId, waits);
    this.onBarrier(barrier);
  }

  onBarrier(barrier: Barrier): void {
    const { clock } = this.#options.environment.env;
    const last = this.#awaited.at(-1)?.barrier.checkpointId ?? this.#lastCheckpointId;
    if (last < barrier.checkpointId) this.#awaited.push({ barrier, sinceMs: clock.monotonicMs() });
  }

  /** The checkpoint is complete and committed. */
  completeCheckpoint(checkpointId: number): void {
    for (const sink of this.chain.sinks) sink.confirm(checkpointId);
    this.#options.state.checkpointCompleted(checkpointId);
  }

  /** The master has given the checkpoint up: its snapshot need not be taken. */
  abortCheckpoint(checkpointId: number): void {
    if (checkpointId > this.#lastCheckpointId) this.#aborted.add(checkpointId);
  }

  close(): void {
    this.#phase = "closed";
    this.#options.timers.close();
  }

  /** A slice of the snapshot, where it is its turn: rows hardly wait for it. */
  #stepSnapshot(): boolean {
    if (this.#snapshot === undefined) return false;
    const { env, wake } = this.#options.environment;
    const startMs = env.clock.monotonicMs();
    const isQuiet = this.#hasOnlySnapshot(startMs);
    if (this.#snapshotRests && !isQuiet) return false;
    const bytes = isQuiet ? SNAPSHOT_QUIET_BYTES : SNAPSHOT_SLICE_BYTES;
    if (this.#snapshot.step(bytes)) this.#snapshot = undefined;
    else if (!isQuiet) {
      const restMs = (env.clock.monotonicMs() - startMs) * (SNAPSHOT_SHARE - 1);
      this.#snapshotRests = true;
      env.timers.after(Math.max(1, restMs), () => {
        this.#snapshotRests = false;
        wake();
      });
    }
    return true;
  }

  /** No rows wait for it, or they wait for the next barrier, which waits for it. */
  #hasOnlySnapshot(nowMs: number): boolean {
    if (this.#stopped || nowMs - this.#rowsMs > SNAPSHOT_QUIET_MS) return true;
    return this.#isAligned();
  }

  /** What ends of inputs have left to do comes before new rows; downstream operators first. */
  #emitPiece(): boolean {
    const runner = this.chain.runners.findLast(({ working }) => working);
    if (runner === undefined) return false;
    this.#inArena(() => runner.emitPiece());
    return true;
  }

  #poll(): boolean {
    const count = this.#heads.length;
    for (let i = 0; i < count; i++) {
      const index = (this.#nextHead + i) % count;
      const head = this.#heads[index]!;
      if (head.ended || head.blockedByBarrier || this.#holds[index]!()) continue;
      if (this.#inArena(() => head.poll()) === "progress") {
        this.#nextHead = (index + 1) % count;
        if (this.#snapshot !== undefined)
          this.#rowsMs = this.#options.environment.env.clock.monotonicMs();
        return true;
      }
    }
    return false;
  }

  /** Whether a barrier has come to every head that has not ended. */
  #isAligned(): boolean {
    const checkpointId = this.#awaited[0]?.barrier.checkpointId;
    if (checkpointId === undefined) return false;
    return this.#heads.every((head) => head.ended || head.reached(checkpointId));
  }

  #barrier(): StepResult {
    const { barrier, sinceMs } = this.#awaited[0]!;
    // Snapshots of one subtask are taken one after the other.
    if (this.#snapshot !== undefined) return "progress";
    this.#awaited.shift();
    this.#lastCheckpointId = barrier.checkpointId;
    const { environment, outputs, state } = this.#options;
    const { clock } = environment.env;
    const startMs = clock.monotonicMs();
    const sources = this.#sourcePositions();
    this.#inArena(() => {
      for (const runner of this.chain.runners) runner.prepareSnapshot();
    });
    for (const output of outputs) output.barrier(barrier);
    if (!this.#aborted.delete(barrier.checkpointId)) {
      const watermarks = this.#watermarks();
      const run = state.beginSnapshot(barrier);
      this.#snapshot = run;
      this.#rowsMs = startMs;
      const sinks = this.#prepareCommits(barrier.checkpointId);
      const syncMs = clock.monotonicMs() - startMs;
      const ended = this.#endedNodes();
      const alignmentMs = startMs - sinceMs;
      const part = { sources, watermarks, ended, syncMs, alignmentMs };
      this.#complete(barrier.checkpointId, part, startMs, run, sinks);
    }
    if (barrier.stop === "none") for (const head of this.#heads) head.unblock(barrier.checkpointId);
    else this.#stopped = true;
    const next = this.#triggers.shift();
    if (next !== undefined) this.triggerCheckpoint(next);
    return "progress";
  }

  #complete(
    checkpointId: number,
    part: Pick<SubtaskReport, "sources" | "watermarks" | "ended" | "syncMs" | "alignmentMs">,
    startMs: number,
    run: StateSnapshotRun,
    sinks: Promise<Record<string, SinkSnapshot>>,
  ): void {
    const { events, environment } = this.#options;
    this.#unanswered++;
    const answered = () => {
      this.#unanswered--;
      environment.wake();
    };
    Promise.all([run.done, sinks]).then(
      ([state, sinkSnapshots]) => {
        answered();
        events.onSnapshot(checkpointId, {
          ...part,
          task: this.task.id,
          subtask: this.subtaskIndex,
          sinks: sinkSnapshots,
          state,
          asyncMs: environment.env.clock.monotonicMs() - startMs - part.syncMs,
        });
      },
      (error: unknown) => {
        answered();
        events.onSnapshotFailed(checkpointId, error);
      },
    );
  }

  #finish(): StepResult {
    this.#phase = "finishing";
    const { environment } = this.#options;
    this.#prepareCommits(this.#lastCheckpointId + 1).then(
      (sinks) => {
        this.#lastCommits = sinks;
        environment.wake();
      },
      (error: unknown) => environment.fail(error),
    );
    return "progress";
  }

  /**
   * The end has come when the last commits are prepared, and everything has left: rows, and state
   * of a barrier before. (The master takes the report of the end for the answer to any barrier
   * that it has none for: it must come behind them.)
   */
  #stepFinishing(): boolean {
    if (this.#lastCommits === undefined || this.#unanswered > 0) return false;
    if (!this.#options.outputs.every((output) => output.isDrained)) return false;
    this.#phase = "finished";
    this.#options.events.onFinished({
      task: this.task.id,
      subtask: this.subtaskIndex,
      sources: this.#sourcePositions(),
      sinks: this.#lastCommits,
      watermarks: this.#watermarks(),
      ended: this.#endedNodes(),
      state: undefined,
      alignmentMs: 0,
      syncMs: 0,
      asyncMs: 0,
    });
    return true;
  }

  async #prepareCommits(checkpointId: number): Promise<Record<string, SinkSnapshot>> {
    const sinks = this.chain.sinks.map(
      async (sink): Promise<[string, SinkSnapshot]> => [
        sink.node.uid,
        await sink.prepareCommit(checkpointId),
      ],
    );
    return Object.fromEntries(await Promise.all(sinks));
  }

  #sourcePositions(): Record<string, readonly SourceSplit[]> {
    return Object.fromEntries(
      this.chain.sources.map((head) => [
        head.node.uid,
        head.blockedByBarrier ? head.positionsAtBarrier() : head.positions(),
      ]),
    );
  }

  #watermarks(): Record<string, number> {
    return Object.fromEntries(
      this.chain.runners.map(({ node, watermark }) => [node.uid, watermark]),
    );
  }

  #endedNodes(): string[] {
    return [...this.chain.sources, ...this.chain.runners, ...this.chain.sinks]
      .filter(({ ended }) => ended)
      .map(({ node }) => node.uid);
  }

  #inArena<T>(action: () => T): T {
    const { arena } = this.#options.environment;
    const mark = arena.mark();
    const result = action();
    arena.release(mark);
    return result;
  }
}
