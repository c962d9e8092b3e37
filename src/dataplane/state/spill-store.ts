/**
 * SpillStore: where the pages of a worker's state are that are not in its memory. Pages that were not
 * used lately go to a local file when the budget of memory asks for it; restored pages lie in the
 * segments of a checkpoint until they are touched.
 *
 * Flow:    SubtaskState.maintain(), between batches → balance() → kernels choose pages
 *          (kernels/spill.as.ts) → the file; kernels → readPages → the file.
 * File:    4 KiB slots, without a name (Env.scratch): a cache of nothing durable. What a checkpoint
 *          needs of it is copied into the checkpoint; a restart begins with an empty one.
 * Sources: segments, open until the store is released or all their pages were read. Their pages are
 *          checked against the hashes of the segment's index.
 * Rounds:  a batch's pages are read in one round, in the order of the file, neighbours at once. Written are pieces of up to
 *          256 KiB: what lies between the pages of one is read before and written again.
 * Budget:  of a worker's whole memory: indexes, arena, tables and pages. Only pages of state can go.
 *          When it is exceeded, memory is freed down to LOW of it, so that not every batch spills.
 * Errors:  MR4009 when what cannot go exceeds the budget, MR4010 when the file cannot be written (the
 *          pages stay), MR4011 when it cannot be read; MR4210 and MR4211 for segments.
 */
import type { Env, ScratchFile } from "../../foundation/host/env.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { setSpillReader } from "../kernels/instantiate.ts";
import type { KernelExports } from "../kernels/kernels.generated.ts";
import { snapshotErrors, stateErrors } from "./errors.ts";
import { type OperatorMap, spillAboveShare } from "./operator-memory.ts";
import { INDEX_RECORD_BYTES } from "./segment-format.ts";

export interface SpillOptions {
  /** Bytes of memory that a worker may use; what exceeds it is spilled. 0 = all that can go. */
  readonly budgetBytes: number;
  /** Bytes of pages that each operator of a worker may have in memory; undefined = there is only the worker's budget. */
  readonly operatorBytes?: number;
  /** A local folder. */
  readonly folder: string;
  readonly scratch: Env["scratch"];
}

/** A segment whose pages are read when they are touched. */
export interface PageSource {
  /** For messages. */
  readonly name: string;
  /** Records of its pages, as the segment has them. */
  readonly index: Uint8Array;
  /** Where its pages begin, one more than there are pages. */
  readonly offsets: Float64Array;
  /** Reads up to `target.length` bytes at `position`; returns bytes read, 0 at the end. */
  readonly readSync: (target: Uint8Array, position: number) => number;
  readonly close: () => Promise<void>;
}

/** Read in a moment: nobody need wait for the parts of less. */
const LARGE_BYTES = 64 * 1024 * 1024;

/** What the first keys ask for takes long to be read. */
export const areLarge = (sources: readonly PageSource[]): boolean =>
  sources.reduce((sum, { offsets }) => sum + (offsets.at(-1) ?? 0), 0) >= LARGE_BYTES;

/** What an operator keeps in a worker. */
export interface StateHolder {
  readonly operator: string;
  readonly keys: number;
  /** Of its pages, spilled ones too; the index, which must stay in memory, grows with the keys. */
  readonly stateBytes: number;
}

export function stateHolders(
  maps: readonly { readonly uid: string; readonly ptr: number }[],
  options: { readonly runtime: WorkerRuntime; readonly operatorName?: (uid: string) => string },
): StateHolder[] {
  const { kernels } = options.runtime;
  return maps.map(({ uid, ptr }) => ({
    operator: options.operatorName?.(uid) ?? uid,
    keys: kernels.mapEntries(ptr) >>> 0,
    stateBytes: kernels.mapPages(ptr) * PAGE_BYTES,
  }));
}

export interface SpillFigures {
  readonly spilledBytes: number;
  readonly fileBytes: number;
  readonly writtenPages: number;
  readonly readPages: number;
  readonly readRounds: number;
}

const PAGE_BYTES = 4096;
const ROUND_PAGES = 4096;
/** Neighbours in the file are written and read together up to this: an extent of kernels/spill.as.ts. */
const STAGING_PAGES = 64;
const SELECTED_WORDS = 3;
/** A part of an extent is read and written as a whole when one of so many of its pages is to be written. */
const WORTH_WHOLE = 8;
/** More than a round has words, one run of 1.3 GB too; slots are below 2^31. */
const ORDER = 2 ** 20;
/** In a slot: the number of a page of a source. */
const SOURCE = 2 ** 31;
/** Pages of a source that lie between wanted ones are read along when they are fewer bytes. */
const GAP_BYTES = 16 * 1024;
const LOW = 31 / 32;
/** Of one run: kernels/spill.as.ts chooses whole runs. */
const MOST_ROUNDS = 256;

