import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BATCH_KINDS,
  BATCH_ROWS,
  BatchView,
  batchBytes,
  columnPtr,
  PHYSICAL_CODE,
} from "../../foundation/columnar/batch.ts";
import { keyGroupOf, subtaskOfKeyGroup } from "../../foundation/columnar/key-group.ts";
import { PHYSICAL_WIDTH, type Physical } from "../../foundation/columnar/logical-type.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";

const KINDS = Object.keys(PHYSICAL_CODE) as Physical[];
const ROWS = 1000;

for (const parallelism of [1, 2, 3, 7])
  test(`rows are partitioned by key group among ${parallelism}, in their order`, async () => {
    const { kernels, memory } = await loadTestRuntime();
    const hashes = kernels.arenaAlloc(ROWS * 8);
    const offsets = kernels.arenaAlloc(4 * 8);
    const rows = kernels.arenaAlloc(ROWS * 4);
    for (let i = 0; i < ROWS; i++)
      new DataView(memory.buffer).setBigUint64(hashes + i * 8, kernels.hash64(BigInt(i)), true);
    for (const maxParallelism of [128, 7, 1000]) {
      kernels.partitionRows(ROWS, hashes, maxParallelism, parallelism, offsets, rows);
      const data = new DataView(memory.buffer);
      const expected: number[][] = Array.from({ length: parallelism }, () => []);
      for (let i = 0; i < ROWS; i++) {
        const keyGroup = keyGroupOf(data.getUint32(hashes + i * 8 + 4, true), maxParallelism);
        expected[subtaskOfKeyGroup(keyGroup, maxParallelism, parallelism)]!.push(i);
      }
      for (let target = 0; target < parallelism; target++) {
        const begin = data.getUint32(offsets + target * 4, true);
        const end = data.getUint32(offsets + target * 4 + 4, true);
        const found = [];
        for (let i = begin; i < end; i++) found.push(data.getUint32(rows + i * 4, true));
        assert.deepEqual(found, expected[target]);
      }
    }
  });

for (const chosen of [false, true]) {
  test(`a block carries every physical form, ${chosen ? "some rows" : "whole batch"}`, async () => {
    const runtime = await loadTestRuntime();
    const { kernels, memory } = runtime;
    const batch = kernels.arenaAlloc(batchBytes(KINDS.length));
    const physical = kernels.arenaAlloc(KINDS.length);
    const kinds = kernels.arenaAlloc(ROWS);
    const text = kernels.arenaAlloc(4096);
    const arrays = KINDS.map((kind) => ({
      kind,
      validity: kernels.arenaAlloc(ROWS),
      values: kind === "row" ? 0 : kernels.arenaAlloc(ROWS * PHYSICAL_WIDTH[kind]),
    }));
    const data = new DataView(memory.buffer);
    const bytes = new Uint8Array(memory.buffer);
    data.setUint32(batch + BATCH_ROWS, ROWS, true);
    data.setUint32(batch + BATCH_KINDS, kinds, true);
    data.setUint32(batch + 8, KINDS.length, true);
    for (let i = 0; i < 4096; i++) bytes[text + i] = i * 7;
    for (let i = 0; i < ROWS; i++) bytes[kinds + i] = i & 3;
    for (const [c, { kind, validity, values }] of arrays.entries()) {
      bytes[physical + c] = PHYSICAL_CODE[kind];
      // Every third column has a validity without NULLs, every fourth none at all.
      data.setUint32(columnPtr(batch, c), c % 4 === 3 ? 0 : validity, true);
      data.setUint32(columnPtr(batch, c) + 4, values, true);
      const width = PHYSICAL_WIDTH[kind];
      for (let i = 0; i < ROWS; i++) {
        bytes[validity + i] = c % 3 === 0 || (i + c) % 5 !== 0 ? 1 : 0;
        if (kind === "view") {
          data.setUint32(values + i * 8, text + (i % 500), true);
          data.setUint32(values + i * 8 + 4, i % 97, true);
        } else for (let b = 0; b < width; b++) bytes[values + i * width + b] = i * 31 + b * 7 + c;
      }
    }
    const wanted = Array.from({ length: ROWS }, (_, i) => i).filter((i) => !chosen || i % 3 === 1);
    const rows = kernels.arenaAlloc(ROWS * 4);
    for (const [i, row] of wanted.entries()) data.setUint32(rows + i * 4, row, true);
    const list = chosen ? rows : 0;
    const size = kernels.wireBytes(batch, physical, list, wanted.length);
    const block = kernels.arenaAlloc(size);
    const written = kernels.wireEncode(batch, physical, list, wanted.length, block);
    assert.ok(written <= size && written > wanted.length);

    const moved = kernels.arenaAlloc(written);
    new Uint8Array(memory.buffer).copyWithin(moved, block, block + written);
    new Uint8Array(memory.buffer).fill(0xee, block, block + written);
    const decoded = kernels.wireDecode(moved);
    const view = new BatchView(memory);
    assert.equal(view.rows(decoded), wanted.length);
    for (const [c, { kind }] of arrays.entries()) {
      for (const [i, row] of wanted.entries()) {
        assert.equal(view.kind(decoded, i), row & 3);
        assert.equal(view.isNull(decoded, c, i), view.isNull(batch, c, row));
        if (kind === "row" || view.isNull(batch, c, row)) continue;
        const width = PHYSICAL_WIDTH[kind];
        const from = view.valuePtr(batch, c, row, width);
        const to = view.valuePtr(decoded, c, i, width);
        const read = (address: number) =>
          kind === "view"
            ? view.bytes(address)
            : new Uint8Array(memory.buffer).slice(address, address + width);
        assert.deepEqual(read(to), read(from), `${kind} of row ${row}`);
      }
    }
  });
}
