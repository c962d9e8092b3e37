/**
 * Worker: hosts one subtask of every task, in one thread, with one memory. Knows no thread: it is
 *         given messages and posts
 * messages, and its loop yields to the host between slices, so that timers and I/O are served.
 *
 * Flow:    job master → handle(message) → subtasks ⇄ rings → post(message) → job master.
 * Loop:    every subtask steps in turn until a slice is over (SLICE_MS, SLICE_ROUNDS); with nothing
 *          to do the worker parks and is woken by a ring's other end, an I/O completion, a timer or
 *          a message.
 * Errors:  any error of a subtask is posted once as `failed`; the loop stops, the master tears all
 *          workers down.
 */
import { type ErrorObject, toMillraceError } from "../../../foundation/base/errors.ts";
import type { GroupWatermark } from "../master/group-watermarks.ts";
import { WorkerAlignment } from "./worker-alignment.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { SinkPorts } from "../../contract/sink.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import { runtimeErrors } from "../errors.ts";
import { buildJobGraph } from "../graph/job-graph.ts";
import { operatorParallelism } from "../options.ts";
import { closeChain } from "../task/chain.ts";
import { UnlocatedError } from "../task/row-origin.ts";
import type { CreateSubtaskState, OperatorFactories } from "../task/task-environment.ts";
import {
  type DeployMessage,
  type MasterMessage,
  MESSAGES_VERSION,
  type WorkerMessage,
  type WorkerMetrics,
} from "./messages.ts";
import { deploySubtasks, type DeployedSubtask } from "./deploy-subtasks.ts";
import type { WakeBoard } from "./wake-board.ts";

const SLICE_MS = 5;
const SLICE_ROUNDS = 256;
/** Of a subtask that reads rings, at most. */
const STEPS_A_ROUND = 8;

export interface WorkerOptions {
  readonly index: number;
  readonly env: Env;
  readonly runtime: WorkerRuntime;
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  readonly createState: CreateSubtaskState;
  readonly board: WakeBoard;
  readonly ports: SinkPorts;
  readonly post: (message: WorkerMessage) => void;
}

interface Hosted extends DeployedSubtask {
  lastState: "busy" | "idle" | "blocked";
}

