/**
 * SpillStore: keeps the state of a worker within its budget of memory. Pages that were not used lately
 * go to a local file and come back when a batch asks for them.
 *
 * Flow:    SubtaskState.maintain(), between batches → balance() → kernels choose pages
 *          (kernels/spill.as.ts) → the file; kernels → readPages → the file.
 * File:    4 KiB slots, without a name (Env.scratch): a cache of nothing durable. What a checkpoint
 *          needs of it is copied into the checkpoint; a restart begins with an empty one.
 * Rounds:  a batch's pages are read in one round, in the order of the file, neighbours at once.
 * Budget:  of a worker's whole memory: indexes, arena, tables and pages. Only pages of state can go.
 *          When it is exceeded, memory is freed down to LOW of it, so that not every batch spills.
 * Errors:  MR4009 when what cannot go exceeds the budget, MR4010 when the file cannot be written (the
 *          pages stay), MR4011 when it cannot be read.
 */
import type { Env, ScratchFile } from "../../foundation/host/env.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { setSpillReader } from "../kernels/instantiate.ts";
import type { KernelExports } from "../kernels/kernels.generated.ts";
import { stateErrors } from "./errors.ts";

export interface SpillOptions {
  /** Bytes of memory that a worker may use; what exceeds it is spilled. 0 = all that can go. */
  readonly budgetBytes: number;
  /** A local folder. */
  readonly folder: string;
  readonly scratch: Env["scratch"];
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
/** Neighbours in the file are written and read together up to this. */
const STAGING_PAGES = 64;
const SELECTED_WORDS = 3;
const LOW = 31 / 32;
/** Of one run: kernels/spill.as.ts chooses whole runs. */
const MOST_ROUNDS = 256;

const stores = new WeakMap<KernelExports, SpillStore>();

/** The store of a worker: its subtasks share memory and budget. */
export function spillStoreOf(runtime: WorkerRuntime, options: SpillOptions): SpillStore {
  let store = stores.get(runtime.kernels);
  if (store === undefined) {
    store = new SpillStore(runtime, options);
    stores.set(runtime.kernels, store);
  }
  store.acquire(options);
  return store;
}

export class SpillStore {
  readonly #runtime: WorkerRuntime;
  readonly #staging = new Uint8Array(STAGING_PAGES * PAGE_BYTES);
  #options: SpillOptions;
  #file: ScratchFile | undefined;
  #users = 0;
  #writtenPages = 0;
  #readPages = 0;
  #readRounds = 0;

  constructor(runtime: WorkerRuntime, options: SpillOptions) {
    this.#runtime = runtime;
    this.#options = options;
    setSpillReader(runtime.kernels, (requests, count) => this.#read(requests, count));
  }

  /** One more subtask uses the store, from now on with these options. */
  acquire(options: SpillOptions): void {
    this.#users++;
    this.#options = options;
  }

  /** A subtask is done with it, its maps are destroyed; with the last one goes the file. */
  release(): void {
    this.#users--;
    if (this.#users > 0) return;
    this.#file?.close();
    this.#file = undefined;
    this.#runtime.kernels.spillEnd();
    stores.delete(this.#runtime.kernels);
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

  /** Between batches: spills until memory is within the budget. */
  balance(): void {
    const { kernels } = this.#runtime;
    const { budgetBytes } = this.#options;
    if (budgetBytes === 0) {
      while (this.spill(ROUND_PAGES, true) > 0);
      return;
    }
    if (kernels.memoryUsedBytes() <= budgetBytes) return;
    if (this.#spillDown(budgetBytes * LOW, false) || this.#spillDown(budgetBytes, true)) return;
    // A snapshot gives back what it holds: only the rest must fit.
    const usedBytes =
      kernels.memoryUsedBytes() - (kernels.snapshotPinnedPages() >>> 0) * PAGE_BYTES;
    if (usedBytes > budgetBytes) throw stateErrors.BUDGET_TOO_SMALL({ usedBytes, budgetBytes });
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
    const pages: Place[] = [];
    for (let i = 0; i < selected.length; i += SELECTED_WORDS)
      if (selected[i + 2] !== 0) pages.push({ address: selected[i]!, slot: selected[i + 1]! });
    this.#file ??= this.#options.scratch(this.#options.folder);
    const bytes = new Uint8Array(this.#runtime.memory.buffer);
    for (const run of neighbours(pages)) {
      const position = run[0]!.slot * PAGE_BYTES;
      if (run.length === 1) {
        const { address } = run[0]!;
        this.#file.writeSync(bytes.subarray(address, address + PAGE_BYTES), position);
        continue;
      }
      for (const [i, { address }] of run.entries())
        this.#staging.set(bytes.subarray(address, address + PAGE_BYTES), i * PAGE_BYTES);
      this.#file.writeSync(this.#staging.subarray(0, run.length * PAGE_BYTES), position);
    }
    this.#writtenPages += pages.length;
  }

  #read(requests: number, count: number): void {
    const { memory } = this.#runtime;
    const words = new Uint32Array(memory.buffer, requests, count * 2);
    const pages: Place[] = [];
    for (let i = 0; i < words.length; i += 2)
      pages.push({ slot: words[i]!, address: words[i + 1]! });
    const bytes = new Uint8Array(memory.buffer);
    for (const run of neighbours(pages)) {
      const position = run[0]!.slot * PAGE_BYTES;
      if (run.length === 1) {
        const { address } = run[0]!;
        this.#fill(bytes.subarray(address, address + PAGE_BYTES), position);
        continue;
      }
      this.#fill(this.#staging.subarray(0, run.length * PAGE_BYTES), position);
      for (const [i, { address }] of run.entries())
        bytes.set(this.#staging.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES), address);
    }
    this.#readPages += count;
    this.#readRounds++;
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

interface Place {
  readonly slot: number;
  readonly address: number;
}

/** In order of the file; runs of slots without a gap, of at most STAGING_PAGES. */
function* neighbours(pages: Place[]): Generator<readonly Place[]> {
  pages.sort((a, b) => a.slot - b.slot);
  for (let first = 0; first < pages.length; ) {
    let next = first + 1;
    while (
      next < pages.length &&
      next - first < STAGING_PAGES &&
      pages[next]!.slot === pages[next - 1]!.slot + 1
    )
      next++;
    yield pages.slice(first, next);
    first = next;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
