/** Plans of the runtime's tests, in one line a node, over the doubles of doubles.test.ts. */
import type {
  Distribution,
  ExecNode,
  ExecPlan,
  SinkNode,
} from "../../foundation/plan/exec-node.ts";
import { SCHEMA } from "./doubles.test.ts";

type NodeInput = number | { readonly from: number; readonly by: Distribution };

/** Builds plans in one line: node(id, type, inputs, extra). */
export function plan(nodes: readonly ExecNode[], config: Record<string, string> = {}): ExecPlan {
  return { version: 1, nodes, config, timeZone: "UTC", mode: "streaming" };
}

const common = (id: number, type: string, inputs: readonly NodeInput[]) =>
  ({
    id,
    uid: `${id}_${type}`,
    inputs: inputs.map((input) =>
      typeof input === "number"
        ? { node: input, distribution: { kind: "forward" as const } }
        : { node: input.from, distribution: input.by },
    ),
    output: SCHEMA,
    changelogMode: "insert-only",
    upsertKeys: [],
    description: type,
  }) as const;

export function source(id: number, options: Record<string, string> = {}): ExecNode {
  return {
    ...common(id, "source", []),
    type: "TableSourceScan",
    table: { name: `c.d.s${id}`, options: { connector: "numbers", ...options }, schema: SCHEMA },
    projection: [[0], [1]],
    bounded: options.unbounded !== "true",
  };
}

export function sink(
  id: number,
  input: NodeInput,
  table: string,
  options: Record<string, string> = {},
): SinkNode {
  return {
    ...common(id, "sink", [input]),
    type: "Sink",
    table: { name: table, options: { connector: "two-phase", ...options }, schema: SCHEMA },
    sinkChangelogMode: "insert-only",
    upsertKey: [],
    upsertMaterialize: false,
    notNullEnforcer: "ERROR",
    notNullFields: [],
  };
}

/** What names an operator among others; the doubles look at nothing but the type. */
const NO_KEYS = {
  Calc: { projection: [] },
  GroupAggregate: { grouping: [], aggregates: [] },
  Union: {},
  Join: { leftKeys: [], rightKeys: [] },
  Values: { rows: [] },
  SortLimit: { sort: [] },
  Rank: { partitionKeys: [], sort: [] },
};

/** Any other node. */
export function node(
  id: number,
  type: keyof typeof NO_KEYS,
  inputs: readonly NodeInput[],
): ExecNode {
  return { ...common(id, type, inputs), ...NO_KEYS[type], type } as unknown as ExecNode;
}

export const hash = (from: number, key = 0): NodeInput => ({
  from,
  by: { kind: "hash", keys: [key] },
});
export const by = (from: number, kind: "broadcast" | "rebalance" | "singleton"): NodeInput => ({
  from,
  by: { kind },
});