/** No budget: nothing is spilled, restored pages come when they are touched. */
export const IN_MEMORY: SpillOptions = {
  budgetBytes: Number.POSITIVE_INFINITY,
  folder: "",
  scratch: () => {
    throw stateErrors.SPILL_FAILED({ folder: "", reason: "there is no budget" });
  },
};

const stores = new WeakMap<KernelExports, SpillStore>();

/** The store of a worker: its subtasks share memory and budget. */
export function spillStoreOf(
  runtime: WorkerRuntime,
  options: SpillOptions,
  user: () => readonly StateHolder[],
): SpillStore {
  let store = stores.get(runtime.kernels);
  if (store === undefined) {
    store = new SpillStore(runtime, options);
    stores.set(runtime.kernels, store);
  }
  store.acquire(options, user);
  return store;
}

export class SpillStore {
  readonly #runtime: WorkerRuntime;
  readonly #staging = new Uint8Array(STAGING_PAGES * PAGE_BYTES);
  /** Of a round: slot · ORDER + where its words are. */
  #order = new Float64Array(ROUND_PAGES);
  #options: SpillOptions;
  #file: ScratchFile | undefined;
  /** Of each subtask that uses the store: what it keeps now. */
  readonly #users = new Set<() => readonly StateHolder[]>();
  #writtenPages = 0;
  #readPages = 0;
  #readRounds = 0;
  #sources: { readonly base: number; readonly source: PageSource }[] = [];
  #nextSource = 0;

