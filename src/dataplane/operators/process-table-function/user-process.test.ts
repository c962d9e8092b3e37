import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { RowKind } from "../../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { UserProcess } from "../../../foundation/plan/process-table-function.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  left,
  right,
  rows,
  runCase,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";
import type { OperatorFactory } from "../../contract/operator.ts";
import type { ProcessFunction, ProcessRow } from "../../contract/process-function.ts";
import { processTableFunctions } from "./process-table-function.ts";

const input = schemaOf({ k: types.string(), v: types.int(), t: types.timestampLtz(3) });

interface Made {
  readonly state?: UserProcess["state"];
  readonly sort?: ProcessTableFunctionNode["tables"][number]["sort"];
  readonly tables?: readonly string[];
  readonly timers?: boolean;
  readonly changelog?: UserProcess["changelog"];
  readonly keys?: readonly number[];
}

function nodeOf(made: Made, output: Schema): ProcessTableFunctionNode {
  const { tables = ["r"], keys = [0], sort = [], changelog = "insert-only" } = made;
  return {
    ...nodeBase(output, { inputs: tables.length }),
    type: "ProcessTableFunction",
    function: "f",
    tables: tables.map((name) => ({
      name,
      fields: ["k", "v", "t"],
      semantics: "set",
      partitionKeys: keys,
      sort,
    })),
    arguments: tables.map((_, table) => ({ kind: "table", table })),
    uidArgument: "f",
    onTime: tables.map(() => 2),
    implementation: {
      kind: "user",
      className: "f",
      parameters: tables,
      state: made.state ?? [],
      upserts: tables.map(() => false),
      wholeDeletes: tables.map(() => false),
      changelog,
      timers: made.timers ?? true,
    },
  };
}

function factoryOf(code: ProcessFunction): OperatorFactory {
  return processTableFunctions(() => code) as OperatorFactory;
}

const output = schemaOf({ k: types.string(), out: types.string(), rowtime: types.timestampLtz(3) });
const at = (k: string | null, v: number, t: bigint) => ["+I", k, v, t] as const;
const counted: UserProcess["state"] = [
  { name: "n", kind: "value", type: types.int() },
  { name: "seen", kind: "list", type: types.int() },
  { name: "by", kind: "map", type: types.bigint(), keyType: types.int() },
];

test("value, list and map state by key, restored and rescaled", () => {
  const factory = factoryOf({
    eval: (context, { r }) => {
      const { values } = r as ProcessRow;
      const n = ((context.value("n").get() ?? 0) as number) + 1;
      context.value("n").set(n);
      context.list("seen").add(values[1]!);
      const by = context.map("by");
      by.put(values[1]!, ((by.get(values[1]!) ?? 0n) as bigint) + 1n);
      const entries = by.entries().map((pair) => pair.join("="));
      context.collect([
        `${n} [${context.list("seen").get().join(" ")}] {${entries.sort().join(" ")}}`,
      ]);
      if (n === 3) context.clearAllState();
    },
  });
  runCase({
    node: nodeOf({ state: counted }, output),
    factory,
    inputs: [input],
    events: [
      rows(at("a", 1, 0n), at("b", 1, 1n)),
      rows(at("a", 1, 2n), at(null, 7, 2n)),
      rows(at("a", 2, 3n), at(null, 8, 3n)),
      rows(at("a", 5, 4n)),
    ],
    expected: [
      ["+I[a, 1 [1] {1=1}, 1970-01-01T00:00:00Z]", "+I[b, 1 [1] {1=1}, 1970-01-01T00:00:00.001Z]"],
      [
        "+I[a, 2 [1 1] {1=2}, 1970-01-01T00:00:00.002Z]",
        "+I[null, 1 [7] {7=1}, 1970-01-01T00:00:00.002Z]",
      ],
      [
        "+I[a, 3 [1 1 2] {1=2 2=1}, 1970-01-01T00:00:00.003Z]",
        "+I[null, 2 [7 8] {7=1 8=1}, 1970-01-01T00:00:00.003Z]",
      ],
      ["+I[a, 1 [5] {5=1}, 1970-01-01T00:00:00.004Z]"],
    ],
    rescaleBy: [0],
  });
});

