/**
 * SliceTimes: the windows of rows that hold the end of a slice in place of a time: what a LocalWindowAggregate gives on. A slice
 * is in the windows that its last millisecond is in.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { type AssignedWindows, WindowTimes } from "../windows/window-times.ts";

const EARLIEST = -(1n << 63n);

export class SliceTimes extends WindowTimes {
  readonly #context: OperatorContext;
  readonly #column: number;
  /** Set: each slice is a window. */
  readonly #sizeMs: number | undefined;

  /** `window.time` names the column with slices' ends: wall-clock milliseconds, i64, never NULL. */
  constructor(context: OperatorContext, window: WindowSpec) {
    super(context, { ...window, time: { ...window.time, type: types.timestamp(3) } });
    this.#context = context;
    this.#column = physicalIndex(context.inputs[0]!, window.time.index);
    this.#sizeMs = window.kind === "TUMBLE" ? window.sizeMs : undefined;
  }

  override assign(batch: BatchPtr): AssignedWindows {
    if (this.#sizeMs === undefined) return super.assign(batch);
    const { kernels } = this.#context.runtime;
    const { count, ends } = this.#ends(batch);
    const rows = kernels.arenaAlloc(count * 4) >>> 0;
    kernels.rowsAbove(count, ends, 8, 0, EARLIEST, rows);
    return {
      count,
      rows,
      ends,
      starts: kernels.shiftTimes(count, ends, BigInt(-this.#sizeMs)) >>> 0,
    };
  }

  override times(batch: BatchPtr) {
    const { count, ends } = this.#ends(batch);
    const values = this.#context.runtime.kernels.shiftTimes(count, ends, -1n) >>> 0;
    return { values, width: 8, validity: 0 };
  }

  #ends(batch: BatchPtr): { readonly count: number; readonly ends: number } {
    const data = new DataView(this.#context.runtime.memory.buffer);
    const at = columnPtr(batch, this.#column) + COLUMN_VALUES;
    return { count: data.getUint32(batch + BATCH_ROWS, true), ends: data.getUint32(at, true) };
  }
}
