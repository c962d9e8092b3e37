/**
 * Aggregates of batch mode: over hash tables, or over sorted rows; in one phase or two (local-aggregates.ts).
 *
 * Flow:    exec-plan-builder → here → ExecPlan.
 * Sorted:  over rows that come with those of a key one behind the other: from a sort-merge join by the same keys, which needs no
 *          exchange then, or from ORDER BY of the same fields. With HashAgg among `table.exec.disabled-operators` all others
 *          get a Sort in front, each half its own. With SortAgg there none is sorted.
 * Errors:  MR2139 for keys without an order, where hash aggregates are disabled.
 * Source:  Flink BatchPhysicalHashAggRule, BatchPhysicalSortAggRule; its cost model also takes sorted aggregates where
 *          accumulators have no fixed size.
 */
import { physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type {
  ExecNode,
  GroupAggregateNode,
  JoinNode,
  SortLimitNode,
} from "../../../foundation/plan/exec-node.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import { describeNode } from "../explain/node-text.ts";
import { disabledOperators } from "./hash-join.ts";
import { withLocalAggregates } from "./local-aggregates.ts";
import { type NodesById, splitNodes } from "./split-nodes.ts";

type Option = (key: string) => string | undefined;

export function withBatchAggregates(nodes: readonly ExecNode[], option: Option): ExecNode[] {
  const disabled = disabledOperators(option);
  const sorted = disabled.has("SortAgg") ? nodes : withSortedInputs(nodes);
  const phased = withLocalAggregates(sorted, option);
  if (disabled.has("HashAgg")) return withSorts(phased);
  const byId = new Map(phased.map((node) => [node.id, node]));
  return phased.map((node) =>
    isChoice(node) ? described(node, false, byId.get(node.inputs[0]!.node)!.output) : node,
  );
}

/** Aggregates that are of one kind or the other, but are of none yet. Those of changes have a table of their own. */
function isChoice(node: ExecNode): node is GroupAggregateNode {
  return (
    node.type === "GroupAggregate" &&
    node.sorted === undefined &&
    node.foldsMiniBatches !== true &&
    node.changelogMode === "insert-only"
  );
}

function described(node: GroupAggregateNode, sorted: boolean, input: Schema): GroupAggregateNode {
  const made = { ...node, sorted };
  return { ...made, description: describeNode(made, [input], made.output) };
}

function withSortedInputs(nodes: readonly ExecNode[]): ExecNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return nodes.map((node) => {
    if (!isChoice(node) || node.grouping.length === 0) return node;
    const order = orderBelow(node, byId);
    if (order === undefined) return node;
    const inputs =
      order === "kept"
        ? node.inputs
        : [{ node: node.inputs[0]!.node, distribution: { kind: "forward" } as const }];
    return described({ ...node, inputs }, true, byId.get(inputs[0]!.node)!.output);
  });
}

/**
 * How rows of a key come one behind the other: they do so in each subtask below ("placed"), or in the only one there is, from
 * which an exchange keeps it so ("kept").
 */
function orderBelow(node: GroupAggregateNode, byId: NodesById): "placed" | "kept" | undefined {
  let fields: readonly number[] = node.grouping;
  let below = byId.get(node.inputs[0]!.node)!;
  while (below.type === "Calc") {
    const { projection, inputs } = below;
    const inner = fields.map((field) => projection[field]!);
    if (!inner.every((one) => one.kind === "input") || inputs[0]!.distribution.kind !== "forward")
      return undefined;
    fields = inner.map(({ index }) => index);
    below = byId.get(inputs[0]!.node)!;
  }
  if (below.type === "Join") return isGroupedByKeys(below, fields, byId) ? "placed" : undefined;
  if (below.type !== "SortLimit" || below.inputs[0]!.distribution.kind !== "singleton")
    return undefined;
  const wanted = new Set(fields);
  const first = below.sort.slice(0, wanted.size);
  return first.length === wanted.size && first.every(({ index }) => wanted.has(index))
    ? "kept"
    : undefined;
}

/**
 * Whether these fields of a sort-merge join are its keys, in their order: by others rows would be of key groups that their
 * subtask does not own. Outer joins emit rows without a match at other times.
 */
function isGroupedByKeys(join: JoinNode, fields: readonly number[], byId: NodesById): boolean {
  if (join.merges !== true || join.joinType !== "INNER") return false;
  const width = byId.get(join.inputs[0]!.node)!.output.fields.length;
  const keyOf = (field: number) =>
    field < width ? join.leftKeys.indexOf(field) : join.rightKeys.indexOf(field - width);
  return fields.length === join.leftKeys.length && fields.every((field, i) => keyOf(field) === i);
}

/** All aggregates with a Sort in front. */
function withSorts(nodes: readonly ExecNode[]): ExecNode[] {
  return splitNodes(nodes, (node, { id, rows }) => {
    if (!isChoice(node)) return undefined;
    if (node.grouping.length === 0) return [{ ...described(node, true, rows.output), id }];
    const sort = sortOf(node, rows, id);
    const inputs = [{ node: id, distribution: { kind: "forward" } as const }];
    return [sort, { ...described({ ...node, inputs }, true, rows.output), id: id + 1 }];
  });
}

function sortOf(node: GroupAggregateNode, rows: ExecNode, id: number): SortLimitNode {
  const { output } = rows;
  const sort = node.grouping.map((index): SortField => {
    const physical = physicalOf(output.fields[index]!.type);
    const text = ["CHAR", "VARCHAR", "BINARY", "VARBINARY"].includes(
      output.fields[index]!.type.kind,
    );
    if (physical === "row" || (physical === "view" && !text))
      throw validateErrors.OPTION_REFUSED({
        key: "table.exec.disabled-operators",
        value: "HashAgg",
        reason: `the field ${output.fields[index]!.name} is grouped by and has no order`,
        remedy: "Take HashAgg out of the list.",
      });
    return { index, descending: false, nullsFirst: true };
  });
  const made: SortLimitNode = {
    type: "SortLimit",
    id,
    uid: `${node.uid}-sort`,
    inputs: node.inputs,
    output,
    changelogMode: "insert-only",
    upsertKeys: rows.upsertKeys,
    description: "",
    sort,
    offset: 0,
    limit: -1,
    generateUpdateBefore: false,
    retract: false,
  };
  return { ...made, description: describeNode(made, [output], output) };
}
