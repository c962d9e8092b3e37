/**
 * Two-phase aggregation of bounded input: rows of a key are folded where they are before they are moved to the key's subtask.
 * Of streams: group-phases.ts.
 *
 * Flow:    batch-aggregates.ts → here → ExecPlan: GroupAggregate becomes a local one, the exchange, and one that merges.
 * Which:   aggregates whose accumulators are numbers of fixed width: COUNT, SUM, AVG, MIN and MAX of types of fixed width, not
 *          DISTINCT. `table.optimizer.agg-phase-strategy` = ONE_PHASE leaves them whole.
 * Source:  Flink BatchPhysicalHashAggRule (two-phase), table.optimizer.agg-phase-strategy.
 */
import { type LogicalType, physicalOf, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecNode, GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { describeNode } from "../explain/node-text.ts";
import { isOnePhase, splitNodes } from "./split-nodes.ts";

const MERGEABLE = new Set(["COUNT", "SUM", "$SUM0", "SUM0", "AVG", "MIN", "MAX"]);

export function withLocalAggregates(
  nodes: readonly ExecNode[],
  option: (key: string) => string | undefined,
): ExecNode[] {
  if (isOnePhase(option)) return [...nodes];
  return splitNodes(nodes, (node, { id, rows }) =>
    node.type === "GroupAggregate" && isSplittable(node, rows) ? split(node, rows, id) : undefined,
  );
}

function isSplittable(node: GroupAggregateNode, input: ExecNode): boolean {
  if (input.changelogMode !== "insert-only" || node.sorted === true) return false;
  return node.aggregates.every((call) => !call.retract && isMergeable(call, input.output));
}

function isMergeable(call: AggregateCall, { fields }: Schema): boolean {
  const fixed =
    isFixedWidth(call.type) && call.args.every((arg) => isFixedWidth(fields[arg]!.type));
  return MERGEABLE.has(call.function) && !call.distinct && fixed;
}

function isFixedWidth(type: LogicalType): boolean {
  const physical = physicalOf(type);
  return physical !== "view" && physical !== "row";
}

/** The two halves, numbered from `id` on. */
function split(node: GroupAggregateNode, rows: ExecNode, id: number): GroupAggregateNode[] {
  const keys = node.grouping.map((_, index) => index);
  const [edge] = node.inputs as [GroupAggregateNode["inputs"][0]];
  const { fields } = rows.output;
  const local: GroupAggregateNode = {
    ...node,
    id,
    uid: `${node.uid}-local`,
    inputs: [{ node: edge.node, distribution: { kind: "forward" } }],
    output: {
      fields: [
        ...node.grouping.map((field) => fields[field]!),
        { name: "accumulators", type: types.bytes(false) },
      ],
    },
    upsertKeys: [],
    changelogMode: "insert-only",
    isLocal: true,
  };
  const hash = { kind: "hash", keys } as const;
  const distribution = keys.length === 0 ? ({ kind: "singleton" } as const) : hash;
  const merging: GroupAggregateNode = {
    ...node,
    id: id + 1,
    inputs: [{ node: id, distribution }],
    grouping: keys,
    mergedRows: rows.output,
  };
  const text = (half: GroupAggregateNode, input: Schema) =>
    describeNode(half, [input], half.output);
  return [
    { ...local, description: text(local, rows.output) },
    { ...merging, description: text(merging, local.output) },
  ];
}
