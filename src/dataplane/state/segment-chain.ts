/**
 * SegmentChain: which segments together hold a subtask's state, and which of them are worth keeping.
 *
 * Flow:    restore or completed checkpoint → chain → the next checkpoint names it again and adds one segment.
 * Rule:    a snapshot that is not known to be complete is not built upon: its pages are dirty again for the next one.
 *          A segment of which less than half is still current is evicted: its current pages become dirty, so that the next
 *          checkpoint does without it. What is written again is thereby at most as much as what was written anyway.
 * Limits:  MAX_SEGMENTS in a chain; of those within the manifest, MAX_INLINE_BYTES together.
 */
import type { KernelExports } from "../kernels/kernels.generated.ts";
import type { SegmentRef } from "./state-handle.ts";

const MAX_SEGMENTS = 32;
const MAX_INLINE_BYTES = 64 * 1024;

/** A segment with its number in the kernels' page table (above 0, ascending). */
export interface ChainSegment {
  readonly ref: SegmentRef;
  readonly number: number;
}

interface Pending {
  readonly checkpointId: number;
  readonly number: number;
  /** Known when it is written. */
  chain: readonly ChainSegment[] | undefined;
  live: Uint8Array | undefined;
}

export class SegmentChain {
  readonly #kernels: KernelExports;
  readonly #memory: WebAssembly.Memory;
  readonly #domain: number;
  #confirmed: readonly ChainSegment[] = [];
  #live: { readonly number: number; readonly bytes: Uint8Array } | undefined;
  #pending: Pending | undefined;
  #nextNumber = 1;

  constructor(kernels: KernelExports, memory: WebAssembly.Memory, domain: number) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.#domain = domain;
  }

  /** What a new snapshot builds upon. */
  get confirmed(): readonly ChainSegment[] {
    return this.#confirmed;
  }

  /** Which pages exist according to the last segment of the chain; undefined when a new one has to say it. */
  get live(): Uint8Array | undefined {
    return this.#live?.number === this.#confirmed.at(-1)?.number ? this.#live?.bytes : undefined;
  }

  takeNumber(): number {
    return this.#nextNumber++;
  }

  /** After a restore from files that this subtask may go on sharing. */
  restored(chain: readonly ChainSegment[]): void {
    this.#confirmed = chain;
    this.#review();
  }

  /** At a barrier: what is not known to be complete has to be written again. Returns the number for the new segment. */
  begin(checkpointId: number): number {
    if (this.#pending !== undefined)
      this.#kernels.snapshotEvict(this.#domain, this.#pending.number);
    const number = this.takeNumber();
    this.#pending = { checkpointId, number, chain: undefined, live: undefined };
    return number;
  }

  /** The segment of a snapshot is durable (none: nothing had changed). Returns the checkpoint's chain. */
  written(
    number: number,
    base: readonly ChainSegment[],
    ref: SegmentRef | undefined,
    live: Uint8Array,
  ): readonly ChainSegment[] {
    const chain = ref === undefined ? base : [...base, { ref, number }];
    if (this.#pending?.number === number) {
      this.#pending.chain = chain;
      this.#pending.live = live;
    }
    return chain;
  }

  completed(checkpointId: number): void {
    const pending = this.#pending;
    if (pending?.checkpointId !== checkpointId || pending.chain === undefined) return;
    this.#pending = undefined;
    this.#confirmed = pending.chain;
    const last = pending.chain.at(-1);
    this.#live = last === undefined ? undefined : { number: last.number, bytes: pending.live! };
    this.#review();
  }

  /** Drops segments that are not needed, and evicts those that hold too little or are too many. */
  #review(): void {
    const chain = this.#confirmed;
    if (chain.length < 2) return;
    const current = this.#census();
    const inline = chain.filter(({ ref }) => ref.data !== undefined);
    const inlineBytes = inline.reduce((sum, { ref }) => sum + ref.lengthBytes, 0);
    const evicted = new Set<ChainSegment>(inlineBytes > MAX_INLINE_BYTES ? inline : []);
    for (const segment of chain) if (current(segment) * 2 < segment.ref.pages) evicted.add(segment);
    const left = chain.filter((segment) => !evicted.has(segment));
    if (left.length > MAX_SEGMENTS) {
      const smallest = left.toSorted((a, b) => current(a) - current(b));
      for (const segment of smallest.slice(0, left.length - MAX_SEGMENTS / 2)) evicted.add(segment);
    }
    for (const { number } of evicted) this.#kernels.snapshotEvict(this.#domain, number);
    this.#confirmed = chain.filter((segment) => !evicted.has(segment));
  }

  #census(): (segment: ChainSegment) => number {
    const kernels = this.#kernels;
    const counted = this.#nextNumber;
    const pages = Math.ceil((counted * 4) / 4096);
    const counts = kernels.pageAllocate(pages) >>> 0;
    // Without memory to count, every segment counts as current: nothing is evicted.
    if (counts === 0) return ({ ref }) => ref.pages;
    kernels.snapshotCensus(this.#domain, counts, counted);
    const copy = new Uint32Array(this.#memory.buffer, counts, counted).slice();
    kernels.pageFree(counts, pages);
    return ({ number }) => copy[number] ?? 0;
  }
}