  constructor(runtime: WorkerRuntime, options: SpillOptions) {
    this.#runtime = runtime;
    this.#options = options;
    setSpillReader(runtime.kernels, (requests, count) => this.#read(requests, count));
  }

  /** One more subtask uses the store, from now on with these options. */
  acquire(options: SpillOptions, user: () => readonly StateHolder[]): void {
    this.#users.add(user);
    this.#options = options;
  }

  /** A subtask is done with it, its maps are destroyed; with the last one goes the file. */
  release(user: () => readonly StateHolder[]): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#file?.close();
    this.#file = undefined;
    for (const { source } of this.#sources) this.removeSource(source);
    this.#runtime.kernels.spillEnd();
    stores.delete(this.#runtime.kernels);
  }

  /** The number of its first page. */
  addSource(source: PageSource): number {
    const base = this.#nextSource;
    this.#sources.push({ base, source });
    this.#nextSource += source.offsets.length - 1;
    return base;
  }

  /** All its pages were read, or nobody wants them any more. */
  removeSource(removed: PageSource): void {
    this.#sources = this.#sources.filter(({ source }) => source !== removed);
    // A file that was only read has nothing to lose when closing it fails.
    removed.close().catch(() => {});
  }

  /** Whether reading ahead would not have to make room first. */
  get hasRoom(): boolean {
    const { budgetBytes } = this.#options;
    return this.#runtime.kernels.memoryUsedBytes() < budgetBytes * (LOW - 1 / 32);
  }

  get figures(): SpillFigures {
    const { kernels } = this.#runtime;
    return {
      spilledBytes: (kernels.spilledPages() >>> 0) * PAGE_BYTES,
      fileBytes: (kernels.spillSlots() >>> 0) * PAGE_BYTES,
      writtenPages: this.#writtenPages,
      readPages: this.#readPages,
      readRounds: this.#readRounds,
    };
  }

  /** Between batches of a subtask with these maps: spills until memory is within the budgets. */
  balance(maps: readonly OperatorMap[]): void {
    const { kernels } = this.#runtime;
    const { budgetBytes, operatorBytes: shareBytes } = this.#options;
    if (shareBytes !== undefined) spillAboveShare(kernels, maps, { store: this, shareBytes });
    if (budgetBytes === 0) {
      while (this.spill(ROUND_PAGES, true) > 0);
      return;
    }
    if (kernels.memoryUsedBytes() <= budgetBytes) return;
    if (this.#spillDown(budgetBytes * LOW, false) || this.#spillDown(budgetBytes, true)) return;
    // A snapshot gives back what it holds: only the rest must fit.
    const usedBytes =
      kernels.memoryUsedBytes() - (kernels.snapshotPinnedPages() >>> 0) * PAGE_BYTES;
    if (usedBytes > budgetBytes)
      throw stateErrors.BUDGET_TOO_SMALL({ usedBytes, budgetBytes, largest: this.#largest() });
  }

  /** The operator with the most keys: its index is what cannot go. */
  #largest(): string {
    const holders = [...this.#users].flatMap((user) => user());
    const [first] = holders.sort((a, b) => b.keys - a.keys);
    if (first === undefined || first.keys === 0) return "no operator keeps keys";
    const { operator, keys, stateBytes } = first;
    return `${operator} keeps most, ${keys} keys and ${stateBytes} bytes of pages`;
  }

  /** False when there is nothing left to spill before memory is down to `wantedBytes`. */
  #spillDown(wantedBytes: number, force: boolean): boolean {
    const { kernels } = this.#runtime;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const excessBytes = kernels.memoryUsedBytes() - wantedBytes;
      if (excessBytes <= 0) return true;
      const pages = Math.min(ROUND_PAGES, Math.ceil(excessBytes / PAGE_BYTES));
      if (this.spill(pages, force) === 0) return false;
    }
    return false;
  }

  /** Spills up to `wanted` pages of one map, or a run that is longer; returns how many. */
  spillMap(map: number, wanted: number, force: boolean): number {
    const { kernels } = this.#runtime;
    let done = 0;
    kernels.spillOnly(map);
    try {
      while (done < wanted) {
        const count = this.spill(Math.min(ROUND_PAGES, wanted - done), force);
        if (count === 0) break;
        done += count;
      }
    } finally {
      kernels.spillOnly(0);
    }
    return done;
  }

  /** Spills up to `wanted` pages; returns how many. `force`: used lately or not. */
  spill(wanted: number, force: boolean): number {
    const { kernels, memory } = this.#runtime;
    const count = kernels.spillSelect(wanted, force ? 1 : 0) >>> 0;
    if (count === 0) return 0;
    try {
      const words = new Uint32Array(
        memory.buffer,
        kernels.spillList() >>> 0,
        count * SELECTED_WORDS,
      );
      this.#write(words);
    } catch (error) {
      kernels.spillAbort(count);
      throw stateErrors.SPILL_FAILED(
        { folder: this.#options.folder, reason: reasonOf(error) },
        { cause: error },
      );
    }
    kernels.spillCommit(count);
    return count;
  }

  #write(selected: Uint32Array): void {
    // A run that is longer than a round is one of its own.
    if (selected.length > this.#order.length * SELECTED_WORDS)
      this.#order = new Float64Array(selected.length / SELECTED_WORDS);
    const order = this.#order;
    let pages = 0;
    for (let i = 0; i < selected.length; i += SELECTED_WORDS)
      if (selected[i + 2] !== 0) order[pages++] = selected[i + 1]! * ORDER + i;
    if (pages === 0) return;
    this.#file ??= this.#options.scratch(this.#options.folder);
    const file = this.#file;
    const bytes = new Uint8Array(this.#runtime.memory.buffer);
    const page = (i: number) => {
      const address = selected[order[i]! % ORDER]!;
      return bytes.subarray(address, address + PAGE_BYTES);
    };
    this.#order.subarray(0, pages).sort();
    for (let first = 0; first < pages; ) {
      const slot = slotOf(order[first]!);
      const extent = Math.floor(slot / STAGING_PAGES);
      let next = first + 1;
      while (next < pages && Math.floor(slotOf(order[next]!) / STAGING_PAGES) === extent) next++;
      const span = slotOf(order[next - 1]!) - slot + 1;
      if ((next - first) * WORTH_WHOLE >= span) {
        const staged = this.#staging.subarray(0, span * PAGE_BYTES);
        if (next - first < span) this.#readWhatIsThere(file, staged, slot * PAGE_BYTES);
        for (; first < next; first++)
          staged.set(page(first), (slotOf(order[first]!) - slot) * PAGE_BYTES);
        file.writeSync(staged, slot * PAGE_BYTES);
      } else
        for (; first < next; first++)
          file.writeSync(page(first), slotOf(order[first]!) * PAGE_BYTES);
    }
    this.#writtenPages += pages;
  }

  /** What lies between pages that are written together, as it is; nothing behind the end of the file. */
  #readWhatIsThere(file: ScratchFile, target: Uint8Array, position: number): void {
    for (let done = 0; done < target.length; ) {
      const count = file.readSync(target.subarray(done), position + done);
      if (count === 0) return;
      done += count;
    }
  }

  #read(requests: number, count: number): void {
    const { memory } = this.#runtime;
    const words = new Uint32Array(memory.buffer, requests, count * 2);
    const order = this.#order;
    const stored: Place[] = [];
    let pages = 0;
    for (let i = 0; i < words.length; i += 2) {
      const slot = words[i]!;
      if (slot < SOURCE) order[pages++] = slot * ORDER + i;
      else stored.push({ slot: slot - SOURCE, address: words[i + 1]! });
    }
    if (stored.length > 0) this.#readStored(stored);
    const bytes = new Uint8Array(memory.buffer);
    const addressOf = (i: number) => words[(order[i]! % ORDER) + 1]!;
    this.#neighbours(pages, (slot, first, run) => {
      if (run === 1) {
        const address = addressOf(first);
        this.#fill(bytes.subarray(address, address + PAGE_BYTES), slot * PAGE_BYTES);
        return;
      }
      this.#fill(this.#staging.subarray(0, run * PAGE_BYTES), slot * PAGE_BYTES);
      for (let i = 0; i < run; i++)
        bytes.set(
          this.#staging.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES),
          addressOf(first + i),
        );
    });
    this.#readPages += count;
    this.#readRounds++;
  }

  /** The first `pages` of the order, sorted by slot: runs of slots without a gap, of at most STAGING_PAGES. */
  #neighbours(pages: number, each: (slot: number, first: number, count: number) => void): void {
    const order = this.#order.subarray(0, pages).sort();
    for (let first = 0; first < pages; ) {
      const slot = Math.floor(order[first]! / ORDER);
      let count = 1;
      while (
        first + count < pages &&
        count < STAGING_PAGES &&
        Math.floor(order[first + count]! / ORDER) === slot + count
      )
        count++;
      each(slot, first, count);
      first += count;
    }
  }

