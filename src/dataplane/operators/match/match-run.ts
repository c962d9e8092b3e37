/** MatchRun: one partition while its new rows go through the pattern. */
import { type MatchPattern, MatchRecords, START } from "./match-pattern.ts";

export interface PartitionKey {
  readonly address: number;
  readonly hash: bigint;
}

export class MatchRun {
  readonly entry: number;
  /** Upper half of the partition's hash. */
  readonly hash: number;
  /** Address of the rows' views (u64 each), in their stored order. */
  readonly views: number;
  /** The partition's key as mapUpsertBatch takes it: address and hash; valid within one batch. */
  readonly key: PartitionKey;
  /** Addresses of the encoded rows, in the order of the pattern. */
  addresses: Uint32Array;
  /** The row whose turn is next. */
  next: number;
  /** Where its candidates' conditions begin; set by MatchConditions.round(). */
  fitsFrom = 0;
  /** Of each row, in ms; only where WITHIN asks for them. */
  times: Float64Array | undefined;
  partial: MatchRecords;
  readonly done: MatchRecords;
  #spare: MatchRecords;

  constructor(options: {
    readonly entry: number;
    readonly hash: number;
    readonly views: number;
    readonly key: PartitionKey;
    readonly addresses: Uint32Array;
    readonly next: number;
    readonly positions: number;
  }) {
    this.entry = options.entry;
    this.hash = options.hash;
    this.views = options.views;
    this.key = options.key;
    this.addresses = options.addresses;
    this.next = options.next;
    this.partial = new MatchRecords(options.positions);
    this.done = new MatchRecords(options.positions);
    this.#spare = new MatchRecords(options.positions);
  }

  /** Takes the next row; `fits` holds the conditions of every record in the making, then those of a fresh one. */
  step(pattern: MatchPattern, fits: Uint8Array): void {
    const { partial, done } = this;
    const next = this.#spare;
    const row = this.next++;
    for (let i = 0; i <= partial.count; i++) {
      const index = i < partial.count ? i : -1;
      const at = this.fitsFrom + i * pattern.positions;
      pattern.step(partial, index, row, fits, at, next, done);
    }
    partial.clear();
    this.#spare = partial;
    this.partial = next;
  }

  /** Rows before this one are of no match to come. */
  firstNeeded(): number {
    let first = this.addresses.length;
    for (const records of [this.partial, this.done])
      for (let i = 0; i < records.count; i++) first = Math.min(first, records.get(i, START));
    return first;
  }

  /** The first `rows` rows are gone: records count from the one behind them. */
  shift(rows: number): void {
    for (const records of [this.partial, this.done]) records.shiftRows(rows);
  }
}

/** The first row of the earliest of the records; -1 when there are none. */
export function firstStart(records: MatchRecords): number {
  let first = -1;
  for (let i = 0; i < records.count; i++) {
    const start = records.get(i, START);
    if (first < 0 || start < first) first = start;
  }
  return first;
}

/** The rows of all runs, one after the other, and where each begins. */
export function joinedRows(runs: readonly MatchRun[]) {
  const bases = new Map<MatchRun, number>();
  let total = 0;
  for (const run of runs) {
    if (bases.has(run)) continue;
    bases.set(run, total);
    total += run.addresses.length;
  }
  const rows = new Uint32Array(total);
  for (const [run, base] of bases) rows.set(run.addresses, base);
  return { rows, bases };
}
