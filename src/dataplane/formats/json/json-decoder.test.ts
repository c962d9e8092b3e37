import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";
import type { BadRecord } from "../../contract/format.ts";
import { createTestWorker } from "../../kernels/test-worker.test.ts";
import { JsonDecoder } from "./json-decoder.ts";

interface Decoded {
  readonly rows: Value[][];
  readonly bad: BadRecord[];
  readonly consumed: number;
  readonly lines: number;
}

function decode(
  table: Schema,
  input: string | Uint8Array,
  options: Record<string, string> = {},
  { projection = table.fields.map((_, i) => [i]), output = table, last = true } = {},
): Decoded {
  const worker = createTestWorker();
  const bad: BadRecord[] = [];
  const decoder = new JsonDecoder({
    runtime: worker.runtime,
    table,
    projection,
    output,
    options,
    timeZone: "UTC",
    metrics: worker.metrics,
    onBadRecord: (record) => bad.push(record),
  });
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const address = worker.place(bytes);
  const reader = new RowReader(worker.runtime.memory, output);
  const rows: Value[][] = [];
  let consumed = 0;
  let lines = 0;
  while (consumed < bytes.length) {
    const result = decoder.decode(address + consumed, bytes.length - consumed, last);
    for (let row = 0; row < result.rows; row++) rows.push(reader.read(result.batch, row));
    consumed += result.consumedBytes;
    lines += result.lines;
    if (result.consumedBytes === 0) break;
  }
  return { rows, bad, consumed, lines };
}

/** The value of one field of one type, as Java prints it. */
function field(type: LogicalType, json: string, options: Record<string, string> = {}): string {
  const { rows } = decode({ fields: [{ name: "f", type }] }, `{"f":${json}}`, options);
  return formatValue(rows[0]![0]!, type);
}

test("scalar types, from numbers and from strings", () => {
  assert.equal(field(types.boolean(), "true"), "true");
  assert.equal(field(types.boolean(), '" TRUE "'), "true");
  assert.equal(field(types.boolean(), '"yes"'), "false");
  assert.equal(field(types.tinyint(), "-128"), "-128");
  assert.equal(field(types.smallint(), '"32767"'), "32767");
  assert.equal(field(types.int(), "1.9"), "1");
  assert.equal(field(types.int(), '" -7 "'), "-7");
  assert.equal(field(types.bigint(), "-9223372036854775808"), "-9223372036854775808");
  assert.equal(field(types.bigint(), '"9223372036854775807"'), "9223372036854775807");
  assert.equal(field(types.float(), "3.4028235e38"), "3.4028235E38");
  assert.equal(field(types.float(), '"-Infinity"'), "-Infinity");
  assert.equal(field(types.double(), '"1e3d"'), "1000.0");
  assert.equal(field(types.double(), "12"), "12.0");
  assert.equal(field(types.decimal(10, 2), "1.005"), "1.01");
  assert.equal(field(types.decimal(10, 2), '" -12.5 "'), "-12.50");
  assert.equal(
    field(types.decimal(38, 10), "1234567890123456789012345678.0123456789"),
    "1234567890123456789012345678.0123456789",
  );
  assert.equal(field(types.decimal(4, 2), "123.45"), "null");
  assert.equal(field(types.string(), "12.50"), "12.50");
  assert.equal(field(types.string(), "false"), "false");
  assert.equal(field(types.string(), '{ "a" : [1, "x y\\" "] }'), '{"a":[1,"x y\\" "]}');
  assert.equal(field(types.bytes(), '"AQL9"'), "[1, 2, -3]");
  assert.equal(field(types.date(), '"2024-02-29"'), "2024-02-29");
  assert.equal(field(types.time(3), '"10:11:12.5"'), "10:11:12.500");
  assert.equal(field(types.timestamp(3), '"2024-01-01 10:00:00"'), "2024-01-01T10:00");
  assert.equal(
    field(types.timestamp(9), '"1969-12-31 23:59:59.999999999"'),
    "1969-12-31T23:59:59.999999999",
  );
  assert.equal(
    field(types.timestampLtz(3), '"2024-01-01 10:00:00.1Z"'),
    "2024-01-01T10:00:00.100Z",
  );
  const iso = { "json.timestamp-format.standard": "ISO-8601" };
  assert.equal(field(types.timestamp(3), '"2024-01-01T10:00:01"', iso), "2024-01-01T10:00:01");
});

test("strings: escapes, surrogates, long texts, views into the input", () => {
  const type = types.string();
  assert.equal(field(type, '"a\\n\\t\\"\\\\\\/\\b\\f\\r\\u0041"'), 'a\n\t"\\/\b\f\rA');
  assert.equal(field(type, '"\\ud83d\\ude00 \\ud83d x"'), "😀 ? x");
  const long = `${"äöü€😀".repeat(40)}\\n${"x".repeat(100)}`;
  assert.equal(field(type, `"${long}"`), long.replace("\\n", "\n"));
});

