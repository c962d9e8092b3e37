/** A stream's aggregate of two phases: stopped, restored and rescaled, and gone on with in the other number of phases. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";
import { engineParts } from "../../src/cli/engine.ts";
import { checkRestore } from "../../src/dataplane/runtime/savepoint/prepare-restore.ts";
import { expected, numbers, planOf, run } from "./savepoint-jobs.ts";

await loadTestKernels();
const MINI_BATCHES = `SET 'table.exec.mini-batch.enabled' = 'true';
  SET 'table.exec.mini-batch.allow-latency' = '20 ms';
  SET 'table.exec.mini-batch.size' = '700';`;
const COUNTS =
  "SELECT MOD(id, 40) AS k, COUNT(*) AS n, SUM(v) AS s, MAX(v) AS m, AVG(v) AS a FROM numbers GROUP BY MOD(id, 40)";
const BACK = `SELECT n, COUNT(*), SUM(s) FROM (${COUNTS}) GROUP BY n`;
const twoPhases = (query: string) => planOf(query, MINI_BATCHES + numbers());
const text = (rows: ReadonlyMap<unknown, readonly unknown[]>) =>
  new Map([...rows].map(([key, row]) => [String(key), row.slice(1).map(String)]));
const sum = (ids: readonly number[]) => ids.reduce((all, id) => all + id, 0);
const counted = expected((ids) => {
  const mean = Math.trunc(sum(ids) / ids.length);
  return [ids.length, sum(ids), Math.max(...ids), mean].map(String);
});

describe("an aggregate of two phases", { timeout: 60_000 }, () => {
  const folder = temporaryFolder("phases");
  const one = planOf(COUNTS);
  const two = twoPhases(COUNTS);

  test("has halves in the plan that the job runs", () => {
    const halves = ({ nodes }: typeof two) =>
      nodes
        .filter((node) => node.type === "GroupAggregate")
        .map(({ description }) => description.slice(0, description.indexOf("(")));
    assert.deepEqual(halves(two), ["LocalGroupAggregate", "GlobalGroupAggregate"]);
    assert.deepEqual(halves(one), ["GroupAggregate"]);
  });

  for (const [what, before, after] of [
    ["itself", two, two],
    ["one phase", one, two],
    ["two phases, in one", two, one],
  ] as const)
    test(`goes on from ${what}, at any parallelism`, async () => {
      const stopIn = join(folder, what);
      const { savepoint } = await run(before, folder, { stopIn, parallelism: 2 });
      const { comparison } = await checkRestore(savepoint, after, engineParts({}));
      for (const { verdict, type } of comparison.operators)
        assert.equal(verdict, "compatible", type);
      for (const parallelism of [1, 3]) {
        const { rows } = await run(after, folder, { from: savepoint, parallelism });
        assert.deepEqual(text(rows), counted, `parallelism ${parallelism}`);
      }
    });

  test("takes back rows that another has shown, over a restore", async () => {
    const plan = twoPhases(BACK);
    const stopIn = join(folder, "back");
    const { savepoint } = await run(plan, folder, { stopIn, wanted: 1 });
    const { rows } = await run(plan, folder, { from: savepoint, parallelism: 3 });
    const all = sum([...counted.values()].map((row) => Number((row as string[])[1])));
    assert.deepEqual(text(rows).get("275"), ["40", String(all)]);
  });
});
