import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import { call, type Expression, input, literal } from "../../foundation/plan/expression.ts";
import { compileCalc } from "./calc.ts";
import type { FunctionTable } from "./functions/registry.ts";
import {
  readBatch,
  readRows,
  type TestValue,
  testEnvironment,
  writeBatch,
} from "./test-batches.ts";
import { testRuntime } from "./test-runtime.test.ts";

const schema = (...fieldTypes: ReturnType<typeof types.int>[]): Schema => ({
  fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })),
});

function run(
  inputSchema: Schema,
  rows: readonly (readonly TestValue[])[],
  projection: readonly Expression[],
  options: {
    condition?: Expression;
    functions?: FunctionTable;
    kinds?: number[];
  } = {},
) {
  const runtime = testRuntime();
  const output = schema(...projection.map(({ type }) => type));
  const calc = compileCalc(
    { input: inputSchema, projection, condition: options.condition, output },
    {
      runtime,
      environment: testEnvironment,
      operator: "Calc",
      ...(options.functions === undefined ? {} : { functions: options.functions }),
    },
  );
  const batch = calc.process(writeBatch(runtime, inputSchema, rows, options.kinds));
  return { rows: readRows(runtime, output, batch), all: readBatch(runtime, output, batch), calc };
}

const BIGINT = types.bigint();
const BOOL = types.boolean();

