/**
 * IntervalJoin: joins rows whose times lie within bounds of each other, INNER, LEFT, RIGHT and FULL, by event or
 * processing time: lowerBoundMs ≤ left time − right time ≤ upperBoundMs.
 *
 * Flow:    batch of one side → its entries → intervalCollect (rows of the other side within the bounds) → condition →
 *          intervalApply → ChangeEmitter; rows that the other side may still meet are kept.
 * In/out:  insert-only → insert-only. An unmatched row of an outer side shows up when its time is over.
 * State:   timed-sides.ts; rows of a key lie in order of their times. A key's first row of a side has a timer; rows go
 *          with the timer or with the next row of the other side.
 * Late:    a late row is joined with what is still there and is not kept; nothing is dropped.
 * Watermark: held back by the wider bound + half of the interval, so that what comes out is not late; both time
 *          attributes of the output stay usable.
 * Empty:   with lower > upper nothing matches: outer rows come out alone, at once.
 * Source:  Flink TimeIntervalJoin, RowTimeIntervalJoin, ProcTimeIntervalJoin, StreamExecIntervalJoin. What has expired is
 *          told by the current watermark (Flink: by that of the last row or timer of the subtask).
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { IntervalJoinNode } from "../../../foundation/plan/exec-node.ts";
import { MAX_WATERMARK, MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { LEFT_SET, RIGHT_SET, SETS_BYTES, type TimedBatch, TimedSides } from "./timed-sides.ts";

/** Behind the sets: a byte a side, set while the key has a timer for it. */
const FLAGS_AT = SETS_BYTES;

interface Side {
  readonly set: number;
  readonly timers: WindowTimers;
  /** A row of this side at t meets rows of the other one from t + lower to t + upper. */
  readonly lower: number;
  readonly upper: number;
  readonly outer: boolean;
}

export class IntervalJoinOperator extends BaseOperator {
  readonly #node: IntervalJoinNode;
  readonly #isEventTime: boolean;
  /** Added to a row's time until it is looked for: rows go in bulk, not one by one. */
  readonly #cleanupMs: number;
  readonly #delayMs: number;
  #sides: TimedSides | undefined;
  #left: Side | undefined;
  #right: Side | undefined;
  #watermark = MIN_WATERMARK;

  constructor(node: IntervalJoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#isEventTime = node.leftTime.attribute === "ROWTIME";
    const { lowerBoundMs, upperBoundMs } = node;
    this.#cleanupMs = Math.trunc((upperBoundMs - lowerBoundMs) / 2);
    const isEmpty = lowerBoundMs > upperBoundMs;
    this.#delayMs = isEmpty ? 0 : Math.max(-lowerBoundMs, upperBoundMs) + this.#cleanupMs;
  }

