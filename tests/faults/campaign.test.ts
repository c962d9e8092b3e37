/**
 * The fault campaign's first seeds. More of them, kills of a real process and mutants: npm run faults.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./main.ts";
import { difference, fold, SCENARIOS } from "./scenarios.ts";

const SEEDS = 400;
const LEAST_POINTS = 40;

test(`${SEEDS} seeds of faults lose and double no row`, async () => {
  const { failures, points, faults, survived } = await runCampaign({ first: 1, count: SEEDS });
  assert.deepEqual(failures, []);
  assert.equal(survived, SEEDS);
  assert.ok(points.size >= LEAST_POINTS, `${points.size} fault points`);
  assert.deepEqual([...faults.keys()].sort(), [
    "clock-jump",
    "disk-full",
    "failing-disk",
    "io-error",
    "kill",
    "power-cut",
    "savepoint",
    "slow-disk",
  ]);
});

test("a lost and a doubled row are found", () => {
  const [windows] = SCENARIOS;
  const changelog = SCENARIOS.find((scenario) => scenario.changelog)!;
  const expected = fold(["a", "b", "b"], windows!);
  assert.deepEqual(difference(fold(["a", "a", "b"], windows!), expected), { lost: 1, doubled: 1 });
  const change = (op: string, before: unknown, after: unknown) =>
    JSON.stringify({ op, before, after });
  const changes = [change("c", null, { a: 1 }), change("d", { a: 1 }, null)];
  assert.equal(fold(changes, changelog).size, 0);
});
