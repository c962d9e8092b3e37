/**
 * OutputColumns: allocates and fills the columns of a batch that generated code writes.
 *
 * Layout:  one arena block: the descriptor, then for each written column its values and, when it may hold NULLs, validity.
 *          Column starts are 16-byte aligned for any number of rows.
 */
import { assert } from "../../foundation/base/errors.ts";
import {
  BATCH_COLUMNS,
  BATCH_KINDS,
  BATCH_ROWS,
  batchBytes,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from "../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, type Physical } from "../../foundation/columnar/logical-type.ts";
import { columnOffset, pushElement, STORE_OF } from "./batch-columns.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./emitter/function-builder.ts";
import { partTypes, type Value } from "./value.ts";
import { pushNotNullFlag, pushPart } from "./value-code.ts";

export interface OutputColumn {
  readonly physical: Physical;
  readonly nullable: boolean;
}

const align16 = (bytes: number) => (bytes + 15) & ~15;

/** Pushes the bytes for `width` bytes a row, rounded up to 16: rows is a local. */
function pushAligned(f: FunctionBuilder, rows: Local, width: number): void {
  f.get(rows).i32(width).op("i32.mul").i32(15).op("i32.add").i32(-16).op("i32.and");
}

export class OutputColumns {
  readonly batch: Local;
  readonly #f: FunctionBuilder;
  readonly #pointers = new Map<number, { values: Local; validity: Local | undefined }>();
  readonly #columns: ReadonlyMap<number, OutputColumn>;
  readonly #count: number;
  #kinds: Local | undefined;

  /** `columns`: those to be allocated, by physical index; the others are set with share(). */
  constructor(
    f: FunctionBuilder,
    options: { readonly count: number; readonly columns: ReadonlyMap<number, OutputColumn> },
  ) {
    this.#f = f;
    this.#count = options.count;
    this.#columns = options.columns;
    this.batch = f.local("i32", "out");
  }

  /** Code before the loop: one allocation for at most `capacity` rows, and the descriptor. */
  allocate(capacity: Local, arenaAlloc: FunctionRef, { kinds }: { readonly kinds: boolean }): void {
    const f = this.#f;
    const header = align16(batchBytes(this.#count));
    f.i32(header);
    for (const { physical, nullable } of this.#columns.values()) {
      if (PHYSICAL_WIDTH[physical] > 0) {
        pushAligned(f, capacity, PHYSICAL_WIDTH[physical]);
        f.op("i32.add");
      }
      if (nullable) {
        pushAligned(f, capacity, 1);
        f.op("i32.add");
      }
    }
    if (kinds) {
      pushAligned(f, capacity, 1);
      f.op("i32.add");
    }
    f.call(arenaAlloc).set(this.batch);
    f.get(this.batch).i32(this.#count).store("i32.store", BATCH_COLUMNS);
    f.get(this.batch)
      .i32(0)
      .store("i32.store", BATCH_COLUMNS + 4);
    const next = f.local("i32");
    f.get(this.batch).i32(header).op("i32.add").set(next);
    const take = (offset: number, width: number, name: string): Local => {
      const pointer = f.local("i32", name);
      f.get(next).set(pointer);
      f.get(this.batch).get(pointer).store("i32.store", offset);
      f.get(next);
      pushAligned(f, capacity, width);
      f.op("i32.add").set(next);
      return pointer;
    };
    const none = (offset: number) => f.get(this.batch).i32(0).store("i32.store", offset);
    for (const [index, { physical, nullable }] of this.#columns) {
      const offset = columnOffset(index);
      const width = PHYSICAL_WIDTH[physical];
      const values = width > 0 ? take(offset + COLUMN_VALUES, width, `out${index}_values`) : -1;
      if (width === 0) none(offset + COLUMN_VALUES);
      const validity = nullable
        ? take(offset + COLUMN_VALIDITY, 1, `out${index}_validity`)
        : undefined;
      if (!nullable) none(offset + COLUMN_VALIDITY);
      this.#pointers.set(index, { values, validity });
    }
    if (kinds) this.#kinds = take(BATCH_KINDS, 1, "out_kinds");
    else none(BATCH_KINDS);
    f.release(next);
  }

  /** Takes validity and values of column `from` of another batch. */
  share(index: number, batch: Local, from: number): void {
    const f = this.#f;
    f.get(this.batch).get(batch).load("i64.load", columnOffset(from));
    f.store("i64.store", columnOffset(index));
  }

  /** Writes a value into row `row` of column `index`. */
  write(index: number, row: Local, value: Value): void {
    const f = this.#f;
    this.writeNull(index, row, () => pushNotNullFlag(f, value.isNull), value.isNull === "never");
    const { values } = this.#pointers.get(index)!;
    const { physical } = this.#columns.get(index)!;
    if (physical === "row" || value.isNull === "always") return;
    partTypes(physical).forEach((_, part) => {
      pushElement(f, values, row, PHYSICAL_WIDTH[physical]);
      pushPart(f, value.parts[part]!);
      f.store(STORE_OF[physical], part * 8);
    });
  }

  /** Writes only the validity; `pushValid` pushes 1 or 0. */
  writeNull(index: number, row: Local, pushValid: () => void, always: boolean): void {
    const f = this.#f;
    const { validity } = this.#pointers.get(index)!;
    if (validity === undefined) return;
    pushElement(f, validity, row, 1);
    if (always) f.i32(1);
    else pushValid();
    f.store("i32.store8");
  }

  get kinds(): Local {
    assert(this.#kinds !== undefined, "no kinds column was allocated");
    return this.#kinds;
  }

  valuesOf(index: number): Local {
    return this.#pointers.get(index)!.values;
  }

  validityOf(index: number): Local | undefined {
    return this.#pointers.get(index)!.validity;
  }

  setRows(rows: Local): void {
    this.#f.get(this.batch).get(rows).store("i32.store", BATCH_ROWS);
  }
}
