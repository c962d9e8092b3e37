/** A batch in pieces: every row once, in its order, with its kind and its NULLs, while the memory grows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BATCH_KINDS,
  BatchView,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { loadTestRuntime } from "../../../../testkit/worker-runtime.ts";
import { KernelWireCodec } from "./kernel-wire-codec.ts";

const ROWS = 1000;
const schema: Schema = {
  fields: [
    { name: "a", type: types.bigint() },
    { name: "b", type: types.int(false) },
  ],
};

test("pieces of a batch hold its rows, also when the memory has grown since", async () => {
  const runtime = await loadTestRuntime();
  const { kernels, memory } = runtime;
  const codec = new KernelWireCodec({
    runtime,
    schema,
    keys: undefined,
    maxParallelism: 128,
    operator: "x",
  });
  const grow = () => kernels.arenaAlloc(8 << 20);
  const kinds = kernels.arenaAlloc(ROWS) >>> 0;
  const batch = kernels.batchCreate(ROWS, 2, kinds) >>> 0;
  const [validity, longs, ints] = [ROWS, ROWS * 8, ROWS * 4].map(
    (bytes) => kernels.arenaAlloc(bytes) >>> 0,
  );
  const data = new DataView(memory.buffer);
  data.setUint32(columnPtr(batch, 0) + COLUMN_VALIDITY, validity!, true);
  data.setUint32(columnPtr(batch, 0) + COLUMN_VALUES, longs!, true);
  data.setUint32(columnPtr(batch, 1) + COLUMN_VALIDITY, 0, true);
  data.setUint32(columnPtr(batch, 1) + COLUMN_VALUES, ints!, true);
  for (let i = 0; i < ROWS; i++) {
    data.setUint8(kinds + i, i & 3);
    data.setUint8(validity! + i, i % 5 === 0 ? 0 : 1);
    data.setBigInt64(longs! + i * 8, BigInt(i) << 33n, true);
    data.setInt32(ints! + i * 4, i * 7, true);
  }
  for (const mostRows of [64, 192, ROWS - 1, ROWS]) {
    grow();
    const seen: unknown[] = [];
    const sizes: number[] = [];
    const left = codec.inPieces(
      batch,
      0,
      () => mostRows,
      (piece) => {
        const view = new DataView(memory.buffer);
        const rows = new BatchView(memory).rows(piece);
        const at = (column: number, field: number) =>
          view.getUint32(columnPtr(piece, column) + field, true);
        sizes.push(rows);
        assert.equal(at(1, COLUMN_VALIDITY), 0);
        for (let i = 0; i < rows; i++)
          seen.push([
            view.getUint8(view.getUint32(piece + BATCH_KINDS, true) + i),
            view.getUint8(at(0, COLUMN_VALIDITY) + i),
            view.getBigInt64(at(0, COLUMN_VALUES) + i * 8, true),
            view.getInt32(at(1, COLUMN_VALUES) + i * 4, true),
          ]);
        grow();
        return true;
      },
    );
    assert.equal(left, undefined);
    const expected = Array.from({ length: ROWS }, (_, i) => [
      i & 3,
      i % 5 === 0 ? 0 : 1,
      BigInt(i) << 33n,
      i * 7,
    ]);
    assert.deepEqual(seen, expected);
    assert.equal(Math.max(...sizes), mostRows);
  }
  // Stopped behind each of the first pieces, and gone on with.
  const growing: number[] = [];
  let next = 0.5;
  let from: number | undefined = 0;
  let stops = 0;
  while (from !== undefined) {
    from = codec.inPieces(
      batch,
      from,
      () => (next *= 2),
      (piece) => growing.push(new BatchView(memory).rows(piece)) > 4,
    );
    if (from !== undefined) stops++;
  }
  assert.deepEqual(growing, [1, 2, 4, 8, 16, 32, 64, 128, 256, 489]);
  assert.equal(stops, 4);
});
