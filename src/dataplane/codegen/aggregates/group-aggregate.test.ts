import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import type { CodegenRuntime } from "../generated-module.ts";
import {
  readBatch,
  type TestRow,
  type TestValue,
  testEnvironment,
  writeBatch,
} from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { compileGroupAggregate, type GroupAggregateSpec } from "./group-aggregate.ts";

const MAX_PARALLELISM = 128;
const schemaOf = (...fieldTypes: LogicalType[]): Schema => ({
  fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })),
});

function createMap(runtime: CodegenRuntime, spec: { keyBytes: number; valueBytes: number }) {
  const { kernels } = runtime;
  const ptr = kernels.mapCreate(
    kernels.domainCreate(),
    MAX_PARALLELISM,
    0,
    MAX_PARALLELISM,
    spec.keyBytes,
    spec.valueBytes,
    0,
  );
  return { ptr };
}

/** Runs batches of changes through the aggregate. */
function run(
  spec: GroupAggregateSpec,
  batches: readonly (readonly TestRow[])[],
): { out: TestRow[][]; sizes: number[] } {
  const runtime = testRuntime();
  const compiled = compileGroupAggregate(spec, {
    runtime,
    environment: testEnvironment,
    operator: "GroupAggregate",
  });
  const maps = compiled.mapSpecs.map((map) => createMap(runtime, map));
  const out = batches.map((rows) => {
    const mark = runtime.kernels.arenaMark();
    const batch = writeBatch(
      runtime,
      spec.input,
      rows.map(({ values }) => values),
      rows.map(({ kind }) => kind),
    );
    const changes: TestRow[] = [];
    compiled.process(batch, maps, (result) => {
      changes.push(...readBatch(runtime, spec.output, result));
    });
    runtime.kernels.arenaRelease(mark);
    return changes;
  });
  return { out, sizes: maps.map(({ ptr }) => runtime.kernels.mapSize(ptr)) };
}

const call = (
  name: string,
  args: number[],
  type: LogicalType,
  more: Partial<AggregateCall> = {},
): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct: false,
  retract: false,
  type,
  name: `${name}${args.join("_")}${more.filter ?? ""}${more.distinct === true ? "d" : ""}`,
  ...more,
});

/** key, BIGINT, DOUBLE, DECIMAL(10,2), STRING, BOOLEAN */
const INPUT = schemaOf(
  types.string(),
  types.bigint(),
  types.double(),
  types.decimal(10, 2),
  types.string(),
  types.boolean(),
);
const CALLS: AggregateCall[] = [
  call("COUNT", [], types.bigint(false)),
  call("COUNT", [1], types.bigint(false)),
  call("SUM", [1], types.bigint()),
  call("AVG", [1], types.bigint()),
  call("SUM", [3], types.decimal(38, 2)),
  call("AVG", [3], types.decimal(38, 6)),
  call("MAX", [2], types.double()),
  call("MIN", [3], types.decimal(10, 2)),
  call("MAX", [4], types.string()),
  call("COUNT", [1], types.bigint(false), { filter: 5 }),
  call("COUNT", [4], types.bigint(false), { distinct: true }),
  call("SUM", [1], types.bigint(), { distinct: true, filter: 5 }),
  call("COUNT", [4], types.bigint(false), { distinct: true, filter: 5 }),
  call("LISTAGG", [4], types.string()),
  call("FIRST_VALUE", [1], types.bigint()),
  call("LAST_VALUE", [4], types.string(), { filter: 5 }),
];

type Row = readonly TestValue[];

