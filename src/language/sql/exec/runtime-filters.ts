/**
 * Runtime filters of batch mode: what a join's build side has as keys is told to the probe side, as far down as the keys can be
 * followed, so that rows without a match fall out before exchanges, joins and aggregates.
 *
 * Flow:    exec-plan-builder, behind hash-join.ts → here → ExecPlan: LocalRuntimeFilterBuilder → GlobalRuntimeFilterBuilder →
 *          RuntimeFilter, in front of the probe side's nodes.
 * Which:   INNER and SEMI joins, LEFT and RIGHT ones whose preserved side builds, by estimates: the build side has at most
 *          `table.optimizer.runtime-filter.max-build-data-size`, the probe side at least `…min-probe-data-size`, and of the
 *          probe side's keys `…min-filter-ratio` are not on the build side. The side that builds the join's table builds the
 *          filter: a join whose own estimate says otherwise has none. Off unless `….enabled`.
 * Where:   through Calc, Union, aggregates (by grouping fields) and joins (a side whose rows without a match do not appear), but
 *          not through what has several readers, nor where nothing would be saved: behind a scan that is probed where it is.
 * Errors:  MR2128 when the sizes of both sides could overlap.
 * Source:  Flink FlinkRuntimeFilterProgram.
 */
import { parseMemorySize } from "../../../foundation/base/memory-size.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type {
  Distribution,
  ExecInput,
  ExecNode,
  GroupAggregateNode,
  JoinNode,
} from "../../../foundation/plan/exec-node.ts";
import { validateErrors } from "../errors.ts";
import { describeNode } from "../explain/node-text.ts";
import { distinctRows, type RelEstimate, rowBytes } from "../statistics/estimates.ts";
import { planEstimates } from "../statistics/plan-estimates.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";

const KEYS = "table.optimizer.runtime-filter.";
const FORWARD: Distribution = { kind: "forward" };

const FILTER_ROW: Schema = {
  fields: [
    { name: "rows", type: types.bigint(false) },
    { name: "filter", type: types.bytes() },
  ],
};

interface Limits {
  readonly maxBuildBytes: number;
  readonly minProbeBytes: number;
  readonly minRatio: number;
}

type Option = (key: string) => string | undefined;

export function withRuntimeFilters(
  nodes: readonly ExecNode[],
  option: Option,
  statistics: StatisticsLookup,
): readonly ExecNode[] {
  if (option(`${KEYS}enabled`)?.trim().toLowerCase() !== "true") return nodes;
  const limits = limitsOf(option);
  if (limits.minProbeBytes <= limits.maxBuildBytes)
    throw validateErrors.STATEMENT_INVALID({
      message: "The min probe data size should be larger than the max build data size.",
      remedy: `Set '${KEYS}min-probe-data-size' above '${KEYS}max-build-data-size'.`,
    });
  const placer = new FilterPlacer(nodes, planEstimates(nodes, statistics), limits);
  for (const node of nodes) if (node.type === "Join") placer.tryJoin(node.id);
  return placer.nodes();
}

function limitsOf(option: Option): Limits {
  const size = (key: string, otherwise: string) =>
    parseMemorySize(option(`${KEYS}${key}`) ?? otherwise)!;
  return {
    maxBuildBytes: size("max-build-data-size", "150 mb"),
    minProbeBytes: size("min-probe-data-size", "10 gb"),
    minRatio: Number(option(`${KEYS}min-filter-ratio`) ?? "0.5"),
  };
}

/** The build side of a filter: its node, and the fields that are its keys. */
interface FilterSource {
  readonly node: ExecNode;
  readonly keys: readonly number[];
  readonly estimate: RelEstimate;
}

/** An edge of the plan: input `input` of node `reader`, and the fields of its rows by which they are filtered. */
interface Place {
  readonly reader: number;
  readonly input: number;
  readonly keys: readonly number[];
  /** There is an exchange, join or aggregate between here and the join. */
  readonly pays: boolean;
}

class FilterPlacer {
  readonly #nodes: Map<number, ExecNode>;
  readonly #order: readonly number[];
  readonly #estimates: ReadonlyMap<number, RelEstimate>;
  readonly #limits: Limits;
  readonly #readers = new Map<number, number>();
  /** Global builders by build node and keys: filters of one build side share one. */
  readonly #builders = new Map<string, number>();
  #lastId: number;

