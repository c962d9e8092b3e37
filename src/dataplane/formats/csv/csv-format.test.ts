import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";
import { decodeText, randomSource } from "../format-harness.test.ts";
import { csvFormat } from "./csv-format.ts";

const strings = (...names: string[]): Schema => ({
  fields: names.map((name) => ({ name, type: types.string() })),
});
const abc = strings("a", "b", "c");

function field(type: LogicalType, text: string): string {
  const { rows } = decodeText("csv", { fields: [{ name: "f", type }] }, text);
  return formatValue(rows[0]![0]!, type);
}

test("types are read as Flink reads them", () => {
  assert.equal(field(types.boolean(), " TRUE"), "true");
  assert.equal(field(types.tinyint(), "-128 "), "-128");
  assert.equal(field(types.bigint(), "+9223372036854775807"), "9223372036854775807");
  assert.equal(field(types.float(), "1.5e3"), "1500.0");
  assert.equal(field(types.double(), "NaN"), "NaN");
  assert.equal(field(types.decimal(5, 2), "1.005"), "1.01");
  assert.equal(field(types.decimal(3, 2), "123"), "null");
  assert.equal(field(types.date(), "2024-2-9"), "2024-02-09");
  assert.equal(field(types.time(1), "10:11:12.59"), "10:11:12.500");
  assert.equal(field(types.timestamp(3), "2024-01-02 03:04:05.6789"), "2024-01-02T03:04:05.678");
  assert.equal(field(types.timestampLtz(3), "2024-01-02 03:04:05Z"), "2024-01-02T03:04:05Z");
  assert.equal(field(types.bytes(), "AQL9"), "[1, 2, -3]");
  assert.equal(field(types.string(), "  x "), "  x ");
});

test("quotes, escapes, comments, line ends", () => {
  const { rows, lines } = decodeText("csv", abc, '1,"a ""b"", c\nd",\r\n\r\n"",x y,"z"\r\n');
  assert.deepEqual(rows, [
    ["1", 'a "b", c\nd', ""],
    ["", "x y", "z"],
  ]);
  assert.equal(lines, 4);
  const options = {
    "csv.field-delimiter": "\\t",
    "csv.escape-character": "\\",
    "csv.allow-comments": "true",
  };
  const escaped = decodeText("csv", abc, '#x\na\\\tb\t"c\\"d"\te\\\\\n', { options });
  assert.deepEqual(escaped.rows, [["a\tb", 'c"d', "e\\"]]);
  const plain = decodeText("csv", abc, '"a,b",c\n', {
    options: { "csv.disable-quote-character": "true" },
  });
  assert.deepEqual(plain.rows, [['"a', 'b"', "c"]]);
});

test("NULL literal, header, projection", () => {
  const options = { "csv.null-literal": "", "csv.header": "true" };
  const { rows, encoded } = decodeText("csv", abc, "a,b,c\n1,,3\n4,5,", {
    options,
    projection: [[2], [0]],
    output: strings("c", "a"),
  });
  assert.deepEqual(rows, [
    ["3", "1"],
    [null, "4"],
  ]);
  assert.equal(encoded, "c,a\n3,1\n,4\n");
});

test("bad records: what is wrong, where; skipped or with NULL fields on request", () => {
  const table: Schema = {
    fields: [
      { name: "n", type: types.int() },
      { name: "s", type: types.string() },
    ],
  };
  const message = (text: string) => {
    try {
      decodeText("csv", table, text);
    } catch (error) {
      return (error as Error).message.replace("bad csv record in the input, ", "");
    }
    return "no error";
  };
  assert.equal(message("1,a\nx,b\n"), 'line 2, column 1: field "n": the value is no INT');
  assert.equal(
    message("1,a\n3000000000,b"),
    'line 2, column 1: field "n": the value is out of the range of INT',
  );
  assert.equal(message("1\n"), "line 1, column 2: the record has not the 2 fields of the table");
  assert.equal(
    message("1,a,b\n"),
    "line 1, column 6: the record has not the 2 fields of the table",
  );
  assert.equal(message('1,"a\n'), "line 1, column 3: the quote is never closed");
  assert.equal(message('1,"a"b\n'), "line 1, column 6: something follows the closing quote");
  const text = '1,a\nx,b\n2,"q"z\n3\n4,d\n';
  const skip = decodeText("csv", table, text, { options: { errors: "skip" } });
  assert.deepEqual(skip.rows, [
    [1, "a"],
    [4, "d"],
  ]);
  assert.equal(skip.bad.length, 3);
  const ignore = decodeText("csv", table, text, { options: { "csv.ignore-parse-errors": "true" } });
  assert.deepEqual(ignore.rows, [
    [1, "a"],
    [null, "b"],
    [3, null],
    [4, "d"],
  ]);
});

test("records that blocks cut are read whole", () => {
  const random = randomSource(11);
  const alphabet = ["a", ",", '"', "\n", "ä", " ", "b", "\r"];
  const rows = Array.from({ length: 300 }, () =>
    Array.from({ length: 3 }, () =>
      Array.from({ length: random(30) }, () => alphabet[random(alphabet.length)]).join(""),
    ),
  );
  const text = rows
    .map((row) => row.map((x) => `"${x.replaceAll('"', '""')}"`).join(","))
    .join("\n");
  for (const step of [100, 257, 4096])
    assert.deepEqual(decodeText("csv", abc, text, { step }).rows, rows, `step ${step}, seed 11`);
});

