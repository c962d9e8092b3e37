import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { functionLibrary } from "./index.ts";

const STRING = types.string();
const INT = types.int();
const TS = types.timestamp(3);
const text = (value: string) => literal(value, types.char(value.length, false));
const number = (value: number) => literal(value, types.int(false));

/** Evaluates an expression over rows of (given types). */
function evaluate(
  columns: readonly LogicalType[],
  rows: readonly (readonly TestValue[])[],
  expression: Expression,
): TestValue[] {
  const runtime = testRuntime();
  const schema = { fields: columns.map((type, i) => ({ name: `f${i}`, type })) };
  const output = { fields: [{ name: "r", type: expression.type }] };
  const calc = compileCalc(
    { input: schema, projection: [expression], output },
    { runtime, environment: testEnvironment, operator: "Calc", functions: functionLibrary },
  );
  const batch = calc.process(writeBatch(runtime, schema, rows));
  return readRows(runtime, output, batch).map(([value]) => value as TestValue);
}

const f0 = input(0, STRING);
const onText =
  (name: string, type: LogicalType, ...rest: Expression[]) =>
  (value: string | null) =>
    evaluate([STRING], [[value]], call(name, [f0, ...rest], type))[0];

test("string functions count code points and follow Flink at the edges", () => {
  assert.equal(onText("CHAR_LENGTH", INT)("日本語 text with more than 16 bytes é"), 34);
  assert.equal(
    onText("UPPER", STRING)("straße ñ ÿ hello world, this is long"),
    "STRASSE Ñ Ÿ HELLO WORLD, THIS IS LONG",
  );
  assert.equal(
    onText("LOWER", STRING)("ÀÉ ABCDEFGHIJKLMNOPQRSTUVWXYZ [@`{"),
    "àé abcdefghijklmnopqrstuvwxyz [@`{",
  );
  assert.equal(onText("SUBSTRING", STRING, number(2), number(2))("日本語x"), "本語");
  assert.equal(onText("SUBSTRING", STRING, number(-2))("日本語x"), "語x");
  assert.equal(onText("SUBSTRING", STRING, number(1), number(-1))("abc"), null);
  assert.equal(onText("SUBSTRING", STRING, number(9))("abc"), "");
  assert.equal(onText("LEFT", STRING, number(2))("日本語"), "日本");
  assert.equal(onText("RIGHT", STRING, number(2))("日本語"), "本語");
  assert.equal(onText("REPLACE", STRING, text("c"), text(""))("abcabcc"), "abab");
  assert.equal(onText("REPLACE", STRING, text(""), text("-"))("ab"), "-a-b-");
  assert.equal(onText("LPAD", STRING, number(5), text("??"))("hi"), "???hi");
  assert.equal(onText("RPAD", STRING, number(1), text("?"))("hi"), "h");
  assert.equal(onText("LPAD", STRING, number(5), text(""))("hi"), null);
  assert.equal(onText("REPEAT", STRING, number(3))("ab"), "ababab");
  assert.equal(onText("REVERSE", STRING)("a日b"), "b日a");
  assert.equal(
    onText("SPLIT_INDEX", STRING, text("/"), number(3))("https://a.b/dir1/dir2"),
    "dir1",
  );
  assert.equal(onText("SPLIT_INDEX", STRING, text("/"), number(9))("a/b"), null);
  assert.equal(onText("SPLIT_INDEX", STRING, number(47), number(1))("a/b"), "b");
  assert.equal(onText("SPLIT_INDEX", STRING, number(0), number(1))("a/b"), null);
  assert.equal(onText("OVERLAY", STRING, text("XY"), number(2))("abcd"), "aXYd");
  assert.equal(onText("INITCAP", STRING)("hello wORLD-42x"), "Hello World-42x");
  assert.equal(onText("TRANSLATE", STRING, text("abc"), text("xy"))("aabbcc"), "xxyy");
  assert.equal(onText("LTRIM", STRING, text("xy"))("xyxz"), "z");
  assert.equal(onText("ASCII", INT)("A"), 65);
  assert.equal(onText("UPPER", STRING)(null), null);
});

test("LIKE: literal shapes and the general kernel agree with a model", () => {
  const alphabet = "ab_%";
  const texts = ["", "a", "ab", "aab", "abab", "b", "ba%", "a_b", "日a"];
  for (let code = 0; code < 256; code++) {
    const pattern = [0, 2, 4, 6]
      .map((shift) => alphabet[(code >> shift) & 3]!)
      .join("")
      .slice(0, 1 + (code % 4));
    const model = new RegExp(`^${pattern.replaceAll("%", "[^]*").replaceAll("_", "[^]")}$`, "u");
    const expression = call("LIKE", [f0, text(pattern)], types.boolean());
    const got = evaluate(
      [STRING],
      texts.map((value) => [value]),
      expression,
    );
    assert.deepEqual(
      got,
      texts.map((value) => model.test(value)),
      `pattern ${pattern}`,
    );
  }
  const escaped = call("LIKE", [f0, text("a!_%"), text("!")], types.boolean());
  assert.deepEqual(evaluate([STRING], [["a_x"], ["abx"]], escaped), [true, false]);
});

