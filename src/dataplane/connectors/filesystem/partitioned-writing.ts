/**
 * PartitionedWriting: what a sink writer of a PARTITIONED BY table does besides writing parts: it routes rows to folders,
 * says which folders INSERT OVERWRITE replaces, and votes on partitions that are complete.
 *
 * Flow:    FileSinkWriter → here → PartitionRouter; barrier → cleared(), vote() → FileCommitter.
 */
import type { Files } from "../../../foundation/host/env.ts";
import type { SinkWriterContext } from "../../contract/sink.ts";
import type { ClearCommittable } from "./file-committer.ts";
import { onFile } from "./file-errors.ts";
import type { PartitionCommit, PartitionVote, PendingPartition } from "./partition-commit.ts";
import { type PartitionLayout, partitionFolder, textsOfPath } from "./partition-layout.ts";
import { PartitionRouter, type RoutedRows } from "./partition-router.ts";
import { parsePartitionText, partitionText } from "./partition-value.ts";

interface Pending {
  readonly dueMs: number;
  /** Told of at a barrier, and not written to since. */
  voted: boolean;
}

export class PartitionedWriting {
  readonly #context: SinkWriterContext;
  readonly #files: Files;
  readonly #root: string;
  readonly #layout: PartitionLayout;
  readonly #commit: PartitionCommit | undefined;
  readonly #router: PartitionRouter;
  readonly #pending = new Map<string, Pending>();
  readonly #written = new Set<string>();

  constructor(
    context: SinkWriterContext,
    options: {
      readonly root: string;
      readonly layout: PartitionLayout;
      readonly commit: PartitionCommit | undefined;
    },
  ) {
    this.#context = context;
    this.#files = context.env.files;
    this.#root = options.root;
    this.#layout = options.layout;
    this.#commit = options.commit;
    this.#router = new PartitionRouter(context.runtime, context.node.table.schema, options.layout);
  }

  restore(pending: readonly PendingPartition[]): void {
    for (const { folder, dueMs } of pending) this.#pending.set(folder, { dueMs, voted: false });
  }

  route(batch: number): RoutedRows[] {
    const routed = this.#router.route(batch);
    for (const { folder } of routed) {
      if (this.#context.node.overwrite === true) this.#written.add(folder);
      if (this.#commit !== undefined) this.#await(folder, this.#commit);
    }
    return routed;
  }

  /** What goes when this job's parts come. */
  cleared(keep: string): ClearCommittable[] {
    const { node, subtaskIndex } = this.#context;
    if (node.overwriteAll === true)
      return subtaskIndex === 0 ? [{ id: "overwrite", folder: this.#root, keep, deep: true }] : [];
    const folders = new Set(this.#written);
    const named = this.#named(node.partition ?? {});
    if (named !== undefined && subtaskIndex === 0) folders.add(named);
    return [...folders].map((folder) => ({
      id: `overwrite ${folder}`,
      folder: `${this.#root}/${folder}`,
      keep,
      deep: true,
    }));
  }

  async vote(checkpointId: number, watermark: number): Promise<PartitionVote | undefined> {
    if (this.#commit === undefined) return undefined;
    const { byWatermark, fileName } = this.#commit;
    for (const [folder, { voted }] of this.#pending) {
      const mark = `${this.#root}/${folder}/${fileName}`;
      if (voted && (await onFile("read", mark, () => this.#files.stat(mark))) !== undefined)
        this.#pending.delete(folder);
    }
    for (const pending of this.#pending.values()) pending.voted = true;
    const { subtaskIndex: subtask, attempt } = this.#context;
    return {
      id: `partitions-${attempt}-${subtask}-${checkpointId}`,
      partitions: [...this.#pending].map(([folder, { dueMs }]) => ({ folder, dueMs })),
      byWatermark,
      watermark,
      subtask,
      checkpointId,
      root: this.#root,
      fileName,
    };
  }

  close(): void {
    this.#router.close();
  }

  #await(folder: string, commit: PartitionCommit): void {
    const known = this.#pending.get(folder);
    if (known !== undefined) {
      known.voted = false;
      return;
    }
    const texts = textsOfPath(this.#layout, ".", `./${folder}`).map((text) => text ?? undefined);
    const dueMs = commit.dueMs(texts, this.#context.env.clock.nowMs());
    this.#pending.set(folder, { dueMs, voted: false });
  }

  /** The folder that PARTITION (…) names with all keys. */
  #named(values: Readonly<Record<string, string>>): string | undefined {
    const { keys } = this.#layout;
    if (keys.some(({ name }) => values[name] === undefined)) return undefined;
    const texts = keys.map(({ name, type }) =>
      partitionText(parsePartitionText(values[name]!, type, name), type),
    );
    return partitionFolder(this.#layout, texts);
  }
}
