/**
 * Window aggregates of streams in two phases: LocalWindowAggregate folds rows by key and slice where they are, GlobalWindowAggregate
 * merges the slices and fires.
 *
 * Flow:    exec-plan-builder → here → ExecPlan.
 * Which:   event-time windows of window functions, but sessions, over rows that only insert, whose aggregates can be merged and
 *          that are not distributed by the keys already. Not group windows (GROUP BY TUMBLE), nor with
 *          `table.optimizer.agg-phase-strategy` = ONE_PHASE.
 * Source:  Flink TwoStageOptimizedWindowAggregateRule, AggregateUtil.doAllSupportPartialMerge.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { ExecNode, WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { argumentFields } from "../../../foundation/plan/aggregate-phases.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import { describeNode } from "../explain/node-text.ts";
import { isOnePhase, type NodesById, splitNodes } from "./split-nodes.ts";

export function withWindowPhases(
  nodes: readonly ExecNode[],
  option: (key: string) => string | undefined,
): ExecNode[] {
  if (isOnePhase(option)) return [...nodes];
  return splitNodes(nodes, (node, { id, rows, byId }) => {
    if (node.type !== "WindowAggregate" || !hasPhases(node, rows)) return undefined;
    return isDistributed(node, rows, byId) ? undefined : split(node, rows, id);
  });
}

function hasPhases(node: WindowAggregateNode, rows: ExecNode): boolean {
  const { window, isGroupWindow, emit, aggregates } = node;
  if (window.time.attribute !== "ROWTIME" || window.kind === "SESSION") return false;
  if (isGroupWindow === true || emit !== undefined) return false;
  if (rows.changelogMode !== "insert-only") return false;
  return aggregates.every((call) => !call.retract && (isDistinctSet(call) || isMerged(call)));
}

/** The input comes from an aggregate by the same keys in the same order, so that its rows are where they are wanted. */
function isDistributed(node: WindowAggregateNode, rows: ExecNode, byId: NodesById): boolean {
  let keys = node.grouping;
  let at: ExecNode | undefined = rows;
  while (at?.type === "Calc") {
    const { projection } = at;
    const fields = keys.map((key) => projection[key]!);
    if (!fields.every((field) => field.kind === "input")) return false;
    keys = fields.map((field) => (field.kind === "input" ? field.index : -1));
    at = byId.get(at.inputs[0]!.node);
  }
  if (at?.type !== "WindowAggregate" && at?.type !== "GroupAggregate") return false;
  return keys.length === at.grouping.length && keys.every((key, i) => key === i);
}

const MERGED = new Set([
  "COUNT",
  "SUM",
  "SUM0",
  "$SUM0",
  "AVG",
  "MIN",
  "MAX",
  "LISTAGG",
  "COLLECT",
  "ARRAY_AGG",
  "ARRAY_AGG_IGNORE_NULLS",
  "PERCENTILE",
  "$WELFORD_M2$1",
]);
const MERGED_FAMILIES = /^(JSON_OBJECTAGG|JSON_ARRAYAGG|BITMAP_(AND|OR|XOR|BUILD))_/;

/** Functions that have merge(): of Flink's not FIRST_VALUE and LAST_VALUE. */
function isMerged({ function: name }: AggregateCall): boolean {
  const own = parseReference(name);
  if (own !== undefined) return own.merges === true;
  return MERGED.has(name) || MERGED_FAMILIES.test(name);
}

/** Its values are sent once each: the second half folds them, whatever the aggregate is. */
function isDistinctSet({ distinct, function: name }: AggregateCall): boolean {
  return distinct && name !== "MIN" && name !== "MAX";
}

/** The two halves, numbered from `id` on. */
function split(node: WindowAggregateNode, rows: ExecNode, id: number): WindowAggregateNode[] {
  const { attached, window } = node;
  const keys = node.grouping.map((_, index) => index);
  const [edge] = node.inputs as [WindowAggregateNode["inputs"][0]];
  const { fields } = rows.output;
  const bounds: RowField[] =
    attached === undefined
      ? [{ name: "$slice_end", type: types.bigint(false) }]
      : [fields[attached.start]!, fields[attached.end]!];
  const args = argumentFields(node);
  const behind = keys.length + bounds.length;
  const local: WindowAggregateNode = {
    ...node,
    id,
    uid: `${node.uid}-local`,
    inputs: [{ node: edge.node, distribution: { kind: "forward" } }],
    output: {
      fields: [
        ...node.grouping.map((field) => fields[field]!),
        ...bounds,
        { name: "accumulators", type: types.bytes(false) },
        ...args.map((field) => fields[field]!),
      ],
    },
    upsertKeys: [],
    isLocal: true,
  };
  const place = (field: number): number => {
    const key = node.grouping.indexOf(field);
    return key < 0 ? behind + 1 + args.indexOf(field) : key;
  };
  const { distribution } = edge;
  const global: WindowAggregateNode = {
    ...node,
    id: id + 1,
    inputs: [
      {
        node: id,
        distribution: distribution.kind === "hash" ? { kind: "hash", keys } : distribution,
      },
    ],
    grouping: keys,
    aggregates: node.aggregates.map((call) => ({
      ...call,
      args: call.args.map(place),
      filter: call.filter < 0 ? -1 : place(call.filter),
    })),
    window: { ...window, time: { ...window.time, index: behind - 1 } },
    ...(attached === undefined ? {} : { attached: { start: keys.length, end: keys.length + 1 } }),
    accumulators: behind,
  };
  return [
    { ...local, description: describeNode(local, [rows.output], local.output) },
    { ...global, description: describeNode(global, [local.output], global.output) },
  ];
}
