/**
 * The halves of a group aggregate, and the incremental one of a split DISTINCT, against the aggregate in one phase: the same
 * changes for random rows that come and go, straight, restored after every mini-batch, rescaled; each goes on from the other's
 * state; and what is taken back without having been there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chained } from "../../../../testkit/operator-harness/chained-operators.ts";
import {
  type HarnessOptions,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecNode, GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { SqlSession } from "../script/sql-session.ts";

const SEED = 20_261_124;
const STEPS = 9;
const CONFIG = {
  "table.exec.mini-batch.enabled": "true",
  "table.exec.mini-batch.allow-latency": "1 s",
  "table.exec.mini-batch.size": "1000",
};

type Change = readonly [kind: string, ...values: readonly (string | number | boolean | null)[]];

function plan(calls: string, more: Readonly<Record<string, string>>): readonly ExecNode[] {
  const session = new SqlSession({
    host: { operators: new Set<ExecNode["type"]>(["MiniBatchAssigner"]) },
  });
  for (const [key, value] of Object.entries({ ...CONFIG, ...more }))
    session.execute(`SET '${key}' = '${value}'`);
  session.execute(`CREATE TABLE t (k STRING, v INT, s STRING) WITH ('connector' = 'datagen')`);
  // A count of rows that grows takes its row back.
  const retracted = "(SELECT k, v, s, COUNT(*) AS c FROM t GROUP BY k, v, s)";
  const from = calls.startsWith("!") ? retracted : "t";
  const result = session.execute(`SELECT k, ${calls.replace("!", "")} FROM ${from} GROUP BY k`);
  assert.equal(result.kind, "query");
  return (result as { plan: { nodes: readonly ExecNode[] } }).plan.nodes;
}

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** Batches of rows, some of those before taken back. */
function batches({ fields }: Schema, retracts: boolean): Change[][] {
  const next = random(SEED);
  const present: Change[] = [];
  return Array.from({ length: STEPS }, () =>
    Array.from({ length: 1 + next(12) }, (): Change => {
      if (retracts && present.length > 0 && next(3) === 0) {
        const [, ...values] = present.splice(next(present.length), 1)[0]!;
        return ["-D", ...values];
      }
      const v = next(5) === 0 ? null : next(6);
      const s = next(5) === 0 ? null : `text number ${next(4)}`;
      const flag = next(5) < 3;
      const values = { k: `key ${next(3)}`, v, s };
      const row: Change = ["+I", ...fields.map((field) => cellOf(field, values, flag))];
      present.push(row);
      return row;
    }),
  );
}

/** Of a column, of what a FILTER tests, or of the bucket of `v`. */
function cellOf(
  { name, type }: Schema["fields"][0],
  values: Readonly<Record<string, string | number | null>>,
  flag: boolean,
): string | number | boolean | null {
  if (type.kind === "BOOLEAN") return flag;
  return values[name] ?? (name.startsWith("$") ? values["v"]! : null);
}

interface Made extends HarnessOptions {
  readonly keys: readonly number[];
}

/** What every batch changes; before one of them the operator may be made anew from a snapshot, with so many subtasks. */
function changes(
  made: Made,
  rows: readonly (readonly Change[])[],
  restored?: { readonly before: number; readonly to: Made; readonly parallelism: number },
): string[][] {
  let subtasks = [new OperatorHarness(made)];
  const emitted = rows.map((batch, at) => {
    if (at === restored?.before) {
      const snapshot = subtasks[0]!.snapshot();
      subtasks[0]!.close();
      const { parallelism, to } = restored;
      subtasks = Array.from({ length: parallelism }, (_, index) => {
        const subtask = { index, parallelism };
        return new OperatorHarness(parallelism === 1 ? to : { ...to, subtask }, snapshot);
      });
    }
    return subtasks.flatMap((harness) => {
      harness.rows(0, batch);
      harness.watermark(at + 1);
      return harness.take().filter((text) => !text.startsWith("watermark"));
    });
  });
  for (const harness of subtasks) harness.close();
  return emitted.map((list) => list.toSorted());
}

/** An aggregate over what its node reads. */
function whole(node: ExecNode, nodes: readonly ExecNode[]): Made {
  const { inputs, grouping } = node as GroupAggregateNode;
  const schema = nodes[inputs[0]!.node - 1]!.output;
  return { node, inputs: [schema], keys: grouping, config: CONFIG };
}

const aggregates = (nodes: readonly ExecNode[]) =>
  nodes.filter((node): node is GroupAggregateNode => node.type === "GroupAggregate");

