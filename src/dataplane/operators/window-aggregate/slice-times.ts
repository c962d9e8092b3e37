/**
 * SliceTimes: the windows of rows that hold the end of a slice in place of a time: what a LocalWindowAggregate gives on. A slice
 * is in the windows that its last millisecond is in.
 */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { WindowTimes } from "../windows/window-times.ts";

export class SliceTimes extends WindowTimes {
  readonly #context: OperatorContext;
  readonly #column: number;

  /** `window.time` names the column with slices' ends: wall-clock milliseconds, i64, never NULL. */
  constructor(context: OperatorContext, window: WindowSpec) {
    super(context, { ...window, time: { ...window.time, type: types.timestamp(3) } });
    this.#context = context;
    this.#column = physicalIndex(context.inputs[0]!, window.time.index);
  }

  override times(batch: BatchPtr) {
    const { kernels, memory } = this.#context.runtime;
    const data = new DataView(memory.buffer);
    const rows = data.getUint32(batch + BATCH_ROWS, true);
    const ends = data.getUint32(columnPtr(batch, this.#column) + COLUMN_VALUES, true);
    return { values: kernels.shiftTimes(rows, ends, -1n) >>> 0, width: 8, validity: 0 };
  }
}