function divideHalfUp(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n;
  const [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  const q = (2n * x + y) / (2n * y);
  return negative ? -q : q;
}

function extreme<T extends bigint | string>(values: readonly T[], greatest: boolean): T {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return greatest ? sorted.at(-1)! : sorted[0]!;
}

/** A group: how many rows, and for each call its values in order of arrival. */
interface Group {
  readonly rows: number;
  readonly lists: readonly (readonly Exclude<TestValue, null>[])[];
}

const EMPTY: Group = { rows: 0, lists: CALLS.map(() => []) };

/** The group with a row more, or with the first equal value of each list taken back. */
function change(group: Group, row: Row, add: boolean): Group {
  const lists = CALLS.map(({ args, filter }, index) => {
    const list = group.lists[index]!;
    const value = args.length === 0 ? 1n : row[args[0]!]!;
    if (value === null || (filter >= 0 && row[filter] !== true)) return list;
    return add ? [...list, value] : list.toSpliced(list.indexOf(value), 1);
  });
  return { rows: group.rows + (add ? 1 : -1), lists };
}

/** The result of all calls over the live values of a group. */
function model(lists: Group["lists"]): TestValue[] {
  return CALLS.map((aggregate, index) => {
    let values = lists[index]!;
    if (aggregate.distinct) values = [...new Set(values)];
    const sum = () =>
      BigInt.asIntN(
        64,
        (values as bigint[]).reduce((a, b) => a + b, 0n),
      );
    if (aggregate.function === "COUNT") return BigInt(values.length);
    if (values.length === 0) return null;
    const n = BigInt(values.length);
    switch (aggregate.function) {
      case "SUM":
        return sum();
      case "AVG":
        return aggregate.args[0] === 3 ? divideHalfUp(sum() * 10000n, n) : sum() / n;
      case "LISTAGG":
        return values.join();
      case "FIRST_VALUE":
        return values[0]!;
      case "LAST_VALUE":
        return values.at(-1)!;
      default:
        return extreme(values as (bigint | string)[], aggregate.function === "MAX");
    }
  });
}

const equalRows = (a: Row, b: Row) => a.every((value, i) => value === b[i]);

/** Flink's GroupAggFunction, row by row; folded: one change per key and batch. */
class Model {
  readonly groups = new Map<string, Group>();
  readonly updateBefore: boolean;
  /** Indexes into CALLS. */
  readonly calls: readonly number[];

  constructor(updateBefore: boolean, calls: readonly number[]) {
    this.updateBefore = updateBefore;
    this.calls = calls;
  }

  row(key: TestValue, { lists }: Group): Row {
    const results = model(lists);
    return [key, ...this.calls.map((index) => results[index]!)];
  }

  apply(row: TestRow): void {
    const key = String(row.values[0]);
    const add = row.kind === 0 || row.kind === 2;
    const group = this.groups.get(key);
    if (group === undefined && !add) return;
    const next = change(group ?? EMPTY, row.values, add);
    if (next.rows === 0) this.groups.delete(key);
    else this.groups.set(key, next);
  }

  batch(rows: readonly TestRow[], folded: boolean): TestRow[] {
    const out: TestRow[] = [];
    const steps = folded ? [rows] : rows.map((row) => [row]);
    for (const step of steps) {
      const keys = [
        ...new Map(step.map(({ values }) => [String(values[0]), values[0]!])).entries(),
      ];
      const before = keys.map(([key]) => this.groups.get(key));
      for (const row of step) this.apply(row);
      keys.forEach(([key, value], index) => {
        const [was, is] = [before[index], this.groups.get(key)];
        const [old, now] = [was && this.row(value, was), is && this.row(value, is)];
        if (old === undefined) {
          if (now !== undefined) out.push({ kind: 0, values: now });
        } else if (now === undefined) out.push({ kind: 3, values: old });
        else if (!equalRows(old, now)) {
          if (this.updateBefore) out.push({ kind: 1, values: old });
          out.push({ kind: 2, values: now });
        }
      });
    }
    return out;
  }
}

function randomBatches(seed: number, retract: boolean): TestRow[][] {
  let state = seed >>> 0;
  const next = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * n);
  };
  const maybe = <T extends TestValue>(value: T): T | null => (next(5) === 0 ? null : value);
  const live: Row[] = [];
  return Array.from({ length: 6 }, () =>
    Array.from({ length: 40 }, (): TestRow => {
      if (retract && live.length > 0 && next(5) < 2) {
        const [values] = live.splice(next(live.length), 1);
        return { kind: next(2) === 0 ? 1 : 3, values: values! };
      }
      const values = [
        maybe(["a", "bb", "a much longer key than sixteen bytes"][next(3)]!),
        maybe(BigInt(next(7)) * (next(9) === 0 ? 2n ** 60n : 1n) - 3n),
        maybe(next(20) / 4),
        maybe(BigInt(next(2000)) - 1000n),
        maybe(["", "x", "a value of more than twelve bytes", "zz"][next(4)]!),
        maybe(next(2) === 0),
      ];
      live.push(values);
      return { kind: retract && next(2) === 0 ? 2 : 0, values };
    }),
  );
}