test("projects and filters: the condition compacts, kinds travel along", () => {
  const s = schema(types.bigint(false), types.string(), types.int());
  const rows: TestValue[][] = [
    [1n, "a", 10],
    [123n, "bé", null],
    [246n, null, 30],
    [5n, "d", 40],
  ];
  const a = input(0, types.bigint(false));
  const mod = call("MOD", [a, literal("123", types.bigint(false))], types.bigint(false));
  const condition = call("EQUALS", [mod, literal("0", types.bigint(false))], types.boolean(false));
  const plus = call("PLUS", [input(2, types.int()), literal(1, types.int(false))], types.int());
  const result = run(s, rows, [a, input(1, types.string()), plus], {
    condition,
    kinds: [0, 3, 2, 1],
  });
  assert.deepEqual(result.all, [
    { kind: 3, values: [123n, "bé", null] },
    { kind: 2, values: [246n, null, 31] },
  ]);
  const none = run(s, rows.slice(0, 1), [a], { condition });
  assert.deepEqual(none.rows, []);
  const passes = run(s, rows, [input(1, types.string())], { condition });
  assert.deepEqual(passes.rows, [["bé"], [null]]);
  assert.match(result.calc.toText(), /\(func \$process \(param \$batch i32\)/);
});

test("three-valued logic agrees with a model", () => {
  const s = schema(BOOL, BOOL, BOOL);
  const values = [true, false, null];
  const rows = values.flatMap((a) => values.flatMap((b) => values.map((c) => [a, b, c])));
  const [a, b, c] = [input(0, BOOL), input(1, BOOL), input(2, BOOL)];
  const and = (list: (boolean | null)[]) =>
    list.includes(false) ? false : list.includes(null) ? null : true;
  const or = (list: (boolean | null)[]) =>
    list.includes(true) ? true : list.includes(null) ? null : false;
  const not = (x: boolean | null) => (x === null ? null : !x);
  const projection = [
    call("AND", [a, b, c], BOOL),
    call("OR", [a, b, c], BOOL),
    call("NOT", [call("AND", [a, call("OR", [b, c], BOOL)], BOOL)], BOOL),
    call("IS_TRUE", [a], types.boolean(false)),
    call("IS_NOT_FALSE", [a], types.boolean(false)),
    call("CASE", [a, b, c], BOOL),
    call("COALESCE", [a, b, c], BOOL),
    call("NULLIF", [a, b], BOOL),
    call("IS_NOT_DISTINCT_FROM", [a, b], types.boolean(false)),
  ];
  const result = run(s, rows, projection);
  result.rows.forEach((row, i) => {
    const [x, y, z] = rows[i] as (boolean | null)[];
    assert.deepEqual(row, [
      and([x!, y!, z!]),
      or([x!, y!, z!]),
      not(and([x!, or([y!, z!])])),
      x === true,
      x !== false,
      x === true ? y : z,
      x ?? y ?? z,
      x !== null && x === y ? null : x,
      x === y,
    ]);
  });
});

test("integers wrap, division by zero is an error that names the place", () => {
  const s = schema(types.int(), types.int());
  const [a, b] = [input(0, types.int()), input(1, types.int())];
  const rows = [
    [-2147483648, -1],
    [7, -2],
    [null, 0],
  ];
  const ops = ["PLUS", "MINUS", "TIMES", "DIVIDE", "MOD"].map((op) =>
    call(op, [a, b], types.int()),
  );
  assert.deepEqual(run(s, rows, ops).rows, [
    [2147483647, -2147483647, -2147483648, -2147483648, 0],
    [5, 9, -14, -3, 1],
    [null, null, null, null, null],
  ]);
  assert.throws(() => run(s, [[1, 0]], ops), /MR4101|Division by zero in DIVIDE/);
  const guarded = call(
    "CASE",
    [call("EQUALS", [b, literal(0, types.int(false))], BOOL), literal(-1, types.int()), ops[3]!],
    types.int(),
  );
  assert.deepEqual(run(s, [[1, 0]], [guarded]).rows, [[-1]]);
});

test("rows are flattened: fields, NULL rows, ROW(…) and CASE of rows", () => {
  const row = types.row([
    { name: "x", type: BIGINT },
    { name: "y", type: types.string() },
  ]);
  const s = schema(row, types.int());
  const r = input(0, row);
  const rows: TestValue[][] = [
    [[1n, "a"], 1],
    [null, 2],
    [[null, "c"], 3],
  ];
  const x: Expression = { kind: "field", input: r, index: 0, type: BIGINT };
  const made = call("ROW", [literal("9", BIGINT), literal("z", types.string())], row);
  const isOne = call("EQUALS", [input(1, types.int()), literal(1, types.int())], BOOL);
  const chosen = call("CASE", [isOne, made, r], row);
  const y: Expression = { kind: "field", input: chosen, index: 1, type: types.string() };
  const result = run(s, rows, [x, r, chosen, y, call("IS_NULL", [r], types.boolean(false))]);
  assert.deepEqual(result.rows, [
    [1n, [1n, "a"], [9n, "z"], "z", false],
    [null, null, null, null, true],
    [null, [null, "c"], [null, "c"], "c", false],
  ]);
});

test("column functions run once per batch, only for the rows that CASE reaches", () => {
  const seen: (string | undefined)[] = [];
  const functions: FunctionTable = {
    SHOUT: {
      kind: "column",
      prepare:
        () =>
        ({ rows, mask, args, out }) => {
          seen.push(mask?.join(""));
          for (let i = 0; i < rows; i++) {
            if (mask?.[i] === 0) continue;
            if (args[0]!.isNull(i)) out.setNull(i);
            else out.setString(i, `${args[0]!.string(i).toUpperCase()}!`);
          }
        },
    },
  };
  const s = schema(types.string(), types.int());
  const text = input(0, types.string());
  const shout = call("SHOUT", [text], types.string());
  const twice = call("SHOUT", [shout], types.string());
  const isOne = call("EQUALS", [input(1, types.int()), literal(1, types.int())], BOOL);
  const lazy = call("CASE", [isOne, twice, text], types.string());
  const rows: TestValue[][] = [
    ["a", 1],
    ["b", 2],
    [null, 1],
    ["d", null],
  ];
  const result = run(s, rows, [shout, lazy], { functions });
  assert.deepEqual(result.rows, [
    ["A!", "A!!"],
    ["B!", "b"],
    [null, null],
    ["D!", "d"],
  ]);
  // The projection's own call has what the branch needs: only the outer call is made for the branch.
  assert.deepEqual(seen, [undefined, "1010"]);
  const filtered = run(s, rows, [shout], { functions, condition: isOne });
  assert.deepEqual(filtered.rows, [["A!"], [null]]);
});

test("strings compare by bytes, with constants and with columns", () => {
  const s = schema(types.string(), types.string());
  const [a, b] = [input(0, types.string()), input(1, types.string())];
  const texts = [
    "",
    "a",
    "apple",
    "apples and pears and plums",
    "apples and pears and plumz",
    "é",
    null,
  ];
  const rows = texts.flatMap((x) => texts.map((y) => [x, y]));
  const ops = ["EQUALS", "NOT_EQUALS", "LESS_THAN", "GREATER_THAN_OR_EQUAL"].map((op) =>
    call(op, [a, b], BOOL),
  );
  const constant = call("EQUALS", [a, literal("apple", types.string(false))], BOOL);
  const inList = call(
    "IN",
    [a, ...["", "x", "é", "b"].map((t) => literal(t, types.string(false)))],
    BOOL,
  );
  const result = run(s, rows, [...ops, constant, inList, call("GREATEST", [a, b], types.string())]);
  result.rows.forEach((row, i) => {
    const [x, y] = rows[i]!;
    const both = x != null && y != null;
    const order = both ? Buffer.compare(Buffer.from(x), Buffer.from(y)) : 0;
    assert.deepEqual(row, [
      both ? x === y : null,
      both ? x !== y : null,
      both ? order < 0 : null,
      both ? order >= 0 : null,
      x == null ? null : x === "apple",
      x == null ? null : ["", "x", "é", "b"].includes(x),
      both ? (order > 0 ? x : y) : null,
    ]);
  });
});

test("arguments of column functions are computed for the rows of their branch only", () => {
  const functions: FunctionTable = {
    HALF: {
      kind: "column",
      prepare:
        () =>
        ({ rows, mask, args, out }) => {
          for (let i = 0; i < rows; i++) {
            if (mask?.[i] !== 0) out.setBigint(i, args[0]!.bigint(i) / 2n);
          }
        },
    },
  };
  const type = types.bigint(false);
  const [x, zero] = [input(0, type), literal("0", type)];
  const half = call("HALF", [call("MOD", [literal("10", type), x], type)], type);
  const isPositive = call("GREATER_THAN", [x, zero], types.boolean(false));
  const branch = call("CASE", [isPositive, half, zero], type);
  const both = run(schema(type), [[0n], [3n], [8n]], [branch], { functions });
  assert.deepEqual(both.rows, [[0n], [0n], [1n]]);
  assert.throws(() => run(schema(type), [[0n]], [half], { functions }), /Division by zero/);
  // The condition needs a stage of its own too: rows that fail it must not reach the projection.
  const condition = call("GREATER_THAN", [call("HALF", [x], type), zero], types.boolean(false));
  const passed = run(schema(type), [[0n], [3n], [8n]], [half], { functions, condition });
  assert.deepEqual(passed.rows, [[0n], [1n]]);
});
