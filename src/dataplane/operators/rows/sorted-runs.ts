/**
 * RunReader: merges sorted runs of a spill file: of each run one chunk is in memory.
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