test("timers: named ones move, cleared ones do not fire, past ones fire with the next watermark", () => {
  const factory = factoryOf({
    eval: ({ time }, { r }) => {
      const v = (r as ProcessRow).get("v") as number;
      if (v === 0) time.clearTimer("later");
      else if (v < 0) time.registerOnTime(-v);
      else time.registerOnTime((time.time ?? 0) + v, "later");
    },
    onTimer: (context, timer) => {
      context.collect([`${timer} at ${context.time.time}`]);
      if (timer === null) context.time.registerOnTime(1, "past");
    },
  });
  runCase({
    node: nodeOf({}, output),
    factory,
    inputs: [input],
    events: [
      rows(at("a", 10, 0n), at("b", 10, 0n), at("c", 1000, 0n)),
      rows(at("a", 20, 5n), at("b", 0, 6n)),
      watermark(11),
      rows(at("b", -12, 7n), at("b", -12, 7n), at("b", -40, 7n)),
      watermark(26),
      watermark(2000),
    ],
    expected: [
      [],
      [],
      ["watermark 11"],
      [],
      [
        "+I[b, null at 12, 1970-01-01T00:00:00.012Z]",
        "+I[b, past at 1, 1970-01-01T00:00:00.001Z]",
        "+I[a, later at 25, 1970-01-01T00:00:00.025Z]",
        "watermark 26",
      ],
      [
        "+I[b, null at 40, 1970-01-01T00:00:00.040Z]",
        "+I[b, past at 1, 1970-01-01T00:00:00.001Z]",
        "+I[c, later at 1000, 1970-01-01T00:00:01Z]",
        "watermark 2000",
      ],
    ],
    unordered: true,
    rescaleBy: [0],
  });
});

test("ORDER BY: rows wait for the watermark and come in order; late ones are dropped", () => {
  const factory = factoryOf({
    eval: (context, { r }) => context.collect([String((r as ProcessRow).get("v"))]),
  });
  const sort = [
    { index: 2, descending: false, nullsFirst: true },
    { index: 1, descending: true, nullsFirst: false },
  ];
  runCase({
    node: nodeOf({ sort }, output),
    factory,
    inputs: [input],
    events: [
      rows(at("a", 1, 5n), at("a", 2, 3n), at("b", 3, 5n), at("a", 4, 5n)),
      watermark(4),
      rows(at("a", 5, 4n), at("a", 6, 6n)),
      watermark(9),
    ],
    expected: [
      [],
      ["+I[a, 2, 1970-01-01T00:00:00.003Z]", "watermark 4"],
      [],
      [
        "+I[a, 4, 1970-01-01T00:00:00.005Z]",
        "+I[b, 3, 1970-01-01T00:00:00.005Z]",
        "+I[a, 1, 1970-01-01T00:00:00.005Z]",
        "+I[a, 6, 1970-01-01T00:00:00.006Z]",
        "watermark 9",
      ],
    ],
    rescaleBy: [0],
  });
});

test("keys that are never NULL, with ORDER BY and timers, rescaled", () => {
  const firm = schemaOf({
    k: types.string(false),
    v: types.int(),
    t: types.timestampLtz(3, false),
  });
  const factory = factoryOf({
    eval: (context, { r }) => {
      const n =
        ((context.value("n").get() ?? 0) as number) + ((r as ProcessRow).get("v") as number);
      context.value("n").set(n);
      context.time.registerOnTime(100, "all");
    },
    onTimer: (context) => context.collect([`${context.value("n").get()}`]),
  });
  const sort = [{ index: 2, descending: false, nullsFirst: true }];
  const keys = ["a", "b", "c", "d", "e", "f"];
  runCase({
    node: nodeOf({ sort, state: counted.slice(0, 1) }, output),
    factory,
    inputs: [firm],
    events: [
      rows(...keys.map((k) => at(k, 1, 1n))),
      rows(...keys.map((k) => at(k, 2, 2n))),
      watermark(1),
      watermark(3),
      watermark(200),
    ],
    expected: [
      [],
      [],
      ["watermark 1"],
      ["watermark 3"],
      [...keys.map((k) => `+I[${k}, 3, 1970-01-01T00:00:00.100Z]`), "watermark 200"],
    ],
    unordered: true,
    rescaleBy: [0],
  });
});

