/** Column functions over collections, rows and bitmaps, through compiled calcs; results are compared as CAST to STRING. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bitmapOf, encodeBitmap } from "../../../foundation/columnar/bitmap-value.ts";
import { encodeNested, type NestedType } from "../../../foundation/columnar/binary-value.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { functionLibrary } from "./index.ts";

const [INT, STRING, BOOLEAN] = [types.int(), types.string(), types.boolean()];
const INTS = types.array(INT) as NestedType;
const PAIR = types.row([
  { name: "a", type: INT },
  { name: "b", type: STRING },
]);
const PAIRS = types.array(PAIR) as NestedType;
const BITMAP: LogicalType = { kind: "BITMAP", nullable: true };
const number = (value: number) => literal(value, types.int(false));

/** One row of the given columns; the result as text. */
function evaluate(
  columns: readonly (readonly [LogicalType, TestValue])[],
  expression: Expression,
): TestValue {
  const runtime = testRuntime();
  const schema = { fields: columns.map(([type], i) => ({ name: `f${i}`, type })) };
  const projection = [call("CAST", [expression], STRING)];
  const output = { fields: [{ name: "r", type: STRING }] };
  const calc = compileCalc(
    { input: schema, projection, output },
    { runtime, environment: testEnvironment, operator: "Calc", functions: functionLibrary },
  );
  const row = columns.map(([, value]) => value);
  return readRows(runtime, output, calc.process(writeBatch(runtime, schema, [row])))[0]![0]!;
}

const ints = (...values: Value[]) => [INTS, encodeNested(values, INTS)] as const;
const pairs = (...values: Value[]) => [PAIRS, encodeNested(values, PAIRS)] as const;
const f0 = (type: LogicalType) => input(0, type);

test("NULL elements are elements", () => {
  const column = ints(null, 1, 2, 2, null);
  const of = (name: string, type: LogicalType, ...rest: Expression[]) =>
    evaluate([column], call(name, [f0(INTS), ...rest], type));
  assert.equal(of("ARRAY_DISTINCT", INTS), "[NULL, 1, 2]");
  assert.equal(of("ARRAY_REVERSE", INTS), "[NULL, 2, 2, 1, NULL]");
  assert.equal(of("ARRAY_SORT", INTS), "[NULL, NULL, 1, 2, 2]");
  assert.equal(of("ARRAY_REMOVE", INTS, number(2)), "[NULL, 1, NULL]");
  assert.equal(of("ARRAY_SLICE", INTS, number(-4), number(3)), "[1, 2]");
  assert.equal(of("ARRAY_MAX", INT), "2");
  assert.equal(of("CARDINALITY", INT), "5");
  assert.equal(of("ITEM", INT, number(9)), null);
});

test("rows go in and out of collections", () => {
  const column = pairs([1, "x"], null, [2, null]);
  const second = call("ROW", [number(2), literal(null, STRING)], PAIR);
  const has = call("ARRAY_CONTAINS", [f0(PAIRS), second], BOOLEAN);
  assert.equal(evaluate([column], has), "TRUE");
  const item = (index: number) => call("ITEM", [f0(PAIRS), number(index)], PAIR);
  assert.equal(evaluate([column], item(1)), "(1, x)");
  assert.equal(evaluate([column], item(2)), null);
  const field: Expression = { kind: "field", input: item(1), index: 1, type: STRING };
  assert.equal(evaluate([column], field), "x");
  assert.equal(evaluate([column], call("EQUALS", [item(3), second], BOOLEAN)), "TRUE");
  assert.equal(evaluate([column], call("NOT_EQUALS", [item(1), second], BOOLEAN)), "TRUE");
  assert.equal(evaluate([column], call("EQUALS", [item(2), second], BOOLEAN)), null);
});

test("casts of elements narrow as Java's; TRY_CAST gives up the whole collection", () => {
  const tiny = types.array(types.tinyint());
  assert.equal(evaluate([ints(1, 300, null)], call("CAST", [f0(INTS)], tiny)), "[1, 44, NULL]");
  const texts = types.array(STRING) as NestedType;
  const column = [texts, encodeNested([" 12", "x"], texts)] as const;
  assert.equal(evaluate([column], call("TRY_CAST", [f0(texts)], INTS)), null);
  assert.throws(() => evaluate([column], call("CAST", [f0(texts)], INTS)), /cannot be cast/);
  const days = types.array(types.date());
  assert.throws(() => evaluate([ints(1)], call("CAST", [f0(INTS)], days)), /not supported/);
});

test("bitmaps: INT counts as unsigned, and comes back signed", () => {
  const build = call("BITMAP_BUILD", [f0(INTS)], BITMAP);
  assert.equal(evaluate([ints(3, -1, null, 3)], build), "{3,4294967295}");
  const column = [BITMAP, encodeBitmap(bitmapOf([5, 2 ** 31]))] as const;
  assert.equal(evaluate([column], call("BITMAP_TO_ARRAY", [f0(BITMAP)], INTS)), "[5, -2147483648]");
  const bytes = types.bytes();
  const parse = call("BITMAP_FROM_BYTES", [f0(bytes)], BITMAP);
  assert.throws(() => evaluate([[bytes, Uint8Array.of(1)]], parse), /Failed to deserialize/);
});