const CALLS = {
  numbers: "COUNT(*) AS n, COUNT(v) AS c, SUM(v) AS s, AVG(v) AS g",
  texts:
    "MAX(s) AS a, MIN(s) AS b, ARRAY_AGG(v) AS d, LISTAGG(s) AS e, COLLECT(v) AS f, MAX(s) FILTER (WHERE v > 2) AS g",
  distinct:
    "COUNT(DISTINCT v) AS d, COUNT(DISTINCT s) FILTER (WHERE v > 1) AS t, COUNT(DISTINCT s) AS u, SUM(DISTINCT v) AS w, MIN(v) AS a",
  "rows taken back":
    "!COUNT(DISTINCT v) AS d, SUM(DISTINCT v) AS w, MIN(v) AS a, MAX(s) AS z, MAX(v) FILTER (WHERE s IS NOT NULL) AS y, COUNT(*) AS n, SUM(v) AS s, AVG(v) AS g, COLLECT(s) AS f",
};

for (const [what, calls] of Object.entries(CALLS)) {
  const one = plan(calls, { "table.optimizer.agg-phase-strategy": "ONE_PHASE" });
  const nodes = plan(calls, {});
  const [global, local] = aggregates(nodes).toReversed() as [
    GroupAggregateNode,
    GroupAggregateNode,
  ];
  const input = whole(local, nodes);
  const halves: Made = { ...input, node: global, factory: chained(local, global) };
  const single = whole(aggregates(one).at(-1)!, one);
  const rows = batches(input.inputs[0]!, calls.startsWith("!"));

  test(`${what}: as one phase, each restored and going on from the other, rescaled`, () => {
    const expected = changes(single, rows);
    assert.ok(expected.flat().length > STEPS, `seed ${SEED}`);
    assert.deepEqual(changes(halves, rows), expected, `seed ${SEED}`);
    for (let before = 1; before < STEPS; before++)
      for (const [from, to, parallelism] of [
        [halves, halves, 1],
        [halves, halves, 2],
        [halves, single, 1],
        [single, halves, 1],
      ] as const) {
        const message = `restored before ${before}, ${parallelism} subtasks, seed ${SEED}`;
        assert.deepEqual(changes(from, rows, { before, to, parallelism }), expected, message);
      }
  });
}

test("what is taken back before it was there: counts go below 0, and come back", () => {
  const calls = CALLS["rows taken back"];
  const nodes = plan(calls, {});
  const [global, local] = aggregates(nodes).toReversed() as [
    GroupAggregateNode,
    GroupAggregateNode,
  ];
  const input = whole(local, nodes);
  const { fields } = input.inputs[0]!;
  const row = (kind: string, v: number): Change => {
    const values = { k: "key", v, s: "text" };
    return [kind, ...fields.map((field) => cellOf(field, values, true))];
  };
  const made: Made = { ...input, node: global, factory: chained(local, global) };
  const steps = [
    [row("+I", 1), row("+I", 2)],
    [row("-D", 7)],
    [row("+I", 7)],
    [row("+I", 7)],
    [row("-D", 1)],
  ];
  const last = changes(made, steps).map((list) => list.find((text) => /^\+[IU]/.test(text)));
  assert.deepEqual(last, [
    "+I[key, 2, 3, 1, text, 2, 2, 3, 1, {text=2}]",
    "+U[key, 2, 3, 1, text, 2, 1, -4, -4, {text=1}]",
    "+U[key, 2, 3, 1, text, 2, 2, 3, 1, {text=2}]",
    "+U[key, 3, 10, 1, text, 7, 3, 10, 3, {text=3}]",
    "+U[key, 2, 9, 2, text, 7, 2, 9, 4, {text=2}]",
  ]);
});

