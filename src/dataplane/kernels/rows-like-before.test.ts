import assert from "node:assert/strict";
import { test } from "node:test";
import { COLUMN_VALIDITY, COLUMN_VALUES, columnPtr } from "../../foundation/columnar/batch.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";

const ROWS = 500;
const VIEW = 255;

test("rows that repeat the one before: NULLs, numbers of all widths, texts of other addresses", async () => {
  const { kernels, memory } = await loadTestRuntime();
  let state = 12_345;
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) % n;
  };
  const texts = ["", "a", "b", "the same sixteen!", "the same sixteen?", "x".repeat(200)];
  const widths = [1, 2, 4, 8, 16, VIEW, VIEW];
  const batch = kernels.batchCreate(ROWS, widths.length, 0) >>> 0;
  const shown: string[][] = Array.from({ length: ROWS }, () => []);
  for (const [column, width] of widths.entries()) {
    const validity = kernels.arenaAlloc(ROWS) >>> 0;
    const values = kernels.arenaAlloc(ROWS * (width === VIEW ? 8 : width)) >>> 0;
    let last = 0;
    for (let row = 0; row < ROWS; row++) {
      if (below(6) === 0) last = below(texts.length);
      const isNull = column % 2 === 1 && last === 1;
      shown[row]!.push(isNull ? "NULL" : `${last}`);
      const bytes = new TextEncoder().encode(texts[last]);
      const address = kernels.arenaAlloc(256) >>> 0;
      const data = new DataView(memory.buffer);
      // What stands under a NULL is nothing.
      data.setUint8(validity + row, isNull ? 0 : 1);
      new Uint8Array(memory.buffer).set(bytes, address);
      if (width === VIEW) {
        data.setUint32(values + row * 8, isNull ? 0 : address, true);
        data.setUint32(values + row * 8 + 4, isNull ? below(9) : bytes.length, true);
      } else data.setUint8(values + row * width + width - 1, isNull ? below(9) : last);
    }
    const data = new DataView(memory.buffer);
    const at = columnPtr(batch, column);
    data.setUint32(at + COLUMN_VALIDITY, column % 2 === 1 ? validity : 0, true);
    data.setUint32(at + COLUMN_VALUES, values, true);
  }
  for (const chosen of [[0], [5], [1, 3], [2, 6], [0, 1, 2, 3, 4, 5, 6]]) {
    const columns = kernels.arenaAlloc(chosen.length * 4) >>> 0;
    const sizes = kernels.arenaAlloc(chosen.length) >>> 0;
    const out = kernels.arenaAlloc(ROWS) >>> 0;
    chosen.forEach((column, i) => {
      new DataView(memory.buffer).setUint32(columns + i * 4, column, true);
      new Uint8Array(memory.buffer)[sizes + i] = widths[column]!;
    });
    kernels.rowsLikeBefore(batch, columns, sizes, chosen.length, out);
    const expected = shown.map((cells, row) =>
      row > 0 && chosen.every((column) => cells[column] === shown[row - 1]![column]) ? 1 : 0,
    );
    assert.deepEqual([...new Uint8Array(memory.buffer, out, ROWS)], expected, `${chosen}`);
    assert.ok(chosen.length > 2 || expected.includes(1));
  }
});
