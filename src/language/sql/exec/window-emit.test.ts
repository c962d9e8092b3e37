import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `CREATE TABLE o (c BIGINT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector'='datagen');
  CREATE TABLE retracts (n BIGINT) WITH ('connector'='print');`;
const E = "table.exec.emit";
const EARLY = `SET '${E}.early-fire.enabled'='true'; SET '${E}.early-fire.delay'='1 s';`;
const LATE = `SET '${E}.late-fire.enabled'='true'; SET '${E}.late-fire.delay'='0 s';`;
const tumble = (time: string) =>
  `SELECT COUNT(*) FROM o GROUP BY c, TUMBLE(${time}, INTERVAL '1' MINUTE)`;

function aggregateOf(set: string, query: string) {
  const results = new SqlSession().executeScript(`${DDL} ${set} INSERT INTO retracts ${query}`);
  const result = results.at(-1)!;
  assert.equal(result.kind, "insert");
  const node = result.kind === "insert" && result.plan.nodes.find((n) => "window" in n);
  assert(node && node.type === "WindowAggregate");
  return node;
}

test("group windows take early and late firings, window functions do not", () => {
  const both = aggregateOf(`${EARLY} ${LATE} SET '${E}.allow-lateness'='1 min';`, tumble("ts"));
  assert.deepEqual(both.emit, { earlyMs: 1000, lateMs: 0, latenessMs: 60_000 });
  assert.equal(both.generateUpdateBefore, true);
  assert.equal(both.changelogMode, "retract");
  assert.match(both.description, /emit=\[early delay 1000 millisecond, late no delay\]/);
  const ofState = aggregateOf(`${LATE} SET 'table.exec.state.ttl'='1 h';`, tumble("ts"));
  assert.deepEqual(ofState.emit, { lateMs: 0, latenessMs: 3_600_000 });
  const byClock = `${EARLY} ${LATE} SET '${E}.allow-lateness'='1 min';`;
  assert.deepEqual(aggregateOf(byClock, tumble("p")).emit, { earlyMs: 1000, latenessMs: 0 });
  // As in Flink a lateness counts only with late firings.
  const alone = aggregateOf(`SET '${E}.allow-lateness'='1 min';`, tumble("ts"));
  assert.equal(alone.emit, undefined);
  assert.equal(alone.changelogMode, "insert-only");
  assert.equal(alone.window.isGroupWindow, undefined);
});

test("over rows that are taken back results go, too, when no row of the window is left", () => {
  const changing = `CREATE TABLE u (c BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (c) NOT ENFORCED)
    WITH ('connector'='filesystem', 'path'='/u', 'format'='debezium-json');`;
  const query = "SELECT COUNT(*) FROM u GROUP BY c, TUMBLE(ts, INTERVAL '1' MINUTE)";
  const node = aggregateOf(`${changing} ${EARLY}`, query);
  assert.deepEqual(node.emit, { earlyMs: 1000, latenessMs: 0 });
  assert.equal(node.retracts, true);
  assert.equal(node.changelogMode, "retract");
  const plain = query.replace("COUNT(*)", "c");
  assert.equal(aggregateOf(`${changing} ${EARLY}`, plain).retracts, true);
});

test("what Flink refuses of them is refused", () => {
  const message = (set: string, query: string, expected: RegExp) =>
    assert.throws(() => aggregateOf(set, query), { message: expected });
  const tvf =
    "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end";
  message(EARLY, tvf, /window table function based aggregate doesn't support early-fire/);
  const session = "SELECT COUNT(*) FROM o GROUP BY SESSION(ts, INTERVAL '1' MINUTE)";
  message(EARLY, session, /Session window doesn't support EMIT strategy/);
  message(LATE, tumble("ts"), /'AFTER WATERMARK' emit strategy requires/);
  message(`SET '${E}.early-fire.enabled'='true';`, tumble("ts"), /Early-fire delay should not be/);
  const short = `${LATE} SET '${E}.late-fire.delay'='2 s'; SET '${E}.allow-lateness'='1 s';`;
  message(short, tumble("ts"), /Allow-lateness \[1000ms\] should not be smaller/);
});