/** All; those without values behind handles; some that a row may leave as they are. */
const CHOICES: Readonly<Record<string, readonly number[]>> = {
  all: CALLS.map((_, index) => index),
  numbers: [2, 0, 4, 5, 9],
  "no count": [3, 2],
};

function checkAgainstModel(
  calls: readonly number[],
  choice: Pick<GroupAggregateSpec, "retract" | "mode" | "generateUpdateBefore">,
): void {
  const aggregates = calls.map((index) => CALLS[index]!);
  for (let seed = 1; seed <= 8; seed++) {
    const spec: GroupAggregateSpec = {
      ...choice,
      input: INPUT,
      output: schemaOf(types.string(), ...aggregates.map(({ type }) => type)),
      grouping: [0],
      aggregates,
      stateTtlMs: 0,
      maxParallelism: MAX_PARALLELISM,
    };
    const batches = randomBatches(seed, choice.retract);
    const { out, sizes } = run(spec, batches);
    const expected = new Model(choice.generateUpdateBefore, calls);
    batches.forEach((rows, index) => {
      const changes = expected.batch(rows, choice.mode === "folded");
      assert.deepEqual(out[index], changes, `seed ${seed}, batch ${index}`);
    });
    assert.equal(sizes[0], expected.groups.size, `seed ${seed}: entries`);
  }
}

for (const retract of [false, true])
  for (const mode of ["rows", "folded"] as const)
    for (const generateUpdateBefore of [true, false])
      for (const [choice, calls] of Object.entries(CHOICES)) {
        const changes = `${retract ? "retracting" : "append-only"} ${mode}`;
        test(`group aggregate agrees with the model: ${changes} ${choice} updateBefore=${generateUpdateBefore}`, () =>
          checkAgainstModel(calls, { retract, mode, generateUpdateBefore }));
      }

test("a global aggregate, and one without aggregates (DISTINCT)", () => {
  const input = schemaOf(types.int(false));
  const base = {
    input,
    generateUpdateBefore: true,
    mode: "rows",
    stateTtlMs: 0,
    maxParallelism: MAX_PARALLELISM,
  } as const;
  const count = {
    ...base,
    output: schemaOf(types.bigint(false)),
    grouping: [],
    aggregates: [call("COUNT", [], types.bigint(false))],
    retract: false,
  };
  const rows = (...values: number[]) => values.map((value) => ({ kind: 0, values: [value] }));
  assert.deepEqual(run(count, [rows(1, 2)]).out, [
    [
      { kind: 0, values: [1n] },
      { kind: 1, values: [1n] },
      { kind: 2, values: [2n] },
    ],
  ]);
  const distinct = {
    ...base,
    output: schemaOf(types.int(false)),
    grouping: [0],
    aggregates: [],
    retract: true,
  };
  const changes = [
    ...rows(1, 1, 2),
    { kind: 3, values: [1] },
    { kind: 3, values: [1] },
    { kind: 3, values: [7] },
  ];
  const result = run(distinct, [changes]);
  assert.deepEqual(result.out, [
    [
      { kind: 0, values: [1] },
      { kind: 0, values: [2] },
      { kind: 3, values: [1] },
    ],
  ]);
  assert.deepEqual(result.sizes, [1]);
});

test("full batches are split so that no output has more rows than a batch may have", () => {
  const spec: GroupAggregateSpec = {
    input: schemaOf(types.bigint(false), types.string()),
    output: schemaOf(types.bigint(false), types.string(), types.string()),
    grouping: [0],
    aggregates: [call("LISTAGG", [1], types.string()), call("FIRST_VALUE", [1], types.string())],
    generateUpdateBefore: true,
    retract: false,
    mode: "rows",
    stateTtlMs: 0,
    maxParallelism: MAX_PARALLELISM,
  };
  const rows = Array.from({ length: 4096 }, (_, i) => ({
    kind: 0,
    values: [BigInt(i % 1024), `v${i}`],
  }));
  const { out, sizes } = run(spec, [rows]);
  assert.equal(out[0]!.length, 1024 + 3 * 1024 * 2);
  assert.deepEqual(out[0]!.at(-1)!.values, [1023n, "v1023,v2047,v3071,v4095", "v1023"]);
  assert.deepEqual(out[0]!.at(-2)!.values, [1023n, "v1023,v2047,v3071", "v1023"]);
  assert.deepEqual(sizes, [1024]);
});
