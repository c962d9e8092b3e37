/**
 * Runs SQL scripts on Flink and measures them: CPU seconds of the TaskManager, wall time from submission to end.
 *
 * Flow:    bench commands → here → sql-gateway (submission), the JobManager's REST (end).
 * Measure: /proc of the TaskManager just before the INSERT is sent and as soon as the job has finished. What
 *          the JobManager and the gateway cost is left out, in Flink's favour.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Cost, watchOthers } from "../../cpu.ts";
import type { Engine } from "../../engine.ts";
import { benchErrors } from "../../errors.ts";
import { splitStatements } from "../../sql-script.ts";
import { FlinkCluster } from "./cluster.ts";
import { type FlinkSetup, managedMbOf } from "./configuration.ts";
import { obtainFlink } from "./installation.ts";
import { restCall, rootCause } from "./rest.ts";
import { GatewaySession } from "./sql-gateway.ts";

const POLL_MS = 50;

export class FlinkEngine implements Engine {
  readonly name = "Flink";
  readonly cluster: FlinkCluster;
  private jobFailed = false;

  private constructor(cluster: FlinkCluster) {
    this.cluster = cluster;
  }

  static async start(
    slots: number,
    extraJars: readonly string[] = [],
    setup?: FlinkSetup,
  ): Promise<FlinkEngine> {
    const installation = await obtainFlink(extraJars);
    return new FlinkEngine(await FlinkCluster.start(installation, slots, setup));
  }

  /** How the ratio's other side was set up, for the reader of a figure. */
  describe(): string {
    const { installation, memoryMb, slots, setup } = this.cluster;
    const { backend = "hashmap", checkpointInterval } = setup;
    const managed = backend === "rocksdb" ? ` (${managedMbOf(setup, memoryMb)} MB managed)` : "";
    const checkpoints =
      checkpointInterval === undefined
        ? "no checkpoints"
        : `incremental checkpoints every ${checkpointInterval}`;
    return (
      `Flink ${installation.version}, ${installation.javaVersion}, one TaskManager of ${memoryMb} MB, ` +
      `${slots} slots, ${backend} state${managed}, object reuse on, ${checkpoints}`
    );
  }

  async run(script: string, parallelism: number): Promise<Cost> {
    const { cluster } = this;
    const session = await GatewaySession.open(cluster.ports.gateway, {
      "execution.runtime-mode": "streaming",
      "parallelism.default": String(parallelism),
    });
    try {
      const statements = splitStatements(script);
      for (const statement of statements.slice(0, -1)) await session.run(statement);
      const others = watchOthers();
      const allBefore = cluster.allCpuSeconds();
      const before = cluster.taskManagerCpuSeconds();
      const begun = performance.now();
      const { jobId } = await session.run(statements.at(-1)!);
      if (jobId === undefined)
        throw benchErrors.PEER_STATEMENT({ reason: "no job", statement: statements.at(-1)! });
      await this.waitForEnd(jobId);
      const wallSeconds = (performance.now() - begun) / 1000;
      const cpuSeconds = cluster.taskManagerCpuSeconds() - before;
      return { cpuSeconds, wallSeconds, othersCores: others(cluster.allCpuSeconds() - allBefore) };
    } finally {
      await session.close();
    }
  }

  /** Time of one SELECT, from a new session to its first row. */
  async select(statement: string): Promise<{ firstRowMs: number; rows: number }> {
    const begun = performance.now();
    const session = await GatewaySession.open(this.cluster.ports.gateway, {
      "table.exec.mini-batch.enabled": "false",
    });
    try {
      const { rows, firstRowAt } = await session.run(statement);
      return { firstRowMs: (firstRowAt ?? performance.now()) - begun, rows: rows.length };
    } finally {
      await session.close();
    }
  }

  /** The logs stay when a job failed. */
  stop(): Promise<void> {
    return this.cluster.stop(this.jobFailed);
  }

  private async waitForEnd(job: string): Promise<void> {
    for (;;) {
      const { body } = await restCall(this.cluster.ports.rest, `/v1/jobs/${job}/status`);
      const state = String(body.status ?? "unknown");
      if (state === "FINISHED") return;
      if (state === "FAILED" || state === "CANCELED" || state === "SUSPENDED") {
        this.jobFailed = true;
        const reason = await this.reasonOf(job);
        throw benchErrors.PEER_JOB({ job, state, reason, logs: this.cluster.logs });
      }
      await sleep(POLL_MS);
    }
  }

  private async reasonOf(job: string): Promise<string> {
    const { body } = await restCall(this.cluster.ports.rest, `/v1/jobs/${job}/exceptions`);
    const history = body.exceptionHistory as unknown as
      | { readonly entries?: readonly { readonly stacktrace?: string }[] }
      | undefined;
    return rootCause(history?.entries?.[0]?.stacktrace ?? "unknown");
  }
}