export class Worker {
  readonly #options: WorkerOptions;
  #hosted: Hosted[] = [];
  #phase: "new" | "deployed" | "running" | "failed" | "closed" = "new";
  #scheduled = false;
  #woken = false;
  #received = 0;
  #posted = 0;
  #deploying: Promise<void> = Promise.resolve();
  #closing: Promise<readonly ErrorObject[]> | undefined;
  #alignment: WorkerAlignment | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  handle(message: MasterMessage): void {
    const { sequence } = message;
    if (sequence !== undefined && sequence !== this.#received++) {
      this.#fail(this.#lost(sequence, this.#received - 1));
      return;
    }
    switch (message.kind) {
      case "deploy":
        this.#deploying = this.#deploy(message).catch((error: unknown) => this.#fail(error));
        break;
      case "start":
        if (this.#phase === "deployed") this.#phase = "running";
        this.#align();
        this.wake();
        break;
      case "splits":
        for (const { subtask } of this.#hosted)
          if (subtask.subtaskIndex === message.subtask)
            subtask.assignSplits(message.node, message.splits, message.noMore);
        break;
      case "trigger":
        this.#trigger(message);
        break;
      case "aborted":
        for (const { subtask } of this.#hosted) subtask.abortCheckpoint(message.checkpointId);
        break;
      case "completed":
        for (const { subtask } of this.#hosted) subtask.completeCheckpoint(message.checkpointId);
        break;
      case "report-metrics":
        this.#reportMetrics(message.request);
        break;
      case "align":
        this.#alignment?.allow(message.groups);
        this.wake();
        break;
      case "tap":
        this.#tap(message.node, message.active);
        break;
      case "close":
        void this.close().then((failures) => this.#options.post({ kind: "closed", failures }));
        break;
    }
  }

  #align(): void {
    const sources = this.#hosted.flatMap(({ subtask }) => [...subtask.chain.aligned.values()]);
    if (sources.length === 0) return;
    const report = (groups: readonly GroupWatermark[]) =>
      this.#post({ kind: "watermarks", groups });
    this.#alignment = new WorkerAlignment(sources, this.#options.env.timers, report);
  }

  /** There may be something to do. */
  readonly wake = (): void => {
    this.#woken = true;
    if (this.#scheduled || this.#phase !== "running") return;
    this.#scheduled = true;
    this.#options.env.timers.yield(this.#slice);
  };

  /**
   * Closes operators, readers and writers; returns what failed at that, which is for the log: the
   * checkpoint counts.
   */
  close(): Promise<readonly ErrorObject[]> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<readonly ErrorObject[]> {
    this.#phase = "closed";
    this.#alignment?.close();
    await this.#deploying;
    const failures: unknown[] = [];
    for (const { subtask, state } of this.#hosted) {
      subtask.close();
      failures.push(...(await closeChain(subtask.chain)));
      try {
        state.close();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#hosted = [];
    return failures.map((error) => toMillraceError(error).toObject({ withValue: true }));
  }

  async #deploy(message: DeployMessage): Promise<void> {
    if (message.version !== MESSAGES_VERSION)
      throw runtimeErrors.MESSAGE_VERSION({ found: message.version, known: MESSAGES_VERSION });
    const { parallelism, maxParallelism, config } = message;
    const operators = operatorParallelism(config);
    const graph = buildJobGraph(message.plan, { parallelism, maxParallelism, operators });
    const nowMs = this.#options.env.clock.monotonicMs();
    await deploySubtasks({
      message,
      graph,
      worker: this.#options,
      wake: this.wake,
      fail: (error) => this.#fail(error),
      post: (reply) => this.#post(reply),
      add: (deployed) => {
        deployed.times.lastMs = nowMs;
        this.#hosted.push({ ...deployed, lastState: "idle" });
      },
    });
    if (this.#phase !== "new") return;
    this.#phase = "deployed";
    this.#post({ kind: "deployed" });
  }

  readonly #slice = (): void => {
    this.#scheduled = false;
    if (this.#phase !== "running") return;
    const { board, index, env } = this.#options;
    const untilMs = env.clock.monotonicMs() + SLICE_MS;
    let rounds = 0;
    let progress = true;
    while (progress && rounds++ < SLICE_ROUNDS && env.clock.monotonicMs() < untilMs) {
      this.#woken = false;
      progress = this.#round();
    }
    if (this.#phase !== "running") return;
    this.#sendTaps();
    if (progress || this.#woken) {
      this.wake();
      return;
    }
    board.arm(index);
    if (board.needsSecondLook && this.#round()) this.wake();
    else board.wait(index, this.wake);
  };

  #round(): boolean {
    let progress = false;
    for (const hosted of this.#hosted) {
      // Rings are emptied first: what lies in them is in the cache still, and full ones cost a copy.
      const most = hosted.subtask.inputs.length === 0 ? 1 : STEPS_A_ROUND;
      try {
        for (let steps = 0; steps < most && this.#step(hosted); steps++) progress = true;
      } catch (error) {
        this.#fail(error);
        return false;
      }
    }
    return progress;
  }

  /** Steps one subtask and accounts the time: the gap before goes to what the last step said. */
  #step(hosted: Hosted): boolean {
    const { clock } = this.#options.env;
    const startMs = clock.monotonicMs();
    const { times } = hosted;
    const gapMs = startMs - times.lastMs;
    if (hosted.lastState === "idle") times.idle.value += gapMs;
    else if (hosted.lastState === "blocked") times.blocked.value += gapMs;
    else times.busy.value += gapMs;
    const result = hosted.subtask.step();
    times.lastMs = clock.monotonicMs();
    times.busy.value += times.lastMs - startMs;
    hosted.lastState = result === "progress" ? "busy" : result === "blocked" ? "blocked" : "idle";
    return result === "progress";
  }

  #trigger({ barrier }: Extract<MasterMessage, { kind: "trigger" }>): void {
    try {
      for (const { subtask } of this.#hosted) subtask.triggerCheckpoint(barrier);
    } catch (error) {
      this.#fail(error);
    }
    this.wake();
  }

  #tap(node: number, active: boolean): void {
    for (const { subtask } of this.#hosted)
      for (const sink of subtask.chain.sinks) if (sink.node.id === node) sink.tap.setActive(active);
  }

  #sendTaps(): void {
    for (const { subtask } of this.#hosted) {
      for (const sink of subtask.chain.sinks) {
        const taken = sink.tap.active ? sink.tap.take() : undefined;
        if (taken === undefined) continue;
        const { subtaskIndex } = subtask;
        this.#post({ kind: "rows", node: sink.node.id, subtask: subtaskIndex, ...taken });
      }
    }
  }

  #lost(sent: number, arrived: number): Error {
    const way = `to worker ${this.#options.index}`;
    return runtimeErrors.MESSAGES_LOST({ way, sent, arrived });
  }

  #reportMetrics(request: number): void {
    const posted = this.#posted;
    this.#post({ kind: "metrics", request, posted, metrics: this.#metrics() });
  }

  #metrics(): WorkerMetrics {
    const nowMs = this.#options.env.clock.monotonicMs();
    return {
      memoryBytes: this.#options.runtime.memory.buffer.byteLength,
      subtasks: this.#hosted.map(({ subtask }) => ({
        task: subtask.task.id,
        subtask: subtask.subtaskIndex,
        values: subtask.metrics.report(nowMs),
      })),
      nodes: this.#hosted.flatMap(({ subtask }) =>
        [...subtask.chain.metrics].map(([node, group]) => ({
          node,
          subtask: subtask.subtaskIndex,
          values: group.report(nowMs),
        })),
      ),
    };
  }

  #fail(error: unknown): void {
    if (this.#phase === "failed" || this.#phase === "closed") return;
    this.#phase = "failed";
    const post = (known: unknown) =>
      this.#options.post({
        kind: "failed",
        error: toMillraceError(known).toObject({ withValue: true }),
      });
    if (error instanceof UnlocatedError) void error.located().then(post);
    else post(error);
  }

  #post(message: WorkerMessage): void {
    if (this.#phase === "failed" || this.#phase === "closed") return;
    this.#posted++;
    this.#options.post(message);
  }
}
