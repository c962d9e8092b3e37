/**
 * Estimates of every node of a physical plan, and the note of them that joins carry: which side is smaller decides at run time
 * on which side a hash table is built.
 *
 * Flow:    exec-plan-builder (batch) → **here** → Join.estimates; EXPLAIN ESTIMATED_COST.
 */
import type { ExecNode, InputEstimate, TableSpec } from "../../../foundation/plan/exec-node.ts";
import {
  type ColumnEstimate,
  type RelEstimate,
  appended,
  estimateAggregate,
  estimateExpansion,
  estimateFilter,
  estimateJoin,
  estimateProject,
  estimateRank,
  estimateTable,
  estimateUnion,
  rowBytes,
  typeWidth,
  unknownRel,
  withRows,
} from "./estimates.ts";
import type { StatisticsLookup } from "./table-statistics.ts";

/** By node id; nodes are in the order of a plan. */
export function planEstimates(
  nodes: readonly ExecNode[],
  statistics: StatisticsLookup,
): ReadonlyMap<number, RelEstimate> {
  const estimates = new Map<number, RelEstimate>();
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => estimates.get(input.node)!);
    estimates.set(node.id, estimateNode(node, inputs, statistics));
  }
  return estimates;
}

/** The nodes, joins with what is expected of their inputs. */
export function withEstimates(
  nodes: readonly ExecNode[],
  statistics: StatisticsLookup,
): readonly ExecNode[] {
  if (!nodes.some(({ type }) => type === "Join")) return nodes;
  const estimates = planEstimates(nodes, statistics);
  const of = (node: ExecNode, i: number): InputEstimate => {
    const estimate = estimates.get(node.inputs[i]!.node)!;
    return { rows: Math.ceil(estimate.rows), rowBytes: Math.ceil(rowBytes(estimate)) };
  };
  return nodes.map((node) =>
    node.type === "Join" ? { ...node, estimates: { left: of(node, 0), right: of(node, 1) } } : node,
  );
}

function estimateNode(
  node: ExecNode,
  inputs: readonly RelEstimate[],
  statistics: StatisticsLookup,
): RelEstimate {
  const [input = { rows: 0, columns: [] }, other] = inputs;
  switch (node.type) {
    case "TableSourceScan":
      return estimateScan(node, statistics);
    case "Values":
      return unknownRel(node.output, node.rows.length);
    case "Calc": {
      const kept = node.condition === undefined ? input : estimateFilter(input, node.condition);
      return estimateProject(kept, node.projection);
    }
    case "GroupAggregate":
    case "WindowAggregate": {
      const others = node.output.fields.slice(node.grouping.length).map(({ type }) => type);
      return estimateAggregate(input, node.grouping, others);
    }
    case "Join": {
      const { joinType, leftKeys, rightKeys, condition } = node;
      return estimateJoin(input, other!, { type: joinType, leftKeys, rightKeys, condition });
    }
    case "MultiJoin":
      return inputs.slice(1).reduce(
        (joined, each, i) =>
          estimateJoin(joined, each, {
            type: node.joinTypes[i]!,
            leftKeys: node.keys[0]!,
            rightKeys: node.keys[i + 1]!,
            condition: undefined,
          }),
        input,
      );
    case "WindowJoin":
    case "IntervalJoin": {
      const { joinType, leftKeys, rightKeys, condition } = node;
      return estimateJoin(input, other!, { type: joinType, leftKeys, rightKeys, condition });
    }
    case "Rank":
      return appended(estimateRank(input, node.partitionKeys, rankRows(node)), node.output);
    case "WindowRank":
      return appended(estimateRank(input, node.partitionKeys, rankRows(node)), node.output);
    case "Deduplicate":
    case "WindowDeduplicate":
      return estimateRank(input, node.keys, 1);
    case "SortLimit":
    case "Limit":
      return withRows(input, limited(input.rows, node.offset, node.limit));
    case "Union":
      return estimateUnion(inputs);
    case "Expand":
      return unknownRel(node.output, input.rows * node.projections.length);
    case "ProcessTableFunction":
      return unknownRel(
        node.output,
        inputs.reduce((sum, { rows }) => sum + rows, 0),
      );
    case "VectorSearchTableFunction":
      return appended(estimateExpansion(input, node.topK), node.output);
    case "Match":
      return unknownRel(node.output, input.rows);
    case "LocalRuntimeFilterBuilder":
    case "GlobalRuntimeFilterBuilder":
      return unknownRel(node.output, 1);
    case "RuntimeFilter":
      return withRows(other!, other!.rows * (1 - node.estimatedFilterRatio));
    default:
      return appended(input, node.output);
  }
}

const rankRows = ({
  rankStart,
  rankEnd,
}: {
  readonly rankStart: number;
  readonly rankEnd: number;
}) => rankEnd - rankStart + 1;

function limited(rows: number, offset: number, limit: number): number {
  const left = Math.max(0, rows - offset);
  return limit < 0 ? left : Math.min(left, limit);
}

function estimateScan(
  node: Extract<ExecNode, { type: "TableSourceScan" }>,
  statistics: StatisticsLookup,
): RelEstimate {
  const whole = estimateSpec(node.table, statistics);
  const columns = node.projection.map((path, i): ColumnEstimate => {
    const known = path.length === 1 ? whole.columns[path[0]!] : undefined;
    return known ?? { width: typeWidth(node.output.fields[i]!.type), base: whole.rows };
  });
  // The Calc behind the scan has the scan's filter too: it is counted there.
  const rows = node.limit === undefined ? whole.rows : Math.min(node.limit, whole.rows);
  return withRows({ rows, columns }, rows);
}

function estimateSpec(table: TableSpec, statistics: StatisticsLookup): RelEstimate {
  return estimateTable(table.schema, statistics(table), table.primaryKey);
}
