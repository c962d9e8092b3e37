import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchContext } from "../context.ts";
import type { QueryCost } from "./measure.ts";
import { type NexmarkPlan, nexmarkFigures, nexmarkTable, type Side } from "./report.ts";

const plan: NexmarkPlan = {
  queries: ["q0", "q1"],
  events: 1_000_000,
  rate: 1000,
  input: "json",
  checkEvents: 0,
  warmUpEvents: 0,
  countCharFunction: false,
  backend: "hashmap",
  checkpointInterval: undefined,
};

const context: BenchContext = {
  options: new Map(),
  machine: {
    cpu: "test",
    cores: 2,
    memoryGb: 1,
    kernel: "0",
    node: "v0",
    commit: "none",
    date: "2026-01-01T00:00:00Z",
    load: 0,
    quiet: true,
  },
  json: false,
  millrace: true,
  flink: true,
  duckdb: false,
  repeat: 1,
  parallelism: 2,
};

function cost(query: string, cpuSeconds: number, othersCores = 0): QueryCost {
  return { query, cpuSeconds, wallSeconds: cpuSeconds / 2, spread: 0, othersCores, runs: [] };
}

const mine: Side = { engine: "Millrace", description: "m", costs: [cost("q0", 1), cost("q1", 3)] };
const peer: Side = { engine: "Flink", description: "f", costs: [cost("q0", 10), cost("q1", 10)] };

test("ratios are the peer's CPU seconds by ours, for each query and in total", () => {
  const figures = nexmarkFigures(context, plan, mine, peer);
  assert.deepEqual(
    figures.map(({ name, value, ratio }) => [name, value, ratio]),
    [
      ["nexmark-q0", 1_000_000, 10],
      ["nexmark-q1", 1_000_000 / 3, 10 / 3],
      ["nexmark-json-total", 500_000, 5],
    ],
  );
  assert.ok(figures.every((figure) => figure.trusted && figure.peer === "f"));
  const lines = nexmarkTable(plan.events, mine, peer).trimEnd().split("\n");
  assert.equal(lines.length, 5);
  assert.match(lines[4]!, /^total\s+2,000 K\s+4\.00\s+2\.00\s+500 K .* 5\.00$/);
});

test("a total of fewer queries than asked for is not called the total", () => {
  const one = nexmarkFigures(context, plan, { ...mine, costs: [cost("q0", 1)] }, undefined);
  assert.deepEqual(
    one.map((figure) => figure.name),
    ["nexmark-q0", "nexmark-json-partial-total"],
  );
  assert.equal(one[0]!.ratio, undefined);
  assert.deepEqual(nexmarkFigures(context, plan, { ...mine, costs: [] }, undefined), []);
});

test("figures of a disturbed run are marked", () => {
  const disturbed: Side = { ...peer, costs: [cost("q0", 10, 0.5), cost("q1", 10)] };
  const trusted = nexmarkFigures(context, plan, mine, disturbed).map((figure) => figure.trusted);
  assert.deepEqual(trusted, [false, true, false]);
});

test("a peer measured alone is never named as ours", () => {
  const [first] = nexmarkFigures(context, plan, peer, undefined);
  assert.equal(first!.name, "flink-nexmark-q0");
});
