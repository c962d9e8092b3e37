/**
 * Execution: one attempt of a job: its workers, their exchanges, and its splits. Ends with
 *            everything finished, or with the first
 * failure; the job master decides what comes next.
 *
 * Flow:    job master → here → workers (deploy, splits, start) → reports → job master.
 * Limits:  RING_BYTES for each pair of subtasks that exchange rows; the rings of one job take
 *          RINGS_LIMIT_BYTES at most, beyond that they get smaller, down to RING_SMALLEST_BYTES.
 */
import type { Env } from "../../../foundation/host/env.ts";
import { type ErrorObject, toMillraceError } from "../../../foundation/base/errors.ts";
import type { ExecPlan, TableSourceScanNode } from "../../../foundation/plan/exec-node.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import type { SourceSplit } from "../../contract/source.ts";
import { ringBytes } from "../exchange/ring.ts";
import { consumersOf, type JobGraph } from "../graph/job-graph.ts";
import type { SubtaskReport } from "../task/subtask.ts";
import {
  type EdgeRings,
  type MasterMessage,
  MESSAGES_VERSION,
  type RestoredTasks,
  type WorkerMessage,
} from "../worker/messages.ts";
import type { WorkerLink, WorkerTransport } from "../worker/transport.ts";
import { runtimeErrors } from "../errors.ts";
import { errorFromObject } from "./error-object.ts";
import { GroupWatermarks } from "./group-watermarks.ts";
import { type EnumeratorSnapshot, SplitAssigner } from "./split-assigner.ts";

const RING_BYTES = 4 * 1024 * 1024;
const RING_SMALLEST_BYTES = 64 * 1024;
const RINGS_LIMIT_BYTES = 256 * 1024 * 1024;

/** What a restore gives an execution, by uid. */
export interface RestoredSources {
  readonly enumerators: Readonly<Record<string, EnumeratorSnapshot>>;
  readonly splits: Readonly<Record<string, readonly SourceSplit[]>>;
}

export interface ExecutionEvents {
  readonly onFailed: (error: unknown) => void;
  readonly onSnapshot: (checkpointId: number, report: SubtaskReport) => void;
  readonly onDeclined: (checkpointId: number, task: number, error: ErrorObject) => void;
  readonly onFinished: (report: SubtaskReport) => void;
  readonly onMessage: (worker: number, message: WorkerMessage) => void;
}

export interface ExecutionOptions {
  readonly jobId: string;
  readonly attempt: number;
  readonly plan: ExecPlan;
  readonly graph: JobGraph;
  readonly config: Readonly<Record<string, string>>;
  readonly env: Env;
  readonly registry: ConnectorRegistry;
  readonly transport: WorkerTransport;
  readonly checkpointDirectory: string | undefined;
  readonly restored:
    | { readonly tasks: RestoredTasks; readonly sources: RestoredSources }
    | undefined;
  readonly events: ExecutionEvents;
}

export class Execution {
  readonly #options: ExecutionOptions;
  readonly #finished = new Map<string, SubtaskReport>();
  readonly #watermarks = new GroupWatermarks();
  #links: readonly WorkerLink[] = [];
  #assigners: readonly SplitAssigner[] = [];
  /** By worker: messages to it, and those of its own that have come. */
  readonly #sent: number[] = [];
  readonly #arrived: number[] = [];
  #deployed = 0;
  #allDeployed: () => void = () => {};
  #phase: "starting" | "running" | "failed" | "closed" = "starting";
  #closing: Promise<readonly ErrorObject[]> | undefined;
  /**
   * Resolves at the first failure, or at close(): nothing of the workers is to be waited for any
   * more.
   */
  readonly over: Promise<void>;
  #resolveOver: () => void = () => {};

  constructor(options: ExecutionOptions) {
    this.#options = options;
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
  }

  /** True from when reading has started until the first failure, or the end. */
  get isRunning(): boolean {
    return this.#phase === "running";
  }

