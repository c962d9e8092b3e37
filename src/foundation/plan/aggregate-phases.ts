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
  if (global.type === "GroupAggregate") {
    const { mergedRows: _rows, foldsMiniBatches: _folds, ...whole } = global;
    return { ...whole, grouping, inputs };
  }
  const { isLocal: _isLocal, ...own } = local as WindowAggregateNode;
  const { id, uid, output, description, upsertKeys } = global;
  return { ...own, id, uid, inputs, output, description, upsertKeys };
}

/** The fields that aggregates refer to, but those of the grouping. */
export function argumentFields(node: Pick<AggregateNode, "grouping" | "aggregates">): number[] {
  const used = node.aggregates.flatMap(({ args, filter }) => [...args, filter]);
  return [...new Set(used)].filter((field) => field >= 0 && !node.grouping.includes(field));
}
