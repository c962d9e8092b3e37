/** Arithmetic and casts of random numbers against models in BigInt. Seed: MILLRACE_SEED, printed in every message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";

const SEED = Number(process.env.MILLRACE_SEED ?? 20260101);
const again = `MILLRACE_SEED=${SEED} node --test numbers.prop.test.ts`;

function generator(seed: number) {
  let state = seed >>> 0;
  const next = (n: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor((state / 4294967296) * n);
  };
  const digits = (n: number) => BigInt(Array.from({ length: n }, () => next(10)).join("") || "0");
  return { next, digits };
}

const runtime = testRuntime();

/** One row per value list; columns f0 … of the given types. */
function evaluate(
  fieldTypes: readonly LogicalType[],
  rows: readonly (readonly TestValue[])[],
  projection: readonly Expression[],
): TestValue[][] {
  const schema = { fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })) };
  const output = { fields: projection.map(({ type }, i) => ({ name: `r${i}`, type })) };
  const calc = compileCalc(
    { input: schema, projection, output },
    { runtime, environment: testEnvironment, operator: "test" },
  );
  const mark = runtime.kernels.arenaMark();
  const result = readRows(runtime, output, calc.process(writeBatch(runtime, schema, rows)));
  runtime.kernels.arenaRelease(mark);
  return result;
}

const abs = (x: bigint) => (x < 0n ? -x : x);

/** n / d rounded HALF_UP, d > 0 or < 0. */
function round(n: bigint, d: bigint): bigint {
  const magnitude = (2n * abs(n) + abs(d)) / (2n * abs(d));
  return n < 0n !== d < 0n ? -magnitude : magnitude;
}

const fits = (value: bigint, precision: number) =>
  abs(value) < 10n ** BigInt(precision) ? value : null;
const pow10 = (n: number) => 10n ** BigInt(n);

test("DECIMAL arithmetic to 38 digits", () => {
  const { next, digits } = generator(SEED);
  for (let round1 = 0; round1 < 60; round1++) {
    const [p1, p2] = [1 + next(38), 1 + next(38)];
    const [s1, s2] = [next(p1 + 1), next(p2 + 1)];
    const p = 1 + next(38);
    const scale = Math.min(p, next(Math.max(s1, s2) + 2));
    const [a, b] = [types.decimal(p1, s1), types.decimal(p2, s2)];
    const result = types.decimal(p, scale);
    const product = types.decimal(p, Math.min(p, s1 + s2, next(39)));
    const extremes = (precision: number) => [
      0n,
      1n,
      -1n,
      pow10(precision) - 1n,
      1n - pow10(precision),
      (next(2) === 0 ? 1n : -1n) * digits(1 + next(precision)),
      (next(2) === 0 ? 1n : -1n) * digits(precision),
    ];
    const rows = extremes(p1).flatMap((x) => extremes(p2).map((y) => [x, y] as const));
    const args = [input(0, a), input(1, b)];
    const sumScale = Math.min(p, Math.max(s1, s2), scale);
    const sum = types.decimal(p, sumScale);
    const nonZero = rows.filter(([, y]) => y !== 0n);
    const both = evaluate([a, b], rows, [
      call("PLUS", args, sum),
      call("MINUS", args, sum),
      call("TIMES", args, product),
      call("CAST", [args[0]!], result),
      call("UNARY_MINUS", [args[0]!], a),
    ]);
    const common = Math.max(s1, s2);
    rows.forEach(([x, y], i) => {
      const [u, v] = [x * pow10(common - s1), y * pow10(common - s2)];
      const drop = (value: bigint, from: number, to: number) =>
        from >= to ? round(value, pow10(from - to)) : value * pow10(to - from);
      const productScale = product.kind === "DECIMAL" ? product.scale : 0;
      const expected = [
        fits(drop(u + v, common, sumScale), p),
        fits(drop(u - v, common, sumScale), p),
        fits(drop(x * y, s1 + s2, productScale), p),
        fits(drop(x, s1, scale), p),
        -x,
      ];
      assert.deepEqual(both[i], expected, `${x}e-${s1} ${y}e-${s2} p=${p} s=${scale}; ${again}`);
    });
    const quotients = evaluate([a, b], nonZero, [
      call("DIVIDE", args, result),
      call("MOD", args, sum),
    ]);
    nonZero.forEach(([x, y], i) => {
      const quotient = quotientOf(x * pow10(s2), y * pow10(s1), scale);
      const [u, v] = [x * pow10(common - s1), y * pow10(common - s2)];
      const rest = round(u % v, pow10(common - sumScale));
      assert.deepEqual(
        quotients[i],
        [fits(quotient, p), fits(rest, p)],
        `${x}e-${s1} / ${y}e-${s2} p=${p} s=${scale}; ${again}`,
      );
    });
  }
});

