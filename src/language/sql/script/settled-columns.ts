/**
 * Which columns of each operator must come again as they were given when a row is taken back.
 *
 * Rules:   a sink that upserts by a key needs the key; other sinks, and operators with state, need whole rows; what passes rows
 *          on needs what its readers need of it, and what it filters, asks and sends rows by.
 * Source:  Flink StreamNonDeterministicUpdatePlanVisitor, which lets conditions and exchanges out.
 */
import type { ExecNode, ExecPlan, SinkNode } from "../../../foundation/plan/exec-node.ts";
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";

/** By the operator's id: fields of its output. */
export function settledColumns({ nodes }: ExecPlan): ReadonlyMap<number, ReadonlySet<number>> {
  const settled = new Map<number, Set<number>>(nodes.map(({ id }) => [id, new Set()]));
  for (const node of nodes.toReversed()) {
    const own = settled.get(node.id)!;
    for (const { node: id, distribution } of node.inputs) {
      const input = nodes[id - 1]!;
      const keys = distribution.kind === "hash" ? distribution.keys : [];
      const needed = neededOf(node, own, input.output.fields.length) ?? all(input);
      for (const field of [...needed, ...keys]) settled.get(id)!.add(field);
    }
  }
  return settled;
}

const all = (node: ExecNode): number[] => node.output.fields.map((_, i) => i);

/** Fields of an input of `width` fields; undefined: all. */
function neededOf(
  node: ExecNode,
  own: ReadonlySet<number>,
  width: number,
): readonly number[] | undefined {
  switch (node.type) {
    case "Sink":
      return keyOf(node);
    case "Calc":
      return refs([...own].map((i) => node.projection[i]!).concat(node.condition ?? []));
    case "Expand":
      return refs(node.projections.flatMap((copy) => [...own].map((i) => copy[i]!)));
    case "LookupJoin":
      return within(width, own, [
        ...refs(node.lookupKeys.map(({ value }) => value).concat(node.condition ?? [])),
        ...(node.keepBy ?? []),
      ]);
    case "AsyncCorrelate":
      return within(width, own, [
        ...refs(node.when === undefined ? node.args : [...node.args, node.when]),
        ...(node.keepBy ?? []),
      ]);
    case "Correlate":
      return within(width, own, refs([node.call].concat(node.condition ?? [])));
    case "DropUpdateBefore":
    case "Union":
      return [...own];
    case "WatermarkAssigner":
      return [...own, ...refs([node.watermark]), node.rowtime];
    default:
      return undefined;
  }
}

/** What rows are told apart by in the table, when that is all. */
function keyOf(sink: SinkNode): readonly number[] | undefined {
  return sink.upsertMaterialize || sink.upsertKey.length === 0 ? undefined : sink.upsertKey;
}

const refs = (list: readonly Expression[]): number[] => list.flatMap((e) => [...inputRefs(e)]);

function within(width: number, own: ReadonlySet<number>, others: readonly number[]): number[] {
  return [...own, ...others].filter((field) => field < width);
}
