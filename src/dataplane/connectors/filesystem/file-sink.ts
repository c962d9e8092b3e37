/**
 * The filesystem sink: part files that become visible, each once, when the checkpoint that holds their rows is complete.
 *
 * Flow:    (PartitionRouter →) Encoder → bytes → hidden part → (barrier) sealed part = committable → FileCommitter renames it.
 * Folders: hidden parts lie in the table's folder, whatever their partition; the commit moves them to their partition's.
 * State:   { attempt, subtask, next, pending }: parts of that attempt below `next` belong to the checkpoint; `pending` are
 *          the partitions not yet found marked as complete (partition-commit.ts).
 * Restart: hidden parts of this job that no checkpoint holds are removed by the subtask that their number falls to.
 * Overwrite: with the commit at the end of a bounded job, the files that other jobs left are removed: of the folder; of a
 *          partitioned table in the partitions that get rows and in the one that PARTITION (…) names whole. Rows
 *          that this job's own sinks write into one folder stay together.
 * Limits:  MAX_BUFFERED_BYTES wait for the disk; a part rolls at sink.rolling-policy.file-size and at every barrier;
 *          MAX_OPEN_PARTS are written at a time, the oldest is sealed for another.
 * Errors:  MR3002 … MR3004 the disk; MR3013 a committed part is nowhere.
 */
import type { Files, WritableFile } from "../../../foundation/host/env.ts";
import type { Encoder } from "../../contract/format.ts";
import { MIN_WATERMARK } from "../../contract/operator.ts";
import type { Committable, SinkWriter, SinkWriterContext } from "../../contract/sink.ts";
import type { FileCommittable } from "./file-committer.ts";
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
import type { PartitionedWriting } from "./partitioned-writing.ts";
import type { PendingPartition } from "./partition-commit.ts";

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const MAX_OPEN_PARTS = 64;

interface WriterState {
  readonly attempt: number;
  readonly subtask: number;
  readonly next: number;
  readonly pending?: readonly PendingPartition[];
}

/** The part that is being written of one folder. */
interface OpenPart {
  buffer: Uint8Array[];
  bufferedBytes: number;
  /** Open from its first bytes on. */
  file?: { readonly id: PartId; readonly out: WritableFile };
  fileBytes: number;
}

export class FileSinkWriter implements SinkWriter {
  readonly #context: SinkWriterContext;
  readonly #files: Files;
  readonly #folder: string;
  readonly #encoder: Encoder;
  readonly #extension: string;
  readonly #rollBytes: number;
  readonly #partitions: PartitionedWriting | undefined;
  /** By folder below the table's; "" without partitions. */
  readonly #parts = new Map<string, OpenPart>();
  #bufferedBytes = 0;
  #next = 0;
  #sealed: FileCommittable[] = [];
  #watermark = MIN_WATERMARK;

  constructor(
    context: SinkWriterContext,
    options: FilesystemOptions,
    parts: {
      readonly encoder: Encoder;
      readonly extension: string;
      readonly partitions: PartitionedWriting | undefined;
    },
  ) {
    this.#context = context;
    this.#files = context.env.files;
    this.#folder = options.path;
    this.#rollBytes = options.rollBytes;
    this.#encoder = parts.encoder;
    this.#extension = parts.extension;
    this.#partitions = parts.partitions;
  }

