/**
 * RowFormat: the rows of one schema as bytes in state and back to columns; RowCodec encodes, a kernel decodes.
 *
 * Layout:  codegen's RowLayout (row form), handed to the kernel rowsDecode as numbers (kernels/rows.as.ts).
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import { RowLayout } from "../../codegen/codecs/row-layout.ts";
import type { StateField } from "../../contract/keyed-state.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

const NEVER_NULL = 0xffffffff;
const LAYOUT_HEADER = 16;
const LAYOUT_COLUMN = 16;

export class RowFormat {
  readonly schema: Schema;
  readonly columns: number;
  readonly #runtime: WorkerRuntime;
  readonly #operator: string;
  readonly #slots: RowLayout;
  /** Compiled when the first batch is encoded: rows may be written in another way. */
  #codec: RowCodec | undefined;
  #layout: number;

  constructor(runtime: WorkerRuntime, schema: Schema, operator: string) {
    this.#runtime = runtime;
    this.schema = schema;
    this.#operator = operator;
    const columns = physicalColumns(schema);
    this.columns = columns.length;
    this.#slots = new RowLayout(columns, "row");
    this.#layout = runtime.kernels.operatorAllocate(this.#layoutBytes()) >>> 0;
    this.#fillLayout();
  }

  /** u64[n] views of the rows, in the arena. */
  encode(batch: BatchPtr): number {
    const { schema } = this;
    const names = { runtime: this.#runtime, operator: this.#operator };
    this.#codec ??= compileRowCodec({ schema, ...names });
    return this.#codec.encode(batch);
  }

  /** Rows at these addresses (u32[n]; 0 = all NULL) into columns first… of a batch. `wanted`: u8 a column, 0 = all. */
  decode(rows: number, n: number, batch: BatchPtr, first: number, wanted = 0): void {
    this.#runtime.kernels.rowsDecode(this.#layout, n, rows, batch, first, wanted);
  }

  /** Byte of a physical column's value within a row. */
  slotOf(column: number): number {
    return this.#slots.slots[column]!.offset;
  }

  close(): void {
    if (this.#layout !== 0) this.#runtime.kernels.operatorFree(this.#layout, this.#layoutBytes());
    this.#layout = 0;
  }

  #layoutBytes(): number {
    return LAYOUT_HEADER + this.columns * LAYOUT_COLUMN;
  }

  #fillLayout(): void {
    const layout = this.#slots;
    const data = new DataView(this.#runtime.memory.buffer);
    data.setUint32(this.#layout, this.columns, true);
    layout.slots.forEach(({ column, offset, nullBit }, index) => {
      const at = this.#layout + LAYOUT_HEADER + index * LAYOUT_COLUMN;
      const nullByte = nullBit < 0 ? NEVER_NULL : layout.nullOffset + (nullBit >> 3);
      const view = column.physical === "view" ? 1 : 0;
      data.setUint32(at, nullByte, true);
      data.setUint32(at + 4, PHYSICAL_WIDTH[column.physical], true);
      data.setUint32(at + 8, Math.max(0, offset), true);
      data.setUint32(at + 12, view | (nullBit < 0 ? 0 : (nullBit & 7) << 8), true);
    });
  }
}

/** The value of a map whose entries are row sets (kernels/row-set.as.ts): what a snapshot says about it. */
export const ROW_SET_BYTES = 16;
export const ROW_SET_FIELDS: readonly StateField[] = [
  { name: "first", offset: 0, type: "handle" },
  { name: "last", offset: 4, type: "counter" },
  { name: "rows", offset: 8, type: "counter" },
  { name: "index", offset: 12, type: "handle" },
];
