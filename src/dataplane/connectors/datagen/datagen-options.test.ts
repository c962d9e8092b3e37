/** Every option of datagen shows in the rows, or is refused by its name where the column's type has none of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WATERMARK_OPTIONS } from "../../contract/watermark-options.ts";
import { decodeNested, encodeNested, isNested } from "../../../foundation/columnar/binary-value.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import { openSource, readTexts } from "../connector-harness.test.ts";
import { DATAGEN_FIELD_OPTIONS, DATAGEN_OPTIONS } from "./datagen-options.ts";

const NOW = Date.UTC(2024, 4, 17, 8, 30, 1, 250);
const env: Env = { ...realEnv(), clock: { nowMs: () => NOW, monotonicMs: () => 0 } };
const ROWS = 400;
const seen = new Set<string>();

type Options = Readonly<Record<string, string>>;

function open(type: LogicalType, options: Options, parallelism = 1) {
  for (const key of Object.keys(options)) seen.add(key.replace(/^fields\.f(\..*)?\./, "fields.#."));
  const all = { connector: "datagen", "rows-per-second": "1000000", seed: "11", ...options };
  return openSource({ fields: [{ name: "f", type }] }, all, { env, parallelism });
}

/** The values of one column `f`. */
async function values(type: LogicalType, options: Options = {}): Promise<Value[]> {
  const source = open(type, { "number-of-rows": String(ROWS), ...options });
  const found: Value[] = [];
  await readTexts(source, await source.discover(), ({ batch }) => {
    for (let row = 0; row < source.rows.rows(batch); row++) {
      const [value] = source.rows.read(batch, row);
      found.push(nested(value!, type));
    }
    return true;
  });
  return found;
}

/** Collections decoded; their bytes are what encodeNested() would write. */
function nested(value: Value, type: LogicalType): Value {
  if (!(value instanceof Uint8Array) || !isNested(type)) return value;
  const decoded = decodeNested(value, type);
  assert.deepEqual([...encodeNested(decoded, type)], [...value]);
  return decoded as Value;
}

const list = (value: Value) => value as unknown as Value[];
const entries = (value: Value) => value as unknown as [Value, Value][];
const numbers = (all: readonly Value[]) => all.map(Number);
const text = types.string();
const map = (key: LogicalType, value: LogicalType): LogicalType => ({
  kind: "MAP",
  key,
  value,
  nullable: true,
});
const multiset = (element: LogicalType): LogicalType => ({
  kind: "MULTISET",
  element,
  nullable: true,
});

test("length and var-len: texts and bytes, as declared unless said otherwise", async () => {
  const lengths = async (type: LogicalType, options?: Options) =>
    new Set((await values(type, options)).map((value) => (value as string | Uint8Array).length));
  const varchar = (length: number): LogicalType => ({ kind: "VARCHAR", length, nullable: true });
  assert.deepEqual(await lengths(text), new Set([100]));
  assert.deepEqual(await lengths(varchar(120)), new Set([120]));
  assert.deepEqual(await lengths(text, { "fields.f.length": "7" }), new Set([7]));
  const varied = await lengths(text, { "fields.f.length": "4", "fields.f.var-len": "true" });
  assert.deepEqual([...varied].sort(), [1, 2, 3, 4]);
  const bytes = await lengths(types.bytes(), {
    "fields.f.length": "3",
    "fields.f.var-len": "true",
  });
  assert.deepEqual([...bytes].sort(), [1, 2, 3]);
  assert.deepEqual(await lengths({ kind: "CHAR", length: 5, nullable: true }), new Set([5]));
  assert.throws(() => open(varchar(5), { "fields.f.length": "6" }), { code: "MR1003" });
});

