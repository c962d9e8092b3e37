/** Rows that joins, Top-N and deduplication keep: read as typed rows, and moved when the query or a table has changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { engineParts } from "../../src/cli/engine.ts";
import { checkRestore } from "../../src/dataplane/runtime/savepoint/prepare-restore.ts";
import { readStateRows } from "../../src/dataplane/runtime/savepoint/read-rows.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";
import { GROUPS, LAST, numbers, planOf, run } from "./savepoint-jobs.ts";

await loadTestKernels();
const parts = engineParts({});
/** Rows that are there at the savepoint. */
const BEFORE = 6000;
/** Of deduplication: the rest of the numbers come upon rows from before. */
const KEYS = 9000;
const TIMED = ", ts AS TO_TIMESTAMP_LTZ(id, 0), WATERMARK FOR ts AS ts";

async function verdict(path: string, query: string, type: string, ddl?: string) {
  const { comparison } = await checkRestore(path, planOf(query, ddl), parts);
  const found = comparison.operators.find((operator) => operator.type === type);
  return [found?.verdict, found?.reasons.join("; ")];
}

async function stateOf(path: string, operator: string, map?: string) {
  const asked = { ...parts, path, operator };
  const table = await readStateRows(map === undefined ? asked : { ...asked, map });
  const rows: (readonly unknown[])[] = [];
  for await (const row of table.rows()) rows.push(row);
  return { columns: table.columns.map(({ name }) => name), rows };
}

test("a join's rows: typed, with a column that comes while another one widens", async () => {
  const folder = temporaryFolder("kept-join");
  const query = "SELECT a.id, b.v FROM numbers a JOIN numbers b ON a.id = b.id - 5000";
  const { savepoint } = await run(planOf(query), folder, { stopIn: folder });
  const right = await stateOf(savepoint, "Join", "right-records");
  assert.deepEqual(right.columns.toSorted(), ["$f0", "id", "v"]);
  assert.equal(right.rows.length, BEFORE);
  const [id, v] = ["id", "v"].map((name) => right.columns.indexOf(name)) as [number, number];
  for (const row of right.rows) assert.equal(String(row[v]), String(row[id]));

  const wider = query.replace("b.v", "b.v, a.v AS w");
  const long = numbers("", "BIGINT");
  assert.deepEqual(await verdict(savepoint, wider, "Join", long), [
    "compatible",
    "'v' is NULL in rows from before; 'v' of its rows is converted to its new type",
  ]);
  const { rows } = await run(planOf(wider, long), folder, { from: savepoint });
  assert.equal(rows.size, LAST - BEFORE);
  for (const [id, [, v, w]] of rows)
    assert.deepEqual([String(v), w], [String(Number(id) + 5000), null], String(id));

  // A column that may not be NULL cannot come, one that goes is told.
  const never = query.replace("b.v", "b.v, a.k");
  assert.deepEqual(await verdict(savepoint, never, "Join"), [
    "needs rebuild",
    "'left-records': the rows it keeps have no column 'k', which is not nullable",
  ]);
  const fewer = query.replace(", b.v", "");
  assert.deepEqual(await verdict(savepoint, fewer, "Join"), [
    "compatible with loss",
    "'v' of its rows is no longer kept",
  ]);
});

test("a join of three inputs: each input's rows, its conditions may change, its key may not", async () => {
  const folder = temporaryFolder("kept-multi-join");
  const query = `SELECT /*+ MULTI_JOIN(a, b, c) */ a.id, b.v, c.k FROM numbers a JOIN numbers b ON a.id = b.id
    LEFT JOIN numbers c ON c.id = b.id`;
  const { savepoint } = await run(planOf(query), folder, { stopIn: folder, wanted: BEFORE });
  for (const map of [0, 1, 2]) {
    const kept = await stateOf(savepoint, "MultiJoin", `join-input-${map}`);
    assert.deepEqual(kept.columns.toSorted(), [["id"], ["id", "v"], ["id", "k"]][map]!.toSorted());
    assert.equal(kept.rows.length, BEFORE);
  }
  const filtered = query.replace("= b.id\n    LEFT", "= b.id AND b.v > a.id - 5\n    LEFT");
  assert.deepEqual(await verdict(savepoint, filtered, "MultiJoin"), ["compatible", ""]);
  const inner = query.replace("LEFT JOIN", "JOIN");
  const [changed, why] = await verdict(savepoint, inner, "MultiJoin");
  assert.equal(changed, "needs rebuild");
  assert.match(String(why), /joinTypes was \["INNER","LEFT"\], is \["INNER","INNER"\]/);
  const wider = query.replace("c.k", "c.k, c.v AS w");
  assert.deepEqual(await verdict(savepoint, wider, "MultiJoin"), [
    "compatible",
    "'v' is NULL in rows from before",
  ]);
  const { rows } = await run(planOf(filtered), folder, { from: savepoint });
  assert.equal(rows.size, LAST - BEFORE);
});

test("Top-N: rows from before keep their places", async () => {
  const folder = temporaryFolder("kept-rank");
  const sql = (fields: string) =>
    `SELECT ${fields} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY MOD(id * 7919, 10007)) AS rn
     FROM numbers) WHERE rn <= 3`;
  const order = (id: number) => (id * 7919) % 10_007;
  const best = new Map<number, number[]>();
  for (let id = 1; id <= LAST; id++) {
    const kept = [...(best.get(id % GROUPS) ?? []), id];
    best.set(id % GROUPS, kept.sort((a, b) => order(a) - order(b)).slice(0, 3));
  }
  const first = await run(planOf(sql("id, k")), folder, { stopIn: folder });
  assert.equal((await stateOf(first.savepoint, "Rank")).rows.length, GROUPS * 3);
  const wider = planOf(sql("id, k, v"));
  assert.equal((await verdict(first.savepoint, sql("id, k, v"), "Rank"))[0], "compatible");
  const next = await run(wider, folder, { from: first.savepoint });
  const gone = [...first.takenBack, ...next.takenBack].map(([id]) => Number(id));
  const shown = [...first.rows.keys(), ...next.rows.keys()].map(Number);
  const left = shown.filter((id) => !gone.includes(id)).toSorted((a, b) => a - b);
  assert.deepEqual(
    left,
    [...best.values()].flat().toSorted((a, b) => a - b),
  );
  assert.ok(next.takenBack.some(([id]) => first.rows.has(id)));
  for (const [id, , v] of next.takenBack) assert.equal(v, next.rows.has(id) ? Number(id) : null);
});

test("deduplication: columns go and come at once", async () => {
  const folder = temporaryFolder("kept-last");
  const sql = (fields: string) =>
    `SELECT ${fields} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY MOD(id, ${KEYS}) ORDER BY ts DESC) AS rn
     FROM numbers) WHERE rn = 1`;
  const extra = `, tag AS CONCAT('t', CAST(v AS STRING))${TIMED}`;
  const { savepoint } = await run(planOf(sql("id, v"), numbers(extra)), folder, { stopIn: folder });
  const other = sql("id, tag");
  assert.deepEqual(await verdict(savepoint, other, "Deduplicate", numbers(extra)), [
    "compatible with loss",
    "'v' of its rows is no longer kept; 'tag' is NULL in rows from before",
  ]);
  const next = await run(planOf(other, numbers(extra)), folder, {
    from: savepoint,
    allowLoss: true,
  });
  assert.equal(next.takenBack.length, LAST - KEYS);
  for (const row of next.takenBack) assert.equal(row[1], null);
  for (const [id, row] of next.rows) assert.equal(row[1], `t${id}`);
});
