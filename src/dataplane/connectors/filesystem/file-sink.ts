/**
 * The filesystem sink: part files that become visible, each once, when the checkpoint that holds their rows is complete.
 *
 * Flow:    Encoder → bytes → hidden part → (barrier) sealed part = committable → FileCommitter renames it.
 * State:   { attempt, subtask, next }: parts of that attempt below `next` belong to the checkpoint.
 * Restart: hidden parts of this job that no checkpoint holds are removed by the subtask that their number falls to.
 * Overwrite: with the commit at the end of a bounded job, the files that other jobs left in the folder are removed. Rows
 *          that this job's own sinks write into one folder stay together.
 * Limits:  MAX_BUFFERED_BYTES wait for the disk; a part rolls at sink.rolling-policy.file-size and at every barrier.
 * Errors:  MR3002 … MR3004 the disk; MR3013 a committed part is nowhere.
 */
import type { Files, WritableFile } from "../../../foundation/host/env.ts";
import type { Encoder } from "../../contract/format.ts";
import type { Committable, Committer, SinkWriter, SinkWriterContext } from "../../contract/sink.ts";
import { connectorErrors } from "../errors.ts";
import { onFile } from "./file-errors.ts";
import type { FilesystemOptions } from "./filesystem-options.ts";
import {
  inProgressName,
  jobPrefix,
  type PartId,
  parseHiddenName,
  pendingName,
  visibleName,
} from "./part-file.ts";

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

interface WriterState {
  readonly attempt: number;
  readonly subtask: number;
  readonly next: number;
}

/** A sealed part to make visible. */
interface PartCommittable extends Committable {
  readonly from: string;
  readonly to: string;
}
/** INSERT OVERWRITE: every file in the folder whose name does not begin with `keep` goes. */
interface ClearCommittable extends Committable {
  readonly folder: string;
  readonly keep: string;
}
type FileCommittable = PartCommittable | ClearCommittable;

const isClear = (entry: FileCommittable): entry is ClearCommittable => "folder" in entry;
const isPart = (entry: FileCommittable): entry is PartCommittable => "from" in entry;

export class FileSinkWriter implements SinkWriter {
  readonly #context: SinkWriterContext;
  readonly #files: Files;
  readonly #folder: string;
  readonly #encoder: Encoder;
  readonly #extension: string;
  readonly #rollBytes: number;
  #buffer: Uint8Array[] = [];
  #bufferedBytes = 0;
  #file: WritableFile | undefined;
  #fileBytes = 0;
  #next = 0;
  #sealed: FileCommittable[] = [];

  constructor(
    context: SinkWriterContext,
    options: FilesystemOptions,
    encoder: Encoder,
    extension: string,
  ) {
    this.#context = context;
    this.#files = context.env.files;
    this.#folder = options.path;
    this.#rollBytes = options.rollBytes;
    this.#encoder = encoder;
    this.#extension = extension;
  }

