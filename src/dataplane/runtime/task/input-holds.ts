/**
 * Input holds: which heads of a subtask are left unread because operators behind them do not want their rows yet: the probe
 * side of a hash join while its other side is read, or a source that is ahead of those that it is aligned with.
 *
 * Flow:    subtask asks before each look at a head. In streams for operators alone that wait for answers from outside, which
 *          come by themselves.
 * Rule:    a join's side is held only when no node from which it comes has two readers. Then a node with two readers is never
 *          kept waiting by a hold, and nobody can wait in a circle; sides that cannot be held come early and are kept.
 */
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { ExchangeInput } from "../exchange/exchange-input.ts";
import type { TaskSpec } from "../graph/job-graph.ts";
import type { Chain } from "./chain.ts";

const never = () => false;

/** For sources, values and exchange inputs, in this order: whether the head is to be left alone now. */
export function inputHolds(
  plan: ExecPlan,
  task: TaskSpec,
  chain: Chain,
  inputs: readonly ExchangeInput[],
): (() => boolean)[] {
  const heads = [
    ...chain.sources.map(({ node }) => readersOf(task, node.id)),
    ...chain.values.map(() => []),
    ...inputs.map(({ edge }) => [{ node: edge.toNode, input: edge.toInput }]),
  ];
  const holdable = plan.mode === "batch" ? holdableInputs(plan) : new Set<string>();
  for (const { id, type } of plan.nodes)
    if (type === "AsyncCorrelate" || type === "LookupJoin") holdable.add(`${id}:0`);
  if (holdable.size === 0 && chain.aligned.size === 0) return heads.map(() => never);
  return heads.map((readers) => {
    const waits = reachable(task, readers)
      .filter(({ node, input }) => holdable.has(`${node}:${input}`))
      .map(({ node, input }) => {
        const runner = chain.runners.find((each) => each.node.id === node);
        return () => runner !== undefined && !runner.wants(input);
      });
    const aligned = reachable(task, readers).flatMap(({ node }) => chain.aligned.get(node) ?? []);
    waits.push(...aligned.map(({ holds }) => holds));
    return waits.length === 0 ? never : () => waits.some((wait) => wait());
  });
}

interface InputRef {
  readonly node: number;
  readonly input: number;
}

function readersOf({ nodes }: Pick<TaskSpec, "nodes">, id: number): InputRef[] {
  return nodes.flatMap((node) =>
    node.inputs.flatMap((each, input) => (each.node === id ? [{ node: node.id, input }] : [])),
  );
}

/** Inputs of nodes of the task that rows of a head come to. */
function reachable(task: TaskSpec, first: readonly InputRef[]): InputRef[] {
  const found = [...first];
  for (let i = 0; i < found.length; i++) found.push(...readersOf(task, found[i]!.node));
  return found;
}

/** "node:input" of the inputs all of whose sources have one reader. */
function holdableInputs(plan: ExecPlan): Set<string> {
  const nodes = new Map(plan.nodes.map((node) => [node.id, node]));
  const readers = new Map<number, number>();
  for (const { type, inputs } of plan.nodes) {
    // A builder of filters takes rows at any time, and nothing behind it is in front of its input: it keeps nobody waiting.
    if (type === "LocalRuntimeFilterBuilder") continue;
    for (const { node } of inputs) readers.set(node, (readers.get(node) ?? 0) + 1);
  }
  const single = new Map<number, boolean>();
  const isSingle = (node: ExecNode): boolean => {
    const known = single.get(node.id);
    if (known !== undefined) return known;
    const alone = (readers.get(node.id) ?? 0) <= 1;
    const result = alone && node.inputs.every((input) => isSingle(nodes.get(input.node)!));
    single.set(node.id, result);
    return result;
  };
  const holdable = new Set<string>();
  for (const node of plan.nodes)
    node.inputs.forEach((input, index) => {
      if (isSingle(nodes.get(input.node)!)) holdable.add(`${node.id}:${index}`);
    });
  return holdable;
}