  override open(): void {
    const { context } = this;
    const { joinType, lowerBoundMs: lower, upperBoundMs: upper } = this.#node;
    const sides = new TimedSides({
      context,
      node: this.#node,
      extra: { bytes: 8, fields: [{ name: "timers", offset: FLAGS_AT, type: "flags" }] },
      ttlMs: 0,
    });
    this.#sides = sides;
    this.#left = {
      set: LEFT_SET,
      timers: new WindowTimers(context, "left-timers", sides.keyBytes),
      lower: -upper,
      upper: -lower,
      outer: joinType === "LEFT" || joinType === "FULL",
    };
    this.#right = {
      set: RIGHT_SET,
      timers: new WindowTimers(context, "right-timers", sides.keyBytes),
      lower,
      upper,
      outer: joinType === "RIGHT" || joinType === "FULL",
    };
    this.#askForTime();
  }

  override processBatch(input: number, batch: BatchPtr): void {
    const { kernels } = this.context.runtime;
    const sides = this.#sides!;
    const side = input === 0 ? this.#left! : this.#right!;
    const timed = sides.encode(input, batch, (rows) => this.#times(input, batch, rows));
    const { rows, entries } = timed;
    // A row with a NULL in its key waits only to show up unmatched.
    const own = kernels.gatherAll(side.outer ? entries : timed.matchable, rows) >>> 0;
    if (side.lower > side.upper) kernels.clearMarked(rows, this.#everyRow(rows), own);
    this.#join(input, side, timed, own);
    this.#registerKept(side, timed, own);
    kernels.pairsCleanup(sides.map.ptr, rows, entries, FLAGS_AT);
  }

  override processWatermark(watermark: number): void {
    if (!this.#isEventTime) {
      this.context.output.emitWatermark(watermark);
      return;
    }
    this.#watermark = watermark;
    this.#fireUntil(watermark);
    const passed = watermark === MAX_WATERMARK || watermark === MIN_WATERMARK;
    const delayed = this.#delayMs > 0 && !passed ? watermark - this.#delayMs : watermark;
    this.context.output.emitWatermark(delayed);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isEventTime) this.#fireUntil(time);
  }

  override close(): void {
    this.#sides?.close();
    this.#sides = undefined;
  }

  /** Flink's operator time: never before 1970. */
  get #now(): number {
    return this.#isEventTime ? Math.max(this.#watermark, 0) : this.context.clock.nowMs();
  }

  /** Rows of the other side up to here are over for rows of this one. */
  #expiredFor(side: Side): number {
    return this.#now === MAX_WATERMARK ? MAX_WATERMARK : this.#now + side.lower - 1;
  }

  #times(input: number, batch: BatchPtr, rows: number): number {
    const { kernels } = this.context.runtime;
    if (!this.#isEventTime) return kernels.repeatTime(rows, BigInt(this.#now)) >>> 0;
    const column = input === 0 ? this.#node.leftTime : this.#node.rightTime;
    return this.#sides!.timesOf(input, batch, column, rows);
  }

  #everyRow(rows: number): number {
    const { kernels, memory } = this.context.runtime;
    const marks = kernels.arenaAlloc(rows) >>> 0;
    new Uint8Array(memory.buffer).fill(1, marks, marks + rows);
    return marks;
  }

  /** `own` (u32[rows]) holds afterwards the entries of the rows that were kept. */
  #join(input: number, side: Side, timed: TimedBatch, own: number): void {
    const { kernels } = this.context.runtime;
    const sides = this.#sides!;
    const { rows, hashes, views, matchable, times } = timed;
    const { ptr } = sides.map;
    const flags = sides.flags(input);
    sides.setCall(
      [ptr, 0, rows, 0, hashes, own, matchable, views, side.set, flags].concat(
        [0, 0, 0, 0, 0, 0, 0, 0],
        [times],
      ),
      [side.lower, side.upper, this.#expiredFor(side), this.#now],
    );
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      done = kernels.intervalCollect(sides.call) !== 0;
      const { values, validity } = sides.mask();
      kernels.intervalApply(sides.call, values, validity);
      sides.emitter.emit(ptr);
      kernels.arenaRelease(mark);
    }
  }

  #registerKept(side: Side, timed: TimedBatch, own: number): void {
    const { kernels } = this.context.runtime;
    const list = kernels.arenaAlloc(timed.rows * 4) >>> 0;
    const n = kernels.rowsNotZero(timed.rows, own, list);
    if (n === 0) return;
    const times = kernels.gatherWide(timed.times, 8, n, list) >>> 0;
    const moments = kernels.shiftTimes(n, times, BigInt(this.#waitMs(side))) >>> 0;
    const entries = kernels.gatherWords(own, n, list) >>> 0;
    const flag = FLAGS_AT + (side.set === LEFT_SET ? 0 : 1);
    side.timers.register(n, this.#sides!.pick(timed, n, list), entries, moments, flag);
    this.#askForTime();
  }

  /** From a row's time to the timer that may remove it. */
  #waitMs(side: Side): number {
    return side.upper + this.#cleanupMs + 1;
  }

  #askForTime(): void {
    if (this.#isEventTime) return;
    for (const { timers } of [this.#left!, this.#right!])
      if (timers.first !== undefined) this.context.registerProcessingTimer(timers.first);
  }

  #fireUntil(until: number): void {
    const { kernels } = this.context.runtime;
    for (const side of [this.#left!, this.#right!])
      for (let at = side.timers.first; at !== undefined && at <= until; at = side.timers.first) {
        const mark = kernels.arenaMark();
        this.#fire(side, at);
        kernels.arenaRelease(mark);
      }
    this.#askForTime();
  }

  #fire(side: Side, moment: number): void {
    const { kernels } = this.context.runtime;
    const sides = this.#sides!;
    const { ptr } = sides.map;
    const keys = side.timers.keysOf(moment);
    const { n, hashes } = keys;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const again = kernels.arenaAlloc(n * 4) >>> 0;
    const moments = kernels.arenaAlloc(n * 8) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys.keys, entries);
    const found = kernels.gatherAll(entries, n) >>> 0;
    const other = side === this.#left ? this.#right! : this.#left!;
    const waits = kernels.intervalExpire(
      ptr,
      n,
      hashes,
      entries,
      side.set,
      side.outer ? 1 : 0,
      FLAGS_AT,
      BigInt(this.#expiredFor(other)),
      BigInt(this.#waitMs(side)),
      again,
      moments,
    );
    const picked = waits === 0 ? undefined : sides.pick(keys, waits, again);
    const kept = waits === 0 ? 0 : kernels.gatherWords(found, waits, again) >>> 0;
    // Variable keys still lie in the timer: it goes last.
    const flag = FLAGS_AT + (side.set === LEFT_SET ? 0 : 1);
    if (picked !== undefined) side.timers.register(waits, picked, kept, moments, flag);
    side.timers.removeFirst();
    sides.emitter.emit(ptr);
    kernels.entriesRemove(ptr, n, entries);
  }
}
