/**
 * MatchPattern: the automaton of MATCH_RECOGNIZE. It knows rows by number only; conditions come as bits.
 *
 * Record:  a match in the making or done, `width` numbers: start row, end row (-1 = in the making), position in the pattern,
 *          then for each position how many rows it has. Rows of a match are consecutive, so this says which row is whose.
 * Steps:   after a row of position p, a row may be another of p, or one of a later q when p has enough and all between are
 *          optional. A greedy position takes the row alone: what follows it is tried only with rows that do not fit it.
 * Matches: one that is done waits while an earlier start may still become a match; then AFTER MATCH SKIP clears away
 *          what began before the place where the next may begin.
 * Source:  Flink NFA, NFACompiler (greedy: conditions of the following state AND NOT the greedy one), AfterMatchSkipStrategy.
 */
import type { MatchSkip, MatchVariable } from "../../../foundation/plan/match.ts";

export const START = 0;
export const END = 1;
export const POSITION = 2;
export const COUNTS = 3;

/** Records, one after the other. */
export class MatchRecords {
  readonly width: number;
  #data: Int32Array;
  count = 0;

  constructor(positions: number) {
    this.width = COUNTS + positions;
    this.#data = new Int32Array(this.width * 8);
  }

  /** Of the record's field; fields are START … COUNTS + position. */
  get(index: number, field: number): number {
    return this.#data[index * this.width + field]!;
  }

  set(index: number, field: number, value: number): void {
    this.#data[index * this.width + field] = value;
  }

  clear(): void {
    this.count = 0;
  }

  /** A fresh record, all zero. */
  push(): number {
    const index = this.#room();
    this.#data.fill(0, index * this.width, (index + 1) * this.width);
    return index;
  }

  pushCopy(from: MatchRecords, index: number): number {
    const at = this.#room();
    const source = from.#data.subarray(index * this.width, (index + 1) * this.width);
    this.#data.set(source, at * this.width);
    return at;
  }

  /** Drops the records of which `drop` is true; the others keep their order. */
  removeIf(drop: (index: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (drop(i)) continue;
      if (kept !== i)
        this.#data.copyWithin(kept * this.width, i * this.width, (i + 1) * this.width);
      kept++;
    }
    this.count = kept;
  }

  /** All rows are counted from `rows` further on. */
  shiftRows(rows: number): void {
    for (let i = 0; i < this.count; i++) {
      this.set(i, START, this.get(i, START) - rows);
      if (this.get(i, END) >= 0) this.set(i, END, this.get(i, END) - rows);
    }
  }

  /** Numbers of all records. */
  numbers(): Int32Array {
    return this.#data.subarray(0, this.count * this.width);
  }

  load(numbers: Int32Array): void {
    this.count = 0;
    for (let i = 0; i < numbers.length / this.width; i++) this.#room();
    this.#data.set(numbers);
  }

  #room(): number {
    const index = this.count++;
    if (this.count * this.width > this.#data.length) {
      const wider = new Int32Array(this.#data.length * 2);
      wider.set(this.#data);
      this.#data = wider;
    }
    return index;
  }
}

/** Why a match could not be skipped past. */
export type SkipFault = "variable-empty" | "skip-to-start";

export class MatchPattern {
  readonly #variables: readonly MatchVariable[];
  readonly #after: MatchSkip;
  readonly positions: number;

  constructor(variables: readonly MatchVariable[], after: MatchSkip) {
    this.#variables = variables;
    this.#after = after;
    this.positions = variables.length;
  }

  /** The last position whose condition a step from here may ask for. */
  lastAsked(position: number, count: number): number {
    const variables = this.#variables;
    if (position >= 0 && count < variables[position]!.min) return position;
    for (let q = position + 1; q < this.positions; q++)
      if (variables[q]!.min > 0 && this.#endsOptional(q + 1) === false) return q;
    return this.positions - 1;
  }

  /**
   * All continuations of a record (-1 = a fresh one) by `row`: those in the making go to `next`, those done to `done`.
   * `fits`: u8 by position, from `at`.
   */
  step(
    from: MatchRecords,
    index: number,
    row: number,
    fits: Uint8Array,
    at: number,
    next: MatchRecords,
    done: MatchRecords,
  ): void {
    const variables = this.#variables;
    const position = index < 0 ? -1 : from.get(index, POSITION);
    let enough = true;
    if (position >= 0) {
      const { min, max } = variables[position]!;
      const count = from.get(index, COUNTS + position);
      enough = count >= min;
      if ((max < 0 || count < max) && fits[at + position] === 1)
        this.#take(from, index, position, row, fits, at, next, done);
    }
    if (!enough) return;
    for (let q = position + 1; q < this.positions; q++) {
      if (q > 0 && variables[q - 1]!.greedy && fits[at + q - 1] === 1) return;
      if (fits[at + q] === 1) this.#take(from, index, q, row, fits, at, next, done);
      if (variables[q]!.min > 0) return;
    }
  }

  /** Hands over the matches that nothing earlier can precede, and skips; returns what went wrong, if anything. */
  release(
    partial: MatchRecords,
    done: MatchRecords,
    emit: (record: number) => void,
  ): SkipFault | undefined {
    while (done.count > 0) {
      let first = 0;
      for (let i = 1; i < done.count; i++)
        if (done.get(i, START) < done.get(first, START)) first = i;
      const start = done.get(first, START);
      for (let i = 0; i < partial.count; i++) if (partial.get(i, START) < start) return undefined;
      const next = this.#nextStart(done, first);
      if (typeof next === "string") return next;
      emit(first);
      done.removeIf((i) => i === first || done.get(i, START) < next);
      partial.removeIf((i) => partial.get(i, START) < next);
    }
    return undefined;
  }

  #take(
    from: MatchRecords,
    index: number,
    position: number,
    row: number,
    fits: Uint8Array,
    at: number,
    next: MatchRecords,
    done: MatchRecords,
  ): void {
    const { min, max } = this.#variables[position]!;
    const count = index < 0 ? 1 : from.get(index, COUNTS + position) + 1;
    const goesOn = position < this.positions - 1 || max < 0 || count < max;
    if (goesOn) this.#write(next, from, index, position, row, -1);
    if (count < min || !this.#endsOptional(position + 1)) return;
    for (let q = position; q < this.positions - 1; q++)
      if (this.#variables[q]!.greedy && fits[at + q] === 1) return;
    this.#write(done, from, index, position, row, row);
  }

  #write(
    to: MatchRecords,
    from: MatchRecords,
    index: number,
    position: number,
    row: number,
    end: number,
  ): void {
    const record = index < 0 ? to.push() : to.pushCopy(from, index);
    if (index < 0) to.set(record, START, row);
    to.set(record, END, end);
    to.set(record, POSITION, position);
    to.set(record, COUNTS + position, to.get(record, COUNTS + position) + 1);
  }

  #endsOptional(from: number): boolean {
    for (let q = from; q < this.positions; q++) if (this.#variables[q]!.min > 0) return false;
    return true;
  }

  /** The first row at which a match may begin after this one. */
  #nextStart(done: MatchRecords, index: number): number | SkipFault {
    const after = this.#after;
    const start = done.get(index, START);
    if (after.skip === "TO_NEXT_ROW") return start + 1;
    if (!("position" in after)) return done.get(index, END) + 1;
    let first = start;
    for (let q = 0; q < after.position; q++) first += done.get(index, COUNTS + q);
    const count = done.get(index, COUNTS + after.position);
    if (count === 0) return "variable-empty";
    const to = after.skip === "TO_FIRST" ? first : first + count - 1;
    return to === start ? "skip-to-start" : to;
  }
}
