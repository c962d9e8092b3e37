/**
 * WindowTimes: the windows of a batch's rows, and the instants at which windows end.
 *
 * Times:   windows are counted on the wall clock: of TIMESTAMP as it is, of TIMESTAMP_LTZ and processing time in the
 *          session's zone. toEpoch() gives the instant that a watermark or the clock is compared with.
 * Source:  Flink TimeWindow.getWindowStartWithOffset, TimeWindowUtil, the WindowAssigners of the table runtime.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf, types } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import { zoneOffsetMs } from "../../../foundation/columnar/value-text.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";

/** Lists in the arena, one item per (row, window). */
export interface AssignedWindows {
  readonly count: number;
  /** u32: row of the batch. */
  readonly rows: number;
  /** i64 wall-clock milliseconds, inclusive and exclusive. */
  readonly starts: number;
  readonly ends: number;
}

const KINDS = { TUMBLE: 0, HOP: 1, CUMULATE: 2 } as const;

export class WindowTimes {
  readonly #context: OperatorContext;
  readonly #window: WindowSpec;
  readonly #schema: Schema;
  readonly #kind: number;
  readonly #zone: string;
  readonly #toWallClock: CompiledCalc | undefined;

  constructor(context: OperatorContext, window: WindowSpec) {
    this.#context = context;
    this.#window = window;
    this.#schema = context.inputs[0]!;
    this.#kind = window.kind === "SESSION" ? KINDS.TUMBLE : KINDS[window.kind];
    const { attribute, type, index } = window.time;
    const zoned = attribute === "PROCTIME" || type.kind === "TIMESTAMP_LTZ";
    this.#zone = zoned ? context.timeZone : "UTC";
    if (attribute === "ROWTIME" && this.#zone !== "UTC")
      this.#toWallClock = compileCalc(
        {
          input: this.#schema,
          projection: [call("CAST", [input(index, type)], types.timestamp(3))],
          output: { fields: [{ name: "time", type: types.timestamp(3) }] },
        },
        {
          runtime: context.runtime,
          environment: functionEnvironment(context),
          operator: `time of ${window.kind}`,
        },
      );
  }

  /** Rows without a time are in no window. */
  assign(batch: BatchPtr): AssignedWindows {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { values, width, validity } = this.times(batch);
    const { sizeMs, slideMs, stepMs, offsetMs } = this.#window;
    const step = this.#kind === KINDS.HOP ? slideMs : stepMs;
    const out = kernels.arenaAlloc(12) >>> 0;
    const count =
      kernels.windowAssign(
        rows,
        values,
        width,
        validity,
        this.#kind,
        BigInt(sizeMs),
        BigInt(step ?? sizeMs),
        BigInt(offsetMs),
        out,
      ) >>> 0;
    const data = new DataView(memory.buffer);
    return {
      count,
      rows: data.getUint32(out, true),
      starts: data.getUint32(out + 4, true),
      ends: data.getUint32(out + 8, true),
    };
  }

  toEpoch(wallClockMs: number): number {
    return wallClockToEpoch(wallClockMs, this.#zone);
  }

  /** Wall-clock milliseconds of the rows: i64, `width` bytes apart, and their validity (0 = none is NULL). */
  times(batch: BatchPtr) {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { time } = this.#window;
    if (time.attribute === "PROCTIME") {
      const now = this.#context.clock.nowMs();
      const local = BigInt(now + zoneOffsetMs(now, this.#zone));
      return { values: kernels.repeatTime(rows, local) >>> 0, width: 8, validity: 0 };
    }
    const source = this.#toWallClock === undefined ? batch : this.#toWallClock.process(batch);
    const column = this.#toWallClock === undefined ? physicalIndex(this.#schema, time.index) : 0;
    const width = this.#toWallClock === undefined ? PHYSICAL_WIDTH[physicalOf(time.type)] : 8;
    const data = new DataView(memory.buffer);
    const at = columnPtr(source, column);
    return {
      values: data.getUint32(at + COLUMN_VALUES, true),
      validity: data.getUint32(at + COLUMN_VALIDITY, true),
      width,
    };
  }
}

/** Beyond this there are no dates: watermarks before the first row and at the end. */
const MAX_DATE_MS = 8.64e15;

/** The wall-clock time up to which windows are over at this instant. */
export function wallClockAfter(now: number, zone: string): number {
  if (zone === "UTC" || Math.abs(now) > MAX_DATE_MS) return now + 1;
  return now + zoneOffsetMs(now, zone) + 1;
}

/** The instant of a wall-clock time; of two (clocks set back) the earlier, in a gap the one after it. */
export function wallClockToEpoch(wallClockMs: number, zone: string): number {
  if (zone === "UTC") return wallClockMs;
  const before = wallClockMs - zoneOffsetMs(wallClockMs - 86_400_000, zone);
  if (before + zoneOffsetMs(before, zone) === wallClockMs) return before;
  const after = wallClockMs - zoneOffsetMs(wallClockMs + 86_400_000, zone);
  return after + zoneOffsetMs(after, zone) === wallClockMs ? after : before;
}
