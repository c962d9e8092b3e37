/**
 * withoutReuse: a physical plan whose readers have inputs of their own, where the session wants that.
 *
 *   table.optimizer.reuse-sub-plan-enabled = false   every reader of a node gets its own copy of all below it
 *   table.optimizer.reuse-source-enabled   = false   every reader of a source reads it by itself
 *
 * Flow:    PhysicalPlanner, which makes equal nodes one → here → buildExecPlan, EXPLAIN.
 * Limits:  MAX_NODES, since copies of copies grow with every level.
 * Source:  Flink SubplanReuser; there too a source is not reused where sub-plans are not.
 */
import { validateErrors } from "../errors.ts";
import type { PhysNode } from "./phys-node.ts";

const MAX_NODES = 100_000;
/** What reads a source: in Flink the watermark is part of the scan. */
const SOURCE: ReadonlySet<PhysNode["spec"]["type"]> = new Set([
  "TableSourceScan",
  "WatermarkAssigner",
]);

export function withoutReuse(
  roots: readonly PhysNode[],
  option: (key: string) => string | undefined,
): readonly PhysNode[] {
  const isOff = (key: string) => option(`table.optimizer.${key}`)?.trim().toLowerCase() === "false";
  const all = isOff("reuse-sub-plan-enabled");
  if (!all && !isOff("reuse-source-enabled")) return roots;
  const copies = new Map<PhysNode, PhysNode>();
  let made = 0;
  const copy = (node: PhysNode): PhysNode => {
    const known = copies.get(node);
    const isShared = !all && !SOURCE.has(node.spec.type);
    if (known !== undefined && isShared) return known;
    if (++made > MAX_NODES)
      throw validateErrors.TOO_LARGE({ what: `it has more than ${MAX_NODES} operators` });
    const inputs = node.inputs.map((edge) => ({ ...edge, node: copy(edge.node) }));
    const own = { ...node, inputs };
    copies.set(node, own);
    return own;
  };
  return roots.map(copy);
}