/** x / y to 38 digits, and that to the scale, each HALF_UP: BigDecimal.divide with a MathContext, then setScale. */
function quotientOf(x: bigint, y: bigint, scale: number): bigint {
  if (x === 0n) return 0n;
  const at = (places: number) =>
    places >= 0 ? round(x * pow10(places), y) : round(x, y * pow10(-places));
  const digitsOf = (value: bigint) => String(value < 0n ? -value : value).length;
  let places = 38;
  while (digitsOf(at(places)) > 38) places--;
  while (digitsOf(at(places)) < 38) places++;
  const exact = at(places);
  return places >= scale ? round(exact, pow10(places - scale)) : exact * pow10(scale - places);
}

test("a quotient is rounded to 38 digits first: 0.45 of the last place becomes a half", () => {
  const [a, b, result] = [types.decimal(5, 0), types.decimal(5, 0), types.decimal(38, 37)];
  const positive = [
    [6n, 11n],
    [11n, 13n],
    [7n, 17n],
    [18n, 19n],
  ] as const;
  const rows = positive.flatMap(([x, y]) => [[x, y] as const, [-x, y] as const]);
  const expected = rows.map(([x, y]) => [quotientOf(x, y, 37)]);
  const args = [input(0, a), input(1, b)];
  assert.deepEqual(evaluate([a, b], rows, [call("DIVIDE", args, result)]), expected);
  const once = rows.map(([x, y]) => [round(x * pow10(37), y)]);
  rows.forEach((_, i) => {
    assert.notDeepEqual(expected[i], once[i]);
  });
});

test("products of integers and DECIMALs that fill 128 bits are inline", () => {
  const { next } = generator(SEED + 4);
  const big = types.decimal(19, 0);
  const factor = types.decimal(18, 3);
  const product = types.decimal(37, 3);
  const edges = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 31n];
  const random = () => BigInt.asIntN(64, BigInt(next(2 ** 32)) * BigInt(next(2 ** 32)));
  const rows: [bigint, bigint][] = [];
  for (let i = 0; i < 400; i++) {
    const a = i < 64 ? edges[i >> 3]! : random();
    const b = (i < 64 ? edges[i & 7]! : random()) % pow10(18);
    rows.push([a, b]);
  }
  const projection = [
    call("TIMES", [call("CAST", [input(0, types.bigint())], big), input(1, factor)], product),
    call("CAST", [input(1, factor)], types.decimal(38, 3)),
    call("CAST", [input(0, types.bigint())], types.decimal(38, 5)),
  ];
  const result = evaluate([types.bigint(), factor], rows, projection);
  rows.forEach(([a, b], i) => {
    assert.deepEqual(result[i], [a * b, b, a * pow10(5)], `${a} * ${b}; ${again}`);
  });
});

test("BIGINT and INTEGER arithmetic wraps as Java's", () => {
  const { next } = generator(SEED + 1);
  const some = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 31n, -(2n ** 31n)];
  for (let i = 0; i < 20; i++)
    some.push(BigInt.asIntN(64, BigInt(next(2 ** 31)) * BigInt(next(2 ** 31)) * 7n));
  for (const [type, bits] of [
    [types.bigint(), 64],
    [types.int(), 32],
    [types.smallint(), 16],
    [types.tinyint(), 8],
  ] as const) {
    const wrap = (x: bigint): TestValue => {
      const value = BigInt.asIntN(bits, x);
      return bits === 64 ? value : Number(value);
    };
    const values = [...new Set(some.map((x) => BigInt.asIntN(bits, x)))];
    const rows = values.flatMap((x) => values.filter((y) => y !== 0n).map((y) => [x, y] as const));
    const operations = ["PLUS", "MINUS", "TIMES", "DIVIDE", "MOD"] as const;
    const projection = operations.map((name) => call(name, [input(0, type), input(1, type)], type));
    const result = evaluate(
      [type, type],
      rows.map((row) => row.map(wrap)),
      projection,
    );
    rows.forEach(([x, y], i) => {
      assert.deepEqual(
        result[i],
        [x + y, x - y, x * y, x / y, x % y].map(wrap),
        `${x} ${y} of ${bits} bits; ${again}`,
      );
    });
  }
});

/** Java's Double.toString from JavaScript's shortest digits. */
function javaText(value: number, digits: string): string {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (!Number.isFinite(value)) return `${sign}Infinity`;
  if (value === 0) return `${sign}0.0`;
  const [mantissa = "", exponentText = "0"] = digits.replace(/^-/, "").split("e");
  const exponent = Number(exponentText);
  const all = mantissa.replace(".", "");
  if (exponent >= -3 && exponent < 7) {
    const padded =
      exponent < 0 ? `0.${"0".repeat(-exponent - 1)}${all}` : all.padEnd(exponent + 1, "0");
    if (exponent < 0) return sign + padded;
    return `${sign}${padded.slice(0, exponent + 1)}.${padded.slice(exponent + 1) || "0"}`;
  }
  return `${sign}${all[0]}.${all.slice(1) || "0"}E${exponent}`;
}