test("each table with ORDER BY waits for its own watermark", () => {
  const factory = factoryOf({
    eval: (context, { one, two }) => {
      const name = one === null ? "two" : "one";
      context.collect([`${name} ${String(((one ?? two) as ProcessRow).get("v"))}`]);
    },
  });
  const sort = [{ index: 2, descending: false, nullsFirst: true }];
  runCase({
    node: nodeOf(
      { tables: ["one", "two"], sort },
      schemaOf({
        k: types.string(),
        k0: types.string(),
        out: types.string(),
        rowtime: types.timestampLtz(3),
      }),
    ),
    factory,
    inputs: [input, input],
    events: [
      left(at("a", 2, 2n), at("a", 1, 1n)),
      right(at("a", 3, 1n)),
      { watermark: 2, ofInput: 0 },
      left(at("a", 9, 2n)),
      watermark(3),
    ],
    expected: [
      [],
      [],
      ["+I[a, a, one 1, 1970-01-01T00:00:00.001Z]", "+I[a, a, one 2, 1970-01-01T00:00:00.002Z]"],
      [],
      ["+I[a, a, two 3, 1970-01-01T00:00:00.001Z]", "watermark 3"],
    ],
  });
});

test("two tables share state by key; the keys of both stand in the output", () => {
  const factory = factoryOf({
    eval: (context, { one, two }) => {
      const own = (one ?? two) as ProcessRow;
      const total = ((context.value("n").get() ?? 0) as number) + (own.values[1] as number);
      context.value("n").set(total);
      context.collect([`${one === null ? "two" : "one"} ${total}`]);
    },
  });
  runCase({
    node: nodeOf(
      { tables: ["one", "two"], state: counted.slice(0, 1) },
      schemaOf({
        k: types.string(),
        k0: types.string(),
        out: types.string(),
        rowtime: types.timestampLtz(3),
      }),
    ),
    factory,
    inputs: [input, input],
    events: [left(at("a", 1, 0n)), right(at("a", 2, 1n), at("b", 9, 1n)), left(at("a", 4, 2n))],
    expected: [
      ["+I[a, a, one 1, 1970-01-01T00:00:00Z]"],
      ["+I[a, a, two 3, 1970-01-01T00:00:00.001Z]", "+I[b, b, two 9, 1970-01-01T00:00:00.001Z]"],
      ["+I[a, a, one 7, 1970-01-01T00:00:00.002Z]"],
    ],
    rescaleBy: [0],
  });
});

test("what the function does wrong is an error of the job", () => {
  const events = [rows(at("a", 1, 0n))];
  const failing = (code: ProcessFunction["eval"], made: Made, message: RegExp) =>
    assert.throws(
      () =>
        runCase({
          node: nodeOf(made, output),
          factory: factoryOf({ eval: code }),
          inputs: [input],
          events,
          expected: [],
        }),
      { code: "MR4163", message },
    );
  const collect =
    (values: readonly Value[], kind: RowKind): ProcessFunction["eval"] =>
    (context) =>
      context.collect(values, kind);
  failing(collect(["x"], RowKind.DELETE), {}, /Invalid row kind received: DELETE.*\[INSERT\]/);
  failing(({ time }) => time.registerOnTime(1), { timers: false }, /Timers are not supported/);
  failing((context) => context.value("none").get(), {}, /no state 'none'/);
  failing(
    () => {
      throw new Error("of its own");
    },
    {},
    /f: of its own/,
  );
});
