/**
 * OrderedTable: the rows of a table argument with ORDER BY: they wait for the watermark and come in order of time, then of
 * the further fields. Rows not after the watermark are late (WaitingRows).
 *
 * State:   map "pending-<n>": partition key and time → rows; "pending-due-<n>": time → keys.
 * Errors:  MR4150 rowtime is NULL.
 * Source:  Flink AbstractProcessSetTableOperator's ordered inputs.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { type ProcessTable, withKeys } from "../../../foundation/plan/process-table-function.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { RowFormat } from "../rows/row-format.ts";
import { RowTimes } from "../rows/row-times.ts";
import { WaitingRows } from "../rows/waiting-rows.ts";

export interface OrderedTableOptions {
  readonly index: number;
  readonly schema: Schema;
  /** By place in PARTITION BY. */
  readonly nullable: readonly boolean[];
  readonly table: ProcessTable;
  readonly operator: string;
}

export class OrderedTable {
  readonly #context: OperatorContext;
  readonly #times: RowTimes;
  readonly #format: RowFormat;
  readonly #comparator: RowComparator;
  readonly #waiting: WaitingRows;

  constructor(context: OperatorContext, options: OrderedTableOptions) {
    const { schema, nullable, table, operator, index: input } = options;
    const { partitionKeys: groupFields, sort } = table;
    const { runtime } = context;
    const { index } = sort[0]!;
    const rowtime = { attribute: "ROWTIME" as const, index, type: schema.fields[index]!.type };
    this.#context = context;
    this.#times = new RowTimes(context, { input: schema, rowtime, operator });
    this.#format = new RowFormat(runtime, schema, operator);
    this.#comparator = compileRowComparator({ schema, sort, runtime, operator });
    this.#waiting = new WaitingRows({
      context,
      names: { rows: `pending-${input}`, timers: `pending-due-${input}` },
      schema: withKeys(this.#times.schema, groupFields, nullable),
      fields: [...groupFields, schema.fields.length],
      groupFields,
      format: this.#format,
      stored: schema,
      byClock: false,
      operator,
    });
  }

  add(batch: BatchPtr, watermark: number): void {
    const { kernels, memory } = this.#context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    this.#waiting.add(
      this.#times.append(batch, n),
      (all, times, list) => kernels.rowsAbove(all, times, 8, 0, BigInt(watermark), list) >>> 0,
    );
  }

  /** Hands out what the watermark has passed, as batches in order. */
  release(watermark: number, take: (batch: BatchPtr) => void): void {
    this.#waiting.releaseBatches(watermark, this.#comparator, take);
  }

  close(): void {
    this.#format.close();
  }
}