  /** Reports of the subtasks that have ended. */
  get finished(): readonly SubtaskReport[] {
    return [...this.#finished.values()];
  }

  get allFinished(): boolean {
    const { tasks } = this.#options.graph;
    return this.#finished.size === tasks.reduce((sum, task) => sum + task.parallelism, 0);
  }

  /** Deploys, waits until every subtask is open, and starts reading. */
  async start(): Promise<void> {
    const { graph, transport, env } = this.#options;
    const workers = Math.max(...graph.tasks.map((task) => task.parallelism));
    const links = await transport.start(
      workers,
      (worker, message) => this.#receive(worker, message),
      (worker, error) => this.#lost(worker, error),
    );
    this.#links = links;
    if (this.#phase === "closed") {
      await this.#terminate();
      return;
    }
    const deployed = new Promise<void>((resolve) => {
      this.#allDeployed = resolve;
    });
    const { jobId, attempt, plan, config, checkpointDirectory, restored } = this.#options;
    const rings = this.#createRings();
    links.forEach((_, workerIndex) => {
      this.post(workerIndex, {
        kind: "deploy",
        version: MESSAGES_VERSION,
        jobId,
        attempt,
        workerIndex,
        plan,
        parallelism: graph.parallelism,
        maxParallelism: graph.maxParallelism,
        config,
        checkpointDirectory,
        rings,
        restored: restored?.tasks,
      });
    });
    await deployed;
    if (this.#phase !== "starting") return;
    this.#phase = "running";
    this.#assigners = this.#scans().map((node) => this.#createAssigner(node, env));
    const started = Promise.all(this.#assigners.map((assigner) => this.#startAssigner(assigner)));
    await Promise.race([started, this.over]);
    this.broadcast({ kind: "start" });
  }

  broadcast(message: MasterMessage): void {
    for (let worker = 0; worker < this.#links.length; worker++) this.post(worker, message);
  }

  post(worker: number, message: MasterMessage): void {
    const link = this.#links[worker];
    if (link === undefined) return;
    const sequence = this.#sent[worker] ?? 0;
    this.#sent[worker] = sequence + 1;
    link.post({ ...message, sequence });
  }

  get workers(): number {
    return this.#links.length;
  }

  enumeratorSnapshots(): Record<string, EnumeratorSnapshot> {
    return Object.fromEntries(
      this.#assigners.map((assigner) => [assigner.node.uid, assigner.snapshot()]),
    );
  }

  /** These reports are in a completed checkpoint: later ones need not commit what they hold. */
  forgetCommittables(stored: ReadonlySet<SubtaskReport>): void {
    for (const [key, report] of this.#finished) {
      if (!stored.has(report)) continue;
      const sinks = Object.fromEntries(
        Object.entries(report.sinks).map(([uid, { state }]) => [uid, { committables: [], state }]),
      );
      this.#finished.set(key, { ...report, sinks });
    }
  }

  /**
   * Ends all workers; resolves, with what failed to close, when nothing of the attempt runs any
   * more. Idempotent.
   */
  close(): Promise<readonly ErrorObject[]> {
    this.#phase = "closed";
    this.#allDeployed();
    this.#resolveOver();
    this.#closing ??= this.#terminate();
    return this.#closing;
  }

  async #terminate(): Promise<readonly ErrorObject[]> {
    const workers = this.#links.map((link) => link.terminate());
    const assigners = this.#assigners.map((assigner) => assigner.close().then(() => []));
    const outcomes = await Promise.allSettled<readonly ErrorObject[]>([...workers, ...assigners]);
    return outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : [toMillraceError(outcome.reason).toObject()],
    );
  }

  #receive(worker: number, message: WorkerMessage): void {
    if (this.#phase === "closed") return;
    const { events } = this.#options;
    const arrived = this.#arrived[worker] ?? 0;
    this.#arrived[worker] = arrived + 1;
    if (message.kind === "metrics" && message.posted !== arrived) {
      const way = `from worker ${worker}`;
      this.fail(runtimeErrors.MESSAGES_LOST({ way, sent: message.posted, arrived }));
      return;
    }
    switch (message.kind) {
      case "deployed":
        this.#deployed++;
        if (this.#deployed === this.#links.length) this.#allDeployed();
        break;
      case "failed":
        this.fail(errorFromObject(message.error));
        break;
      case "snapshot":
        events.onSnapshot(message.checkpointId, message.report);
        break;
      case "declined":
        events.onDeclined(message.checkpointId, message.task, message.error);
        break;
      case "finished":
        this.#finished.set(`${message.report.task}-${message.report.subtask}`, message.report);
        events.onFinished(message.report);
        break;
      case "watermarks": {
        const groups = this.#watermarks.report(worker, message.groups);
        if (groups.length > 0) this.broadcast({ kind: "align", groups });
        break;
      }
      default:
        events.onMessage(worker, message);
    }
  }

  #lost(worker: number, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.fail(runtimeErrors.WORKER_LOST({ worker, reason }, { cause: error }));
  }

  /** The attempt has failed; the first error counts. */
  fail(error: unknown): void {
    if (this.#phase === "failed" || this.#phase === "closed") return;
    this.#phase = "failed";
    this.#allDeployed();
    this.#resolveOver();
    this.#options.events.onFailed(error);
  }

  #scans(): TableSourceScanNode[] {
    return this.#options.plan.nodes.filter((node) => node.type === "TableSourceScan");
  }

  #createAssigner(node: TableSourceScanNode, env: Env): SplitAssigner {
    const { registry, graph, config, plan } = this.#options;
    const task = graph.tasks.find(({ nodes }) => nodes.some(({ id }) => id === node.id))!;
    const { parallelism } = task;
    const { timeZone, mode } = plan;
    const source = registry.source(node.table.options.connector ?? "");
    return new SplitAssigner({
      node,
      env,
      parallelism,
      enumerator: source.createEnumerator({ node, env, parallelism, config, timeZone, mode }),
      assign: (subtask, splits, noMore) => {
        this.post(subtask, { kind: "splits", node: node.id, subtask, splits, noMore });
      },
      fail: (error) => this.fail(error),
    });
  }

  async #startAssigner(assigner: SplitAssigner): Promise<void> {
    const { uid } = assigner.node;
    const sources = this.#options.restored?.sources;
    const snapshot = sources?.enumerators[uid];
    try {
      await assigner.start(
        snapshot === undefined ? undefined : { snapshot, splits: sources?.splits[uid] ?? [] },
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #createRings(): readonly EdgeRings[] {
    const { graph } = this.#options;
    const pairs = graph.edges.map((edge) => {
      const { parallelism } = graph.tasks[edge.fromTask]!;
      return Array.from({ length: parallelism }, (_, producer) =>
        consumersOf(edge, graph, producer),
      );
    });
    const count = pairs.flat(2).length;
    let capacity = RING_BYTES;
    while (capacity > RING_SMALLEST_BYTES && capacity * count > RINGS_LIMIT_BYTES) capacity /= 2;
    return graph.edges.map((edge, index) => ({
      edge: edge.id,
      rings: pairs[index]!.map((consumers) => {
        const row: (SharedArrayBuffer | undefined)[] = [];
        for (const consumer of consumers)
          row[consumer] = new SharedArrayBuffer(ringBytes(capacity));
        return row;
      }),
    }));
  }
}
