/** Patterns that come in columns run on the same engine as literal ones, and give the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { functionLibrary } from "./index.ts";

const STRING = types.string();
const text = input(0, STRING);
const PATTERN = input(1, STRING);
const REST = input(2, STRING);

/** Per row [text, pattern, third argument]. */
function evaluate(
  rows: readonly (readonly [TestValue, TestValue, TestValue])[],
  expression: Expression,
): TestValue[] {
  const runtime = testRuntime();
  const schema = { fields: ["t", "p", "r"].map((name) => ({ name, type: STRING })) };
  const output = { fields: [{ name: "r", type: expression.type }] };
  const calc = compileCalc(
    { input: schema, projection: [expression], output },
    { runtime, environment: testEnvironment, operator: "test", functions: functionLibrary },
  );
  const batch = calc.process(writeBatch(runtime, schema, rows));
  return readRows(runtime, output, batch).map(([value]) => value as TestValue);
}

const PATTERNS = ["a(b+)?c", "x|(y)", "", "(a+)+$", "\\d{2,}"];
const TEXTS = ["zabbc ac", "", "yyx", `${"a".repeat(40)}!`, "é 123 45"];
const CASES: readonly (readonly [string, LogicalType, readonly Expression[]])[] = [
  ["REGEXP", types.boolean(), []],
  ["REGEXP_COUNT", types.int(), []],
  ["REGEXP_INSTR", types.int(), []],
  ["REGEXP_SUBSTR", STRING, []],
  ["REGEXP_EXTRACT", STRING, [literal(1, types.int(false))]],
  ["REGEXP_REPLACE", STRING, [literal("<$0>", STRING)]],
  ["SIMILAR_TO", types.boolean(), []],
];

for (const [name, type, rest] of CASES) {
  test(`${name}: a column's pattern gives what a literal one gives`, () => {
    const rows = PATTERNS.flatMap((pattern) =>
      TEXTS.map((value) => [value, pattern, null] as const),
    );
    const literals = PATTERNS.flatMap((pattern) =>
      evaluate(
        TEXTS.map((value) => [value, pattern, null] as const),
        call(name, [text, literal(pattern, STRING), ...rest], type),
      ),
    );
    assert.deepEqual(evaluate(rows, call(name, [text, PATTERN, ...rest], type)), literals);
  });
}

test("what is no pattern gives NULL, REGEXP says no; a replacement stands as it is", () => {
  const row = [
    ["abc", "(", "$9"],
    ["abc", null, "x"],
    ["abc", "b", "$9"],
  ] as const;
  assert.deepEqual(evaluate(row, call("REGEXP", [text, PATTERN], types.boolean())), [
    false,
    null,
    true,
  ]);
  for (const name of ["REGEXP_COUNT", "REGEXP_INSTR"])
    assert.deepEqual(evaluate(row.slice(0, 2), call(name, [text, PATTERN], types.int())), [
      null,
      null,
    ]);
  const replaced = call("REGEXP_REPLACE", [text, PATTERN, REST], STRING);
  assert.deepEqual(evaluate(row, replaced), [null, null, "a$9c"]);
});

test("REGEXP_EXTRACT_ALL: the group of every match", () => {
  const type = types.array(STRING);
  const all = (group: number) =>
    call("REGEXP_EXTRACT_ALL", [text, PATTERN, literal(group, types.int(false))], type);
  const joined = call(
    "ARRAY_JOIN",
    [all(2), literal("|", STRING), literal("NULL", STRING)],
    STRING,
  );
  assert.deepEqual(evaluate([["a1b22c", "([a-z])(\\d+)?", null]], joined), ["1|22|NULL"]);
  assert.deepEqual(evaluate([["a", "a", null]], all(3)), [null]);
});

test("a pattern that back-tracks without end in other engines is done at once", () => {
  const value = `${"a".repeat(5000)}!`;
  const startedAt = performance.now();
  assert.deepEqual(
    evaluate([[value, "(a|aa)+b", null]], call("REGEXP", [text, PATTERN], types.boolean())),
    [false],
  );
  assert.ok(performance.now() - startedAt < 5000);
});
