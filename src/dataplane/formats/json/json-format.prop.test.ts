import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { formatDouble, formatFloat } from "../../../foundation/columnar/double-text.ts";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import { decodeText, randomSource } from "../format-harness.test.ts";
import { jsonFormat } from "./json-format.ts";

const scalars: Schema = {
  fields: [
    { name: "b", type: types.boolean() },
    { name: "i1", type: types.tinyint() },
    { name: "i2", type: types.smallint() },
    { name: "i4", type: types.int() },
    { name: "i8", type: types.bigint() },
    { name: "f4", type: types.float() },
    { name: "f8", type: types.double() },
    { name: "d", type: types.decimal(12, 4) },
    { name: "w", type: types.decimal(38, 9) },
    { name: 'a "key"', type: types.string() },
    { name: "bytes", type: types.bytes() },
    { name: "date", type: types.date() },
    { name: "time", type: types.time(3) },
    { name: "t3", type: types.timestamp(3) },
    { name: "t9", type: types.timestamp(9) },
    { name: "z", type: types.timestampLtz(6) },
  ],
};
const table: Schema = {
  fields: [
    ...scalars.fields,
    {
      name: "r",
      type: types.row([{ name: "x", type: types.row(scalars.fields) }, ...scalars.fields]),
    },
  ],
};

function randomObject(random: (bound: number) => number, depth: number): Record<string, unknown> {
  const digits = (count: number) => Array.from({ length: count }, () => random(10)).join("");
  const text = () =>
    Array.from({ length: random(40) }, () =>
      String.fromCodePoint([65 + random(26), random(32), 34, 92, 233, 0x20ac, 0x1f600][random(7)]!),
    ).join("");
  const date = () => new Date(random(4e9) * 1000).toISOString();
  const sign = () => (random(2) === 0 ? "-" : "");
  const object: Record<string, unknown> = {
    b: random(2) === 0,
    i1: random(256) - 128,
    i2: random(65536) - 32768,
    i4: random(2 ** 32) - 2 ** 31,
    i8: `${sign()}${digits(1 + random(18))}`,
    f4: Math.fround((random(2 ** 31) - 2 ** 30) * 10 ** (random(60) - 30)),
    f8: (random(2 ** 31) - 2 ** 30) * random(2 ** 31) * 10 ** (random(600) - 300),
    d: `${sign()}${digits(1 + random(8))}.${digits(4)}`,
    w: `${sign()}${digits(1 + random(29))}.${digits(9)}`,
    'a "key"': text(),
    bytes: Buffer.from(digits(random(20))).toString("base64"),
    date: date().slice(0, 10),
    time: date().slice(11, 23),
    t3: date().slice(0, 23).replace("T", " "),
    t9: `${date().slice(0, 23).replace("T", " ")}${digits(6)}`,
    z: `${date().slice(0, 23).replace("T", " ")}${digits(3)}Z`,
  };
  for (const key of Object.keys(object)) if (random(8) === 0) object[key] = null;
  if (depth > 0) object.r = { ...randomObject(random, 0), x: randomObject(random, 0) };
  if (random(10) === 0) object.r = null;
  return object;
}

test("random rows: decoded, encoded and decoded again they are the same", () => {
  const seed = 20240101;
  const random = randomSource(seed);
  const lines = Array.from({ length: 400 }, () => JSON.stringify(randomObject(random, 1)));
  for (const options of [
    {},
    { "json.encode.ignore-null-fields": "true" },
    { "json.encode.decimal-as-plain-number": "true" },
  ]) {
    const first = decodeText("json", table, lines.join("\n"), { options });
    assert.equal(first.rows.length, 400);
    for (const line of first.encoded.trimEnd().split("\n")) JSON.parse(line);
    const second = decodeText("json", table, first.encoded, { options });
    assert.deepEqual(
      second.rows.map((row) => formatRow(0, row, table)),
      first.rows.map((row) => formatRow(0, row, table)),
      `seed ${seed}`,
    );
  }
});

