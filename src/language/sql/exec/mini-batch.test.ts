import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import { SqlSession } from "../script/sql-session.ts";

const SETTINGS = `
  SET 'table.exec.mini-batch.enabled' = 'true';
  SET 'table.exec.mini-batch.allow-latency' = '5 s';
  SET 'table.exec.mini-batch.size' = '100';`;
const DDL = `
  CREATE TABLE o (c BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='datagen');
  CREATE TABLE p (c BIGINT, n BIGINT) WITH ('connector'='datagen');`;

/** Type and place in the plan of what an assigner reads. */
function assigners(sql: string, settings = SETTINGS): string[] {
  const session = new SqlSession({
    host: { operators: new Set<ExecNode["type"]>(["MiniBatchAssigner"]) },
  });
  session.executeScript(DDL + settings);
  const result = session.executeScript(sql).at(-1)!;
  if (result.kind !== "query") throw new Error(result.kind);
  const { nodes } = result.plan;
  return nodes.flatMap((node) =>
    node.type === "MiniBatchAssigner"
      ? [`${nodes[node.inputs[0]!.node - 1]!.type} ${node.mode} ${node.intervalMs}`]
      : [],
  );
}

test("an assigner stands behind each source or its watermark, by the time that the query needs", () => {
  assert.deepEqual(assigners("SELECT c, COUNT(*) FROM p GROUP BY c"), [
    "TableSourceScan ProcTime 5000",
  ]);
  assert.deepEqual(assigners("SELECT o.c, COUNT(*) FROM o JOIN p ON o.c = p.c GROUP BY o.c"), [
    "WatermarkAssigner ProcTime 5000",
    "TableSourceScan ProcTime 5000",
  ]);
  const windowed = `SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end`;
  assert.deepEqual(assigners(windowed), ["WatermarkAssigner RowTime 5000"]);
  const asks = "SELECT c, MAX(CURRENT_WATERMARK(ts)) FROM o GROUP BY c";
  assert.deepEqual(assigners(asks), ["WatermarkAssigner RowTime 5000"]);
});

test("without size and latency there is none", () => {
  const settings = "SET 'table.exec.mini-batch.enabled' = 'true';";
  assert.deepEqual(assigners("SELECT c, COUNT(*) FROM p GROUP BY c", settings), []);
});