test("parts, rounding and patterns of timestamps", () => {
  const at = Date.UTC(2020, 1, 29, 23, 5, 7, 89);
  const ts = input(0, TS);
  const get = (expression: Expression) => evaluate([TS], [[BigInt(at)]], expression)[0];
  const part = (unit: string) => get(call("EXTRACT", [text(unit), ts], types.bigint()));
  assert.deepEqual(
    ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "DOY", "HOUR", "MINUTE", "SECOND"].map(part),
    [2020n, 1n, 2n, 9n, 29n, 7n, 60n, 23n, 5n, 7n],
  );
  const format = (pattern: string) => get(call("DATE_FORMAT", [ts, text(pattern)], STRING));
  assert.equal(format("yyyy-MM-dd HH:mm:ss.SSS"), "2020-02-29 23:05:07.089");
  assert.equal(format("EEE, d MMM yy 'at' h a"), "Sat, 29 Feb 20 at 11 PM");
  const floor = (unit: string) => get(call("FLOOR", [ts, text(unit)], TS));
  assert.equal(floor("HOUR"), BigInt(Date.UTC(2020, 1, 29, 23)));
  assert.equal(floor("MONTH"), BigInt(Date.UTC(2020, 1, 1)));
  const ceil = (unit: string) => get(call("CEIL", [ts, text(unit)], TS));
  assert.equal(ceil("MONTH"), BigInt(Date.UTC(2020, 2, 1)));
  assert.equal(ceil("MINUTE"), BigInt(Date.UTC(2020, 1, 29, 23, 6)));
  const add = get(call("TIMESTAMPADD", [text("YEAR"), number(1), ts], TS));
  assert.equal(add, BigInt(Date.UTC(2021, 1, 28, 23, 5, 7, 89)));
  const parsed = call("TO_TIMESTAMP", [f0, text("dd/MM/yyyy HH:mm")], TS);
  assert.deepEqual(evaluate([STRING], [["29/02/2020 23:05"], ["31/02/2020 00:00"]], parsed), [
    BigInt(Date.UTC(2020, 1, 29, 23, 5)),
    null,
  ]);
  const days = call(
    "TIMESTAMPDIFF",
    [text("DAY"), ts, call("TIMESTAMPADD", [text("WEEK"), number(2), ts], TS)],
    INT,
  );
  assert.equal(get(days), 14);
});

test("every day from 1600 to 2400 has the parts that JavaScript's calendar gives", () => {
  const rows: TestValue[][] = [];
  for (let day = -135_140; day < 157_054; day += 73) rows.push([day]);
  const date = input(0, types.date());
  const unit = (name: string) => evaluate([types.date()], rows, call(name, [date], types.bigint()));
  const model = rows.map(([day]) => new Date(Number(day) * 86_400_000));
  assert.deepEqual(
    unit("YEAR"),
    model.map((d) => BigInt(d.getUTCFullYear())),
  );
  assert.deepEqual(
    unit("MONTH"),
    model.map((d) => BigInt(d.getUTCMonth() + 1)),
  );
  assert.deepEqual(
    unit("DAYOFMONTH"),
    model.map((d) => BigInt(d.getUTCDate())),
  );
  assert.deepEqual(
    unit("DAYOFWEEK"),
    model.map((d) => BigInt(d.getUTCDay() + 1)),
  );
});

test("rounding is half up on the decimal digits that Java prints", () => {
  const round = (value: number, digits: number) =>
    evaluate(
      [types.double()],
      [[value]],
      call("ROUND", [input(0, types.double()), number(digits)], types.double()),
    )[0];
  assert.equal(round(2.675, 2), 2.68);
  assert.equal(round(-2.5, 0), -3);
  assert.equal(round(1234.5, -2), 1200);
  assert.equal(round(1e300, 2), 1e300);
  const decimal = types.decimal(5, 2);
  const truncated = call("TRUNCATE", [input(0, decimal), number(1)], types.decimal(5, 1));
  assert.deepEqual(evaluate([decimal], [[-129n]], truncated), [-12n]);
  const abs = call("ABS", [input(0, INT)], INT);
  assert.deepEqual(evaluate([INT], [[-5], [5], [null], [-2147483648]], abs), [
    5,
    5,
    null,
    -2147483648,
  ]);
  const sign = call("SIGN", [input(0, types.bigint())], types.bigint());
  assert.deepEqual(evaluate([types.bigint()], [[-5n], [0n], [7n]], sign), [-1n, 0n, 1n]);
});

