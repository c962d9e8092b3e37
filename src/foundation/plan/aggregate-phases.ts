/**
 * Aggregates of streams in two phases: a local half that folds rows where they are, the exchange, a global half that merges. The
 * global half has the state, and the uid, of the aggregate in one phase, so that either goes on from the other's snapshots.
 *
 * Flow:    language/sql/exec splits; runtime/savepoint describes state by the one phase, runtime/graph runs it where nothing is
 *          moved.
 */
import type { ExecNode, GroupAggregateNode, WindowAggregateNode } from "./exec-node.ts";

type AggregateNode = GroupAggregateNode | WindowAggregateNode;

/** The plan with the chosen aggregates in one phase. Ids stay, so that those of local halves are missing. */
export function inOnePhase(
  nodes: readonly ExecNode[],
  isChosen: (half: AggregateNode) => boolean,
): readonly ExecNode[] {
  const locals = new Map<number, AggregateNode>();
  for (const node of nodes)
    if (isAggregate(node) && node.isLocal === true && isChosen(node)) locals.set(node.id, node);
  if (locals.size === 0) return nodes;
  return nodes.flatMap((node): ExecNode[] => {
    if (locals.has(node.id)) return [];
    const local = locals.get(node.inputs[0]?.node ?? -1);
    return local === undefined || !isAggregate(node) ? [node] : [whole(local, node)];
  });
}

function isAggregate(node: ExecNode): node is AggregateNode {
  return node.type === "GroupAggregate" || node.type === "WindowAggregate";
}

/** The local half knows how the input is read, the global one what is made of it. */
function whole(local: AggregateNode, global: AggregateNode): ExecNode {
  const [{ node }] = local.inputs as readonly [AggregateNode["inputs"][0]];
  const { distribution } = global.inputs[0]!;
  const { grouping } = local;
  const keyed =
    distribution.kind === "hash" ? { kind: "hash" as const, keys: grouping } : distribution;
  const inputs = [{ node, distribution: keyed }];
  const { mergedRows: _rows, ...rest } = global;
  if (rest.type === "GroupAggregate") {
    const { foldsMiniBatches: _folds, ...whole } = rest;
    return { ...whole, grouping, inputs };
  }
  const { attached: _attached, ...whole } = rest;
  if (local.type !== "WindowAggregate") return { ...whole, grouping, inputs };
  const { window, attached } = local;
  return { ...whole, grouping, inputs, window, ...(attached === undefined ? {} : { attached }) };
}
