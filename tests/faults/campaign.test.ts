/**
 * The fault campaign's first seeds. More of them, kills of a real process and mutants: npm run faults.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./main.ts";
import { difference, fold, SCENARIOS } from "./scenarios.ts";

const SEEDS = 100;
const SEEDS_A_TEST = 50;
const LEAST_POINTS = 40;

const passed = new Set<string>();
const types = new Set<string>();

for (let first = 1; first <= SEEDS; first += SEEDS_A_TEST) {
  test(`seeds ${first} to ${first + SEEDS_A_TEST - 1} lose and double no row`, async () => {
    const { failures, points, faults } = await runCampaign({ first, count: SEEDS_A_TEST });
    assert.deepEqual(failures, []);
    for (const point of points) passed.add(point);
    for (const type of faults.keys()) types.add(type);
  });
}

test("the seeds reach enough of the fault points, and all kinds of faults", () => {
  assert.ok(passed.size >= LEAST_POINTS, `${passed.size} fault points`);
  assert.deepEqual([...types].sort(), [
    "clock-jump",
    "disk-full",
    "failing-disk",
    "io-error",
    "kill",
    "late-message",
    "lost-message",
    "power-cut",
    "savepoint",
    "silent-worker",
    "slow-disk",
    "torn-page",
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