test("regular expressions find what JavaScript's find", () => {
  const patterns = [
    "(&|^)channel_id=([^&]*)",
    "a+b",
    "(a|ab)(c|bcd)",
    "^a.*z$",
    "[a-c]{2,3}?",
    "(?:x|y)+z",
    "\\d+\\.\\d*",
    "(a*)*b",
    "a(?=b)",
    "(?<!a)b",
    "(\\w)\\1",
    "\\bfoo\\b",
    "[^\\x00-\\x7f]+",
    "(?i)HeLLo",
    "(a?){3}",
    "",
    "a||b",
    "[\\w&&[^a-m]]+",
  ];
  const texts = [
    "",
    "ab",
    "aab",
    "abcd",
    "a zz z",
    "abcabc",
    "xyxyz",
    "3.14 and 42.",
    "aaab",
    "bb aa",
    "a foo b",
    "naïve 日本 x",
    "say HELLO",
    "https://x/item.htm?query=1&channel_id=1073741824",
    "channel_id=7&x",
    "zzzyyy",
  ];
  for (const pattern of patterns) {
    const flags = pattern.startsWith("(?i)") ? "ui" : "u";
    const js = new RegExp(
      pattern.replace("(?i)", "").replace("[\\w&&[^a-m]]", "[A-Zn-z0-9_]"),
      flags,
    );
    const find = call("REGEXP", [f0, text(pattern)], types.boolean());
    const extract = call("REGEXP_EXTRACT", [f0, text(pattern), number(0)], STRING);
    const rows = texts.map((value) => [value]);
    assert.deepEqual(
      evaluate([STRING], rows, find),
      texts.map((value) => pattern !== "" && js.test(value)),
      pattern,
    );
    const expected = texts.map((value) => js.exec(value)?.[0] ?? null);
    assert.deepEqual(evaluate([STRING], rows, extract), expected, pattern);
  }
  const group = call("REGEXP_EXTRACT", [f0, text("(&|^)channel_id=([^&]*)"), number(2)], STRING);
  assert.deepEqual(evaluate([STRING], [["a=1&channel_id=42&b=2"], ["none"]], group), ["42", null]);
  // The replacement stands as it is: a real Flink 2.3 answers the same.
  const replaced = call("REGEXP_REPLACE", [f0, text("(\\d)(\\d)"), text("$2\\$")], STRING);
  assert.deepEqual(evaluate([STRING], [["12 34 5"]], replaced), ["$2\\$ $2\\$ 5"]);
  assert.deepEqual(
    evaluate([STRING], [["a1b22"]], call("REGEXP_COUNT", [f0, text("\\d")], INT)),
    [3],
  );
});

test("a pattern that explodes elsewhere is linear here", () => {
  const expression = call("REGEXP", [f0, text("^(a+)+$")], types.boolean());
  assert.deepEqual(evaluate([STRING], [[`${"a".repeat(20_000)}b`]], expression), [false]);
});

test("SIMILAR TO matches the whole text", () => {
  const similar = (pattern: string, value: string) =>
    evaluate([STRING], [[value]], call("SIMILAR_TO", [f0, text(pattern)], types.boolean()))[0];
  assert.equal(similar("a(b|c)%", "acxx"), true);
  assert.equal(similar("a(b|c)", "acx"), false);
  assert.equal(similar("a.c", "abc"), true);
  assert.equal(similar("a$c", "abc"), false);
});

test("a bad pattern matches nothing, and the empty one is found nowhere by REGEXP", () => {
  for (const pattern of ["a(b", ""]) {
    const expression = call("REGEXP", [f0, text(pattern)], types.boolean());
    assert.deepEqual(evaluate([STRING], [["a(b"], [null]], expression), [false, null]);
  }
  const extract = call("REGEXP_EXTRACT", [f0, text("a(b")], STRING);
  assert.deepEqual(evaluate([STRING], [["a(b"]], extract), [null]);
  const replace = call("REGEXP_REPLACE", [f0, text("a(b"), text("x")], STRING);
  assert.deepEqual(evaluate([STRING], [["a(b"]], replace), [null]);
});

test("the clock is the same moment in every row of a batch", () => {
  for (const rows of [1, 2, 3, 8, 13]) {
    const batch = Array.from({ length: rows }, (_, i) => [i]);
    for (const [name, type] of [
      ["LOCALTIMESTAMP", TS],
      ["PROCTIME", types.timestampLtz(3)],
      ["CURRENT_DATE", types.date()],
      ["LOCALTIMESTAMP", types.timestamp(9)],
    ] as const) {
      const values = evaluate([INT], batch, call(name, [], type));
      assert.equal(values.length, rows);
      assert.notEqual(values[0], null);
      for (const value of values) assert.deepEqual(value, values[0], `${name} of ${rows} rows`);
    }
  }
});

test("numbers of JSON keep their digits", () => {
  const path = text("$.a");
  const query = (json: string) =>
    onText("JSON_QUERY", STRING, path, text("WITHOUT ARRAY"), text("NULL"), text("NULL"))(json);
  assert.equal(
    query('{"a":[1.0, 1e20, 12345678901234567890, 1.5, -0.00, 1.5E-9, 0.1e1]}'),
    "[1.0,1E+20,12345678901234567890,1.5,-0.00,1.5E-9,1]",
  );
});
