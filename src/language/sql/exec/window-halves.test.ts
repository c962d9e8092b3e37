/**
 * The two halves of a window aggregate against the operator of one phase, with rows that are late: straight, restored before
 * every event, rescaled, and going on from each other's state.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chained } from "../../../../testkit/operator-harness/chained-operators.ts";
import {
  type HarnessEvent,
  rows,
  runCase,
  runEvents,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";
import type { ExecNode, WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { operatorRecords } from "../../../dataplane/runtime/savepoint/operator-record.ts";
import { SqlSession } from "../script/sql-session.ts";

const SEED = 20_261_123;
const STEPS = 16;

function plan(calls: string, window: string, strategy: string): readonly ExecNode[] {
  const session = new SqlSession({});
  session.execute(`SET 'table.optimizer.agg-phase-strategy' = '${strategy}'`);
  session.execute(`CREATE TABLE t (k STRING, v INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector' = 'datagen')`);
  const result = session.execute(
    `SELECT k, ${calls}, window_start, window_end FROM TABLE(${window}) GROUP BY k, window_start, window_end`,
  );
  assert.equal(result.kind, "query");
  return (result as { plan: { nodes: readonly ExecNode[] } }).plan.nodes;
}

const isAggregate = (node: ExecNode): node is WindowAggregateNode =>
  node.type === "WindowAggregate";

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** Batches of rows around a watermark that rises: some in time, some late in all windows or in some. */
function events(fields: readonly string[]): HarnessEvent[] {
  const next = random(SEED);
  const made: HarnessEvent[] = [];
  let now = 0;
  for (let step = 0; step < STEPS; step++) {
    if (next(3) === 0) {
      now += next(4_000);
      made.push(watermark(now));
      continue;
    }
    const batch = Array.from({ length: 1 + next(9) }, () => {
      const v = next(4) === 0 ? null : next(6);
      const text = next(5) === 0 ? null : `text number ${next(3)}`;
      const at = next(9) === 0 ? null : Math.max(0, now + next(9_000) - 5_000);
      const values = { k: `key ${next(3)}`, v, s: text, ts: at };
      return ["+I", ...fields.map((name) => values[name as "k"] as never)] as never;
    });
    made.push(rows(...batch));
  }
  return [...made, watermark(100_000)];
}

const WINDOWS = {
  TUMBLE: "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '3' SECOND)",
  HOP: "HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '5' SECOND)",
  CUMULATE: "CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND)",
};
const CALLS = {
  numbers: "COUNT(*) AS n, COUNT(v) AS c, SUM(v) AS s, AVG(v) AS g, MIN(v) AS a, MAX(v) AS z",
  texts:
    "MAX(s) AS a, MIN(s) AS b, COUNT(v) AS c, ARRAY_AGG(v) AS d, LISTAGG(s) AS e, COLLECT(v) AS f, MAX(s) FILTER (WHERE v > 2) AS g",
  distinct: "COUNT(*) AS n, COUNT(DISTINCT v) AS d, COUNT(DISTINCT s) AS t, SUM(v) AS s",
};

for (const [kind, window] of Object.entries(WINDOWS))
  for (const [what, calls] of Object.entries(CALLS)) {
    const whole = plan(calls, window, "ONE_PHASE").find(isAggregate)!;
    const nodes = plan(calls, window, "AUTO");
    const [local, global] = nodes.filter(isAggregate) as [WindowAggregateNode, WindowAggregateNode];
    const input = nodes[local.inputs[0]!.node - 1]!.output;
    const inputs = [input];
    const happens = events(input.fields.map(({ name }) => name));
    const rescaleBy = local.grouping;
    const halves = { node: global, factory: chained(local, global), inputs };

    test(`${kind} of ${what}: as one phase, restored and rescaled`, () => {
      const expected = runEvents({ node: whole, inputs, events: happens });
      assert.ok(expected.flat().length > STEPS / 2, `seed ${SEED}`);
      runCase({ ...halves, rescaleBy, unordered: true, events: happens, expected });
    });

    test(`${kind} of ${what}: each goes on from the other's state`, () => {
      const expected = runEvents({ node: whole, inputs, events: happens }).map(sorted);
      for (const [from, to] of [
        [{ node: whole, inputs }, halves],
        [halves, { node: whole, inputs }],
      ] as const)
        for (let at = 1; at < happens.length; at += 3) {
          const emitted: string[][] = [];
          let harness = new OperatorHarness(from);
          happens.forEach((event, i) => {
            if (i === at) {
              const snapshot = harness.snapshot();
              harness.close();
              harness = new OperatorHarness(to, snapshot);
            }
            if ("watermark" in event) harness.watermark(event.watermark);
            else if ("rows" in event) harness.rows(0, event.rows);
            emitted.push(sorted(harness.take()));
          });
          harness.close();
          assert.deepEqual(emitted, expected, `restored before event ${at}, seed ${SEED}`);
        }
    });

    test(`${kind} of ${what}: a snapshot says the same of it`, () => {
      const recordOf = (strategy: string) => {
        const nodes = plan(calls, window, strategy);
        return operatorRecords({ nodes })
          .filter(({ type }) => type === "WindowAggregate")
          .map(({ description: _, ...record }) => record);
      };
      assert.equal(recordOf("AUTO").length, 1);
      assert.deepEqual(recordOf("AUTO"), recordOf("ONE_PHASE"));
    });

    test(`${kind} of ${what}: late rows are counted as in one phase`, () => {
      const lateOf = (options: ConstructorParameters<typeof OperatorHarness>[0]): number => {
        const harness = new OperatorHarness(options);
        for (const event of happens)
          if ("watermark" in event) harness.watermark(event.watermark);
          else if ("rows" in event) harness.rows(0, event.rows);
        const late = harness.counters.get("numLateRecordsDropped")?.value ?? 0;
        harness.close();
        return late;
      };
      assert.equal(lateOf(halves), lateOf({ node: whole, inputs }));
      assert.ok(lateOf(halves) > 0);
    });
  }

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}
