/**
 * splitNodes: a plan in which some nodes become two phases, and the numbers of the nodes behind them move on.
 *
 * Flow:    local-aggregates.ts, group-phases.ts, window-phases.ts → here → ExecPlan.
 * Source:  Flink table.optimizer.agg-phase-strategy.
 */
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";

export type NodesById = ReadonlyMap<number, ExecNode>;

/** `table.optimizer.agg-phase-strategy` = ONE_PHASE leaves aggregates whole. */
export function isOnePhase(option: (key: string) => string | undefined): boolean {
  return option("table.optimizer.agg-phase-strategy")?.toUpperCase() === "ONE_PHASE";
}

/**
 * `split` gives what a node becomes, numbered from `id` on, the last of them in its place; undefined leaves it. `node` has its
 * inputs by their new numbers; `rows` (the first input) and `byId` are the nodes as they were.
 */
export function splitNodes(
  nodes: readonly ExecNode[],
  split: (
    node: ExecNode,
    at: { readonly id: number; readonly rows: ExecNode; readonly byId: NodesById },
  ) => readonly ExecNode[] | undefined,
): ExecNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  // Nodes are numbered by their place: those behind a new one move on.
  const moved = new Map<number, number>();
  const out: ExecNode[] = [];
  for (const original of nodes) {
    const inputs = original.inputs.map((edge) => ({ ...edge, node: moved.get(edge.node)! }));
    const rows = byId.get(original.inputs[0]?.node ?? -1);
    const id = out.length + 1;
    const node = { ...original, inputs };
    const halves = rows === undefined ? undefined : split(node, { id, rows, byId });
    out.push(...(halves ?? [{ ...node, id }]));
    moved.set(original.id, out.length);
  }
  return out;
}
