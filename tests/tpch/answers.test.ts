/**
 * Every query of TPC-H over small tables: as written, with joins in order of cost, and sorted and merged instead of hashed,
 * compared with DuckDB's answers.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { compareAnswers } from "../../bench/tpch/check.ts";
import { DuckDbEngine } from "../../bench/tpch/duckdb-engine.ts";
import { TPCH_QUERY_NAMES, tpchQuery } from "../../bench/tpch/queries.ts";
import { flinkTables } from "../../bench/tpch/tables.ts";
import { sqlHost } from "../../src/cli/sql-host.ts";
import type { ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { makeSmallTpch } from "./small-tpch.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-tpch-"));
let duckdb: DuckDbEngine;

before(async () => {
  await makeSmallTpch(folder);
  duckdb = await DuckDbEngine.start(folder, 1);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const REORDER = "table.optimizer.join-reorder-enabled";
const WAYS = {
  "As written": { [REORDER]: "false" },
  Reordered: { [REORDER]: "true" },
  Sorted: {
    [REORDER]: "true",
    "table.exec.disabled-operators": "BroadcastHashJoin, ShuffleHashJoin, HashAgg",
  },
};

function engine(config: Readonly<Record<string, string>>): Engine {
  const made = new Engine({ batch: true, config });
  for (const statement of flinkTables(folder).split(";\n"))
    if (statement.trim() !== "") made.execute(statement);
  return made;
}

/** Joins that compare each row with each: only with the one row of a scalar subquery. */
function crossProducts(plan: ExecPlan): string[] {
  return plan.nodes.flatMap((node) => {
    if (node.type !== "Join" || node.leftKeys.length > 0) return [];
    const right = plan.nodes[node.inputs[1]!.node - 1]!;
    const single = ({ type }: typeof right) => type === "GroupAggregate";
    const source = right.type === "Calc" ? plan.nodes[right.inputs[0]!.node - 1]! : right;
    return single(source) ? [] : [node.description];
  });
}

/** Of q11's bound alone. */
const SCALE = 1;

for (const name of TPCH_QUERY_NAMES)
  test(`${name}: DuckDB's answer, no cross product`, async () => {
    const query = tpchQuery(name, SCALE);
    const expected = await duckdb.answer(query.sql);
    assert.ok(expected.rows.length > 0, "the tables hold an answer");
    for (const [way, config] of Object.entries(WAYS)) {
      const ours = engine(config);
      const result = ours.execute(query.sql);
      assert.ok(result.kind === "query");
      assert.deepEqual(crossProducts(result.plan), []);
      const { rows } = await ours.run(result);
      const texts = rows.map(({ values, fields }) =>
        fields.map((text, i) => (values[i] === null ? "" : text)),
      );
      compareAnswers(query, way, texts, expected);
    }
  });

test("files tell how many rows they have, about", () => {
  const { statistics } = sqlHost();
  const options = { connector: "filesystem", format: "csv", path: join(folder, "orders.csv") };
  const { rowCount } = statistics!({ name: "orders", options })!;
  assert.ok(Math.abs(rowCount! / 900 - 1) < 0.1, `${rowCount} rows`);
});