test("rows in blocks of any size are the same", () => {
  const random = randomSource(5);
  const text = Array.from({ length: 200 }, () => JSON.stringify(randomObject(random, 1))).join(
    "\n",
  );
  const whole = decodeText("json", table, text).rows;
  for (const step of [500, 2000, 7777])
    assert.deepEqual(decodeText("json", table, text, { step }).rows, whole);
});

test("a record is accepted exactly when JSON.parse accepts it", () => {
  const seed = 77;
  const random = randomSource(seed);
  const wanted: Schema = {
    fields: ["a", "b", "r", "é"].map((name) => ({ name, type: types.string() })),
  };
  const seeds = [
    '{"a":"x\\u00e9\\n","b":[1,2.5e-3,-0,{"c":null}],"r":{"x":true,"y":[]},"é":"\\ud83d\\ude00"}',
    '{ "a" : 1e5 , "b":"日本語テキスト, and some more text behind it", "z":[[[]]], "a":false }',
    '{"long":"0123456789abcdef0123456789abcdef\\\\\\"0123456789abcdef","r":-12.75E+10,"b":{}}',
  ].map((text) => new TextEncoder().encode(text));
  const bytes = [...'{}[]",:\\u0aeE+-.19tfn \t\r']
    .map((c) => c.charCodeAt(0))
    .concat([0x80, 0xc3, 0xed, 0xf0, 0xff, 0, 31]);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const cases: Uint8Array[] = [];
  for (let i = 0; i < 12_000; i++) {
    const record = [...seeds[random(seeds.length)]!];
    for (let k = random(3); k >= 0; k--) {
      const at = random(record.length);
      const kind = random(4);
      if (kind === 0) record.splice(at, 1 + random(3));
      else if (kind === 1) record.splice(at, 0, bytes[random(bytes.length)]!);
      else if (kind === 2) record[at] = bytes[random(bytes.length)]!;
      else record.splice(at, 0, ...record.slice(random(record.length)).slice(0, 8));
    }
    cases.push(Uint8Array.from(record));
  }
  const accepts = (record: Uint8Array): boolean => {
    try {
      const value: unknown = JSON.parse(utf8.decode(record));
      return typeof value === "object" && value !== null && !Array.isArray(value);
    } catch {
      return false;
    }
  };
  const whole = new Uint8Array(cases.reduce((sum, { length }) => sum + length + 1, 0));
  let at = 0;
  for (const record of cases) {
    whole.set(record, at);
    at += record.length + 1;
    whole[at - 1] = 10;
  }
  const { rows, bad, lines } = decodeText("json", wanted, whole, { options: { errors: "skip" } });
  assert.equal(lines, cases.length);
  // `line` counts within a call; the offsets of calls are not told apart here, so single records decide where sums differ.
  const good = cases.filter(accepts);
  if (rows.length !== good.length) {
    for (const record of cases) {
      const one = decodeText("json", wanted, record, { options: { errors: "skip" } });
      const text = new TextDecoder().decode(record);
      assert.equal(one.rows.length, accepts(record) ? 1 : 0, `${text} (seed ${seed})`);
    }
  }
  assert.equal(rows.length, good.length);
  assert.equal(bad.length + rows.length, cases.length);
  assert.ok(good.length > 500 && bad.length > 500, `${good.length} good, ${bad.length} bad`);
});

test("doubles and floats are written as Java writes them", () => {
  const numbers: Schema = {
    fields: [
      { name: "d", type: types.double() },
      { name: "f", type: types.float() },
    ],
  };
  const random = randomSource(3);
  const view = new DataView(new ArrayBuffer(8));
  const values = [
    0,
    -0,
    1,
    100,
    0.001,
    0.00099,
    9999999,
    1e7,
    1.5e10,
    2e-3,
    5e-324,
    Number.MAX_VALUE,
    1e23,
    2 ** 60,
    0.1 + 0.2,
  ];
  for (let i = 0; i < 20_000; i++) {
    view.setUint32(0, random(2 ** 32));
    view.setUint32(4, random(2 ** 32));
    const value = view.getFloat64(0);
    if (Number.isFinite(value)) values.push(value);
    values.push(view.getFloat32(4));
  }
  const finite = values.filter(
    (value) => Number.isFinite(value) && Math.abs(Math.fround(value)) !== Infinity,
  );
  const text = finite
    .map((value) => `{"d":${Object.is(value, -0) ? "-0.0" : value},"f":${Math.fround(value)}}`)
    .join("\n");
  const lines = decodeText("json", numbers, text).encoded.trimEnd().split("\n");
  finite.forEach((value, i) => {
    // A template literal writes -0 as 0.
    const float = Math.fround(value) + 0;
    assert.equal(lines[i], `{"d":${formatDouble(value)},"f":${formatFloat(float)}}`, "seed 3");
  });
});