  async open(restored: readonly unknown[]): Promise<void> {
    await onFile("create", this.#folder, () => this.#files.mkdirs(this.#folder));
    const states = restored as readonly WriterState[];
    await this.#removeLeftovers(states);
    this.#partitions?.restore(states.flatMap(({ pending = [] }) => pending));
  }

  write(batch: number): boolean {
    if (this.#partitions === undefined) this.#append("", batch);
    else
      for (const { folder, batch: rows } of this.#partitions.route(batch))
        this.#append(folder, rows);
    return this.#bufferedBytes < MAX_BUFFERED_BYTES;
  }

  writeWatermark(watermark: number): void {
    this.#watermark = watermark;
  }

  async flush(): Promise<void> {
    if (this.#bufferedBytes === 0) return;
    this.#bufferedBytes = 0;
    for (const [folder, part] of [...this.#parts]) await this.#flushPart(folder, part);
  }

  async prepareCommit(checkpointId: number): Promise<{
    readonly committables: readonly Committable[];
    readonly state: WriterState;
  }> {
    await this.flush();
    for (const [folder, part] of [...this.#parts]) await this.#seal(folder, part);
    const { attempt, subtaskIndex: subtask, jobId, node } = this.#context;
    const committables = this.#sealed;
    this.#sealed = [];
    const keep = jobPrefix(jobId);
    if (node.overwrite === true && this.#partitions !== undefined)
      committables.unshift(...this.#partitions.cleared(keep));
    else if (node.overwrite === true && subtask === 0)
      committables.unshift({ id: "overwrite", folder: this.#folder, keep });
    const vote = await this.#partitions?.vote(checkpointId, this.#watermark);
    if (vote !== undefined) committables.push(vote);
    const pending = vote === undefined ? {} : { pending: vote.partitions };
    return { committables, state: { attempt, subtask, next: this.#next, ...pending } };
  }

  async close(): Promise<void> {
    const parts = [...this.#parts.values()];
    this.#parts.clear();
    for (const { file } of parts) await file?.out.close();
    this.#partitions?.close();
  }

  #append(folder: string, batch: number): void {
    const { address, length } = this.#encoder.encode(batch);
    const bytes = new Uint8Array(this.#context.runtime.memory.buffer, address, length).slice();
    let part = this.#parts.get(folder);
    if (part === undefined) {
      part = { buffer: [], bufferedBytes: 0, fileBytes: 0 };
      this.#parts.set(folder, part);
    }
    part.buffer.push(bytes);
    part.bufferedBytes += length;
    this.#bufferedBytes += length;
  }

  async #flushPart(folder: string, part: OpenPart): Promise<void> {
    if (part.bufferedBytes === 0) return;
    if (part.file === undefined) await this.#makeRoom();
    const id = part.file?.id ?? this.#nextPart();
    const path = this.#path(inProgressName(id));
    await onFile("write", path, async () => {
      const bytes = takeBuffer(part);
      const { header } = this.#encoder;
      if (part.file === undefined) {
        part.file = { id, out: await this.#files.create(path) };
        if (header !== undefined) await part.file.out.append(header);
      }
      await part.file.out.append(bytes);
      part.fileBytes += bytes.length;
    });
    if (part.fileBytes >= this.#rollBytes) await this.#seal(folder, part);
  }

  async #makeRoom(): Promise<void> {
    const open = [...this.#parts].filter(([, part]) => part.file !== undefined);
    const [oldest] = open;
    if (open.length >= MAX_OPEN_PARTS && oldest !== undefined) await this.#seal(...oldest);
  }

  /** Ends the part that is being written, durably. */
  async #seal(folder: string, part: OpenPart): Promise<void> {
    // What waits for the disk goes to the folder's next part.
    if (part.bufferedBytes === 0) this.#parts.delete(folder);
    const { file } = part;
    if (file === undefined) return;
    delete part.file;
    part.fileBytes = 0;
    const from = this.#path(pendingName(file.id));
    const written = this.#path(inProgressName(file.id));
    await onFile("write", written, async () => {
      await file.out.sync();
      await file.out.close();
      await this.#files.rename(written, from);
    });
    const name = visibleName(file.id, this.#extension);
    const to = this.#path(folder === "" ? name : `${folder}/${name}`);
    this.#sealed.push({ id: name, from, to });
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

  #nextPart(): PartId {
    const { jobId, node, attempt, subtaskIndex } = this.#context;
    return { jobId, sink: node.id, attempt, subtask: subtaskIndex, n: this.#next++ };
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`;
  }
}

/** What is buffered, as one piece. */
function takeBuffer(part: OpenPart): Uint8Array {
  const chunks = part.buffer;
  const whole = chunks.length === 1 ? chunks[0]! : new Uint8Array(part.bufferedBytes);
  if (chunks.length > 1) {
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
  }
  part.buffer = [];
  part.bufferedBytes = 0;
  return whole;
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
