import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { readRows, type TestValue, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { compileBatchBuilder, NO_ROW } from "./batch-builder.ts";
import { compileKeyCodec } from "./key-codec.ts";
import { compileRowCodec } from "./row-codec.ts";
import { compileRowComparator } from "./row-comparator.ts";

const schemaOf = (...fieldTypes: LogicalType[]): Schema => ({
  fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })),
});

const WIDE = schemaOf(
  types.boolean(),
  types.tinyint(false),
  types.bigint(),
  types.string(),
  types.double(),
  types.decimal(38, 4),
  types.row([
    { name: "x", type: types.int() },
    { name: "y", type: types.string(false) },
  ]),
  types.timestamp(9, false),
  types.smallint(),
  types.float(false),
);
const ROWS: TestValue[][] = [
  [true, -1, 5n, "abc", 1.5, 10n ** 37n, [7, "in"], [1n, 5n], -300, 2.5],
  [null, 2, null, null, null, null, null, [-1n, 999999n], null, 0],
  [false, 3, -(2n ** 63n), "", -0, -1n, [null, ""], [0n, 0n], 1, -1],
  [true, -1, 5n, "abc", 1.5, 10n ** 37n, [7, "in"], [1n, 5n], -300, 2.5],
];

test("rows survive encoding, and equal rows are equal bytes", () => {
  const runtime = testRuntime();
  const options = { runtime, operator: "test" };
  const codec = compileRowCodec({ schema: WIDE, ...options });
  const batch = writeBatch(runtime, WIDE, ROWS);
  const views = codec.encode(batch);
  const data = () => new DataView(runtime.memory.buffer);
  const bytes = (row: number) => {
    const at = data().getUint32(views + row * 8, true);
    return Buffer.from(runtime.memory.buffer, at, data().getUint32(views + row * 8 + 4, true));
  };
  assert.deepEqual(bytes(0), bytes(3));
  assert.notDeepEqual(bytes(0), bytes(1));
  const builder = compileBatchBuilder({ output: WIDE, ...options });
  const list = runtime.kernels.arenaAlloc(16) >>> 0;
  for (let i = 0; i < 4; i++)
    data().setUint32(list + i * 4, data().getUint32(views + i * 8, true), true);
  builder.begin(8);
  builder.fillEncoded(0, 0, list, 4);
  for (let i = 0; i < 4; i++) data().setUint32(list + i * 4, 3 - i, true);
  builder.fillRows(0, 4, batch, list, 4);
  for (let i = 0; i < 8; i++) builder.setKind(i, i % 4);
  assert.deepEqual(readRows(runtime, WIDE, builder.finish(8)), [...ROWS, ...ROWS.toReversed()]);
});

test("a builder of two groups makes outer rows", () => {
  const runtime = testRuntime();
  const left = schemaOf(types.bigint(false));
  const right = schemaOf(types.string(false));
  const output = schemaOf(types.bigint(false), types.string());
  const builder = compileBatchBuilder({ output, groups: [left, right], runtime, operator: "join" });
  const a = writeBatch(runtime, left, [[1n], [2n]]);
  const b = writeBatch(runtime, right, [["x"]]);
  const list = runtime.kernels.arenaAlloc(32) >>> 0;
  new Uint32Array(runtime.memory.buffer, list, 4).set([0, 1, 0, NO_ROW]);
  builder.begin(2);
  builder.fillRows(0, 0, a, list, 2);
  builder.fillRows(1, 0, b, list + 8, 2);
  assert.deepEqual(readRows(runtime, output, builder.finish(2)), [
    [1n, "x"],
    [2n, null],
  ]);
});