  async open(restored: readonly unknown[]): Promise<void> {
    await onFile("create", this.#folder, () => this.#files.mkdirs(this.#folder));
    await this.#removeLeftovers(restored as readonly WriterState[]);
  }

  write(batch: number): boolean {
    const { address, length } = this.#encoder.encode(batch);
    const bytes = new Uint8Array(this.#context.runtime.memory.buffer, address, length).slice();
    this.#buffer.push(bytes);
    this.#bufferedBytes += length;
    return this.#bufferedBytes < MAX_BUFFERED_BYTES;
  }

  writeWatermark(): void {}

  async flush(): Promise<void> {
    if (this.#bufferedBytes === 0) return;
    const path = this.#path(inProgressName(this.#part()));
    await onFile("write", path, async () => {
      const bytes = this.#takeBuffer();
      const { header } = this.#encoder;
      if (this.#file === undefined) {
        this.#file = await this.#files.create(path);
        this.#fileBytes = 0;
        if (header !== undefined) await this.#file.append(header);
      }
      await this.#file.append(bytes);
      this.#fileBytes += bytes.length;
    });
    if (this.#fileBytes >= this.#rollBytes) await this.#seal();
  }

  async prepareCommit(): Promise<{
    readonly committables: readonly Committable[];
    readonly state: WriterState;
  }> {
    await this.flush();
    await this.#seal();
    const committables = this.#sealed;
    this.#sealed = [];
    const { attempt, subtaskIndex: subtask, jobId, node } = this.#context;
    if (node.overwrite === true && subtask === 0)
      committables.unshift({ id: "overwrite", folder: this.#folder, keep: jobPrefix(jobId) });
    return { committables, state: { attempt, subtask, next: this.#next } };
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** What is buffered, as one piece. */
  #takeBuffer(): Uint8Array {
    const chunks = this.#buffer;
    const whole = chunks.length === 1 ? chunks[0]! : new Uint8Array(this.#bufferedBytes);
    if (chunks.length > 1) {
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.length;
      }
    }
    this.#buffer = [];
    this.#bufferedBytes = 0;
    return whole;
  }

  /** Ends the part that is being written, durably. */
  async #seal(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const part = this.#part();
    const from = this.#path(pendingName(part));
    const written = this.#path(inProgressName(part));
    await onFile("write", written, async () => {
      await file.sync();
      await file.close();
      await this.#files.rename(written, from);
    });
    const name = visibleName(part, this.#extension);
    this.#sealed.push({ id: name, from, to: this.#path(name) });
    this.#next++;
  }

  async #removeLeftovers(states: readonly WriterState[]): Promise<void> {
    const { jobId, node, attempt, subtaskIndex, parallelism = 1 } = this.#context;
    const names = await onFile("list", this.#folder, () => this.#files.list(this.#folder));
    for (const name of names) {
      const hidden = parseHiddenName(name, { jobId, sink: node.id });
      if (hidden === undefined || hidden.part.attempt >= attempt) continue;
      if (hidden.part.subtask % parallelism !== subtaskIndex) continue;
      if (hidden.sealed && isHeld(hidden.part, states)) continue;
      await onFile("remove", this.#path(name), () => this.#files.remove(this.#path(name)));
    }
  }

  #part(): PartId {
    const { jobId, node, attempt, subtaskIndex } = this.#context;
    return { jobId, sink: node.id, attempt, subtask: subtaskIndex, n: this.#next };
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`;
  }
}

/** Whether a sealed part belongs to the checkpoint with these states (or to an earlier one): its commit may be under way. */
function isHeld(part: PartId, states: readonly WriterState[]): boolean {
  const newest = Math.max(-1, ...states.map(({ attempt }) => attempt));
  if (part.attempt < newest) return true;
  return states.some(
    ({ attempt, subtask, next }) =>
      attempt === part.attempt && subtask === part.subtask && part.n < next,
  );
}

export class FileCommitter implements Committer {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async commit(committables: readonly Committable[]): Promise<void> {
    const all = committables as readonly FileCommittable[];
    for (const entry of all.filter(isClear)) await this.#clear(entry);
    for (const entry of all.filter(isPart)) await this.#show(entry);
  }

  async close(): Promise<void> {}

  async #clear({ folder, keep }: ClearCommittable): Promise<void> {
    const names = await onFile("list", folder, () => this.#files.list(folder));
    for (const name of names) {
      if (name.startsWith(".") || name.startsWith(keep)) continue;
      const path = `${folder}/${name}`;
      await onFile("remove", path, () => this.#files.remove(path));
    }
  }

  async #show({ from, to }: PartCommittable): Promise<void> {
    const sealed = await onFile("read", from, () => this.#files.stat(from));
    if (sealed !== undefined) await onFile("rename", from, () => this.#files.rename(from, to));
    else if ((await onFile("read", to, () => this.#files.stat(to))) === undefined)
      throw connectorErrors.COMMIT_FAILED({ from, to });
  }
}
