/**
 * SortKeys: for each row of a batch the bytes that sort it (kernels/sorting.as.ts).
 *
 * Errors:  MR1004 for types without an order (ARRAY, MAP, ROW …), as Flink refuses to sort by them.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

const FORMS = {
  bool: 1,
  i8: 2,
  i16: 3,
  i32: 4,
  i64: 5,
  f32: 6,
  f64: 7,
  i128: 8,
  ts128: 9,
  view: 10,
};
const ITEM_BYTES = 16;

export class SortKeys {
  readonly #runtime: WorkerRuntime;
  readonly #spec: number;

  constructor(
    runtime: WorkerRuntime,
    schema: Schema,
    sort: readonly SortField[],
    operator: string,
  ) {
    this.#runtime = runtime;
    this.#spec = runtime.kernels.operatorAllocate(4 + sort.length * ITEM_BYTES) >>> 0;
    const forms = sort.map(({ index }) => formOf(schema.fields[index]!.type, operator));
    const data = new DataView(runtime.memory.buffer);
    data.setUint32(this.#spec, sort.length, true);
    sort.forEach(({ index, descending, nullsFirst }, at) => {
      const item = this.#spec + 4 + at * ITEM_BYTES;
      data.setUint32(item, physicalIndex(schema, index), true);
      data.setUint32(item + 4, forms[at]!, true);
      data.setUint32(item + 8, descending ? 1 : 0, true);
      data.setUint32(item + 12, nullsFirst ? 1 : 0, true);
    });
  }

  /** u64[rows] views: u32 bytes of the sort key, the sort key, the bytes of `unique` (u64[rows] views, 0 = none). */
  encode(batch: BatchPtr, rows: number, unique = 0): number {
    const { kernels } = this.#runtime;
    const out = kernels.arenaAlloc(rows * 8) >>> 0;
    kernels.sortIdentities(this.#spec, batch, unique, out);
    return out;
  }
}

function formOf(type: LogicalType, operator: string): number {
  const physical = physicalOf(type);
  const text = ["CHAR", "VARCHAR", "BINARY", "VARBINARY"].includes(type.kind);
  if (physical === "row" || (physical === "view" && !text))
    throw baseErrors.UNSUPPORTED({
      what: `sorting by ${typeToString(type)} (${operator})`,
      remedy: "Sort by a field of an elementary type.",
    });
  return FORMS[physical];
}
