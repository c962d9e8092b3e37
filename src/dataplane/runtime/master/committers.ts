/**
 * Committers: one per sink that commits in two phases; makes what a completed checkpoint holds
 *             visible.
 *
 * Rules:   only after the checkpoint's manifest is durable. Committing again after a restore is the
 *          committer's to bear.
 * Errors:  MR5018 around anything that is not a catalogue error.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecPlan, SinkNode } from "../../../foundation/plan/exec-node.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import type { Committable, Committer } from "../../contract/sink.ts";
import { runtimeErrors } from "../errors.ts";
import type { Config } from "../options.ts";
import type { SubtaskReport } from "../task/subtask.ts";

export class Committers {
  readonly #sinks: readonly { readonly node: SinkNode; readonly committer: Committer }[];
  /**
   * Ids of the last commit, by uid: a writer that has not heard of it yet hands them out once more.
   */
  #last: Readonly<Record<string, ReadonlySet<string>>> = {};

  constructor(options: {
    readonly plan: ExecPlan;
    readonly registry: ConnectorRegistry;
    readonly env: Env;
    readonly config: Config;
    readonly jobId: string;
  }) {
    const { plan, registry, env, config, jobId } = options;
    this.#sinks = plan.nodes.flatMap((node) => {
      if (node.type !== "Sink") return [];
      const factory = registry.sink(node.table.options.connector ?? "");
      const committer = factory.createCommitter?.({
        node,
        env,
        config,
        jobId,
        timeZone: plan.timeZone,
      });
      return committer === undefined ? [] : [{ node, committer }];
    });
  }

  get isEmpty(): boolean {
    return this.#sinks.length === 0;
  }

  async commit(reports: readonly SubtaskReport[], checkpointId: number): Promise<void> {
    const byUid: Record<string, Committable[]> = {};
    for (const report of reports)
      for (const [uid, { committables }] of Object.entries(report.sinks))
        byUid[uid] = [...(byUid[uid] ?? []), ...committables];
    await this.commitAll(byUid, checkpointId);
  }

  async commitAll(
    byUid: Readonly<Record<string, readonly Committable[]>>,
    checkpointId: number,
  ): Promise<void> {
    for (const { node, committer } of this.#sinks) {
      const last = this.#last[node.uid];
      const committables = (byUid[node.uid] ?? []).filter(({ id }) => last?.has(id) !== true);
      if (committables.length === 0) continue;
      try {
        await committer.commit(committables);
      } catch (error) {
        if (error instanceof MillraceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw runtimeErrors.SINK_COMMIT_FAILED(
          { sink: node.table.name, checkpointId, reason },
          { cause: error },
        );
      }
    }
    this.#remember(byUid);
  }

  #remember(byUid: Readonly<Record<string, readonly Committable[]>>): void {
    this.#last = Object.fromEntries(
      Object.entries(byUid).map(([uid, parts]) => [uid, new Set(parts.map(({ id }) => id))]),
    );
  }

  /** Closes all, whatever fails, and throws the first failure. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(
      this.#sinks.map(async (each) => each.committer.close()),
    );
    const failed = closed.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
