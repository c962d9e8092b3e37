/**
 * Group aggregates of streams in phases, with mini-batches: a local half folds rows where they are, a global one merges. Of an
 * aggregate that was split by DISTINCT values, the global half of the first step and the local one of the second become an
 * incremental aggregate.
 *
 * Flow:    exec-plan-builder → here → ExecPlan. What a local half sends: foundation/plan/value-sets.ts.
 * Which:   all whose aggregates can be merged, with and without DISTINCT, FILTER and rows that are taken back; not FIRST_VALUE
 *          and LAST_VALUE (as in Flink), functions of users without merge(), and of rows that are taken back not those that keep
 *          lists, nor functions of users.
 * Keys:    `table.optimizer.agg-phase-strategy` = ONE_PHASE leaves them whole; `table.optimizer.incremental-agg-enabled`.
 * Source:  Flink TwoStageOptimizedAggregateRule, IncrementalAggregateRule, AggregateUtil.doAllSupportPartialMerge.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecNode, GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { isDistinctCall, partFields, valueSets } from "../../../foundation/plan/value-sets.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import { describePhase, type PhaseFacts } from "../explain/phase-text.ts";
import { isOnePhase, splitNodes } from "./split-nodes.ts";

const COUNTING = ["COUNT", "SUM", "$SUM0", "SUM0", "AVG", "MIN", "MAX"];
/** Multisets of values: what is taken back counts down. */
const COUNTED = ["COLLECT", "PERCENTILE"];
const LISTED = ["LISTAGG", "ARRAY_AGG", "ARRAY_AGG_IGNORE_NULLS", "SINGLE_VALUE"];
const WELFORD = "$WELFORD_M2$1";
const MERGEABLE = new Set([...COUNTING, ...COUNTED, ...LISTED, WELFORD]);
const MERGEABLE_WITH_RETRACTION = new Set([...COUNTING, ...COUNTED]);
/** Each value of DISTINCT is folded in once, where its state is. */
const MERGEABLE_DISTINCT = new Set([...COUNTING, ...COUNTED, ...LISTED]);

const isBitmap = (name: string) => /^BITMAP_\w+_AGG$/.test(name);

export function withGroupPhases(
  nodes: readonly ExecNode[],
  option: (key: string) => string | undefined,
): ExecNode[] {
  if (isOnePhase(option)) return [...nodes];
  const halves = splitNodes(nodes, (node, { id, rows }) =>
    node.type === "GroupAggregate" && hasHalves(node, rows) ? halvesOf(node, rows, id) : undefined,
  );
  const incremental = option("table.optimizer.incremental-agg-enabled")?.toLowerCase() !== "false";
  return incremental ? withIncremental(halves) : halves;
}

function hasHalves({ aggregates }: GroupAggregateNode, rows: ExecNode): boolean {
  const retract = rows.changelogMode !== "insert-only";
  return aggregates.every((call) => isMergeable(call, retract));
}

function isMergeable(call: AggregateCall, retract: boolean): boolean {
  const { function: name } = call;
  const own = parseReference(name);
  if (own !== undefined) return own.merges === true && (isDistinctCall(call) || !retract);
  if (isDistinctCall(call)) return MERGEABLE_DISTINCT.has(name) || isBitmap(name);
  return (retract ? MERGEABLE_WITH_RETRACTION : MERGEABLE).has(name) || isBitmap(name);
}

/** Local and global, numbered from `id` on. */
function halvesOf(node: GroupAggregateNode, rows: ExecNode, id: number): GroupAggregateNode[] {
  const { grouping, aggregates } = node;
  const keys = grouping.map((_, index) => index);
  const [edge] = node.inputs as [GroupAggregateNode["inputs"][0]];
  const local: GroupAggregateNode = {
    ...node,
    foldsMiniBatches: true,
    id,
    uid: `${node.uid}-local`,
    inputs: [{ node: edge.node, distribution: { kind: "forward" } }],
    output: {
      fields: [
        ...grouping.map((field) => rows.output.fields[field]!),
        ...partFields(rows.output, valueSets(aggregates, retracts(node))),
      ],
    },
    upsertKeys: [],
    changelogMode: "insert-only",
    isLocal: true,
  };
  const global: GroupAggregateNode = {
    ...node,
    foldsMiniBatches: true,
    id: id + 1,
    inputs: [{ node: id, distribution: distributionBy(keys) }],
    grouping: keys,
    mergedRows: rows.output,
  };
  const facts = { retracts: rows.changelogMode !== "insert-only" };
  return [described(local, rows.output, facts), described(global, local.output, facts)];
}

