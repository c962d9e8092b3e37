/**
 * FileCommitter: makes sealed parts visible, removes what INSERT OVERWRITE replaces, marks complete partitions.
 *
 * Flow:    completed checkpoint → committables of all writers → here. Safe to repeat after a crash: a part is renamed or
 *          has been, files of this job are never removed, a mark is an empty file.
 * Errors:  MR3002 … MR3004 the disk; MR3013 a committed part is nowhere.
 */
import type { Clock, Files } from "../../../foundation/host/env.ts";
import type { Committable, Committer } from "../../contract/sink.ts";
import { connectorErrors } from "../errors.ts";
import { onFile } from "./file-errors.ts";
import { DuePartitions, type PartitionVote } from "./partition-commit.ts";

/** A sealed part to make visible. */
export interface PartCommittable extends Committable {
  readonly from: string;
  readonly to: string;
}
/** INSERT OVERWRITE: every file in the folder whose name does not begin with `keep` goes; with `deep` in those below too. */
export interface ClearCommittable extends Committable {
  readonly folder: string;
  readonly keep: string;
  readonly deep?: boolean;
}
export type FileCommittable = PartCommittable | ClearCommittable | PartitionVote;

const isClear = (entry: FileCommittable): entry is ClearCommittable => "folder" in entry;
const isPart = (entry: FileCommittable): entry is PartCommittable => "from" in entry;
const isVote = (entry: FileCommittable): entry is PartitionVote => "partitions" in entry;

export class FileCommitter implements Committer {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #due = new DuePartitions();

  constructor({ files, clock }: { readonly files: Files; readonly clock: Clock }) {
    this.#files = files;
    this.#clock = clock;
  }

  async commit(committables: readonly Committable[]): Promise<void> {
    const all = committables as readonly FileCommittable[];
    for (const { folder, keep, deep } of all.filter(isClear))
      await this.#clear(folder, keep, deep === true);
    for (const entry of all.filter(isPart)) await this.#show(entry);
    const votes = all.filter(isVote);
    if (votes.length === 0) return;
    for (const path of this.#due.take(votes, this.#clock.nowMs())) await this.#mark(path);
  }

  async close(): Promise<void> {}

  /** True when nothing is left in the folder. */
  async #clear(folder: string, keep: string, deep: boolean): Promise<boolean> {
    if ((await onFile("read", folder, () => this.#files.stat(folder))) === undefined) return true;
    let empty = true;
    for (const name of await onFile("list", folder, () => this.#files.list(folder))) {
      const path = `${folder}/${name}`;
      if (name.startsWith(".") || name.startsWith(keep)) empty = false;
      else if (deep && (await onFile("read", path, () => this.#files.stat(path)))?.isDirectory) {
        if (!(await this.#clear(path, keep, true))) empty = false;
        else await onFile("remove", path, () => this.#files.remove(path));
      } else await onFile("remove", path, () => this.#files.remove(path));
    }
    return empty;
  }

  async #show({ from, to }: PartCommittable): Promise<void> {
    const sealed = await onFile("read", from, () => this.#files.stat(from));
    if (sealed !== undefined) {
      const folder = to.slice(0, to.lastIndexOf("/"));
      await onFile("create", folder, () => this.#files.mkdirs(folder));
      await onFile("rename", from, () => this.#files.rename(from, to));
    } else if ((await onFile("read", to, () => this.#files.stat(to))) === undefined)
      throw connectorErrors.COMMIT_FAILED({ from, to });
  }

  async #mark(path: string): Promise<void> {
    const folder = path.slice(0, path.lastIndexOf("/"));
    await onFile("create", folder, () => this.#files.mkdirs(folder));
    await onFile("write", path, () => this.#files.writeAtomic(path, new Uint8Array(0)));
  }
}