test("DOUBLE and FLOAT to text and back; DOUBLE to DECIMAL and integers", () => {
  const { next } = generator(SEED + 2);
  const view = new DataView(new ArrayBuffer(8));
  const doubles = [
    0,
    -0,
    1,
    0.1,
    1e7,
    9999999.999,
    1e-3,
    9.99e-4,
    1e21,
    1.5e-10,
    123456789.125,
    Number.NaN,
    2e22,
    4.35,
    Number.MAX_VALUE,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    2 ** 31,
  ];
  for (let i = 0; i < 1500; i++) {
    view.setUint32(0, next(2 ** 32));
    view.setUint32(4, next(2 ** 32));
    doubles.push(view.getFloat64(0));
    doubles.push((next(2 ** 31) - 2 ** 30) / 10 ** next(12));
  }
  const [double, text] = [types.double(), types.string()];
  const decimal = types.decimal(20, 5);
  const texts = evaluate(
    [double],
    doubles.map((x) => [x]),
    [call("CAST", [input(0, double)], text)],
  );
  doubles.forEach((x, i) => {
    assert.equal(texts[i]![0], javaText(x, x.toExponential()), again);
  });
  const back = evaluate([text], texts, [call("CAST", [input(0, text)], double)]);
  doubles.forEach((x, i) => {
    assert.ok(Object.is(back[i]![0], x), `${x}: ${again}`);
  });
  const finite = doubles.filter(Number.isFinite);
  const casts = evaluate(
    [double],
    finite.map((x) => [x]),
    [
      call("CAST", [input(0, double)], decimal),
      call("CAST", [input(0, double)], types.int()),
      call("CAST", [input(0, double)], types.bigint()),
      call("CAST", [input(0, double)], types.tinyint()),
      call("CAST", [input(0, double)], types.float()),
    ],
  );
  finite.forEach((x, i) => {
    const [digits = "", exponent = "0"] = x.toExponential().split("e");
    const fraction = digits.split(".")[1]?.length ?? 0;
    const shift = 5 + Number(exponent) - fraction;
    const unscaled = BigInt(digits.replace(".", ""));
    const rounded =
      shift >= 0
        ? shift > 60 && unscaled !== 0n
          ? null
          : unscaled * pow10(shift)
        : round(unscaled, pow10(-shift));
    const clamp = (low: number, high: number) => Math.trunc(Math.min(Math.max(x, low), high));
    const int = clamp(-(2 ** 31), 2 ** 31 - 1);
    const big =
      x >= 2 ** 63 ? 2n ** 63n - 1n : x <= -(2 ** 63) ? -(2n ** 63n) : BigInt(Math.trunc(x));
    assert.deepEqual(
      casts[i],
      [
        rounded === null ? null : fits(rounded, 20),
        int + 0,
        big,
        (int << 24) >> 24,
        Math.fround(x),
      ],
      `${x}: ${again}`,
    );
  });
  const failing = () =>
    evaluate([double], [[Number.NaN]], [call("CAST", [input(0, double)], decimal)]);
  assert.throws(failing, { code: "MR4102" });
  assert.deepEqual(
    evaluate([double], [[Number.NaN]], [call("TRY_CAST", [input(0, double)], decimal)]),
    [[null]],
  );
});

test("DECIMAL to and from text, DOUBLE and integers", () => {
  const { next, digits } = generator(SEED + 3);
  for (let i = 0; i < 40; i++) {
    const precision = 1 + next(38);
    const scale = next(precision + 1);
    const type = types.decimal(precision, scale);
    const values = Array.from(
      { length: 12 },
      () => (next(2) === 0 ? 1n : -1n) * digits(1 + next(precision)),
    );
    values.push(0n, pow10(precision) - 1n, 1n - pow10(precision));
    const print = (x: bigint) => {
      const all = abs(x)
        .toString()
        .padStart(scale + 1, "0");
      const whole = all.slice(0, all.length - scale);
      return `${x < 0n ? "-" : ""}${whole}${scale > 0 ? `.${all.slice(all.length - scale)}` : ""}`;
    };
    const result = evaluate(
      [type],
      values.map((x) => [x]),
      [
        call("CAST", [input(0, type)], types.string()),
        call("CAST", [input(0, type)], types.bigint()),
        call("CAST", [input(0, type)], types.double()),
        call("TRY_CAST", [call("CAST", [input(0, type)], types.string())], type),
      ],
    );
    values.forEach((x, row) => {
      // Flink counts the zero before the point of a short text as a digit: 0.5000 is no DECIMAL(4, 4) there.
      const counted = print(x).replace(/[-.]/g, "").length;
      const fits = precision > 18 || print(x).length > 18 || counted <= precision;
      const whole = BigInt.asIntN(64, x / pow10(scale));
      // As Flink: a quotient of doubles up to 18 digits, the nearest double beyond.
      const double = precision <= 18 ? Number(x) / 10 ** scale : Number(print(x));
      assert.deepEqual(
        result[row],
        [print(x), whole, double, fits ? x : null],
        `${print(x)} DECIMAL(${precision}, ${scale}); ${again}`,
      );
    });
  }
});
