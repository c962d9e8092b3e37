/** PartCounter: how many rows of what a local half sends are accumulators; the others are values that belong to one of them. */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

export class PartCounter {
  readonly #memory: WebAssembly.Memory;
  /** -1: every row is one. */
  readonly #column: number;

  constructor({ memory }: WorkerRuntime, input: Schema, part: number) {
    this.#memory = memory;
    this.#column = part < 0 ? -1 : physicalIndex(input, part);
  }

  accumulators(batch: BatchPtr, rows: number): number {
    if (this.#column < 0) return rows;
    const at = columnPtr(batch, this.#column) + COLUMN_VALUES;
    const values = new DataView(this.#memory.buffer).getUint32(at, true);
    const parts = new Int32Array(this.#memory.buffer, values, rows);
    let count = 0;
    for (let row = 0; row < rows; row++) if (parts[row] === 0) count++;
    return count;
  }
}