  constructor(
    nodes: readonly ExecNode[],
    estimates: ReadonlyMap<number, RelEstimate>,
    limits: Limits,
  ) {
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    this.#order = nodes.map(({ id }) => id);
    this.#estimates = estimates;
    this.#limits = limits;
    this.#lastId = Math.max(0, ...this.#order);
    for (const { inputs } of nodes)
      for (const { node } of inputs) this.#readers.set(node, (this.#readers.get(node) ?? 0) + 1);
  }

  tryJoin(id: number): void {
    const join = this.#nodes.get(id) as JoinNode;
    const build = filterSide(join);
    if (build === undefined) return;
    const [from, to] = build === "left" ? [0, 1] : [1, 0];
    const keysOf = [join.leftKeys, join.rightKeys];
    const [built, probed] = [join.inputs[from]!.node, join.inputs[to]!.node];
    // The inputs as they were planned: what filters in front of them drop does not count.
    const original = (node: number) => this.#estimates.get(node);
    const [estimate, probe] = [original(built), original(probed)];
    if (estimate === undefined || probe === undefined) return;
    const source = { node: this.#nodes.get(built)!, keys: keysOf[from]!, estimate };
    if (!this.#isWorthIt(source, probe, keysOf[to]!)) return;
    this.#descend(source, { reader: id, input: to, keys: keysOf[to]!, pays: false });
  }

  /** All nodes, inputs before readers, numbered by their place. */
  nodes(): readonly ExecNode[] {
    const places = new Map<number, number>();
    const out: ExecNode[] = [];
    const add = (id: number): void => {
      if (places.has(id)) return;
      const node = this.#nodes.get(id)!;
      for (const input of node.inputs) add(input.node);
      const inputs = node.inputs.map((each) => ({ ...each, node: places.get(each.node)! }));
      places.set(id, out.length + 1);
      out.push({ ...node, id: out.length + 1, inputs });
    };
    this.#order.forEach(add);
    return out;
  }

  #isWorthIt(source: FilterSource, probe: RelEstimate, keys: readonly number[]): boolean {
    const { maxBuildBytes, minProbeBytes, minRatio } = this.#limits;
    return (
      bytesOf(source.estimate) <= maxBuildBytes &&
      bytesOf(probe) >= minProbeBytes &&
      filterRatio(source, probe, keys) >= minRatio
    );
  }

  /** Follows the keys down, and puts a filter where they can be followed no further. */
  #descend(source: FilterSource, { reader, input, keys, pays }: Place): void {
    const edge = this.#nodes.get(reader)!.inputs[input]!;
    const node = this.#nodes.get(edge.node)!;
    if (node.type === "RuntimeFilter") return;
    const moved = edge.distribution.kind !== "forward";
    const first = this.#nodes.get(node.inputs[0]?.node ?? node.id)!;
    const below =
      this.#readers.get(node.id) === 1 && node.changelogMode === "insert-only"
        ? placesBelow(node, keys, first.output.fields.length)
        : [];
    if (below.length > 0)
      for (const place of below)
        this.#descend(source, { ...place, reader: node.id, pays: pays || moved || place.pays });
    else if (pays || moved) this.#insert(source, { reader, input, keys }, node);
  }

  #insert(
    source: FilterSource,
    { reader, input, keys }: Omit<Place, "pays">,
    probe: ExecNode,
  ): void {
    const estimate = this.#estimates.get(probe.id)!;
    const filter = this.#add(`${probe.uid}-runtime-filter-${this.#lastId}`, {
      type: "RuntimeFilter",
      keys,
      estimatedFilterRatio: filterRatio(source, estimate, keys),
      inputs: [
        { node: this.#builderOf(source), distribution: { kind: "broadcast" } },
        { node: probe.id, distribution: FORWARD },
      ],
      output: probe.output,
      upsertKeys: probe.upsertKeys,
    });
    const at = this.#nodes.get(reader)!;
    const inputs = at.inputs.map((each, i) => (i === input ? { ...each, node: filter } : each));
    this.#nodes.set(reader, { ...at, inputs });
  }

  #builderOf({ node, keys, estimate }: FilterSource): number {
    const name = `${node.id}:${keys.join()}`;
    const known = this.#builders.get(name);
    if (known !== undefined) return known;
    const size = {
      keys,
      keyNames: keys.map((key) => node.output.fields[key]!.name),
      estimatedRows: Math.ceil(estimate.rows),
      maxRows: Math.ceil(this.#limits.maxBuildBytes / Math.max(1, rowBytes(estimate))),
      output: FILTER_ROW,
      upsertKeys: [],
    };
    const local = this.#add(`${node.uid}-local-filter-${keys.join("-")}`, {
      type: "LocalRuntimeFilterBuilder",
      ...size,
      inputs: [{ node: node.id, distribution: FORWARD }],
    });
    const made = this.#add(`${node.uid}-filter-${keys.join("-")}`, {
      type: "GlobalRuntimeFilterBuilder",
      ...size,
      inputs: [{ node: local, distribution: { kind: "singleton" } }],
    });
    this.#builders.set(name, made);
    return made;
  }

  #add(uid: string, spec: FilterSpec): number {
    const id = ++this.#lastId;
    const schemas = spec.inputs.map(({ node }) => this.#nodes.get(node)!.output);
    const description = describeNode(spec, schemas, spec.output);
    this.#nodes.set(id, { ...spec, id, uid, changelogMode: "insert-only", description });
    return id;
  }
}