const rowTable: Schema = {
  fields: [
    { name: "a", type: types.int() },
    {
      name: "r",
      type: types.row([
        { name: "x", type: types.bigint() },
        { name: "y", type: types.string() },
      ]),
    },
  ],
};

test("nested rows, missing and NULL fields, any order, duplicates: the last wins", () => {
  const input = [
    '{"a":1,"r":{"x":2,"y":"z"}}',
    '{"r":{"y":"q"},"u":[1,{"a":2}],"a":null}',
    '{"r":null,"a":3}',
    "{}",
    '{"r":{"x":1,"y":"a"},"r":{"y":"b"},"a":1,"a":null}',
    ' { "r" : { "x" : 5 } } ',
    "null",
    "",
  ].join("\n");
  const { rows, lines, consumed } = decode(rowTable, input);
  assert.deepEqual(rows, [
    [1, [2n, "z"]],
    [null, [null, "q"]],
    [3, null],
    [null, null],
    [null, [null, "b"]],
    [null, [5n, null]],
  ]);
  assert.equal(lines, 7);
  assert.equal(consumed, input.length);
});

test("a projection of nested fields fills only its columns", () => {
  const output: Schema = {
    fields: [
      { name: "y", type: types.string() },
      { name: "r", type: rowTable.fields[1]!.type },
      { name: "a", type: types.int() },
    ],
  };
  const { rows } = decode(
    rowTable,
    '{"a":1,"r":{"x":2,"y":"z"}}\n{"a":2}\n',
    {},
    {
      projection: [[1, 1], [1], [0]],
      output,
    },
  );
  assert.deepEqual(rows, [
    ["z", [2n, "z"], 1],
    [null, null, 2],
  ]);
});

test("an unfinished record waits for the rest, unless it is the last", () => {
  const open = decode(rowTable, '{"a":1}\n{"a":', {}, { last: false });
  assert.deepEqual([open.rows.length, open.consumed], [1, 8]);
  assert.equal(decode(rowTable, '{"a":1}\n{"a":2}').rows.length, 2);
});

test("errors name line, column and reason, never the value", () => {
  const message = (input: string, options = {}) => {
    try {
      decode(rowTable, input, options);
    } catch (error) {
      return (error as Error).message.replace("bad json record in the input, ", "");
    }
    return "no error";
  };
  assert.equal(
    message('{"a":1}\n{"a":"x"}'),
    'line 2, column 6: field "a": expected INT, the STRING is none',
  );
  assert.equal(
    message('{"a":3000000000}'),
    'line 1, column 6: field "a": the NUMBER is out of the range of INT',
  );
  assert.equal(message('{"a":{}}'), 'line 1, column 6: field "a": expected INT, found OBJECT');
  assert.equal(
    message('{"r":[1]}'),
    'line 1, column 6: field "r": expected ROW<`x` BIGINT, `y` STRING>, found ARRAY',
  );
  assert.equal(message('{"a":01}'), "line 1, column 6: the number is not valid JSON");
  assert.equal(message('{"a":1} x'), "line 1, column 9: something follows the record on its line");
  assert.equal(message('{"a":1,}'), 'line 1, column 8: expected a key in quotes or "}"');
  assert.equal(message('{"a" 1}'), 'line 1, column 6: expected ":" after the key');
  assert.equal(
    message('{"r":{"y":"abc'),
    "line 1, column 15: the line ends or a control character stands within a string",
  );
  assert.equal(message("[1]"), "line 1, column 1: expected an object");
  assert.equal(
    message('{"a":1}', { "json.fail-on-missing-field": "true" }),
    'line 1, column 7: field "r" is missing',
  );
});

test("errors = skip leaves bad records out; ignore-parse-errors makes their fields NULL", () => {
  const input = '{"a":1}\n{"a":"x","r":{"x":1}}\n{bad\n{"a":2}\n';
  const skip = decode(rowTable, input, { errors: "skip" });
  assert.deepEqual(skip.rows, [
    [1, null],
    [2, null],
  ]);
  assert.deepEqual(
    skip.bad.map(({ line, column }) => [line, column]),
    [
      [1, 6],
      [2, 2],
    ],
  );
  const ignore = decode(rowTable, input, { "json.ignore-parse-errors": "true" });
  assert.deepEqual(ignore.rows, [
    [1, null],
    [null, [1n, null]],
    [2, null],
  ]);
  const many = decode(rowTable, `${"x\n".repeat(1000)}{"a":1}\n`, { errors: "skip" });
  assert.deepEqual([many.bad.length, many.rows.length], [1000, 1]);
});