test("split DISTINCT: the incremental aggregate counts as the whole does, and goes on from its state", () => {
  const calls =
    "COUNT(DISTINCT v) AS d, SUM(DISTINCT v) AS w, COUNT(DISTINCT v) FILTER (WHERE s IS NOT NULL) AS e, COUNT(s) AS c, SUM(v) AS z";
  for (const text of [calls, `!${calls}, MAX(v) AS m, COUNT(*) AS n`]) {
    const one = plan(text, { "table.optimizer.agg-phase-strategy": "ONE_PHASE" });
    const nodes = plan(text, { "table.optimizer.distinct-agg.split.enabled": "true" });
    const [global, incremental, local] = aggregates(nodes).toReversed() as [
      GroupAggregateNode,
      GroupAggregateNode,
      GroupAggregateNode,
    ];
    assert.deepEqual(incremental.incrementalGrouping, [0]);
    const single = whole(aggregates(one).at(-1)!, one);
    const input = whole(local, nodes);
    const chain: Made = { ...input, node: global, factory: chained(local, incremental, global) };
    const retracts = text.startsWith("!");
    const expected = changes(single, batches(single.inputs[0]!, retracts));
    const rows = batches(input.inputs[0]!, retracts);
    assert.deepEqual(changes(chain, rows), expected, `seed ${SEED}`);
    for (let before = 1; before < STEPS; before++)
      assert.deepEqual(
        changes(chain, rows, { before, to: chain, parallelism: 1 }),
        expected,
        `restored before ${before}, seed ${SEED}`,
      );
  }
});

test("values of COUNT(DISTINCT) that hardly fold go on as they come, to the same changes", () => {
  const calls =
    "COUNT(DISTINCT v) AS d, COUNT(DISTINCT s) FILTER (WHERE v > 50) AS t, COUNT(*) AS n";
  const one = plan(calls, { "table.optimizer.agg-phase-strategy": "ONE_PHASE" });
  const nodes = plan(calls, {});
  const [global, local] = aggregates(nodes).toReversed() as [
    GroupAggregateNode,
    GroupAggregateNode,
  ];
  const input = whole(local, nodes);
  const single = whole(aggregates(one).at(-1)!, one);
  const { fields } = input.inputs[0]!;
  const next = random(SEED);
  const distinct = 600;
  const steps = Array.from({ length: 7 }, () =>
    Array.from({ length: 1_000 }, (_, i): Change => {
      const v = i % distinct;
      const values = { k: `key ${v % 3}`, v, s: `text number ${v}` };
      return ["+I", ...fields.map((field) => cellOf(field, values, next(5) < 3))];
    }),
  );
  const first = new OperatorHarness(input);
  const sent = steps.map((batch) => {
    first.rows(0, batch);
    return first.take().length;
  });
  first.close();
  assert.ok(sent[0]! < 1_000 + distinct, `seed ${SEED}: ${sent.join()}`);
  assert.ok(sent[5]! > 1_000 + distinct / 2, `seed ${SEED}: ${sent.join()}`);
  const halves: Made = { ...input, node: global, factory: chained(local, global) };
  const expected = changes(single, steps);
  assert.deepEqual(changes(halves, steps), expected, `seed ${SEED}`);
  for (const before of [5, 6])
    for (const [to, parallelism] of [
      [halves, 2],
      [single, 1],
    ] as const)
      assert.deepEqual(changes(halves, steps, { before, to, parallelism }), expected);
});

test("a mini-batch of more values than a batch holds shows no count without them", () => {
  const calls = "COUNT(DISTINCT v) AS d, COUNT(*) AS n, COUNT(DISTINCT s) AS t";
  const size = { ...CONFIG, "table.exec.mini-batch.size": "5000" };
  const split = { "table.optimizer.distinct-agg.split.enabled": "true" };
  for (const options of [{}, split]) {
    const nodes = plan(calls, { ...size, ...options });
    const phases = aggregates(nodes);
    const [first, last] = [phases[0]!, phases.at(-1)!];
    const made: Made = { ...whole(first, nodes), config: size };
    const harness = new OperatorHarness({
      ...made,
      node: last,
      factory: chained(first, ...phases.slice(1)),
    });
    const { fields } = made.inputs[0]!;
    const row = (i: number, key: number): Change => {
      const values = { k: `key ${key}`, v: i, s: `text number ${i}` };
      return ["+I", ...fields.map((field) => cellOf(field, values, true))];
    };
    const shown: string[] = [];
    for (const [at, keys] of [5000, 3, 1700].entries()) {
      for (let i = 0; i < 5000; i += 2500)
        harness.rows(
          0,
          Array.from({ length: 2500 }, (_, j) => row(at * 5000 + i + j, (i + j) % keys)),
        );
      shown.push(...harness.take());
      harness.watermark(at + 1);
      shown.push(...harness.take());
    }
    harness.close();
    const counts = shown.filter((text) => /^\+[IU]/.test(text));
    assert.ok(counts.length >= 6700, `${counts.length}`);
    // Every row brings values of its own.
    const wrong = counts.filter((text) => !/, (\d+), \1, \1\]$/.test(text));
    assert.deepEqual(wrong.slice(0, 3), []);
  }
});