test("keys: fixed and variable, normalised, decoded again", () => {
  const runtime = testRuntime();
  const check = (schema: Schema, rows: TestValue[][], fields: number[], expected = rows) => {
    const codec = compileKeyCodec({ schema, fields, runtime, operator: "test" });
    const batch = writeBatch(runtime, schema, rows);
    const { keys, hashes } = codec.encode(batch);
    const builder = compileBatchBuilder({ output: codec.schema, runtime, operator: "test" });
    const out = builder.begin(rows.length);
    codec.decode(keys, rows.length, out, 0, 0);
    const decoded = readRows(runtime, codec.schema, builder.finish(rows.length));
    assert.deepEqual(
      decoded,
      expected.map((row) => fields.map((field) => row[field])),
    );
    const list = new BigUint64Array(runtime.memory.buffer, hashes, rows.length).slice();
    return { codec, hashes: [...list] };
  };
  const one = check(schemaOf(types.bigint(false)), [[1n], [2n], [1n]], [0]);
  assert.equal(one.codec.keyBytes, 8);
  assert.equal(one.hashes[0], one.hashes[2]);
  assert.notEqual(one.hashes[0], one.hashes[1]);
  const floats = check(
    schemaOf(types.double()),
    [[-0], [0], [Number.NaN], [null]],
    [0],
    [[-0], [0], [Number.NaN], [null]],
  );
  assert.equal(floats.codec.keyBytes, 16);
  assert.notEqual(floats.hashes[0], floats.hashes[1]);
  const single = check(schemaOf(types.string(false)), [["a"], [""], ["a"]], [0]);
  assert.equal(single.codec.keyBytes, -1);
  assert.equal(single.hashes[0], single.hashes[2]);
  const nullable = check(schemaOf(types.string()), [["a"], [""], [null], ["a"]], [0]);
  assert.equal(new Set(nullable.hashes).size, 3);
  const several = check(WIDE, ROWS, [3, 0, 6, 5], [...ROWS]);
  assert.equal(several.hashes[0], several.hashes[3]);
  assert.equal(check(WIDE, ROWS, []).codec.keyBytes, 8);
});

test("comparison and stable sort in Flink's order", () => {
  const runtime = testRuntime();
  const s = schemaOf(types.double(), types.string(), types.int(false));
  const rows: TestValue[][] = [];
  let seed = 42;
  const next = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  const numbers = [null, Number.NaN, -0, 0, 1.5, -2, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 300; i++)
    rows.push([numbers[next(numbers.length)]!, next(5) === 0 ? null : "x".repeat(next(12)), i]);
  const sort = [
    { index: 0, descending: true, nullsFirst: false },
    { index: 1, descending: false, nullsFirst: true },
  ];
  const comparator = compileRowComparator({ schema: s, sort, runtime, operator: "test" });
  const batch = writeBatch(runtime, s, rows);
  const list = runtime.kernels.arenaAlloc(rows.length * 4) >>> 0;
  const order = () => [...new Uint32Array(runtime.memory.buffer, list, rows.length)];
  new Uint32Array(runtime.memory.buffer, list, rows.length).set(rows.map((_, i) => i));
  comparator.sortRows(batch, list, rows.length);
  const rank = (x: number) =>
    Number.isNaN(x) ? 4 : Object.is(x, -0) ? -0.1 : x === Number.POSITIVE_INFINITY ? 3 : x;
  const expected = rows
    .map((_, i) => i)
    .sort((i, j) => {
      const [a, b] = [rows[i]![0] as number | null, rows[j]![0] as number | null];
      if (a === null || b === null) {
        if (a !== b) return a === null ? 1 : -1;
      } else if (rank(a) !== rank(b)) return rank(b) - rank(a);
      const [x, y] = [rows[i]![1] as string | null, rows[j]![1] as string | null];
      if (x === null || y === null) return x === y ? i - j : x === null ? -1 : 1;
      return x.length - y.length || i - j;
    });
  assert.deepEqual(order(), expected);
  const codec = compileRowCodec({ schema: s, runtime, operator: "test" });
  const views = codec.encode(batch);
  const addresses = rows.map((_, i) =>
    new DataView(runtime.memory.buffer).getUint32(views + i * 8, true),
  );
  new Uint32Array(runtime.memory.buffer, list, rows.length).set(addresses);
  comparator.sortEncoded(list, rows.length);
  assert.deepEqual(
    order().map((address) => addresses.indexOf(address)),
    expected,
  );
  const [first, last] = [expected[0]!, expected.at(-1)!];
  assert.ok(comparator.compareRows(batch, first, batch, last) < 0);
  assert.ok(comparator.compareEncodedWithRow(addresses[last]!, batch, first) > 0);
});
