/**
 * EXPLAIN ESTIMATED_COST: rows and cumulative cost of every node, in Flink's form. Tables have no statistics here, so the figures
 * come from defaults alone: they tell which part of a plan is heavy, not how long it takes.
 *
 * Rules:   an unknown table has 1.0E8 rows; `=` keeps 15 % of them, a comparison half, IS NOT NULL 90 %, other conditions 25 %;
 *          grouping and ranking keep a tenth; an equi-join gives as many rows as its larger side.
 * Units:   rows, cpu and memory as Flink's FlinkCost (one unit a row or a computed value), io and network in bytes.
 * Source:  Flink RelMdSelectivity, FlinkRelMdSize for the widths of types, FlinkCost.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";

const UNKNOWN_ROWS = 1e8;
const KEPT_BY_GROUPING = 0.1;

export interface NodeCost {
  readonly rowCount: number;
  readonly rows: number;
  readonly cpu: number;
  readonly io: number;
  readonly network: number;
  readonly memory: number;
}

/** By node id, cumulative. */
export function estimatedCosts(plan: ExecPlan): ReadonlyMap<number, NodeCost> {
  const costs = new Map<number, NodeCost>();
  for (const node of plan.nodes) {
    const inputs = node.inputs.map((input) => costs.get(input.node)!);
    const own = ownCost(node, inputs, plan);
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
  plan: ExecPlan,
): { -readonly [K in keyof NodeCost]: number } {
  const read = inputs.reduce((sum, input) => sum + input.rowCount, 0);
  const rowCount = rowsOf(node, inputs);
  const network = node.inputs.reduce((sum, { node: id, distribution }, i) => {
    const width = rowWidth(plan.nodes[id - 1]!);
    return distribution.kind === "forward" ? sum : sum + inputs[i]!.rowCount * width;
  }, 0);
  const state = node.stateTtlMs !== undefined || KEEPING.has(node.type);
  const isScan = node.type === "TableSourceScan";
  const rows = isScan ? rowCount : Math.max(read, node.type === "Values" ? rowCount : 0);
  return {
    rowCount,
    rows,
    cpu: rows * workOf(node),
    io: isScan ? rowCount * rowWidth(node) : 0,
    network,
    memory: state ? rowCount * rowWidth(node) : 0,
  };
}

const KEEPING: ReadonlySet<ExecNode["type"]> = new Set<ExecNode["type"]>([
  "GroupAggregate",
  "Join",
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

function rowsOf(node: ExecNode, inputs: readonly NodeCost[]): number {
  const [left = 0, right = 0] = inputs.map((input) => input.rowCount);
  switch (node.type) {
    case "TableSourceScan":
      return node.limit === undefined ? UNKNOWN_ROWS : Math.min(UNKNOWN_ROWS, node.limit);
    case "Values":
      return node.rows.length;
    case "Calc":
      return node.condition === undefined ? left : left * selectivity(node.condition);
    case "GroupAggregate":
      return node.grouping.length === 0 ? 1 : Math.max(1, left * KEPT_BY_GROUPING);
    case "WindowAggregate":
    case "Rank":
    case "Deduplicate":
      return Math.max(1, left * KEPT_BY_GROUPING);
    case "SortLimit":
    case "Limit":
      return node.limit < 0 ? left : Math.min(node.limit, left);
    case "Union":
      return inputs.reduce((sum, input) => sum + input.rowCount, 0);
    case "Join": {
      if (node.joinType === "SEMI" || node.joinType === "ANTI") return left / 2;
      const joined = node.leftKeys.length === 0 ? left * right : Math.max(left, right);
      return joined * (node.condition === undefined ? 1 : selectivity(node.condition));
    }
    default:
      return left;
  }
}

/** The share of rows that pass. */
function selectivity(condition: Expression): number {
  if (condition.kind !== "call") return condition.kind === "literal" ? 1 : 0.25;
  const parts = condition.args.map(selectivity);
  switch (condition.function) {
    case "AND":
      return parts.reduce((product, part) => product * part, 1);
    case "OR":
      return 1 - parts.reduce((product, part) => product * (1 - part), 1);
    case "NOT":
      return 1 - (parts[0] ?? 0);
    case "EQUALS":
      return 0.15;
    case "IS_NOT_NULL":
      return 0.9;
    default:
      return /THAN/.test(condition.function) ? 0.5 : 0.25;
  }
}

const WIDTHS: Readonly<Partial<Record<LogicalType["kind"], number>>> = {
  BOOLEAN: 1,
  TINYINT: 1,
  SMALLINT: 2,
  INTEGER: 4,
  FLOAT: 4,
  DATE: 4,
  BIGINT: 8,
  DOUBLE: 8,
};
/** Of a type without a fixed width. */
const OTHER_WIDTH = 12;

function rowWidth(node: ExecNode): number {
  return node.output.fields.reduce((sum, { type }) => sum + (WIDTHS[type.kind] ?? OTHER_WIDTH), 0);
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
