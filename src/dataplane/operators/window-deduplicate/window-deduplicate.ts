/**
 * WindowDeduplicate: the first or last row by event time of each window and key.
 *
 * Flow:    windows/windowed-rows-operator.ts.
 * State:   kept-rows.ts by key, window start and end: one row each.
 * Equal:   of rows of one time the first stays when the first is wanted, the last when the last is.
 * Source:  Flink StreamExecWindowDeduplicate, RowTimeWindowDeduplicateProcessor.
 */
import type { WindowDeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { KEEP_MODE, KeptRows } from "../rows/kept-rows.ts";
import { WindowedRowsOperator } from "../windows/windowed-rows-operator.ts";

export class WindowDeduplicateOperator extends WindowedRowsOperator<WindowDeduplicateNode> {
  protected override openRows(): KeptRows {
    const { attached, keys, keepLast, time, output, description } = this.node;
    return new KeptRows({
      context: this.context,
      output,
      keys: [...keys, attached.start, attached.end],
      groupFields: keys,
      mode: keepLast ? KEEP_MODE.lastRowtime : KEEP_MODE.firstRowtime,
      rowtime: time.index,
      generateUpdateBefore: false,
      ttlMs: 0,
      operator: description,
    });
  }
}