const distributionBy = (keys: readonly number[]) =>
  keys.length === 0 ? ({ kind: "singleton" } as const) : ({ kind: "hash", keys } as const);

/** What EXPLAIN shows; a DISTINCT without aggregates does not say itself whether rows are taken back. */
function described(node: GroupAggregateNode, input: Schema, facts: PhaseFacts): GroupAggregateNode {
  return { ...node, description: describePhase(node, input, facts) };
}

interface Steps {
  readonly final: GroupAggregateNode;
  readonly local: GroupAggregateNode;
  readonly partial: GroupAggregateNode;
}

function withIncremental(nodes: readonly ExecNode[]): ExecNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const readers = (id: number) =>
    nodes.filter(({ inputs }) => inputs.some(({ node }) => node === id)).length;
  const steps = nodes.flatMap((node) => stepsOf(node, byId, readers));
  if (steps.length === 0) return [...nodes];
  const locals = new Set(steps.map(({ local }) => local.id));
  const made = new Map<number, GroupAggregateNode>(
    steps.flatMap((each) => {
      const incremental = incrementalOf(each);
      return [
        [each.partial.id, incremental],
        [each.final.id, finalOf(each, incremental)],
      ] as const;
    }),
  );
  const kept = nodes.filter(({ id }) => !locals.has(id)).map((node) => made.get(node.id) ?? node);
  const ids = new Map(kept.map(({ id }, i) => [id, i + 1]));
  return kept.map((node) => ({
    ...node,
    id: ids.get(node.id)!,
    inputs: node.inputs.map((edge) => ({ ...edge, node: ids.get(edge.node)! })),
  }));
}

/** The second step's two halves over the first step's global one, call by call. */
function stepsOf(
  final: ExecNode,
  byId: ReadonlyMap<number, ExecNode>,
  readers: (id: number) => number,
): Steps[] {
  const local = halfBelow(final, byId);
  const partial = local && halfBelow(local, byId);
  if (final.type !== "GroupAggregate" || final.mergedRows === undefined) return [];
  if (local?.isLocal !== true || local.partialFinal !== "FINAL") return [];
  if (partial?.mergedRows === undefined || partial.partialFinal !== "PARTIAL") return [];
  const first = partial.grouping.length;
  const isSame =
    local.aggregates.length === partial.aggregates.length &&
    local.aggregates.every(({ args, filter }, i) => args.join() === `${first + i}` && filter < 0) &&
    local.grouping.every((field) => field < first);
  const isAlone = readers(partial.id) === 1 && readers(local.id) === 1;
  return isSame && isAlone ? [{ final, local, partial }] : [];
}

function halfBelow(
  node: ExecNode,
  byId: ReadonlyMap<number, ExecNode>,
): GroupAggregateNode | undefined {
  const below = byId.get(node.inputs[0]?.node ?? -1);
  return below?.type === "GroupAggregate" && below.foldsMiniBatches === true ? below : undefined;
}

function incrementalOf({ local, partial }: Steps): GroupAggregateNode {
  const { aggregates, mergedRows } = partial;
  const sets = valueSets(aggregates, retracts(partial));
  const incremental: GroupAggregateNode = {
    ...partial,
    uid: `${partial.uid}-incremental`,
    output: {
      fields: [
        ...local.output.fields.slice(0, local.grouping.length),
        ...partFields(
          mergedRows!,
          sets.filter(({ kind }) => kind === "extremes"),
        ),
      ],
    },
    upsertKeys: [],
    changelogMode: "insert-only",
    incrementalGrouping: local.grouping,
  };
  return described(incremental, partial.output, {});
}

function finalOf({ final, partial }: Steps, incremental: GroupAggregateNode): GroupAggregateNode {
  const keys = final.grouping;
  const aggregates = partial.aggregates.map((call, i) => {
    const { name, type } = final.aggregates[i]!;
    return { ...call, name, type };
  });
  const resolved: GroupAggregateNode = {
    ...final,
    uid: `${final.uid}-incremental`,
    inputs: [{ node: incremental.id, distribution: distributionBy(keys) }],
    aggregates,
    mergedRows: partial.mergedRows!,
    finalFunctions: final.aggregates.map((call) => call.function),
  };
  return described(resolved, incremental.output, {});
}

const retracts = ({ aggregates }: GroupAggregateNode) => aggregates.some(({ retract }) => retract);
