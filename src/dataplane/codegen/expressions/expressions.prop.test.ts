/** Random expression trees against an interpreter: every operator together with NULLs, literals, branches and sharing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import {
  call,
  type Expression,
  input,
  literal,
  type LiteralValue,
} from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";

const SEED = Number(process.env.MILLRACE_SEED ?? 7);
const INT = types.int();
const BIG = types.bigint();
const BOOL = types.boolean();
const TEXT = types.string();
const FIELDS: LogicalType[] = [
  INT,
  types.int(false),
  BIG,
  BOOL,
  types.boolean(false),
  TEXT,
  types.string(false),
];

type Kind = "INTEGER" | "BIGINT" | "BOOLEAN" | "VARCHAR";
const TYPE: Readonly<Record<Kind, LogicalType>> = {
  INTEGER: INT,
  BIGINT: BIG,
  BOOLEAN: BOOL,
  VARCHAR: TEXT,
};

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 4294967296) * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)]!;
  }
}

const WORDS = ["", "a", "b", "abc", "abd", "a longer text, beyond sixteen bytes", "é"];

function leaf(random: Random, kind: Kind): Expression {
  if (random.next(4) > 0) {
    const index = random.pick(FIELDS.flatMap((type, i) => (type.kind === kind ? [i] : [])));
    return input(index, FIELDS[index]!);
  }
  if (random.next(4) === 0) return literal(null, TYPE[kind]);
  const value: Record<Kind, LiteralValue> = {
    INTEGER: random.next(7) - 3,
    BIGINT: String(random.next(7) - 3),
    BOOLEAN: random.next(2) === 0,
    VARCHAR: random.pick(WORDS),
  };
  return literal(value[kind], TYPE[kind]);
}

function tree(random: Random, kind: Kind, depth: number): Expression {
  if (depth === 0 || random.next(6) === 0) return leaf(random, kind);
  const sub = (k: Kind) => tree(random, k, depth - 1);
  const type = TYPE[kind];
  const general = random.next(8);
  if (general === 0)
    return call("CASE", [sub("BOOLEAN"), sub(kind), sub("BOOLEAN"), sub(kind), sub(kind)], type);
  if (general === 1) return call("COALESCE", [sub(kind), sub(kind), sub(kind)], type);
  if (general === 2) return call("NULLIF", [sub(kind), sub(kind)], type);
  if (kind === "VARCHAR")
    return call("CAST", [sub(random.pick(["INTEGER", "BIGINT", "BOOLEAN"]))], type);
  if (kind !== "BOOLEAN") {
    if (random.next(4) === 0)
      return call("CAST", [sub(kind === "INTEGER" ? "BIGINT" : "INTEGER")], type);
    if (random.next(5) === 0) return call("UNARY_MINUS", [sub(kind)], type);
    return call(
      random.pick(["PLUS", "MINUS", "TIMES", "GREATEST", "LEAST"]),
      [sub(kind), sub(kind)],
      type,
    );
  }
  const side = random.pick(["INTEGER", "BIGINT", "VARCHAR", "BOOLEAN"] as const);
  switch (random.next(5)) {
    case 0:
      return call(random.pick(["AND", "OR"]), [sub(kind), sub(kind), sub(kind)], BOOL);
    case 1:
      return call("NOT", [sub(kind)], BOOL);
    case 2:
      return call(random.pick(["IS_NULL", "IS_NOT_NULL"]), [sub(side)], types.boolean(false));
    case 3:
      return call(
        random.pick(["IS_TRUE", "IS_NOT_FALSE", "IS_FALSE", "IS_NOT_TRUE"]),
        [sub("BOOLEAN")],
        types.boolean(false),
      );
    default: {
      const names = [
        "EQUALS",
        "NOT_EQUALS",
        "LESS_THAN",
        "GREATER_THAN_OR_EQUAL",
        "IS_DISTINCT_FROM",
      ];
      return call(random.pick(names), [sub(side), sub(side)], BOOL);
    }
  }
}

type Plain = null | boolean | number | bigint | string;

function compare(a: Plain, b: Plain): number {
  if (typeof a === "string" && typeof b === "string")
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a === b ? 0 : a! < b! ? -1 : 1;
}

function evaluate(e: Expression, row: readonly Plain[]): Plain {
  if (e.kind === "input") return row[e.index]!;
  if (e.kind === "literal")
    return e.type.kind === "BIGINT" && e.value !== null
      ? BigInt(e.value as string)
      : (e.value as Plain);
  assert.equal(e.kind, "call");
  const args = (e as { args: readonly Expression[] }).args;
  const value = (i: number) => evaluate(args[i]!, row);
  const all = () => args.map((_, i) => value(i));
  const name = (e as { function: string }).function;
  const wrap = (x: bigint): Plain =>
    e.type.kind === "BIGINT" ? BigInt.asIntN(64, x) : Number(BigInt.asIntN(32, x));
  switch (name) {
    case "CASE":
      for (let i = 0; i + 1 < args.length; i += 2) if (value(i) === true) return value(i + 1);
      return value(args.length - 1);
    case "COALESCE":
      return all().find((x) => x !== null) ?? null;
    case "NULLIF": {
      const [a, b] = all() as [Plain, Plain];
      return a !== null && b !== null && compare(a, b) === 0 ? null : a;
    }
    case "AND":
      return all().includes(false) ? false : all().includes(null) ? null : true;
    case "OR":
      return all().includes(true) ? true : all().includes(null) ? null : false;
    case "IS_NULL":
      return value(0) === null;
    case "IS_NOT_NULL":
      return value(0) !== null;
    case "IS_TRUE":
      return value(0) === true;
    case "IS_NOT_TRUE":
      return value(0) !== true;
    case "IS_FALSE":
      return value(0) === false;
    case "IS_NOT_FALSE":
      return value(0) !== false;
    case "IS_DISTINCT_FROM":
      return value(0) === null || value(1) === null
        ? value(0) !== value(1)
        : compare(value(0), value(1)) !== 0;
  }
  const values = all();
  if (values.includes(null)) return null;
  const [a, b] = values as [Plain, Plain];
  const [x, y] = values.map((v) =>
    typeof v === "number" || typeof v === "bigint" ? BigInt(v) : 0n,
  ) as [bigint, bigint];
  switch (name) {
    case "NOT":
      return a !== true;
    case "PLUS":
      return wrap(x + y);
    case "MINUS":
      return wrap(x - y);
    case "TIMES":
      return wrap(x * y);
    case "UNARY_MINUS":
      return wrap(-x);
    case "GREATEST":
      return compare(a, b) >= 0 ? a : b;
    case "LEAST":
      return compare(a, b) <= 0 ? a : b;
    case "CAST":
      return e.type.kind === "VARCHAR" ? String(a).toUpperCase() : wrap(x);
    case "EQUALS":
      return compare(a, b) === 0;
    case "NOT_EQUALS":
      return compare(a, b) !== 0;
    case "LESS_THAN":
      return compare(a, b) < 0;
    default:
      return compare(a, b) >= 0;
  }
}

test("random expressions agree with an interpreter, as projection and as condition", () => {
  const random = new Random(SEED);
  const runtime = testRuntime();
  const schema = { fields: FIELDS.map((type, i) => ({ name: `f${i}`, type })) };
  const sample = (type: LogicalType): Plain => {
    if (type.nullable && random.next(4) === 0) return null;
    if (type.kind === "BOOLEAN") return random.next(2) === 0;
    if (type.kind === "VARCHAR") return random.pick(WORDS);
    const value = random.next(3) === 0 ? random.next(2 ** 32) - 2 ** 31 : random.next(5) - 2;
    return type.kind === "BIGINT" ? BigInt(value) * (random.next(3) === 0 ? 2n ** 31n : 1n) : value;
  };
  for (let round = 0; round < 120; round++) {
    const rows = Array.from({ length: 40 }, () => FIELDS.map(sample));
    const kinds = Array.from({ length: 4 }, () =>
      random.pick(["INTEGER", "BIGINT", "BOOLEAN", "VARCHAR"] as const),
    );
    const projection = kinds.map((kind) => tree(random, kind, 4));
    const condition = random.next(2) === 0 ? undefined : tree(random, "BOOLEAN", 3);
    const output = { fields: projection.map(({ type }, i) => ({ name: `r${i}`, type })) };
    const calc = compileCalc(
      { input: schema, projection, condition, output },
      { runtime, environment: testEnvironment, operator: "test" },
    );
    const mark = runtime.kernels.arenaMark();
    const actual = readRows(
      runtime,
      output,
      calc.process(writeBatch(runtime, schema, rows as TestValue[][])),
    );
    runtime.kernels.arenaRelease(mark);
    const expected = rows
      .filter((row) => condition === undefined || evaluate(condition, row) === true)
      .map((row) => projection.map((e) => evaluate(e, row)));
    assert.deepEqual(actual, expected, `MILLRACE_SEED=${SEED}, round ${round}`);
  }
});
