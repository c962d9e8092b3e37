/**
 * UserTable: the rows that a table function of the user gives for each row of a batch.
 *
 * Values:  JavaScript values are made for the function's arguments and results alone; the batch's own columns are not read.
 * Limits:  MAX_ROWS rows for one batch: a function that never ends is an error, not a full memory.
 * Errors:  MR4104 with the function's name.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  type RowField,
} from "../../../foundation/columnar/logical-type.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { UserTableFunction } from "../../../foundation/plan/user-function.ts";
import { ColumnWriter, MemoryView } from "../../codegen/column-access.ts";
import { writeValue } from "../../codegen/functions/column-values.ts";
import type { FunctionEnvironment } from "../../codegen/functions/registry.ts";
import { guarded, openedFunction, userValue } from "../../codegen/functions/user-functions.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { decodedValue } from "../rows/decoded-value.ts";
import type { ExpandedColumn, ExpandedRows, RowExpansion } from "./expanded-rows.ts";

const MAX_ROWS = 16 * 1024 * 1024;

export interface UserTableOptions {
  readonly runtime: WorkerRuntime;
  readonly environment: FunctionEnvironment;
  readonly call: Call;
  readonly keepsEmpty: boolean;
  /** A batch of the call's arguments, row by row. */
  readonly arguments: (batch: BatchPtr) => BatchPtr;
}

export class UserTable implements RowExpansion {
  readonly #options: UserTableOptions;
  readonly #fields: readonly RowField[];
  readonly #types: readonly LogicalType[];
  readonly #name: string;
  readonly #function: UserTableFunction;
  readonly #reader: RowReader;

  constructor(options: UserTableOptions) {
    const { call, environment, runtime } = options;
    this.#options = options;
    this.#fields = call.type.kind === "ROW" ? call.type.fields : [];
    this.#types = call.args.map(({ type }) => type);
    const { name, function: own } = openedFunction(call.function, "table", environment);
    this.#name = name;
    this.#function = own;
    const fields = this.#types.map((type, i) => ({ name: `a${i}`, type }));
    this.#reader = new RowReader(runtime.memory, { fields });
  }

  expand(batch: BatchPtr): ExpandedRows {
    const { runtime, keepsEmpty } = this.#options;
    const args = this.#options.arguments(batch);
    const results: (readonly Value[])[] = [];
    const rows: number[] = [];
    for (let row = 0; row < this.#reader.rows(args); row++) {
      const before = results.length;
      const values = this.#reader.read(args, row);
      const decoded = values.map((value, i) => decodedValue(value, this.#types[i]!));
      guarded(this.#name, () => this.#collect(decoded, results));
      if (keepsEmpty && results.length === before) results.push([]);
      for (let i = before; i < results.length; i++) rows.push(row);
    }
    const view = new MemoryView(runtime.memory);
    const list = runtime.kernels.arenaAlloc(Math.max(1, rows.length * 4)) >>> 0;
    const n = Math.max(1, rows.length);
    const writers = this.#fields.map(({ type }) => new ColumnWriter(runtime, view, type, n));
    rows.forEach((row, at) => {
      view.data.setUint32(list + at * 4, row, true);
      for (const [i, writer] of writers.entries()) writeValue(writer, at, results[at]![i] ?? null);
    });
    return { rows: rows.length, list, columns: writers.flatMap(columnsOf) };
  }

  #collect(args: readonly Value[], results: (readonly Value[])[]): void {
    const single = this.#fields.length === 1;
    for (const given of this.#function.eval(...args)) {
      const parts = single && !Array.isArray(given) ? [given] : given;
      if (!Array.isArray(parts) || parts.length !== this.#fields.length)
        throw new TypeError(`it gives rows of ${this.#fields.length} fields by its declaration`);
      if (results.length >= MAX_ROWS) throw new RangeError(`it gave more than ${MAX_ROWS} rows`);
      results.push(this.#fields.map(({ type }, i) => userValue(parts[i], type)));
    }
  }
}

function columnsOf(writer: ColumnWriter): ExpandedColumn[] {
  const { validity, values, physical, fields } = writer;
  return [{ validity, values, width: PHYSICAL_WIDTH[physical] }, ...fields.flatMap(columnsOf)];
}
