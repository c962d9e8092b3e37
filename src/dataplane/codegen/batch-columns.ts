/**
 * Column sources: where a generated loop finds the value of a physical column.
 *
 * Batch:   pointers are loaded once before the loop; a column without NULLs in this batch reads its validity from a block
 *          of ones, so that the loop has no branch for it.
 */
import {
  BATCH_HEADER_BYTES,
  COLUMN_BYTES,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from "../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, type Physical } from "../../foundation/columnar/logical-type.ts";
import {
  type PhysicalColumn,
  physicalColumns,
  type Schema,
} from "../../foundation/columnar/schema.ts";
import type { FunctionBuilder, GlobalRef, Local } from "./emitter/function-builder.ts";
import type { LoadOp, StoreOp } from "./emitter/opcodes.ts";
import type { Prologue } from "./prologue.ts";
import { type NullFlag, type Part, partTypes, type Value } from "./value.ts";

/** Gives code that reads a physical column. */
export interface ColumnSource {
  /** Loads parts and NULL flag into fresh locals, at the place where the code is now. */
  load(column: number): Value;
  /** Only the NULL flag: all that a ROW column has. */
  loadNull(column: number): NullFlag;
}

export const LOAD_OF: Readonly<Record<Exclude<Physical, "row">, LoadOp>> = {
  bool: "i32.load8_u",
  i8: "i32.load8_s",
  i16: "i32.load16_s",
  i32: "i32.load",
  i64: "i64.load",
  f32: "f32.load",
  f64: "f64.load",
  view: "i64.load",
  i128: "i64.load",
  ts128: "i64.load",
};

export const STORE_OF: Readonly<Record<Exclude<Physical, "row">, StoreOp>> = {
  bool: "i32.store8",
  i8: "i32.store8",
  i16: "i32.store16",
  i32: "i32.store",
  i64: "i64.store",
  f32: "f32.store",
  f64: "f64.store",
  view: "i64.store",
  i128: "i64.store",
  ts128: "i64.store",
};

export const columnOffset = (column: number): number => BATCH_HEADER_BYTES + column * COLUMN_BYTES;

/** Pushes base + index · width. */
export function pushElement(f: FunctionBuilder, base: Local, index: Local, width: number): void {
  f.get(base).get(index);
  if (width > 1) f.i32(Math.log2(width)).op("i32.shl");
  f.op("i32.add");
}

/** Loads the parts of a value at the address in `address` + `offset` into fresh locals. */
export function loadParts(
  f: FunctionBuilder,
  physical: Exclude<Physical, "row">,
  address: Local,
  offset = 0,
): Part[] {
  return partTypes(physical).map((type, part) => {
    const local = f.local(type);
    f.get(address)
      .load(LOAD_OF[physical], offset + part * 8)
      .set(local);
    return { kind: "local", local };
  });
}

/** Reads rows of one batch. */
export class BatchColumns implements ColumnSource {
  readonly columns: readonly PhysicalColumn[];
  readonly #f: FunctionBuilder;
  readonly #prologue: Prologue;
  readonly #ones: GlobalRef;
  readonly #batch: Local;
  readonly #row: Local;
  readonly #name: string;

  constructor(options: {
    readonly prologue: Prologue;
    readonly ones: GlobalRef;
    readonly schema: Schema;
    readonly batch: Local;
    readonly row: Local;
    /** Prefix of local names; distinct for each batch of a function. */
    readonly name: string;
  }) {
    this.#prologue = options.prologue;
    this.#f = options.prologue.f;
    this.#ones = options.ones;
    this.columns = physicalColumns(options.schema);
    this.#batch = options.batch;
    this.#row = options.row;
    this.#name = options.name;
  }

  load(index: number): Value {
    const f = this.#f;
    const { type, physical } = this.columns[index]!;
    const isNull = this.loadNull(index);
    if (physical === "row") return { type, physical, parts: [], isNull };
    const width = PHYSICAL_WIDTH[physical];
    const values = this.valuesPtr(index);
    const types = partTypes(physical);
    if (types.length === 1) {
      const local = f.local(types[0]!);
      pushElement(f, values, this.#row, width);
      f.load(LOAD_OF[physical]).set(local);
      return { type, physical, parts: [{ kind: "local", local }], isNull };
    }
    const address = f.local("i32");
    pushElement(f, values, this.#row, width);
    f.set(address);
    return { type, physical, parts: loadParts(f, physical, address), isNull };
  }

  loadNull(index: number): NullFlag {
    const column = this.columns[index]!;
    if (column.type.kind === "NULL") return "always";
    if (!column.nullable) return "never";
    const f = this.#f;
    const local = f.local("i32");
    pushElement(f, this.validityPtr(index), this.#row, 1);
    f.load("i32.load8_u").op("i32.eqz").set(local);
    return local;
  }

  valuesPtr(index: number): Local {
    return this.#prologue.hoist(`${this.#name}${index}_values`, "i32", () => {
      this.#f.get(this.#batch).load("i32.load", columnOffset(index) + COLUMN_VALUES);
    });
  }

  /** Never 0: a column without NULLs reads ones. */
  validityPtr(index: number): Local {
    const f = this.#f;
    return this.#prologue.hoist(`${this.#name}${index}_validity`, "i32", () => {
      const offset = columnOffset(index) + COLUMN_VALIDITY;
      f.get(this.#batch).load("i32.load", offset);
      f.globalGet(this.#ones);
      f.get(this.#batch).load("i32.load", offset);
      f.op("select");
    });
  }
}
