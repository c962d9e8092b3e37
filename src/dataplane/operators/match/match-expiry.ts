/**
 * MatchExpiry: when matches in the making of a pattern with WITHIN are over, though their partition gets no more rows: they
 * no longer keep back matches behind them, nor their rows in state.
 *
 * Flow:    match.ts arms a partition whenever it keeps matches in the making → the watermark or the clock → match.ts.
 * State:   "expiry": moment → partitions (WindowTimers). An entry of "kept" holds the mark of the one moment that it waits for;
 *          what comes at another moment is of an entry that is gone.
 * Source:  Flink CepOperator.registerTimer, NFA.advanceTime.
 */
import type { OperatorContext } from "../../contract/operator.ts";
import { NO_FLAG, type TimerKeys, WindowTimers } from "../windows/window-timers.ts";
import type { PartitionKey } from "./match-run.ts";

export interface ExpiryOptions {
  /** As KeyedMap has it. */
  readonly keyBytes: number;
  /** Where in an entry the mark stands, u32. */
  readonly mark: number;
  readonly byClock: boolean;
}

export class MatchExpiry {
  readonly #context: OperatorContext;
  readonly #options: ExpiryOptions;
  readonly #timers: WindowTimers;

  constructor(context: OperatorContext, options: ExpiryOptions) {
    this.#context = context;
    this.#options = options;
    this.#timers = new WindowTimers(context, "expiry", options.keyBytes);
    if (options.byClock)
      for (const moment of this.#timers.waiting) context.registerProcessingTimer(moment);
  }

  markOf(entry: number): number {
    return this.#data().getUint32(entry + this.#options.mark, true);
  }

  /** The partition's first match in the making ends at `moment`; `waits` is the mark that it had, 0 = none. */
  arm(entry: number, key: PartitionKey, moment: number, waits: number): void {
    this.#data().setUint32(entry + this.#options.mark, waits === 0 ? markAt(moment) : waits, true);
    if (waits !== 0) return;
    const { kernels } = this.#context.runtime;
    const moments = kernels.arenaAlloc(8) >>> 0;
    const hashes = kernels.arenaAlloc(8) >>> 0;
    const entries = kernels.arenaAlloc(8) >>> 0;
    const data = this.#data();
    data.setBigInt64(moments, BigInt(moment), true);
    data.setBigUint64(hashes, key.hash, true);
    data.setUint32(entries, entry, true);
    this.#timers.register(1, { hashes, keys: key.address }, entries, moments, NO_FLAG);
    if (this.#options.byClock) this.#context.registerProcessingTimer(moment);
  }

  /** Hands over the partitions of each moment up to `until`. */
  fire(until: number, expire: (keys: TimerKeys, isDue: (entry: number) => boolean) => void): void {
    const { kernels } = this.#context.runtime;
    for (;;) {
      const moment = this.#timers.first;
      if (moment === undefined || moment > until) return;
      const mark = kernels.arenaMark();
      expire(this.#timers.keysOf(moment), (entry) => this.#take(entry, moment));
      this.#timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  /** True once for the entry that waits for this moment. */
  #take(entry: number, moment: number): boolean {
    if (this.markOf(entry) !== markAt(moment)) return false;
    this.#data().setUint32(entry + this.#options.mark, 0, true);
    return true;
  }

  #data(): DataView {
    return new DataView(this.#context.runtime.memory.buffer);
  }
}

/** The moment's lower half, not 0. */
function markAt(moment: number): number {
  return Number(BigInt.asUintN(32, BigInt(moment))) || 1;
}
