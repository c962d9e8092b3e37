/**
 * EXPLAIN ESTIMATED_COST: rows and cumulative cost of every node, in Flink's form. Rows come from the statistics of tables where
 * they are known (ANALYZE TABLE, sizes of files), from conventional shares elsewhere: statistics/estimates.ts.
 *
 * Units:   rows, cpu and memory as Flink's FlinkCost (one unit a row or a computed value), io and network in bytes.
 * Source:  Flink FlinkCost.
 */
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { type RelEstimate, rowBytes } from "../statistics/estimates.ts";
import { planEstimates } from "../statistics/plan-estimates.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";

export interface NodeCost {
  readonly rowCount: number;
  readonly rows: number;
  readonly cpu: number;
  readonly io: number;
  readonly network: number;
  readonly memory: number;
}

/** By node id, cumulative. */
export function estimatedCosts(
  plan: ExecPlan,
  statistics: StatisticsLookup,
): ReadonlyMap<number, NodeCost> {
  const estimates = planEstimates(plan.nodes, statistics);
  const costs = new Map<number, NodeCost>();
  for (const node of plan.nodes) {
    const inputs = node.inputs.map((input) => costs.get(input.node)!);
    const own = ownCost(node, inputs, estimates);
    const total = { ...own };
    for (const input of inputs) {
      total.rows += input.rows;
      total.cpu += input.cpu;
      total.io += input.io;
      total.network += input.network;
      total.memory += input.memory;
    }
    costs.set(node.id, total);
  }
  return costs;
}

/** `: rowcount = 1.0E8, cumulative cost = {1.0E8 rows, …}`. */
export function costText({ rowCount, rows, cpu, io, network, memory }: NodeCost): string {
  const cost = [
    `${javaDouble(rows)} rows`,
    `${javaDouble(cpu)} cpu`,
    `${javaDouble(io)} io`,
    `${javaDouble(network)} network`,
    `${javaDouble(memory)} memory`,
  ];
  return `: rowcount = ${javaDouble(rowCount)}, cumulative cost = {${cost.join(", ")}}`;
}

function ownCost(
  node: ExecNode,
  inputs: readonly NodeCost[],
  estimates: ReadonlyMap<number, RelEstimate>,
): { -readonly [K in keyof NodeCost]: number } {
  const read = inputs.reduce((sum, input) => sum + input.rowCount, 0);
  const estimate = estimates.get(node.id)!;
  const rowCount = estimate.rows;
  const network = node.inputs.reduce((sum, { node: id, distribution }) => {
    const input = estimates.get(id)!;
    return distribution.kind === "forward" ? sum : sum + input.rows * rowBytes(input);
  }, 0);
  const state = node.stateTtlMs !== undefined || KEEPING.has(node.type);
  const isScan = node.type === "TableSourceScan";
  const rows = isScan ? rowCount : Math.max(read, node.type === "Values" ? rowCount : 0);
  return {
    rowCount,
    rows,
    cpu: rows * workOf(node),
    io: isScan ? rowCount * rowBytes(estimate) : 0,
    network,
    memory: state ? rowCount * rowBytes(estimate) : 0,
  };
}

const KEEPING: ReadonlySet<ExecNode["type"]> = new Set<ExecNode["type"]>([
  "GroupAggregate",
  "Join",
  "MultiJoin",
  "Rank",
  "Deduplicate",
  "WindowAggregate",
]);

/** Values computed for a row; a column that only passes costs nothing. */
function workOf(node: ExecNode): number {
  if (node.type !== "Calc") return 1;
  const computed = node.projection.filter((expression) => expression.kind !== "input").length;
  return computed + (node.condition === undefined ? 0 : 1);
}

/** As Java prints a double: 1.0E8, 12.5, 0.0. */
function javaDouble(value: number): string {
  if (value === 0) return "0.0";
  const exponent = Math.floor(Math.log10(value));
  const plain = exponent >= -3 && exponent < 7;
  const mantissa = plain ? value : value / 10 ** exponent;
  const digits = String(Number(mantissa.toPrecision(15)));
  const text = digits.includes(".") ? digits : `${digits}.0`;
  return plain ? text : `${text}E${exponent}`;
}
