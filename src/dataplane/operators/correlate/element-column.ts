/**
 * ElementColumn: a column that is filled from the canonical encoding of collections (columnar/binary-value.ts). Values of
 * fixed width are copied, those of variable size are views of the bytes in place; nothing is allocated for a row.
 *
 * Rule:    all columns are made before the first is filled: making one may grow the memory.
 */
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  type Physical,
  physicalOf,
} from "../../../foundation/columnar/logical-type.ts";
import type { MemoryView } from "../../codegen/column-access.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { ExpandedColumn } from "./expanded-rows.ts";

const isVariable = (physical: Physical) => physical === "view" || physical === "row";

export class ElementColumn implements ExpandedColumn {
  readonly validity: number;
  readonly values: number;
  readonly width: number;
  readonly #physical: Physical;
  readonly #fields: readonly ElementColumn[];
  readonly #view: MemoryView;

  constructor(runtime: WorkerRuntime, view: MemoryView, type: LogicalType, rows: number) {
    this.#physical = physicalOf(type);
    this.width = PHYSICAL_WIDTH[this.#physical];
    this.#view = view;
    this.validity = runtime.kernels.arenaAlloc(Math.max(1, rows)) >>> 0;
    this.values =
      this.width === 0 ? 0 : runtime.kernels.arenaAlloc(Math.max(1, rows * this.width)) >>> 0;
    this.#fields =
      type.kind === "ROW" || type.kind === "STRUCTURED"
        ? type.fields.map((field) => new ElementColumn(runtime, view, field.type, rows))
        : [];
  }

  /** This column and those of its fields, in physical order. */
  flat(): ElementColumn[] {
    return [this, ...this.#fields.flatMap((field) => field.flat())];
  }

  setNull(row: number): void {
    this.#view.bytes[this.validity + row] = 0;
    for (const field of this.#fields) field.setNull(row);
  }

  setInt(row: number, value: number): void {
    this.#view.bytes[this.validity + row] = 1;
    this.#view.data.setInt32(this.values + row * 4, value, true);
  }

  /** Rows `row` … of the elements of the array at `address`; `first` is where its values begin. */
  fillArray(row: number, address: number, count: number): void {
    const { bytes, data } = this.#view;
    const first = address + 4 + count;
    if (!isVariable(this.#physical)) {
      bytes.copyWithin(this.validity + row, address + 4, first);
      bytes.copyWithin(this.values + row * this.width, first, first + count * this.width);
      return;
    }
    let at = first + count * 4;
    for (let i = 0; i < count; i++) {
      const length = data.getUint32(first + i * 4, true);
      if (bytes[address + 4 + i] === 0) this.setNull(row + i);
      else this.#setBytes(row + i, at, length);
      at += length;
    }
  }

  /** `times` copies of row `from`, from row `to` on. */
  repeat(from: number, to: number, times: number): void {
    const { bytes } = this.#view;
    const start = this.validity + to;
    bytes.fill(bytes[this.validity + from]!, start, start + times);
    const value = this.values + from * this.width;
    for (let i = 0; this.width > 0 && i < times; i++)
      bytes.copyWithin(this.values + (to + i) * this.width, value, value + this.width);
    for (const field of this.#fields) field.repeat(from, to, times);
  }

  #setBytes(row: number, address: number, length: number): void {
    const { bytes, data } = this.#view;
    bytes[this.validity + row] = 1;
    if (this.#physical === "row") {
      fillRow(this.#fields, row, address);
      return;
    }
    data.setUint32(this.values + row * 8, address, true);
    data.setUint32(this.values + row * 8 + 4, length, true);
  }

  /** The field that begins at `address`: a byte that says whether it is there, and the value. Returns where it ends. */
  fillField(row: number, address: number): number {
    const { bytes, data } = this.#view;
    if (bytes[address] === 0) {
      this.setNull(row);
      return address + 1;
    }
    if (isVariable(this.#physical)) {
      const length = data.getUint32(address + 1, true);
      this.#setBytes(row, address + 5, length);
      return address + 5 + length;
    }
    bytes[this.validity + row] = 1;
    const end = address + 1 + this.width;
    bytes.copyWithin(this.values + row * this.width, address + 1, end);
    return end;
  }
}

/** The fields of the row whose bytes begin at `address`. */
function fillRow(fields: readonly ElementColumn[], row: number, address: number): void {
  let at = address;
  for (const field of fields) at = field.fillField(row, at);
}