test("min, max, max-past and null-rate: within bounds that are reached", async () => {
  const reached = async (type: LogicalType, min: string, max: string) => {
    const all = await values(type, { "fields.f.min": min, "fields.f.max": max });
    return [Math.min(...numbers(all)), Math.max(...numbers(all))];
  };
  for (const type of [types.tinyint(), types.smallint(), types.int(), types.bigint()])
    assert.deepEqual(await reached(type, "-3", "5"), [-3, 5]);
  const [low, high] = (await reached(types.double(), "0.5", "1.5")) as [number, number];
  assert.ok(low >= 0.5 && low < 0.6 && high > 1.4 && high <= 1.5);
  const past = numbers(
    (await values(types.timestamp(3), { "fields.f.max-past": "1 h" })).map(
      (value) => (value as unknown as { millis: number }).millis,
    ),
  );
  assert.ok(Math.min(...past) >= NOW - 3_600_000 && Math.max(...past) <= NOW);
  assert.ok(Math.max(...past) - Math.min(...past) > 3_000_000);
  const nulls = (await values(types.int(), { "fields.f.null-rate": "0.25" })).filter(
    (value) => value === null,
  );
  assert.ok(nulls.length > ROWS * 0.18 && nulls.length < ROWS * 0.32, `${nulls.length} NULLs`);
  assert.ok((await values(text, { "fields.f.null-rate": "1" })).every((value) => value === null));
});

test("dates, times and timestamps are now", async () => {
  assert.deepEqual(
    new Set(await values({ kind: "TIME", precision: 0, nullable: true })),
    new Set([30_601_250]),
  );
  assert.deepEqual(new Set(await values({ kind: "DATE", nullable: true })), new Set([19_860]));
});

test("kind, start and end: every value once, then the end", async () => {
  const counted = { "fields.f.kind": "sequence", "fields.f.start": "-2", "fields.f.end": "3" };
  assert.deepEqual(numbers(await values(types.bigint(), counted)), [-2, -1, 0, 1, 2, 3]);
  assert.deepEqual(await values(text, counted), ["-2", "-1", "0", "1", "2", "3"]);
  assert.deepEqual(await values(types.double(), counted), [-2, -1, 0, 1, 2, 3]);
  const random = await values(types.int(), { "fields.f.kind": "random", "number-of-rows": "9" });
  assert.equal(new Set(random).size, 9);
});

test("rows-per-second, number-of-rows, scan.parallelism and seed", async () => {
  const first = await values(types.int(), { seed: "5", "number-of-rows": "20" });
  assert.equal(first.length, 20);
  assert.deepEqual(await values(types.int(), { seed: "5", "number-of-rows": "20" }), first);
  assert.notDeepEqual(await values(types.int(), { seed: "6", "number-of-rows": "20" }), first);
  const splits = async (options: Options) =>
    (await open(types.int(), options, 4).discover()).length;
  assert.equal(await splits({}), 4);
  assert.equal(await splits({ "scan.parallelism": "2" }), 2);
  await assert.rejects(splits({ "scan.parallelism": "5" }), { code: "MR1003" });
  const slow = open(types.int(), { "rows-per-second": "3" });
  const batch: number[] = [];
  await readTexts(
    slow,
    await slow.discover(),
    (each) => batch.push(slow.rows.rows(each.batch)) < 1,
  );
  assert.deepEqual(batch, [3]);
});

test("arrays: three elements, or as many as said, each as its own options say", async () => {
  const ints = types.array(types.int());
  assert.ok((await values(ints)).every((value) => list(value).length === 3));
  const all = await values(ints, {
    "fields.f.length": "5",
    "fields.f.element.min": "1",
    "fields.f.element.max": "6",
    "fields.f.element.null-rate": "0.5",
    "fields.f.null-rate": "0.25",
  });
  const there = all.filter((value) => value !== null);
  assert.ok(there.length > ROWS * 0.65 && there.length < ROWS * 0.85);
  assert.ok(there.every((value) => list(value).length === 5));
  const elements = there.flatMap((value) => list(value));
  assert.deepEqual([...new Set(elements)].sort(), [1, 2, 3, 4, 5, 6, null]);
  const deep = await values(types.array(types.array(text)), {
    "fields.f.length": "2",
    "fields.f.element.length": "1",
    "fields.f.element.element.length": "4",
    "fields.f.element.element.var-len": "true",
  });
  assert.ok(deep.every((value) => list(value).every((inner) => list(inner).length === 1)));
});

