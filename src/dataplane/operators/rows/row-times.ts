/** RowTimes: rows with "$time" behind their fields: BIGINT, epoch ms of the event or of the arrival, 0 in batch mode. */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf, types } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { TimeColumn } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "./assembled-batch.ts";
import type { RowFormat } from "./row-format.ts";

export class RowTimes {
  /** The input's fields, then "$time". */
  readonly schema: Schema;
  readonly #context: OperatorContext;
  readonly #rowtime: TimeColumn | undefined;
  readonly #input: Schema;
  readonly #operator: string;
  readonly #columns: number;
  #wanted = 0;

  /** Without `rowtime` the time is the arrival's. */
  constructor(
    context: OperatorContext,
    {
      input,
      rowtime,
      operator,
    }: {
      readonly input: Schema;
      readonly rowtime: TimeColumn | undefined;
      readonly operator: string;
    },
  ) {
    this.#context = context;
    this.#rowtime = rowtime;
    this.#input = input;
    this.#operator = operator;
    this.#columns = physicalColumns(input).length;
    this.schema = { fields: [...input.fields, { name: "$time", type: types.bigint(false) }] };
  }

  append(batch: BatchPtr, n: number): BatchPtr {
    const { runtime, clock, mode } = this.#context;
    const now = () => BigInt(mode === "batch" ? 0 : clock.nowMs());
    const values =
      this.#rowtime === undefined
        ? runtime.kernels.repeatTime(n, now()) >>> 0
        : this.#eventTimes(this.#rowtime, batch, n);
    return assembleBatch(runtime, n, [...columnsOf(batch, 0, this.#columns), { values }]);
  }

  /** i64[n] of a batch with "$time". */
  values(batch: BatchPtr): number {
    const at = columnPtr(batch, this.#columns) + COLUMN_VALUES;
    return new DataView(this.#context.runtime.memory.buffer).getUint32(at, true);
  }

  /** Times of encoded rows at these addresses. */
  ofEncoded(format: RowFormat, addresses: Uint32Array): Float64Array {
    const { kernels, memory } = this.#context.runtime;
    const n = addresses.length;
    const mark = kernels.arenaMark();
    if (this.#wanted === 0) {
      this.#wanted = kernels.operatorAllocate(this.#columns + 1) >>> 0;
      new Uint8Array(memory.buffer, this.#wanted, this.#columns + 1).fill(0)[this.#columns] = 1;
    }
    const list = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    new Uint32Array(memory.buffer, list, n).set(addresses);
    const batch = kernels.batchCreate(n, format.columns, 0) >>> 0;
    format.decode(list, n, batch, 0, this.#wanted);
    const times = new BigInt64Array(memory.buffer, this.values(batch), n);
    const result = Float64Array.from(times, Number);
    kernels.arenaRelease(mark);
    return result;
  }

  #eventTimes({ index, type }: TimeColumn, batch: BatchPtr, n: number): number {
    const { kernels, memory } = this.#context.runtime;
    const data = new DataView(memory.buffer);
    const at = columnPtr(batch, physicalIndex(this.#input, index));
    const validity = data.getUint32(at + COLUMN_VALIDITY, true);
    if (validity !== 0 && new Uint8Array(memory.buffer, validity, n).includes(0))
      throw operatorErrors.ROWTIME_NULL({
        column: this.#input.fields[index]!.name,
        operator: this.#operator,
      });
    const values = data.getUint32(at + COLUMN_VALUES, true);
    return PHYSICAL_WIDTH[physicalOf(type)] === 8 ? values : kernels.millisOf(values, n) >>> 0;
  }
}