test("what is written can be read, and has quotes where Jackson sets them", () => {
  const random = randomSource(12);
  const texts = [
    "x",
    "a b",
    "a,b",
    'q"q',
    "é",
    "0123456789012345678901234",
    "line\nfeed",
    "-1",
    "a+b",
  ];
  const rows = Array.from({ length: 500 }, () =>
    abc.fields.map(() => texts[random(texts.length)]!),
  );
  const first = rows
    .map((row) => row.map((x) => `"${x.replaceAll('"', '""')}"`).join(","))
    .join("\n");
  const { encoded } = decodeText("csv", abc, first);
  assert.deepEqual(decodeText("csv", abc, encoded).rows, rows, "seed 12");
  const one = (text: string) => decodeText("csv", strings("a"), text).encoded;
  assert.equal(one("abc\n"), "abc\n");
  assert.equal(one("a b\n"), '"a b"\n');
  assert.equal(one('"0123456789012345678901234"\n'), '"0123456789012345678901234"\n');
  assert.equal(one('"q""q"\n'), '"q""q"\n');
  const table: Schema = {
    fields: [
      { name: "t", type: types.timestamp(3) },
      { name: "d", type: types.decimal(10, 2) },
      { name: "f", type: types.double() },
      { name: "x", type: types.date() },
    ],
  };
  const line = decodeText("csv", table, "2024-01-02 03:04:05.600,100.00,0.1,2024-01-02").encoded;
  assert.equal(line, '"2024-01-02 03:04:05.6",1E+2,0.1,2024-01-02\n');
});

test("columns are guessed from a sample", () => {
  const infer = (text: string, options = {}) =>
    csvFormat.inferSchema!(new TextEncoder().encode(text), options).fields.map(
      ({ name, type }) => `${name} ${type.kind}`,
    );
  assert.deepEqual(
    infer("id,when,x,ok,t,z\n1,2024-01-01,1,true,2024-01-01 00:00:00,007\n2,,1.5,false,,1\n", {
      "csv.header": "true",
    }),
    ["id BIGINT", "when DATE", "x DOUBLE", "ok BOOLEAN", "t TIMESTAMP", "z VARCHAR"],
  );
  assert.deepEqual(infer('1,"a,b"\n'), ["c0 BIGINT", "c1 VARCHAR"]);
  assert.throws(() => infer(""), { code: "MR3104" });
});

test("characters that cannot be told from data are refused", () => {
  for (const bad of ["ab", "1", ".", "\n"])
    assert.throws(() => csvFormat.validate({ "csv.field-delimiter": bad }, abc), {
      code: "MR1003",
    });
  assert.throws(() => csvFormat.validate({ "csv.quote-character": "," }, abc), { code: "MR1003" });
  const nested: Schema = { fields: [{ name: "r", type: types.row([]) }] };
  assert.throws(() => csvFormat.validate({}, nested), { code: "MR3102" });
});

test("numbers of any form among quoted, long and foreign texts: what was written comes back", () => {
  const seed = Date.now() % 1_000_000;
  const random = randomSource(seed);
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const digits = (most: number) =>
    Array.from({ length: 1 + random(most) }, () => String(random(10))).join("");
  const texts = ["", "x", "é".repeat(40), "plain ".repeat(20), '"a, ""b""\nc"', '"é\n\n"', "ü"];
  const lines: string[] = [];
  const expected: string[][] = [];
  for (let i = 0; i < 400; i++) {
    const sign = pick(["", "-", "+"]);
    const [n, d, small, text] = [
      sign + digits(17),
      `${digits(9)}.${digits(4)}`,
      digits(9),
      pick(texts),
    ];
    lines.push(`${text},${n},${d},${pick(["1", '"2"'])},${small}${pick(["\n", "\r\n"])}`);
    const cents = roundedCents(d);
    expected.push([
      text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text,
      String(BigInt(n.replace("+", ""))),
      `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`,
      String(Number(small)),
    ]);
  }
  const schema: Schema = {
    fields: [
      { name: "t", type: types.string() },
      { name: "n", type: types.bigint() },
      { name: "d", type: types.decimal(15, 2) },
      { name: "skipped", type: types.string() },
      { name: "i", type: types.int() },
    ],
  };
  const projection = [[0], [1], [2], [4]];
  const output = { fields: projection.map(([index]) => schema.fields[index!]!) };
  const { rows } = decodeText("csv", schema, lines.join(""), { projection, output });
  const found = rows.map((row) =>
    row.map((value, index) => formatValue(value, output.fields[index]!.type)),
  );
  assert.deepEqual(found, expected, `seed ${seed}`);
});

/** HALF_UP to two digits behind the point. */
function roundedCents(text: string): bigint {
  const [whole, rest = ""] = text.split(".");
  const thousandths = BigInt(`${whole}${rest.padEnd(3, "0").slice(0, 3)}`);
  return (thousandths + 5n) / 10n;
}
