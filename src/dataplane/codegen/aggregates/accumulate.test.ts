import assert from "node:assert/strict";
import { test } from "node:test";
import { columnPtr } from "../../../foundation/columnar/batch.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { compileBatchBuilder } from "../codecs/batch-builder.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { compileAccumulate } from "./accumulate.ts";
import { hashDistance } from "./group-aggregate.ts";

const schemaOf = (...fieldTypes: LogicalType[]): Schema => ({
  fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })),
});
const call = (
  name: string,
  args: number[],
  type: LogicalType,
  distinct = false,
): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct,
  retract: false,
  type,
  name: name + args.join(),
});

const INPUT = schemaOf(types.bigint(false), types.int(), types.string(), types.float());
const CALLS = [
  call("COUNT", [], types.bigint(false)),
  call("SUM", [1], types.int()),
  call("AVG", [1], types.int()),
  call("MAX", [2], types.string()),
  call("MIN", [1], types.int()),
  call("MAX", [3], types.float()),
  call("FIRST_VALUE", [2], types.string()),
];

test("slices accumulate and merge into windows", () => {
  const runtime = testRuntime();
  const { kernels } = runtime;
  const compiled = compileAccumulate(
    { input: INPUT, aggregates: CALLS, hashDistance: hashDistance(8) },
    { runtime, environment: testEnvironment, operator: "WindowAggregate" },
  );
  const map = kernels.mapCreate(kernels.domainCreate(), 128, 0, 128, 8, compiled.valueBytes, 0);
  const rows: TestValue[][] = [
    [1n, 5, "pear", 1.5],
    [2n, null, null, null],
    [1n, 2147483647, "apple", -1],
    [2n, -3, "zebra crossing in the rain", 2],
    [3n, null, null, null],
  ];
  const batch = writeBatch(runtime, INPUT, rows);
  const keys = new DataView(runtime.memory.buffer).getUint32(columnPtr(batch, 0) + 4, true);
  const alloc = (bytes: number) => kernels.arenaAlloc(bytes) >>> 0;
  const [hashes, entries, list] = [alloc(40), alloc(20), alloc(20)];
  kernels.hashFixedBatch(5, keys, 8, hashes);
  kernels.mapUpsertBatch(map, 5, hashes, keys, entries);
  compiled.accumulate(batch, entries, map);
  const output = schemaOf(...CALLS.map(({ type }) => type));
  const builder = compileBatchBuilder({ output, runtime, operator: "test" });
  const results = (pointers: number[]) => {
    new Uint32Array(runtime.memory.buffer, list, pointers.length).set(pointers);
    const out = builder.begin(pointers.length);
    compiled.results(list, pointers.length, map, out, 0, 0);
    return readRows(runtime, output, builder.finish(pointers.length));
  };
  const [one, two, , , three] = new Uint32Array(runtime.memory.buffer, entries, 5);
  assert.deepEqual(results([one!, two!, three!]), [
    [2n, -2147483644, 1073741826, "pear", 5, 1.5, "pear"],
    [2n, -3, -3, "zebra crossing in the rain", -3, 2, "zebra crossing in the rain"],
    [1n, null, null, null, null, null, null],
  ]);
  const temporary = alloc(compiled.valueBytes);
  new Uint8Array(runtime.memory.buffer).fill(0, temporary, temporary + compiled.valueBytes);
  const targets = alloc(12);
  new Uint32Array(runtime.memory.buffer, targets, 3).fill(temporary);
  new Uint32Array(runtime.memory.buffer, list, 3).set([three!, one!, two!]);
  compiled.merge(targets, list, 3, map);
  assert.deepEqual(results([temporary]), [
    [5n, -2147483647, 715827883, "zebra crossing in the rain", -3, 2, "pear"],
  ]);
  new Uint32Array(runtime.memory.buffer, list, 1).set([one!]);
  compiled.free(list, 1, map);
  assert.deepEqual(results([one!])[0]!.slice(0, 2), [0n, null]);
});

test("DISTINCT and what is not known are refused", () => {
  const runtime = testRuntime();
  const compile = (aggregate: AggregateCall) =>
    compileAccumulate(
      { input: INPUT, aggregates: [aggregate], hashDistance: 16 },
      { runtime, environment: testEnvironment, operator: "test" },
    );
  assert.throws(() => compile(call("COUNT", [1], types.bigint(false), true)), { code: "MR4105" });
  assert.throws(() => compile(call("MEDIAN", [1], types.int())), { code: "MR4105" });
});