test("what Flink writes: decimals without trailing zeros, minimal fractions, quoted NaN", () => {
  const one = (type: Schema["fields"][number]["type"], json: string, options = {}) =>
    decodeText("json", { fields: [{ name: "f", type }] }, `{"f":${json}}`, { options }).encoded;
  assert.equal(one(types.decimal(10, 2), "100"), '{"f":1E+2}\n');
  assert.equal(
    one(types.decimal(10, 2), "100", { "json.encode.decimal-as-plain-number": "true" }),
    '{"f":100}\n',
  );
  assert.equal(one(types.decimal(10, 9), "0.000000027"), '{"f":2.7E-8}\n');
  assert.equal(one(types.double(), '"NaN"'), '{"f":"NaN"}\n');
  assert.equal(
    one(types.timestamp(9), '"2024-01-01 10:00:00.1200"'),
    '{"f":"2024-01-01 10:00:00.12"}\n',
  );
  assert.equal(
    one(types.timestampLtz(3), '"2024-01-01 10:00:00Z"'),
    '{"f":"2024-01-01 10:00:00Z"}\n',
  );
  assert.equal(one(types.string(), '"\\u0001\\/\\u001f"'), '{"f":"\\u0001/\\u001F"}\n');
  assert.equal(one(types.int(), "null"), '{"f":null}\n');
  assert.equal(one(types.int(), "null", { "json.encode.ignore-null-fields": "true" }), "{}\n");
});

test("columns are guessed from a sample", () => {
  const sample = [
    '{"n":1,"x":1,"s":"a","d":"2024-01-01","r":{"a":1},"l":[1]}',
    '{"n":2,"x":1.5,"s":"2024-01-01","d":null,"r":{"b":true},"t":"2024-01-01 00:00:00"}',
    "not json",
    '{"cut',
  ].join("\n");
  const schema = jsonFormat.inferSchema!(new TextEncoder().encode(sample), {});
  assert.deepEqual(
    schema.fields.map(({ name, type }) => `${name} ${type.kind}`),
    ["n BIGINT", "x DOUBLE", "s VARCHAR", "d DATE", "r ROW", "l VARCHAR", "t TIMESTAMP"],
  );
  assert.throws(() => jsonFormat.inferSchema!(new TextEncoder().encode("[]"), {}), {
    code: "MR3104",
  });
});

test("escapes of every kind at every distance, wanted and passed over", () => {
  const seed = 4711;
  const random = randomSource(seed);
  const alphabet = ["\\", '"', "/", "a", "bc", "\\\\\\", "\n", "é", "0123456789abcde"];
  const table: Schema = {
    fields: ["p", "s", "n"].map((name) => ({ name, type: types.string() })),
  };
  const only: Schema = { fields: [table.fields[0]!, table.fields[2]!] };
  for (let round = 0; round < 200; round++) {
    // Most without what needs the slower way.
    const kinds = random(3) === 0 ? alphabet.length : 6;
    const text = Array.from({ length: random(30) }, () => alphabet[random(kinds)]).join("");
    const quoted = JSON.stringify(text).replaceAll("/", () => (random(2) === 0 ? "/" : "\\/"));
    const line = `{"p":"x","s":${quoted},"n":"y"}`;
    const message = `seed ${seed}, round ${round}: ${line}`;
    assert.deepEqual(decodeText("json", table, line).rows, [["x", text, "y"]], message);
    assert.deepEqual(decodeText("json", only, line).rows, [["x", "y"]], message);
    const broken = `{"p":"x","s":${quoted.slice(0, -1)}\\q","n":"y"}`;
    for (const schema of [table, only])
      assert.throws(() => decodeText("json", schema, broken), /escape/, message);
  }
});
