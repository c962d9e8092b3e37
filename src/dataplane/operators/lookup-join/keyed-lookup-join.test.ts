import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import type { LookupJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessRow,
  type HarnessSnapshot,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { operatorFactories } from "../index.ts";

const SEED = 7;
const INPUT = schemaOf({ id: types.int(), name: types.string() });
const TABLE = schemaOf({ name: types.string(), rate: types.int() });

/** A table that counts what it is asked. */
class Rates {
  rows: [string, number][] = [
    ["a", 10],
    ["b", 20],
    ["a", 30],
  ];
  readonly asked: string[] = [];

  async lookup(keys: readonly (readonly Value[])[]): Promise<[string, number][][]> {
    this.asked.push(keys.map(([name]) => name).join("+"));
    return keys.map(([name]) => this.rows.filter((row) => row[0] === name));
  }

  async close(): Promise<void> {}
}

function node(
  options: Readonly<Record<string, string>>,
  more: Partial<LookupJoinNode> = {},
): LookupJoinNode {
  return {
    ...nodeBase({ fields: [...INPUT.fields, ...TABLE.fields] }),
    type: "LookupJoin",
    joinType: "LEFT",
    table: { name: "rates", schema: TABLE, options: { connector: "rates", ...options } },
    projection: [[0], [1]],
    lookupKeys: [{ field: 0, value: input(1, types.string()) }],
    condition: call(
      "GREATER_THAN",
      [input(3, types.int()), input(0, types.int())],
      types.boolean(),
    ),
    inputInserts: true,
    ...more,
  } as LookupJoinNode;
}

function harnessOf(
  made: LookupJoinNode,
  rates: Rates,
  config: Readonly<Record<string, string>> = {},
  restored?: HarnessSnapshot,
): OperatorHarness {
  const factory = (_: unknown, context: OperatorContext) =>
    operatorFactories.LookupJoin!(made, { ...context, openLookup: () => rates });
  return new OperatorHarness({ node: made, inputs: [INPUT], factory, config }, restored);
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function after(harness: OperatorHarness, nowMs: number): Promise<string[]> {
  for (let turn = 0; turn < 3; turn++) {
    await settled();
    harness.time(nowMs);
  }
  return harness.take();
}

test("PARTIAL: each key is asked once, a missing one too, until it expires; metrics tell", async () => {
  const rates = new Rates();
  const options = {
    "lookup.cache": "PARTIAL",
    "lookup.partial-cache.expire-after-write": "1 s",
    "lookup.partial-cache.max-rows": "2",
  };
  const harness = harnessOf(node(options), rates);
  harness.rows(0, [
    ["+I", 1, "a"],
    ["+I", 2, "none"],
    ["+I", 25, "a"],
    ["+I", 3, null],
  ]);
  assert.deepEqual(await after(harness, 0), [
    "+I[1, a, a, 10]",
    "+I[1, a, a, 30]",
    "+I[2, none, null, null]",
    "+I[25, a, a, 30]",
    "+I[3, null, null, null]",
  ]);
  assert.deepEqual(rates.asked, ["a+none"]);
  rates.rows = [["a", 99]];
  harness.rows(0, [
    ["+I", 1, "none"],
    ["+I", 31, "a"],
  ]);
  assert.deepEqual(await after(harness, 500), ["+I[1, none, null, null]", "+I[31, a, null, null]"]);
  assert.deepEqual(rates.asked, ["a+none"]);
  harness.rows(0, [["+I", 31, "a"]]);
  assert.deepEqual(await after(harness, 500), ["+I[31, a, null, null]"]);
  harness.time(1_000);
  harness.rows(0, [["+I", 31, "a"]]);
  assert.deepEqual(await after(harness, 1_000), ["+I[31, a, a, 99]"]);
  assert.deepEqual(rates.asked, ["a+none", "a"]);
  // A third key drives out the one that was asked for the longest ago.
  harness.rows(0, [
    ["+I", 1, "c"],
    ["+I", 1, "d"],
  ]);
  await after(harness, 1_000);
  harness.rows(0, [["+I", 1, "a"]]);
  await after(harness, 1_000);
  assert.deepEqual(rates.asked.slice(2), ["c+d", "a"]);
  const count = (name: string) => harness.counters.get(name)?.value;
  assert.deepEqual([count("hitCount"), count("loadCount")], [3, 4]);
  harness.close();
});

test("NONE: every row asks; missing keys are not kept when PARTIAL says so", async () => {
  const rates = new Rates();
  const harness = harnessOf(node({ "lookup.cache": "NONE" }), rates);
  harness.rows(0, [["+I", 1, "b"]]);
  assert.deepEqual(await after(harness, 0), ["+I[1, b, b, 20]"]);
  harness.rows(0, [["+I", 1, "b"]]);
  await after(harness, 0);
  assert.deepEqual(rates.asked, ["b", "b"]);
  harness.close();
  const options = { "lookup.cache": "PARTIAL", "lookup.partial-cache.cache-missing-key": "false" };
  const forgetful = harnessOf(node(options), rates);
  for (let i = 0; i < 2; i++) {
    forgetful.rows(0, [["+I", 1, "none"]]);
    await after(forgetful, 0);
  }
  assert.deepEqual(rates.asked.slice(2), ["none", "none"]);
  forgetful.close();
});

test("a LOOKUP hint asks again for keys without rows, behind the cache", async () => {
  const rates = new Rates();
  const made = node({ "lookup.cache": "PARTIAL" }, { retry: { delayMs: 100, attempts: 2 } });
  const harness = harnessOf(made, rates);
  harness.rows(0, [
    ["+I", 1, "late"],
    ["+I", 1, "never"],
  ]);
  assert.deepEqual(await after(harness, 0), []);
  rates.rows.push(["late", 7]);
  assert.deepEqual(await after(harness, 99), []);
  assert.deepEqual(await after(harness, 100), ["+I[1, late, late, 7]"]);
  assert.deepEqual(await after(harness, 200), ["+I[1, never, null, null]"]);
  assert.deepEqual(rates.asked, ["late+never", "late+never", "never"]);
  harness.close();
});

test("table.exec.async-lookup.*: how many at once, whether answers pass each other, how long", async () => {
  const run = async (
    config: Readonly<Record<string, string>>,
    more: Partial<LookupJoinNode> = {},
  ) => {
    const made = node(
      { "lookup.cache": "NONE" },
      { ...more, retry: { delayMs: 100, attempts: 1 } },
    );
    const rates = new Rates();
    const harness = harnessOf(made, rates, config);
    harness.rows(0, [
      ["+I", 1, "none"],
      ["+I", 1, "b"],
    ]);
    const first = await after(harness, 0);
    return { first, asked: rates.asked, last: () => after(harness, 100) };
  };
  const ordered = await run({});
  assert.deepEqual([ordered.first, ordered.asked], [[], ["none+b"]]);
  const loose = await run({ "table.exec.async-lookup.output-mode": "ALLOW_UNORDERED" });
  assert.deepEqual(loose.first, ["+I[1, b, b, 20]"]);
  const one = await run({ "table.exec.async-lookup.buffer-capacity": "1" });
  assert.deepEqual(one.asked, ["none"]);
  const late = await run({ "table.exec.async-lookup.timeout": "50 ms" });
  await assert.rejects(late.last(), { code: "MR4166" });
  const updating = { "table.exec.async-lookup.output-mode": "ALLOW_UNORDERED" };
  assert.deepEqual((await run(updating, { inputInserts: false })).first, []);
});

test("rows that wait are state: they are asked again after a restore", async () => {
  const rates = new Rates();
  const made = node({ "lookup.cache": "NONE" });
  const harness = harnessOf(made, rates);
  harness.rows(0, [
    ["+I", 1, "b"],
    ["-D", 1, "b"],
  ]);
  const snapshot = harness.snapshot();
  harness.close();
  const factory = (_: unknown, context: OperatorContext) =>
    operatorFactories.LookupJoin!(made, { ...context, openLookup: () => rates });
  const restored = new OperatorHarness({ node: made, inputs: [INPUT], factory }, snapshot);
  assert.deepEqual(await after(restored, 0), ["+I[1, b, b, 20]", "-D[1, b, b, 20]"]);
  restored.close();
});

test("files are read for the keys that wait; options of another cache are refused", async () => {
  const world = new SimulatedWorld(SEED);
  const env: Env = world.boot();
  const text = new TextEncoder().encode("a,10\nb,20\na,30\n,40\n");
  await world.run(env.files.writeAtomic("/rates.csv", text));
  const engine = new Engine({ env });
  engine.execute(
    "CREATE TABLE orders (id INT, name STRING, p AS PROCTIME()) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,UB,D')",
  );
  const declare = (name: string, options: string) =>
    engine.execute(
      `CREATE TABLE ${name} (name STRING, rate INT) WITH ('connector' = 'filesystem', 'path' = '/rates.csv', 'format' = 'csv', ${options})`,
    );
  declare("rates", "'lookup.cache' = 'PARTIAL'");
  declare("wrong", "'lookup.cache' = 'PARTIAL', 'lookup.full-cache.reload-strategy' = 'TIMED'");
  engine.store.register("orders", [
    { row: [1, "a"] },
    { row: [2, null] },
    { row: [25, "b"] },
    { kind: "-U", row: [1, "a"] },
    { kind: "+U", row: [11, "a"] },
  ]);
  const join = (table: string) =>
    `SELECT o.id, r.rate FROM orders AS o LEFT JOIN ${table} FOR SYSTEM_TIME AS OF o.p AS r ON o.name = r.name AND r.rate > o.id`;
  const { rows } = await world.run(engine.query(join("rates")));
  assert.deepEqual(
    rows.map((row) => row.text),
    [
      "+I[1, 10]",
      "+I[1, 30]",
      "+I[2, null]",
      "+I[25, null]",
      "-U[1, 10]",
      "-U[1, 30]",
      "+U[11, 30]",
    ],
  );
  await assert.rejects(world.run(engine.query(join("wrong"))), { code: "MR1003" });
  engine.execute(
    "CREATE TABLE asked (name STRING, rate INT) WITH ('connector' = 'values', 'bounded' = 'true', 'lookup.cache' = 'NONE')",
  );
  engine.store.register("asked", [{ row: ["a", 5] }, { row: ["b", 26] }, { row: ["a", 12] }]);
  const hinted = `SELECT /*+ LOOKUP('table'='r', 'async'='true', 'output-mode'='allow_unordered', 'capacity'='2') */ o.id, r.rate FROM orders AS o JOIN asked FOR SYSTEM_TIME AS OF o.p AS r ON o.name = r.name AND r.rate > o.id`;
  const answers = await world.run(engine.query(hinted));
  assert.deepEqual(
    answers.rows.map((row) => row.text),
    ["+I[1, 5]", "+I[1, 12]", "+I[25, 26]", "-U[1, 5]", "-U[1, 12]", "+U[11, 12]"],
  );
});

test("kept by a unique field: rows are taken back with what they were given, restored at every step", async () => {
  const kept = node({ "lookup.cache": "NONE" }, { inputInserts: false, keepBy: [0] });
  const steps: [HarnessRow[], [string, number][], string[]][] = [
    [
      [
        ["+I", 1, "a"],
        ["+I", 2, "b"],
        ["+I", 3, "none"],
      ],
      [
        ["a", 10],
        ["a", 30],
        ["b", 20],
      ],
      ["+I[1, a, a, 10]", "+I[1, a, a, 30]", "+I[2, b, b, 20]", "+I[3, none, null, null]"],
    ],
    [
      [
        ["-U", 1, "a"],
        ["+U", 1, "b"],
      ],
      [["b", 77]],
      ["-U[1, a, a, 10]", "-U[1, a, a, 30]", "+U[1, b, b, 77]"],
    ],
    [
      [
        ["-D", 1, "b"],
        ["-D", 2, "b"],
        ["-D", 3, "none"],
        ["-D", 4, "never"],
      ],
      [["none", 5]],
      ["-D[1, b, b, 77]", "-D[2, b, b, 20]", "-D[3, none, null, null]", "-D[4, never, null, null]"],
    ],
  ];
  for (const restoreBefore of [0, 1, 2]) {
    const rates = new Rates();
    let harness = harnessOf(kept, rates);
    for (const [number, [given, table, expected]] of steps.entries()) {
      rates.rows = table;
      if (number === restoreBefore) {
        const saved = harness.snapshot();
        harness.close();
        harness = harnessOf(kept, rates, {}, saved);
      }
      harness.rows(0, given);
      assert.deepEqual(await after(harness, number), expected, `restored before ${restoreBefore}`);
    }
    assert.deepEqual(rates.asked, ["a+b+none", "b"]);
    harness.close();
  }
});

test("kept by whole rows: of equal rows each is taken back with an answer that one of them was given", async () => {
  const made = node({ "lookup.cache": "NONE" }, { inputInserts: false, keepBy: [0, 1] });
  const kept = { ...made, keepsEqual: true };
  const steps: [HarnessRow[], [string, number][], string[]][] = [
    [
      [["+I", 1, "a"]],
      [
        ["a", 10],
        ["a", 30],
      ],
      ["+I[1, a, a, 10]", "+I[1, a, a, 30]"],
    ],
    [[["+I", 1, "a"]], [], ["+I[1, a, null, null]"]],
    [
      [
        ["+I", 1, "a"],
        ["+I", 2, "a"],
      ],
      [["a", 50]],
      ["+I[1, a, a, 50]", "+I[2, a, a, 50]"],
    ],
    [
      [
        ["-U", 1, "a"],
        ["+U", 1, "b"],
      ],
      [
        ["a", 99],
        ["b", 7],
      ],
      ["-U[1, a, a, 50]", "+U[1, b, b, 7]"],
    ],
    [
      [
        ["-D", 1, "a"],
        ["-D", 1, "b"],
      ],
      [],
      ["-D[1, a, null, null]", "-D[1, b, b, 7]"],
    ],
    [
      [
        ["-D", 1, "a"],
        ["-D", 2, "a"],
      ],
      [],
      ["-D[1, a, a, 10]", "-D[1, a, a, 30]", "-D[2, a, a, 50]"],
    ],
    [
      [
        ["+I", 1, "a"],
        ["-D", 1, "a"],
      ],
      [["a", 5]],
      ["+I[1, a, a, 5]", "-D[1, a, a, 5]"],
    ],
  ];
  for (const restoreBefore of steps.keys()) {
    const rates = new Rates();
    let harness = harnessOf(kept, rates);
    for (const [number, [given, table, expected]] of steps.entries()) {
      rates.rows = table;
      if (number === restoreBefore) {
        const saved = harness.snapshot();
        harness.close();
        harness = harnessOf(kept, rates, {}, saved);
      }
      harness.rows(0, given);
      assert.deepEqual(await after(harness, number), expected, `restored before ${restoreBefore}`);
    }
    harness.close();
  }
});
