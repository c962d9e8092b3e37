/** BatchWriter: stores values into rows of a batch that exists already; its pointers are loaded once before the loop. */
import { COLUMN_VALIDITY, COLUMN_VALUES } from "../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../foundation/columnar/logical-type.ts";
import type { PhysicalColumn } from "../../foundation/columnar/schema.ts";
import { columnOffset, pushElement, STORE_OF } from "./batch-columns.ts";
import type { FunctionBuilder, Local } from "./emitter/function-builder.ts";
import type { Prologue } from "./prologue.ts";
import { type NullFlag, partTypes, type Value } from "./value.ts";
import { pushNotNullFlag, pushPart } from "./value-code.ts";

export class BatchWriter {
  readonly #f: FunctionBuilder;
  readonly #prologue: Prologue;
  readonly #columns: readonly PhysicalColumn[];
  readonly #batch: Local;
  readonly #first: number;

  /** `first`: physical column of the batch that columns[0] is. Nullable columns must have a validity allocated. */
  constructor(options: {
    readonly prologue: Prologue;
    readonly columns: readonly PhysicalColumn[];
    readonly batch: Local;
    readonly first?: number;
  }) {
    this.#prologue = options.prologue;
    this.#f = options.prologue.f;
    this.#columns = options.columns;
    this.#batch = options.batch;
    this.#first = options.first ?? 0;
  }

  write(index: number, row: Local, value: Value): void {
    const f = this.#f;
    const { physical } = this.#columns[index]!;
    this.writeNull(index, row, value.isNull);
    if (physical === "row" || value.isNull === "always") return;
    const width = PHYSICAL_WIDTH[physical];
    const values = this.#pointer(index, COLUMN_VALUES, "values");
    partTypes(physical).forEach((_, part) => {
      pushElement(f, values, row, width);
      pushPart(f, value.parts[part]!);
      f.store(STORE_OF[physical], part * 8);
    });
  }

  writeNull(index: number, row: Local, isNull: NullFlag): void {
    const f = this.#f;
    if (!this.#columns[index]!.nullable) return;
    pushElement(f, this.#pointer(index, COLUMN_VALIDITY, "validity"), row, 1);
    pushNotNullFlag(f, isNull);
    f.store("i32.store8");
  }

  #pointer(index: number, offset: number, name: string): Local {
    const column = this.#first + index;
    return this.#prologue.hoist(`to${column}_${name}`, "i32", () => {
      this.#f.get(this.#batch).load("i32.load", columnOffset(column) + offset);
    });
  }
}