  #readStored(pages: Place[]): void {
    pages.sort((a, b) => a.slot - b.slot);
    for (let first = 0; first < pages.length; ) {
      const { base, source } = this.#sourceOf(pages[first]!.slot);
      const { offsets } = source;
      const from = offsets[pages[first]!.slot - base]!;
      const end = base + offsets.length - 1;
      let next = first;
      let to = from;
      for (; next < pages.length && pages[next]!.slot < end; next++) {
        const record = pages[next]!.slot - base;
        if (offsets[record]! - to > GAP_BYTES) break;
        if (offsets[record + 1]! - from > this.#staging.length) break;
        to = offsets[record + 1]!;
      }
      const bytes = this.#staging.subarray(0, to - from);
      readWhole(source, bytes, from);
      for (; first < next; first++) {
        const { slot, address } = pages[first]!;
        this.#place(source, slot - base, bytes.subarray(offsets[slot - base]! - from), address);
      }
    }
  }

  #sourceOf(page: number): { readonly base: number; readonly source: PageSource } {
    let low = 0;
    let high = this.#sources.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#sources[middle]!.base <= page) low = middle;
      else high = middle - 1;
    }
    return this.#sources[low]!;
  }

  /** The bytes of a stored page, checked; trailing zeros were left out. */
  #place(source: PageSource, record: number, bytes: Uint8Array, address: number): void {
    const { kernels, memory } = this.#runtime;
    const { index, offsets } = source;
    const length = offsets[record + 1]! - offsets[record]!;
    const target = new Uint8Array(memory.buffer, address, PAGE_BYTES);
    target.set(bytes.subarray(0, length));
    target.fill(0, length);
    const data = new DataView(index.buffer, index.byteOffset, index.length);
    const wanted = data.getBigInt64(record * INDEX_RECORD_BYTES + 24, true);
    if (kernels.hashBytes(address, length) !== wanted)
      throw snapshotErrors.FILE_DAMAGED({
        file: source.name,
        offset: offsets[record]!,
        reason: "the checksum of a page is wrong",
      });
  }

  #fill(target: Uint8Array, position: number): void {
    const { folder } = this.#options;
    for (let done = 0; done < target.length; ) {
      let count: number;
      try {
        count = this.#file!.readSync(target.subarray(done), position + done);
      } catch (error) {
        const reason = reasonOf(error);
        throw stateErrors.SPILL_DAMAGED({ folder, reason }, { cause: error });
      }
      if (count === 0)
        throw stateErrors.SPILL_DAMAGED({ folder, reason: "the file is shorter than it was" });
      done += count;
    }
  }
}

const slotOf = (ordered: number): number => Math.floor(ordered / ORDER);

function readWhole(source: PageSource, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length; ) {
    let count: number;
    try {
      count = source.readSync(target.subarray(done), position + done);
    } catch (error) {
      const reason = reasonOf(error);
      throw snapshotErrors.FILE_MISSING({ file: source.name, reason }, { cause: error });
    }
    if (count === 0)
      throw snapshotErrors.FILE_DAMAGED({
        file: source.name,
        offset: position + done,
        reason: "it ends too early",
      });
    done += count;
  }
}

interface Place {
  readonly slot: number;
  readonly address: number;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
