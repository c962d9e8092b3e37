import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { by, hash, node, plan, sink, source } from "../plan-doubles.test.ts";
import { buildJobGraph, consumersOf, producersOf } from "./job-graph.ts";

const shape = (job: ExecPlan, parallelism: number) => {
  const graph = buildJobGraph(job, { parallelism });
  return {
    tasks: graph.tasks.map((task) => [task.parallelism, task.nodes.map(({ id }) => id)]),
    edges: graph.edges.map((edge) => [edge.fromNode, edge.toNode, edge.distribution.kind]),
  };
};

const aggregate = plan([
  source(1),
  node(2, "Calc", [1]),
  node(3, "GroupAggregate", [hash(2)]),
  sink(4, 3, "t"),
]);

test("at parallelism 1 everything is one task", () => {
  assert.deepEqual(shape(aggregate, 1), { tasks: [[1, [1, 2, 3, 4]]], edges: [] });
});

test("beyond, a hash edge cuts", () => {
  assert.deepEqual(shape(aggregate, 4), {
    tasks: [
      [4, [1, 2]],
      [4, [3, 4]],
    ],
    edges: [[2, 3, "hash"]],
  });
});

test("a singleton runs once, and so does what follows it until rows are spread again", () => {
  const job = plan([
    source(1),
    node(2, "SortLimit", [by(1, "singleton")]),
    node(3, "Calc", [2]),
    node(4, "Calc", [by(3, "rebalance")]),
    sink(5, 4, "t"),
  ]);
  assert.deepEqual(shape(job, 2), {
    tasks: [
      [2, [1]],
      [1, [2, 3]],
      [2, [4, 5]],
    ],
    edges: [
      [1, 2, "singleton"],
      [3, 4, "rebalance"],
    ],
  });
});

test("a forward edge past an exchange becomes one itself: tasks never form a cycle", () => {
  const job = plan([
    source(1),
    node(2, "SortLimit", [by(1, "singleton")]),
    node(3, "Join", [1, by(2, "broadcast")]),
    sink(4, 3, "t"),
  ]);
  const graph = buildJobGraph(job, { parallelism: 2 });
  assert.deepEqual(shape(job, 2), {
    tasks: [
      [2, [1]],
      [1, [2]],
      [2, [3, 4]],
    ],
    edges: [
      [1, 2, "singleton"],
      [1, 3, "forward"],
      [2, 3, "broadcast"],
    ],
  });
  const [toOne, forward, broadcast] = graph.edges;
  assert.deepEqual(producersOf(forward!, graph, 1), [1]);
  assert.deepEqual(consumersOf(forward!, graph, 0), [0]);
  assert.deepEqual(producersOf(toOne!, graph, 0), [0, 1]);
  assert.deepEqual(consumersOf(broadcast!, graph, 0), [0, 1]);
});

test("forward inputs of different parallelism meet at the smaller one", () => {
  const job = plan([source(1), node(2, "Values", []), node(3, "Union", [1, 2]), sink(4, 3, "t")]);
  assert.deepEqual(shape(job, 3), {
    tasks: [
      [3, [1]],
      [1, [2]],
      [1, [3, 4]],
    ],
    edges: [
      [1, 3, "singleton"],
      [2, 3, "forward"],
    ],
  });
});

test("refuses what is no graph, a newer plan, and odd parallelisms", () => {
  const code = (job: ExecPlan, parallelism: number) => {
    try {
      buildJobGraph(job, { parallelism });
    } catch (error) {
      return (error as { code: string }).code;
    }
    return "";
  };
  assert.equal(code(plan([node(1, "Calc", [2]), source(2)]), 1), "MR5002");
  assert.equal(code(plan([source(1), source(1)]), 1), "MR5002");
  assert.equal(code(plan([]), 1), "MR5002");
  assert.equal(code({ ...aggregate, version: 99 as 1 }, 1), "MR5001");
  for (const parallelism of [0, -1, 1.5, 257, Number.NaN])
    assert.equal(code(aggregate, parallelism), "MR5003");
});

test("batch: a source is fused with the join that it streams through, unless the table is made of its rows", () => {
  const join = (build: number) => [node(3, "Join", [1, by(build, "broadcast")]), sink(4, 3, "t")];
  const own = { ...plan([source(1), source(2), ...join(2)]), mode: "batch" as const };
  assert.deepEqual(shape(own, 2), {
    tasks: [
      [2, [1, 3, 4]],
      [2, [2]],
    ],
    edges: [[2, 3, "broadcast"]],
  });
  const shared = [source(1), node(2, "SortLimit", [by(1, "singleton")]), ...join(2)];
  const apart = shape({ ...plan(shared), mode: "batch" }, 2);
  assert.deepEqual(
    apart.tasks.map(([, ids]) => ids),
    [[1], [2], [3, 4]],
  );
});

test("batch: an exchange stays one where both of its ends are fused with one node", () => {
  // SELECT c FROM t UNION ALL SELECT DISTINCT c FROM t: both branches begin at the scan.
  const job = [
    source(1),
    node(2, "GroupAggregate", [hash(1)]),
    node(3, "Union", [1, 2]),
    sink(4, 3, "t"),
  ];
  const { tasks, edges } = shape({ ...plan(job), mode: "batch" }, 2);
  assert.deepEqual(
    tasks.map(([, ids]) => ids),
    [[1], [2, 3, 4]],
  );
  assert.deepEqual(edges, [
    [1, 2, "hash"],
    [1, 3, "forward"],
  ]);
});

const operatorShape = (job: ExecPlan, parallelism: number, operators: Record<string, number>) =>
  buildJobGraph(job, { parallelism, operators }).tasks.map((task) => [
    task.parallelism,
    task.nodes.map(({ id }) => id),
  ]);

test("operators have a parallelism of their own, and what is fused behind them follows", () => {
  assert.deepEqual(operatorShape(aggregate, 4, { GroupAggregate: 2 }), [
    [4, [1, 2]],
    [2, [3, 4]],
  ]);
  const { uid } = aggregate.nodes[0]!;
  assert.deepEqual(operatorShape(aggregate, 4, { [uid]: 1 }), [
    [1, [1, 2]],
    [4, [3, 4]],
  ]);
  assert.deepEqual(operatorShape(aggregate, 1, { Calc: 3 }), [
    [1, [1]],
    [3, [2]],
    [1, [3, 4]],
  ]);
});

test("a parallelism that no operator can have is refused with the reason", () => {
  const refused = (operators: Record<string, number>, reason: RegExp) =>
    assert.throws(() => buildJobGraph(aggregate, { parallelism: 2, operators }), reason);
  refused({ Nobody: 2 }, /there is none of that name/);
  refused({ GroupAggregate: 0 }, /from 1 to 256/);
  const changes = plan(
    aggregate.nodes.map((each) =>
      each.type === "GroupAggregate" ? { ...each, changelogMode: "retract" as const } : each,
    ),
  );
  assert.throws(
    () => buildJobGraph(changes, { parallelism: 1, operators: { Sink: 2 } }),
    /would not stay in order/,
  );
});