type Made = Extract<
  ExecNode,
  { type: "RuntimeFilter" | "LocalRuntimeFilterBuilder" | "GlobalRuntimeFilterBuilder" }
>;
type Unnamed<T> = T extends unknown
  ? Omit<T, "id" | "uid" | "changelogMode" | "description" | "inputs"> & {
      readonly inputs: readonly ExecInput[];
    }
  : never;
type FilterSpec = Unnamed<Made>;

/** The side whose keys may filter the other one; undefined: rows of the other one appear without a match, or there are no keys. */
function filterSide({ joinType, build, leftKeys }: JoinNode): "left" | "right" | undefined {
  if (build === undefined || leftKeys.length === 0) return undefined;
  if (joinType === "INNER" || joinType === "SEMI") return build;
  const preserved = joinType === "LEFT" ? "left" : joinType === "RIGHT" ? "right" : undefined;
  return build === preserved ? build : undefined;
}

const bytesOf = (estimate: RelEstimate): number => estimate.rows * rowBytes(estimate);

/** The share of the probe side's keys that the build side does not have. */
function filterRatio(
  { estimate, keys }: FilterSource,
  probe: RelEstimate,
  probeKeys: readonly number[],
): number {
  const [built, probed] = [distinctRows(estimate, keys), distinctRows(probe, probeKeys)];
  return Math.max(0, 1 - built / Math.max(1, probed));
}

/** The inputs of a node whose fields the keys are; none when they cannot be followed. `width`: fields of the first input. */
function placesBelow(
  node: ExecNode,
  keys: readonly number[],
  width: number,
): Omit<Place, "reader">[] {
  switch (node.type) {
    case "Calc": {
      const from = keys.map((key) => node.projection[key]!);
      const fields = from.flatMap((part) => (part.kind === "input" ? [part.index] : []));
      return fields.length === keys.length ? [{ input: 0, keys: fields, pays: false }] : [];
    }
    case "Union":
      return node.inputs.map((_, input) => ({ input, keys, pays: false }));
    case "GroupAggregate":
      return groupedBy(node, keys);
    case "Join":
      return joinSides(node, keys, width);
    default:
      return [];
  }
}

function groupedBy({ grouping }: GroupAggregateNode, keys: readonly number[]) {
  const fields = keys.flatMap((key) => grouping[key] ?? []);
  return fields.length === keys.length ? [{ input: 0, keys: fields, pays: true }] : [];
}

/** `width`: fields of the left side. */
function joinSides(node: JoinNode, keys: readonly number[], width: number) {
  const { joinType, leftKeys, rightKeys, filterNulls } = node;
  /** A key of one side is the other one's too, where no row stands alone. */
  const isBoth = joinType === "INNER" || joinType === "SEMI";
  const equal = (from: readonly number[], to: readonly number[], field: number) => {
    const at = from.findIndex((key, i) => isBoth && key === field && filterNulls[i] === true);
    return at < 0 ? [] : [to[at]!];
  };
  const left = keys.flatMap((key) =>
    key < width ? [key] : equal(rightKeys, leftKeys, key - width),
  );
  const right = keys.flatMap((key) =>
    key < width ? equal(leftKeys, rightKeys, key) : [key - width],
  );
  const mayLeft = joinType !== "RIGHT" && joinType !== "FULL";
  const mayRight = isBoth || joinType === "RIGHT";
  return [
    ...(mayLeft && left.length === keys.length ? [{ input: 0, keys: left, pays: true }] : []),
    ...(mayRight && right.length === keys.length ? [{ input: 1, keys: right, pays: true }] : []),
  ];
}
