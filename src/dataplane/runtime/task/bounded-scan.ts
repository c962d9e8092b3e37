/**
 * BoundedScan: reads a table from its beginning for an operator that keeps it (lookup joins), beside the job's sources.
 *
 * Flow:    registry → enumerator.discover() → a reader of its own with all splits → receive(batch).
 * Rules:   between two batches other work of the subtask may run; the arena is given back after each. Behind close() nothing
 *          is opened any more. Reader and enumerator are closed whatever happens; what failed first is told.
 * Errors:  those of the connector.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { TableSourceScanNode } from "../../../foundation/plan/exec-node.ts";
import type { TableScan } from "../../contract/lookup.ts";
import type { SourceReader } from "../../contract/source.ts";
import type { TaskEnvironment } from "./task-environment.ts";
import type { TaskMetricGroup } from "./task-metrics.ts";

export class BoundedScan implements TableScan {
  readonly #node: TableSourceScanNode;
  readonly #environment: TaskEnvironment;
  readonly #metrics: TaskMetricGroup;
  #reader: SourceReader | undefined;
  #closed = false;

  constructor(node: TableSourceScanNode, environment: TaskEnvironment, metrics: TaskMetricGroup) {
    this.#node = node;
    this.#environment = environment;
    this.#metrics = metrics;
  }

  async read(receive: (batch: BatchPtr) => void): Promise<void> {
    if (this.#closed) return;
    const { registry, env, config, plan, runtime } = this.#environment;
    const node = this.#node;
    const factory = registry.source(node.table.options.connector ?? "");
    factory.validate(node);
    const common = { node, env, config, parallelism: 1, timeZone: plan.timeZone };
    const enumerator = factory.createEnumerator(common);
    const failures: unknown[] = [];
    const attempt = (action: () => Promise<void>) =>
      action().catch((error: unknown) => {
        failures.push(error);
      });
    await attempt(async () => {
      const splits = await enumerator.discover();
      if (this.#closed) return;
      const reader = factory.createReader({
        ...common,
        runtime,
        metrics: this.#metrics,
        subtaskIndex: 0,
        output: node.output,
      });
      this.#reader = reader;
      await reader.open();
      if (this.#closed) return;
      reader.addSplits(splits);
      if (splits.length > 0) await this.#drain(reader, splits.length, receive);
    });
    await attempt(() => this.#closeReader());
    await attempt(() => enumerator.close());
    if (failures.length > 0) throw failures[0];
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#closeReader();
  }

  async #drain(
    reader: SourceReader,
    splits: number,
    receive: (batch: BatchPtr) => void,
  ): Promise<void> {
    const { arena } = this.#environment;
    for (let left = splits; left > 0 && !this.#closed; ) {
      const mark = arena.mark();
      const result = reader.poll();
      if (result.kind === "batch") receive(result.batch);
      arena.release(mark);
      if (result.kind === "finished") left--;
      if (result.kind === "empty") return;
      if (result.kind === "idle") await reader.wait();
    }
  }

  async #closeReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close();
  }
}
