/**
 * FrameBounds: the frame of each row of one sorted partition, as row numbers [from, to).
 *
 * ROWS counts rows; RANGE compares the first sort value (`values`), offsets in its unit; rows with equal sort values are
 * peers (`peers`: number of the peer group of a row, rising). A NULL's frame by offset is its peers, and nothing when the
 * offsets leave the row itself out (as in Flink's RangeBoundComparator).
 */
import type { OverBound } from "../../../foundation/plan/exec-node.ts";

export type FrameValue = number | bigint | null;

export interface Partition {
  /** Rows [start, end) of a batch. */
  readonly start: number;
  readonly end: number;
  /** By row of the batch. */
  readonly peers: Int32Array;
  /** By row of the batch; ascending in sort order (negated for DESC). */
  readonly values: readonly FrameValue[];
}

export interface Frame {
  readonly unit: "ROWS" | "RANGE";
  readonly start: OverBound;
  readonly end: OverBound;
  /** An offset in the unit of `values`. */
  readonly scale: (offset: number) => number | bigint;
}

export class FrameBounds {
  readonly #frame: Frame;
  readonly #partition: Partition;
  readonly #peerStart: Int32Array;
  readonly #peerEnd: Int32Array;
  readonly #valuesStart: number;
  readonly #valuesEnd: number;

  constructor(frame: Frame, partition: Partition) {
    this.#frame = frame;
    this.#partition = partition;
    const { start, end, peers, values } = partition;
    this.#peerStart = new Int32Array(end - start);
    this.#peerEnd = new Int32Array(end - start);
    for (let i = start; i < end; i++)
      this.#peerStart[i - start] =
        i > start && peers[i] === peers[i - 1] ? this.#peerStart[i - start - 1]! : i;
    for (let i = end - 1; i >= start; i--)
      this.#peerEnd[i - start] =
        i < end - 1 && peers[i] === peers[i + 1] ? this.#peerEnd[i - start + 1]! : i + 1;
    let [first, last] = [start, end];
    while (first < last && values[first] === null) first++;
    while (last > first && values[last - 1] === null) last--;
    this.#valuesStart = first;
    this.#valuesEnd = last;
  }

  peerStart(row: number): number {
    return this.#peerStart[row - this.#partition.start]!;
  }

  peerEnd(row: number): number {
    return this.#peerEnd[row - this.#partition.start]!;
  }

  from(row: number): number {
    const { start, end } = this.#partition;
    const bound = this.#frame.start;
    switch (bound.kind) {
      case "unboundedPreceding":
        return start;
      case "unboundedFollowing":
        return end;
      case "currentRow":
        return this.#frame.unit === "ROWS" ? row : this.peerStart(row);
      default: {
        if (this.#frame.unit === "ROWS") return Math.min(end, Math.max(start, row + signed(bound)));
        const target = this.#target(row, bound);
        if (target !== null) return this.#firstFrom(target, false);
        return signed(bound) > 0 ? this.peerEnd(row) : this.peerStart(row);
      }
    }
  }

  to(row: number): number {
    const { start, end } = this.#partition;
    const bound = this.#frame.end;
    switch (bound.kind) {
      case "unboundedPreceding":
        return start;
      case "unboundedFollowing":
        return end;
      case "currentRow":
        return this.#frame.unit === "ROWS" ? row + 1 : this.peerEnd(row);
      default: {
        if (this.#frame.unit === "ROWS")
          return Math.min(end, Math.max(start, row + signed(bound) + 1));
        const target = this.#target(row, bound);
        if (target !== null) return this.#firstFrom(target, true);
        return signed(bound) < 0 ? this.peerStart(row) : this.peerEnd(row);
      }
    }
  }

  #target(row: number, bound: Extract<OverBound, { offset: number }>): number | bigint | null {
    const value = this.#partition.values[row]!;
    if (value === null) return null;
    const offset = this.#frame.scale(bound.offset);
    const sign = bound.kind === "preceding" ? -1 : 1;
    return typeof value === "bigint"
      ? value + BigInt(sign) * BigInt(offset)
      : value + sign * Number(offset);
  }

  /** The first row whose value is at least `target`, or above it. */
  #firstFrom(target: number | bigint, above: boolean): number {
    let [low, high] = [this.#valuesStart, this.#valuesEnd];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const value = this.#partition.values[middle]!;
      if (above ? value > target : value >= target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function signed(bound: Extract<OverBound, { offset: number }>): number {
  return bound.kind === "preceding" ? -bound.offset : bound.offset;
}