test("maps and multisets: keys in order, each once", async () => {
  const all = await values(map(types.smallint(), text), {
    "fields.f.length": "6",
    "fields.f.key.min": "-2",
    "fields.f.key.max": "2",
    "fields.f.key.null-rate": "0.1",
    "fields.f.value.length": "2",
    "fields.f.value.null-rate": "0.3",
  });
  const sizes = new Set(all.map((value) => entries(value).length));
  assert.ok(sizes.has(5) && !sizes.has(0) && Math.max(...sizes) <= 6);
  for (const value of all) {
    const keys = entries(value).map(([key]) => (key === null ? -Infinity : Number(key)));
    assert.deepEqual(
      keys,
      [...new Set(keys)].sort((a, b) => a - b),
    );
  }
  const times = (await values(multiset(text), { "fields.f.element.length": "1" })).flatMap(
    (value) => entries(value).map(([, count]) => Number(count)),
  );
  assert.deepEqual(
    [...new Set(times)].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
});

const KEYS: readonly LogicalType[] = [
  types.boolean(),
  types.tinyint(),
  types.bigint(),
  types.double(),
  { kind: "FLOAT", nullable: true },
  types.decimal(10, 2),
  types.decimal(30, 2),
  types.timestamp(3),
  types.timestamp(9),
  types.bytes(),
  types.array(types.tinyint()),
  types.row([
    { name: "a", type: types.int() },
    { name: "b", type: text },
  ]),
  map(types.tinyint(), types.tinyint()),
];

test("keys of every type are written in the order that is kept", async () => {
  for (const key of KEYS) {
    const past = key.kind === "TIMESTAMP" ? { "fields.f.key.max-past": "1 d" } : {};
    const size = { "fields.f.length": "9", "number-of-rows": "60" };
    const all = await values(map(key, types.array(key)), { ...size, ...past });
    assert.equal(all.length, 60, key.kind);
  }
});

test("a ROW that is NULL has nothing in it, also where only a field of it is read", async () => {
  const row = types.row([{ name: "x", type: types.int(true) }]);
  const options = {
    connector: "datagen",
    "rows-per-second": "1000000",
    "number-of-rows": String(ROWS),
    seed: "4",
    "fields.f.null-rate": "0.5",
    "fields.f.x.min": "1",
    "fields.f.x.max": "1",
  };
  const read = async (projection: readonly number[][]) => {
    const source = openSource({ fields: [{ name: "f", type: row }] }, options, { env, projection });
    return await readTexts(source, await source.discover());
  };
  const whole = await read([[0]]);
  const field = await read([[0, 0]]);
  assert.deepEqual([...new Set(whole)].sort(), ["+I[+I[1]]", "+I[null]"]);
  assert.deepEqual(
    field,
    whole.map((text) => (text === "+I[null]" ? text : "+I[1]")),
  );
});

test("what a column's type has not is refused by name", () => {
  const refused: readonly (readonly [LogicalType, string, string])[] = [
    [text, "min", "1"],
    [text, "max-past", "1 s"],
    [types.int(), "length", "4"],
    [types.int(), "var-len", "true"],
    [types.int(), "max-past", "1 s"],
    [types.boolean(), "min", "1"],
    [types.boolean(), "kind", "sequence"],
    [{ kind: "CHAR", length: 3, nullable: true }, "length", "2"],
    [types.timestamp(3), "max", "1"],
    [types.array(types.int()), "kind", "sequence"],
    [types.array(types.int()), "element.kind", "sequence"],
    [types.array(types.int()), "elment.min", "1"],
    [map(types.int(), types.int()), "key.length", "1"],
  ];
  for (const [type, option, value] of refused)
    assert.throws(
      () => open(type, { [`fields.f.${option}`]: value }),
      { code: "MR1001", message: new RegExp(`fields\\.f\\.${option}`) },
      `${type.kind} ${option}`,
    );
  assert.throws(() => open(types.int(), { "fields.f.start": "1" }), { code: "MR3009" });
  assert.throws(() => open(types.int(false), { "fields.f.null-rate": "0.5" }), { code: "MR1003" });
  const long = { "fields.f.length": "65536", "fields.f.element.length": "65536" };
  assert.throws(() => open(types.array(text), long), { code: "MR1003", message: /fewer entries/ });
});

test("no option is without a test of its effect", () => {
  const all = [...DATAGEN_OPTIONS, ...DATAGEN_FIELD_OPTIONS];
  // Those of every table with a watermark: tests/cli/watermark-alignment.test.ts.
  const own = all.filter((option) => !WATERMARK_OPTIONS.includes(option)).map(({ key }) => key);
  assert.deepEqual(
    own.filter((key) => !seen.has(key) && key !== "connector"),
    [],
  );
});
