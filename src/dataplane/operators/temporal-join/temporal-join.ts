/**
 * TemporalJoin by event time: each left row with the version of the right table that was valid at the row's time, INNER
 * and LEFT, when the watermark of both sides has reached that time.
 *
 * Flow:    rows are kept by key → timer of the key's earliest time → temporalCollect (due left rows, each with its version)
 *          → condition → temporalApply → ChangeEmitter.
 * In/out:  left: any changelog, passed through with its kinds; right: any changelog of a table with a primary key and a
 *          time attribute. A version that is taken back (-U, -D) matches nothing from its time on.
 * State:   timed-sides.ts: left rows in order of arrival, right ones one a time. Versions that no later row can ask for go
 *          when a timer of their key fires; the last one stays. TTL: of a key as a whole, from its last row on.
 * Late:    a late left row finds the versions that are still there; nothing is dropped.
 * Source:  Flink TemporalRowTimeJoinOperator.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { TemporalJoinNode } from "../../../foundation/plan/exec-node.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { SETS_BYTES, TimedSides } from "../interval-join/timed-sides.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";

const TIMER_BYTES = 16;
/** Word of the call struct with the number of keys to register again, as a byte offset. */
const AGAIN_COUNT = 56;

export class TemporalJoinOperator extends BaseOperator {
  readonly #node: TemporalJoinNode;
  #sides: TimedSides | undefined;
  #timers: WindowTimers | undefined;
  #watermark = MIN_WATERMARK;

  constructor(node: TemporalJoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    this.#sides = new TimedSides({
      context,
      node: this.#node,
      extra: {
        bytes: TIMER_BYTES,
        fields: [
          { name: "timer", offset: SETS_BYTES, type: "flags" },
          { name: "timer-time", offset: SETS_BYTES + 8, type: "counter" },
        ],
      },
      ttlMs: this.#node.stateTtlMs ?? 0,
    });
    this.#timers = new WindowTimers(context, "timers", this.#sides.keyBytes);
  }

  override processBatch(input: number, batch: BatchPtr): void {
    const { kernels } = this.context.runtime;
    const sides = this.#sides!;
    const column = input === 0 ? this.#node.leftTime : this.#node.rightTime;
    const timed = sides.encode(input, batch, (rows) => sides.timesOf(input, batch, column, rows));
    const { rows, kinds, hashes, views, entries, matchable, times } = timed;
    // A left row whose key is NULL finds nothing but its time; versions of such a key are never asked for.
    const kept = input === 0 && this.#node.joinType === "LEFT" ? entries : matchable;
    const flags = sides.flags(input);
    sides.setCall(
      [sides.map.ptr, 0, rows, kinds, hashes, kept, 0, views, 0, flags].concat(
        [0, 0, 0, 0, 0, 0, 0, 0],
        [times],
      ),
      [],
    );
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const n = kernels.temporalAdd(sides.call, list);
    if (n > 0) {
      const ofRows = kernels.gatherWords(entries, n, list) >>> 0;
      const moments = kernels.gatherWide(times, 8, n, list) >>> 0;
      this.#timers!.register(n, sides.pick(timed, n, list), ofRows, moments, NO_FLAG);
    }
    kernels.pairsCleanup(sides.map.ptr, rows, entries, SETS_BYTES);
  }

  override processWatermark(watermark: number): void {
    this.#watermark = watermark;
    const { kernels } = this.context.runtime;
    const timers = this.#timers!;
    for (let at = timers.first; at !== undefined && at <= watermark; at = timers.first) {
      const mark = kernels.arenaMark();
      this.#fire(at);
      kernels.arenaRelease(mark);
    }
    this.context.output.emitWatermark(watermark);
  }

  override close(): void {
    this.#sides?.close();
    this.#sides = undefined;
  }

  #fire(moment: number): void {
    const { kernels, memory } = this.context.runtime;
    const sides = this.#sides!;
    const timers = this.#timers!;
    const { ptr } = sides.map;
    const keys = timers.keysOf(moment);
    const { n, hashes } = keys;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const again = kernels.arenaAlloc(n * 4) >>> 0;
    const moments = kernels.arenaAlloc(n * 8) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys.keys, entries);
    const flags = sides.flags(0);
    const found = kernels.gatherAll(entries, n) >>> 0;
    const words = [ptr, 0, n, 0, hashes, entries, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0];
    sides.setCall([...words, again, moments], [moment, this.#watermark]);
    const isOuter = this.#node.joinType === "LEFT" ? 1 : 0;
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      done = kernels.temporalCollect(sides.call) !== 0;
      const { values, validity } = sides.mask();
      kernels.temporalApply(sides.call, values, validity, isOuter);
      sides.emitter.emit(ptr);
      kernels.arenaRelease(mark);
    }
    const waits = new DataView(memory.buffer).getUint32(sides.call + AGAIN_COUNT, true);
    if (waits > 0) {
      const ofKeys = kernels.gatherWords(found, waits, again) >>> 0;
      timers.register(waits, sides.pick(keys, waits, again), ofKeys, moments, NO_FLAG);
    }
    timers.removeFirst();
    kernels.entriesRemove(ptr, n, entries);
  }
}
