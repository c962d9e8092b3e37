/**
 * AttachedWindows: rows that carry their window's end, for operators that keep them until the window is over: which rows are
 * late, and which keys a window has when it fires.
 *
 * State:   timers by window end (window-timers.ts). What a key keeps is the operator's.
 * Late:    rows of windows that are over are dropped and counted in numLateRecordsDropped.
 * Source:  Flink WindowedSliceAssigner, SlicingWindowOperator.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { TimeColumn } from "../../../foundation/plan/exec-node.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { WindowClock } from "./window-clock.ts";
import { type TimerKeys, WindowTimers } from "./window-timers.ts";
import { LateRecords } from "../rows/late-records.ts";

export class AttachedWindows {
  readonly #context: OperatorContext;
  readonly #late: LateRecords;
  readonly #rows: BatchRows;
  readonly #keyBytes: number;
  readonly #endColumn: number;
  readonly #timers: WindowTimers;
  readonly #clock: WindowClock;

  constructor(options: {
    readonly context: OperatorContext;
    readonly time: TimeColumn;
    /** Field with the window's end. */
    readonly end: number;
    readonly keyBytes: number;
  }) {
    const { context, time, end, keyBytes } = options;
    const input = context.inputs[0]!;
    this.#context = context;
    this.#late = new LateRecords(context);
    this.#rows = new BatchRows(context.runtime, input);
    this.#keyBytes = keyBytes;
    this.#endColumn = physicalIndex(input, end);
    this.#timers = new WindowTimers(context, "timers", keyBytes);
    this.#clock = new WindowClock(context, this.#timers, time);
  }

  /** The rows whose windows are open; undefined when there is none. */
  inTime(batch: BatchPtr): BatchPtr | undefined {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const bound = BigInt(this.#clock.overUntil);
    const kept = kernels.rowsAbove(rows, this.#ends(batch), 8, 0, bound, list);
    this.#late.drop(rows - kept);
    if (kept === 0) return undefined;
    return kept === rows ? batch : this.#rows.gather(batch, list, kept);
  }

  /** Each entry is registered once: byte `flag` of its value says whether it was. */
  register(batch: BatchPtr, encoded: EncodedKeys, entries: number, flag: number): void {
    const rows = this.#rows.rows(batch);
    this.#timers.register(rows, encoded, entries, this.#ends(batch), flag);
    this.#clock.registered();
  }

  watermark(watermark: number, fire: (keys: TimerKeys) => void): void {
    this.#clock.watermark(watermark, (moment) => this.#fire(moment, fire));
  }

  processingTime(time: number, fire: (keys: TimerKeys) => void): void {
    this.#clock.processingTime(time, (moment) => this.#fire(moment, fire));
  }

  /** The keys of the window in parts of MAX_BATCH_ROWS. */
  #fire(moment: number, fire: (keys: TimerKeys) => void): void {
    const { kernels } = this.#context.runtime;
    const { n, keys, hashes } = this.#timers.keysOf(moment);
    const width = this.#keyBytes < 0 ? 8 : this.#keyBytes;
    for (let from = 0; from < n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const count = Math.min(MAX_BATCH_ROWS, n - from);
      fire({ n: count, keys: keys + from * width, hashes: hashes + from * 8 });
      kernels.arenaRelease(mark);
    }
  }

  #ends(batch: BatchPtr): number {
    const at = columnPtr(batch, this.#endColumn) + COLUMN_VALUES;
    return new DataView(this.#context.runtime.memory.buffer).getUint32(at, true);
  }
}
