/**
 * RunReader: merges sorted runs of a spill file: of each run one chunk is in memory. RunWriter: writes them.
 *
 * Flow:    row-sorter.ts → next(records) … → close. Shapes: an extent holds whole records one behind the other.
 */
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { SpillFile } from "../hash-join/row-parts.ts";

export interface Extent {
  readonly at: number;
  readonly bytes: number;
  readonly rows: number;
}

export interface Run {
  readonly extents: readonly Extent[];
}

interface Cursor {
  readonly extents: readonly Extent[];
  /** The next extent. */
  next: number;
  address: number;
  bytes: number;
}

const CURSOR_BYTES = 8;
const LEAST_CHUNK_BYTES = 32 * 1024;
const MOST_CHUNK_BYTES = 1024 * 1024;

export class RunWriter {
  readonly #runtime: WorkerRuntime;
  readonly #file: SpillFile;
  readonly #chunkBytes: number;

  /** `chunkBytes`: wanted of an extent; bounds are kept. */
  constructor(runtime: WorkerRuntime, file: SpillFile, chunkBytes: number) {
    this.#runtime = runtime;
    this.#file = file;
    this.#chunkBytes = Math.min(MOST_CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, chunkBytes));
  }

  /** Records (u32[count]) to the file, a chunk at a time. */
  write(records: number, count: number, extents: Extent[]): void {
    const { kernels, memory } = this.#runtime;
    const mark = kernels.arenaMark();
    const buffer = kernels.arenaAlloc(this.#chunkBytes) >>> 0;
    const written = kernels.arenaAlloc(4) >>> 0;
    for (let done = 0; done < count; ) {
      const at = records + done * 4;
      const packed = kernels.recordsPack(count - done, at, buffer, this.#chunkBytes, written) >>> 0;
      const data = new DataView(memory.buffer);
      // A record that fills no chunk alone goes from where it is.
      const [from, bytes] =
        packed === 0
          ? [data.getUint32(at, true), kernels.recordBytes(data.getUint32(at, true)) >>> 0]
          : [buffer, data.getUint32(written, true)];
      const rows = Math.max(1, packed);
      const place = this.#file.append(new Uint8Array(memory.buffer, from, bytes));
      extents.push({ ...place, rows });
      done += rows;
    }
    kernels.arenaRelease(mark);
  }
}

export class RunReader {
  readonly #runtime: WorkerRuntime;
  readonly #file: SpillFile;
  readonly #cursors: readonly Cursor[];
  /** For kernels: u32 at, u32 end of each run. */
  #list: number;

  constructor(runtime: WorkerRuntime, file: SpillFile, runs: readonly Run[]) {
    this.#runtime = runtime;
    this.#file = file;
    this.#cursors = runs.map(({ extents }) => ({ extents, next: 0, address: 0, bytes: 0 }));
    this.#list = runtime.kernels.operatorAllocate(this.#listBytes) >>> 0;
  }

  /** The next records, u32[≤ room]; fewer than `room` also where a chunk ends; 0: there are no more. */
  next(records: number, room: number): number {
    const { kernels } = this.#runtime;
    this.#cursors.forEach((cursor, index) => {
      this.#fill(cursor, this.#list + index * CURSOR_BYTES);
    });
    return kernels.runsMerge(this.#cursors.length, this.#list, records, room) >>> 0;
  }

  close(): void {
    const { kernels } = this.#runtime;
    for (const cursor of this.#cursors)
      if (cursor.bytes > 0) {
        kernels.operatorFree(cursor.address, cursor.bytes);
        cursor.bytes = 0;
      }
    if (this.#list !== 0) kernels.operatorFree(this.#list, this.#listBytes);
    this.#list = 0;
  }

  get #listBytes(): number {
    return Math.max(CURSOR_BYTES, this.#cursors.length * CURSOR_BYTES);
  }

  /** Reads the next chunk of a run that stands at the end of one. */
  #fill(cursor: Cursor, at: number): void {
    const { kernels, memory } = this.#runtime;
    const words = new DataView(memory.buffer);
    if (words.getUint32(at, true) !== words.getUint32(at + 4, true)) return;
    const extent = cursor.extents[cursor.next++];
    if (cursor.bytes > 0) kernels.operatorFree(cursor.address, cursor.bytes);
    cursor.bytes = extent?.bytes ?? 0;
    if (extent === undefined) return;
    cursor.address = kernels.operatorAllocate(extent.bytes) >>> 0;
    this.#file.read(new Uint8Array(memory.buffer, cursor.address, extent.bytes), extent.at);
    const data = new DataView(memory.buffer);
    data.setUint32(at, cursor.address, true);
    data.setUint32(at + 4, cursor.address + extent.bytes, true);
  }
}
