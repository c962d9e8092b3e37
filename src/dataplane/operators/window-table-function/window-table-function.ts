/**
 * WindowTableFunction: TUMBLE, HOP, CUMULATE as a table function: one output row per window of an input row.
 *
 * Out:     input fields, window_start, window_end (TIMESTAMP(3)), window_time (the time attribute: end − 1 ms).
 * Rules:   rows without a rowtime are dropped (counted in numNullRowTimeRecordsDropped); kinds are carried.
 * Session: session-window-function.ts.
 * Source:  Flink StreamExecWindowTableFunction, AlignedWindowTableFunctionOperator.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { WindowTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { type AssignedWindows, WindowTimes } from "../windows/window-times.ts";

export class WindowTableFunctionOperator extends BaseOperator {
  readonly #node: WindowTableFunctionNode;
  #times: WindowTimes | undefined;
  #rows: BatchRows | undefined;

  constructor(node: WindowTableFunctionNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    this.#times = new WindowTimes(this.context, this.#node.window);
    this.#rows = new BatchRows(this.context.runtime, this.context.inputs[0]!);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const windows = this.#times!.assign(batch);
    if (this.#node.window.kind === "TUMBLE") {
      const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
      const dropped = rows - windows.count;
      if (dropped > 0)
        this.context.metrics.counter("numNullRowTimeRecordsDropped").value += dropped;
    }
    for (let from = 0; from < windows.count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      this.#emit(batch, windows, from, Math.min(MAX_BATCH_ROWS, windows.count - from));
      kernels.arenaRelease(mark);
    }
  }

  #emit(batch: BatchPtr, windows: AssignedWindows, from: number, n: number): void {
    const { runtime, inputs } = this.context;
    const { kernels } = runtime;
    const gathered = this.#rows!.gather(batch, windows.rows + from * 4, n);
    const ends = windows.ends + from * 8;
    const out = assembleBatch(
      runtime,
      n,
      [
        ...columnsOf(gathered, 0, physicalColumns(inputs[0]!).length),
        { values: windows.starts + from * 8 },
        { values: ends },
        { values: this.#windowTimes(kernels.shiftTimes(n, ends, -1n) >>> 0, n) },
      ],
      this.#rows!.kinds(gathered),
    );
    this.context.output.emit(out);
  }

  /** Wall clock → instant, for TIMESTAMP_LTZ: a batch has few distinct windows, each is looked up once. */
  #windowTimes(values: number, n: number): number {
    if (this.#node.output.fields.at(-1)!.type.kind !== "TIMESTAMP_LTZ") return values;
    const known = new Map<bigint, bigint>();
    const times = new BigInt64Array(this.context.runtime.memory.buffer, values, n);
    for (let i = 0; i < n; i++) {
      const wall = times[i]!;
      let epoch = known.get(wall);
      if (epoch === undefined) {
        epoch = BigInt(this.#times!.toEpoch(Number(wall)));
        known.set(wall, epoch);
      }
      times[i] = epoch;
    }
    return values;
  }
}