test("options and types that exclude each other are refused", () => {
  const table: Schema = { fields: [{ name: "f", type: types.array(types.int()) }] };
  assert.throws(() => decode(table, "{}"), { code: "MR3102" });
  const both = { "json.fail-on-missing-field": "true", "json.ignore-parse-errors": "true" };
  assert.throws(() => decode(rowTable, "{}", both), { code: "MR3103" });
});

test("doubles and floats are exact", () => {
  const table: Schema = {
    fields: [
      { name: "d", type: types.double() },
      { name: "f", type: types.float() },
    ],
  };
  const texts = [
    "0.1",
    "1e23",
    "9007199254740993",
    "2.2250738585072011e-308",
    "5e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "1e-400",
    "1e400",
    "-0.0",
    "0.500000000000000166533453693773481063544750213623046875",
    "9007199254740992.99999999999999999999999",
    "1.00000005960464477539062499999999999",
    "1.00000005960464477539062500000000001",
    "123456789012345678901234567890",
    `0.${"0".repeat(400)}1`,
    `1${"0".repeat(300)}.5`,
    "3.4028235677973366e38",
    "1.401298464324817e-45",
    "7.006492321624085e-46",
    "8.41e21",
    "2.0919495182368195e19",
  ];
  let seed = 42;
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 20000; i++) {
    view.setUint32(0, next());
    view.setUint32(4, next());
    const value = view.getFloat64(0);
    if (Number.isFinite(value))
      texts.push(String(value), value.toPrecision(17), value.toPrecision(21));
  }
  const { rows } = decode(table, texts.map((x) => `{"d":${x},"f":${x}}\n`).join(""));
  rows.forEach(([d, f], i) => {
    const text = texts[i]!;
    assert.ok(Object.is(d, Number(text)), `${text} gave ${String(d)} (seed 42)`);
    // Math.fround rounds twice; only where that is harmless is it the expectation.
    if (text.length < 12)
      assert.ok(Object.is(f, Math.fround(Number(text))), `${text} gave ${String(f)}`);
  });
  const halves = rows.slice(14, 16).map(([, f]) => f);
  assert.deepEqual(halves, [1, 1 + 2 ** -23]);
});

test("integers of every length and the times of the usual form, also with what follows them wrong", () => {
  for (let digits = 1; digits <= 19; digits++) {
    const number = "1234567890123456789".slice(0, digits);
    for (const end of ["", " ", "\t"]) {
      assert.equal(field(types.bigint(), `${number}${end}`), number);
      assert.equal(field(types.bigint(), `-${number}${end}`), `-${number}`);
    }
    assert.equal(field(types.bigint(), `${number.slice(0, 15)}e0`), number.slice(0, 15));
    assert.equal(field(types.int(), `${number.slice(0, 9)}.75`), number.slice(0, 9));
  }
  assert.equal(field(types.int(), "2147483647"), "2147483647");
  const bad = (type: LogicalType, json: string): number =>
    decode({ fields: [{ name: "f", type }] }, `{"f":${json}}\n`, { errors: "skip" }).bad.length;
  for (const json of ["2147483648", "12a", "123456789:", "01", "1.", "12345678.", "1é", "1\xff"])
    assert.equal(bad(types.int(), json), 1, json);
  const second = types.timestamp(3);
  const minutes = ["2024-02-29 23:59", "2024-02-29 23:59", "1969-12-31 00:00", "0000-01-01 00:00"];
  for (const minute of ["1970-01-01 00:00", ...minutes])
    assert.equal(field(second, `"${minute}:59.007"`), `${minute.replace(" ", "T")}:59.007`);
  assert.equal(field(types.timestamp(0), '"1969-12-31 23:59:58.999"'), "1969-12-31T23:59:58");
  const wrong = ["2023-02-29 00:00:00.000", "2024-02-29T00:00:00.000", "2024-02-29 24:00:00.000"];
  for (const text of [...wrong, "2024-01-01 00:00:60.000", "2024-01-01 00:00:0a.000"])
    assert.equal(bad(second, `"${text}"`), 1, text);
  for (const text of ["00:00:00.0:0", "00:00:00.00/", "00:00:0/.000", "00:00:/0.000"])
    assert.equal(bad(second, `"2024-01-01 ${text}"`), 1, text);
  const zeros = new TextEncoder().encode('{"f":"0000000000000000:00.000"}\n');
  zeros.fill(0, 6, 22);
  assert.equal(
    decode({ fields: [{ name: "f", type: second }] }, zeros, { errors: "skip" }).bad.length,
    1,
  );
});
