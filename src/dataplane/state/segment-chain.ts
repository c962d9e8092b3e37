/**
 * SegmentChain: which segments together hold a subtask's state, and which of them are worth
 * keeping.
 *
 * Flow:    restore or completed checkpoint → chain → the next checkpoint names it again and adds
 *          one segment.
 * Rule:    a snapshot that is not known to be complete is not built upon: its pages are dirty again
 *          for the next one. A segment of which less than half is still current is evicted: its
 *          current pages become dirty, a share of them with each checkpoint, until one does without it. A share is as
 *          much as the last checkpoint has written, so that none takes more than twice as long as by itself.
 * Counts:  the kernels count, by segment number, the pages that are as the segment has them
 *          (snapshot.as.ts).
 * Limits:  beyond MAX_SEGMENTS in a chain the smallest are evicted, too; all of them beyond MOST_SEGMENTS at once. Of those
 *          within the manifest, MAX_INLINE_BYTES together; numbers below MAX_NUMBERS.
 */
import type { KernelExports } from "../kernels/kernels.generated.ts";
import type { SegmentRef } from "./state-handle.ts";

const MAX_SEGMENTS = 32;
const MOST_SEGMENTS = 256;
/** A share is not smaller. */
const LEAST_SHARE_PAGES = 1024;
const ALL_PAGES = 0xffffffff;
const MAX_INLINE_BYTES = 64 * 1024;
/** Of the kernels' table; they are used again, the one that was free for the longest first. */
const MAX_NUMBERS = 1024;
/** A restored chain is shared up to this; what is beyond counts as changed. */
const MAX_RESTORED = 512;

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
  #latest: readonly ChainSegment[] = [];
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

  /**
   * Which pages exist according to the last segment of the chain; undefined when a new one has to
   * say it.
   */
  get live(): Uint8Array | undefined {
    return this.#live?.number === this.#confirmed.at(-1)?.number ? this.#live?.bytes : undefined;
  }

  /** Of the last completed checkpoint: what the next one will do without is still in it. */
  get latest(): readonly ChainSegment[] {
    return this.#latest;
  }

  takeNumber(): number {
    const used = new Set(this.#confirmed.map(({ number }) => number));
    if (this.#pending !== undefined) used.add(this.#pending.number);
    let number = this.#nextNumber;
    while (used.has(number)) number = (number % (MAX_NUMBERS - 1)) + 1;
    this.#nextNumber = (number % (MAX_NUMBERS - 1)) + 1;
    return number;
  }

  /** For a segment that is being restored; 0 when there are too many to share. */
  takeRestoredNumber(): number {
    return this.#nextNumber > MAX_RESTORED ? 0 : this.#nextNumber++;
  }

  /** After a restore from files that this subtask may go on sharing. */
  restored(chain: readonly ChainSegment[]): void {
    this.#confirmed = chain;
    this.#latest = chain;
    this.#review(0);
  }

  /**
   * At a barrier: what is not known to be complete has to be written again. Returns the number for
   * the new segment, and the segments that hold pages which have not changed. `anew`: checkpoint
   * storage has lost segments, so none is built upon.
   */
  begin(
    checkpointId: number,
    anew = false,
  ): { readonly number: number; readonly base: readonly ChainSegment[] } {
    if (this.#pending !== undefined)
      this.#kernels.snapshotEvict(this.#domain, this.#pending.number, ALL_PAGES);
    if (anew) {
      for (const { number } of this.#confirmed)
        this.#kernels.snapshotEvict(this.#domain, number, ALL_PAGES);
      this.#confirmed = [];
      this.#live = undefined;
    }
    const number = this.takeNumber();
    this.#pending = { checkpointId, number, chain: undefined, live: undefined };
    const current = this.#counts();
    const base = this.#confirmed.filter((segment) => current(segment) > 0);
    return { number, base };
  }

  /**
   * The segment of a snapshot is durable. Returns the checkpoint's chain: `before`, then the new
   * one.
   */
  written(
    number: number,
    before: readonly ChainSegment[],
    ref: SegmentRef | undefined,
    live: Uint8Array,
  ): readonly ChainSegment[] {
    const chain = ref === undefined ? before : [...before, { ref, number }];
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
    this.#latest = pending.chain;
    const last = pending.chain.at(-1);
    this.#live = last === undefined ? undefined : { number: last.number, bytes: pending.live! };
    this.#review(last?.number === pending.number ? last.ref.pages : 0);
  }

  /** Drops segments that are not needed, and evicts those that hold too little or are too many, a share of their pages. */
  #review(writtenPages: number): void {
    const chain = this.#confirmed;
    if (chain.length < 2) return;
    const current = this.#counts();
    const bySize = chain
      .map((segment) => ({ segment, pages: current(segment) }))
      .toSorted((a, b) => a.pages - b.pages);
    const inline = chain.filter(({ ref }) => ref.data !== undefined);
    const inlineBytes = inline.reduce((sum, { ref }) => sum + ref.lengthBytes, 0);
    const tooMany = chain.length - MAX_SEGMENTS;
    const unwanted = bySize.filter(
      ({ segment, pages }, i) =>
        i < tooMany ||
        pages * 2 < segment.ref.pages ||
        (inlineBytes > MAX_INLINE_BYTES && segment.ref.data !== undefined),
    );
    let share =
      chain.length > MOST_SEGMENTS ? ALL_PAGES : Math.max(writtenPages, LEAST_SHARE_PAGES);
    const evicted = new Set<ChainSegment>();
    for (const { segment, pages } of unwanted) {
      // Those within the manifest are small, and go together.
      const most = segment.ref.data === undefined ? Math.min(share, pages) : pages;
      if (most > 0) this.#kernels.snapshotEvict(this.#domain, segment.number, most);
      if (most === pages) evicted.add(segment);
      share -= Math.min(share, most);
    }
    this.#confirmed = chain.filter((segment) => !evicted.has(segment));
  }

  #counts(): (segment: ChainSegment) => number {
    const address = this.#kernels.domainSegments(this.#domain) >>> 0;
    const counts = new Uint32Array(this.#memory.buffer, address, MAX_NUMBERS);
    return ({ number }) => counts[number]!;
  }
}
