/** GroupCursor: the entries of a keyed map, a batch at a time: own key groups in order, each as inserted. */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";

export interface GroupPiece {
  readonly n: number;
  /** Packed fixed keys, or views; in the arena. */
  readonly keys: number;
  /** u64[n]. */
  readonly hashes: number;
  /** u32[n] addresses of values. */
  readonly entries: number;
}

export class GroupCursor {
  readonly #context: OperatorContext;
  readonly #map: number;
  readonly #width: number;
  readonly #end: number;
  #group: number;
  #entry = 0;
  #emitted = 0;

  constructor(context: OperatorContext, map: number, keyBytes: number) {
    const { start, end } = ownKeyGroups(context);
    this.#context = context;
    this.#map = map;
    this.#width = keyBytes < 0 ? 8 : keyBytes;
    this.#group = start;
    this.#end = end;
  }

  get emitted(): number {
    return this.#emitted;
  }

  /** What was given out last has been removed: a removed entry is no place to go on from. */
  removed(): void {
    this.#entry = 0;
  }

  next(): GroupPiece | undefined {
    const { kernels, memory } = this.#context.runtime;
    const entries = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    const hashes = kernels.arenaAlloc(MAX_BATCH_ROWS * 8) >>> 0;
    const keys = kernels.arenaAlloc(MAX_BATCH_ROWS * this.#width) >>> 0;
    let n = 0;
    // Pieces of several key groups are put together: a small result is one batch.
    while (n < MAX_BATCH_ROWS && this.#group <= this.#end) {
      const found = kernels.entriesCollect(
        this.#map,
        this.#group,
        this.#entry,
        MAX_BATCH_ROWS - n,
        entries + n * 4,
        hashes + n * 8,
        keys + n * this.#width,
      );
      if (found > 0)
        this.#entry = new DataView(memory.buffer).getUint32(entries + (n + found - 1) * 4, true);
      n += found;
      if (n === MAX_BATCH_ROWS) break;
      this.#group++;
      this.#entry = 0;
    }
    this.#emitted += n;
    return n === 0 ? undefined : { n, keys, hashes, entries };
  }
}

/** Removes all entries of a map; `free` gives back what they refer to. */
export function removeEntries(
  context: OperatorContext,
  { ptr }: KeyedMap,
  keyBytes: number,
  free: (n: number, entries: number) => void,
): void {
  const { kernels } = context.runtime;
  const cursor = new GroupCursor(context, ptr, keyBytes);
  for (let more = true; more; ) {
    const mark = kernels.arenaMark();
    const piece = cursor.next();
    if (piece !== undefined) {
      free(piece.n, piece.entries);
      kernels.entriesRemove(ptr, piece.n, piece.entries);
      cursor.removed();
    }
    more = piece !== undefined;
    kernels.arenaRelease(mark);
  }
  kernels.mapTrim(ptr);
}
