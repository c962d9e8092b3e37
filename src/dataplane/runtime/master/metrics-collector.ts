/**
 * MetricsCollector: asks all workers for their metrics and adds them up by operator and task.
 *
 * Rules:   counters, rates and times are summed over subtasks (times then averaged); watermarks
 *          take the smallest, other gauges the largest value. The per-subtask values are kept
 *          beside the sums.
 */
import type { Clock } from "../../../foundation/host/env.ts";
import { type JobGraph, nodeName } from "../graph/job-graph.ts";
import type { MetricValues } from "../task/task-metrics.ts";
import type { WorkerMessage, WorkerMetrics } from "../worker/messages.ts";
import type { Execution } from "./execution.ts";

export interface VertexMetrics {
  readonly task: number;
  readonly name: string;
  readonly parallelism: number;
  readonly values: MetricValues;
  readonly subtasks: readonly MetricValues[];
}

export interface OperatorMetrics {
  readonly node: number;
  readonly uid: string;
  readonly name: string;
  readonly task: number;
  readonly values: MetricValues;
  readonly subtasks: readonly MetricValues[];
}

export interface JobMetrics {
  /** Epoch ms of the report; 0 before the first. */
  readonly atMs: number;
  /** Restarts and checkpoints, under Flink's names. */
  readonly job: MetricValues;
  readonly vertices: readonly VertexMetrics[];
  readonly operators: readonly OperatorMetrics[];
  readonly memoryBytes: number;
}

type MetricsReply = Extract<WorkerMessage, { kind: "metrics" }>;

interface Pending {
  readonly replies: Map<number, WorkerMetrics>;
  readonly wanted: number;
  readonly resolve: () => void;
}

const AVERAGED = /TimeMsPerSecond$/;
const SMALLEST = /Watermark$/;
const LARGEST = /^(current(?!.*Watermark)|last|max|watermarkLatency)/;

export class MetricsCollector {
  readonly #graph: JobGraph;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #nextRequest = 1;
  #latest: Omit<JobMetrics, "job"> = { atMs: 0, vertices: [], operators: [], memoryBytes: 0 };
  readonly #job: () => MetricValues;

  constructor(graph: JobGraph, clock: Clock, job: () => MetricValues) {
    this.#graph = graph;
    this.#clock = clock;
    this.#job = job;
  }

  get latest(): JobMetrics {
    return { ...this.#latest, job: this.#job() };
  }

  /** Workers that have not answered the oldest request that is open. */
  get silentWorkers(): readonly number[] {
    const [oldest] = this.#pending.values();
    if (oldest === undefined) return [];
    const workers = Array.from({ length: oldest.wanted }, (_, worker) => worker);
    return workers.filter((worker) => !oldest.replies.has(worker));
  }

  /** Resolves when every worker has answered, or the execution is closed. */
  async collect(execution: Execution): Promise<void> {
    const request = this.#nextRequest++;
    const replies = new Map<number, WorkerMetrics>();
    const answered = new Promise<void>((resolve) => {
      this.#pending.set(request, { replies, resolve, wanted: execution.workers });
    });
    execution.broadcast({ kind: "report-metrics", request });
    await answered;
  }

  receive(worker: number, reply: MetricsReply): void {
    const pending = this.#pending.get(reply.request);
    if (pending === undefined) return;
    pending.replies.set(worker, reply.metrics);
    if (pending.replies.size < pending.wanted) return;
    this.#pending.delete(reply.request);
    this.#latest = this.#combine([...pending.replies.values()]);
    pending.resolve();
  }

  /** The workers are gone: who waits gets the report before. */
  abandon(): void {
    for (const pending of this.#pending.values()) pending.resolve();
    this.#pending.clear();
  }

  #combine(workers: readonly WorkerMetrics[]): Omit<JobMetrics, "job"> {
    const subtasks = workers.flatMap((worker) => worker.subtasks);
    const nodes = workers.flatMap((worker) => worker.nodes);
    return {
      atMs: this.#clock.nowMs(),
      memoryBytes: workers.reduce((sum, worker) => sum + worker.memoryBytes, 0),
      vertices: this.#graph.tasks.map(({ id, name, parallelism }) => {
        const parts = ordered(subtasks.filter(({ task }) => task === id));
        return { task: id, name, parallelism, values: combine(parts), subtasks: parts };
      }),
      operators: this.#graph.tasks.flatMap((task) =>
        task.nodes.map((node) => {
          const parts = ordered(nodes.filter((metrics) => metrics.node === node.id));
          const { id, uid } = node;
          const values = combine(parts);
          return { node: id, uid, name: nodeName(node), task: task.id, values, subtasks: parts };
        }),
      ),
    };
  }
}

function ordered(
  parts: readonly { readonly subtask: number; readonly values: MetricValues }[],
): MetricValues[] {
  return parts.toSorted((a, b) => a.subtask - b.subtask).map(({ values }) => values);
}

function combine(parts: readonly MetricValues[]): MetricValues {
  const combined: Record<string, number> = {};
  for (const values of parts) {
    for (const [name, value] of Object.entries(values)) {
      const before = combined[name];
      if (before === undefined) combined[name] = value;
      else if (SMALLEST.test(name)) combined[name] = Math.min(before, value);
      else if (LARGEST.test(name)) combined[name] = Math.max(before, value);
      else combined[name] = before + value;
    }
  }
  for (const name of Object.keys(combined))
    if (AVERAGED.test(name)) combined[name] = combined[name]! / parts.length;
  return combined;
}
