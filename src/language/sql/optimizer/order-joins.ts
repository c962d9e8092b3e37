/**
 * Order of joins: trees of inner joins are taken apart and put together again.
 *
 * Off:     (table.optimizer.join-reorder-enabled = false, Flink's default) the written order stays, unless it would make a cross
 *          product of tables that an equality connects: FROM a, b, c WHERE a.x = c.x AND b.y = c.y.
 * On:      the cheapest bushy tree of up to table.optimizer.bushy-join-reorder-threshold inputs, greedy above. Semi and anti
 *          joins go down to the input that they read when that has no more rows than the joins above it yield; inner joins
 *          that reduce go below outer ones.
 * Streams: their plans stay as written (the order of joins names their state) unless it is on: then inner joins are ordered,
 *          but not those whose inputs have time attributes: their conditions make them interval or window joins.
 */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import { inputRefs } from "../../../foundation/plan/expression.ts";
import { conjuncts, refsWithin, remapRefs } from "../rel/expressions.ts";
import { join } from "../rel/rel-builder.ts";
import { type JoinRel, type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";
import { RelEstimator } from "../statistics/rel-estimates.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";
import {
  type JoinGraph,
  type Leaf,
  build,
  isPlainInner,
  joinGraph,
  leafRel,
} from "./join-graph.ts";
import { cheapestOrder, connectedOrder } from "./join-orders.ts";
import { raiseOuterJoins } from "./raise-outer-joins.ts";

export interface JoinOrderOptions {
  readonly reorder: boolean;
  readonly streaming: boolean;
  readonly bushyUpTo: number;
  readonly statistics: StatisticsLookup;
}

export function orderJoins(root: RelNode, options: JoinOrderOptions): RelNode {
  const estimator = new RelEstimator(options.statistics);
  const tree = options.reorder && !options.streaming ? raiseOuterJoins(root, estimator) : root;
  return new JoinOrderer(options, estimator).visit(tree);
}

class JoinOrderer {
  readonly #options: JoinOrderOptions;
  readonly #estimator: RelEstimator;
  readonly #done = new Map<RelNode, RelNode>();

  constructor(options: JoinOrderOptions, estimator: RelEstimator) {
    this.#options = options;
    this.#estimator = estimator;
  }

  visit(rel: RelNode): RelNode {
    let result = this.#done.get(rel);
    if (result === undefined) {
      result = this.#visit(rel);
      this.#done.set(rel, result);
    }
    return result;
  }

  #visit(rel: RelNode): RelNode {
    if (isPlainInner(rel)) return this.#order(rel);
    const node = withInputs(
      rel,
      relInputs(rel).map((input) => this.visit(input)),
    );
    const { reorder, streaming } = this.#options;
    return reorder && !streaming && isSemi(node) ? this.#lower(node) : node;
  }

  #order(rel: JoinRel): RelNode {
    const graph = joinGraph(rel);
    if (graph === undefined || (this.#options.streaming && graph.leaves.some(hasTime)))
      return withInputs(
        rel,
        relInputs(rel).map((input) => this.visit(input)),
      );
    const leaves = graph.leaves.map((leaf) => ({ ...leaf, rel: this.visit(leaf.rel) }));
    const inner = { ...graph, leaves };
    if (this.#options.reorder) return build(inner, this.#cheapest(inner), rel);
    const written = withInputs(
      rel,
      relInputs(rel).map((input) => this.visit(input)),
    );
    const better = crossProducts(rel) > 0 ? build(inner, connectedOrder(inner), rel) : written;
    return crossProducts(better) < crossProducts(rel) ? better : written;
  }

  #cheapest(graph: JoinGraph) {
    const estimates = graph.leaves.map((_, leaf) => this.#estimator.of(leafRel(graph, leaf)));
    return cheapestOrder(graph, estimates, this.#options.bushyUpTo).order;
  }

  /** A semi or anti join on the one input of the joins below it that it reads. */
  #lower(rel: JoinRel): RelNode {
    const width = rel.left.schema.fields.length;
    const graph = joinGraph(rel.left);
    if (graph === undefined || graph.leaves.length < 2) return rel;
    const columns = [...inputRefs(rel.condition!)].filter((index) => index < width);
    const at = graph.leaves.findIndex(({ offset, rel: leaf }) =>
      columns.every((index) => {
        const column = graph.output[index]!;
        return column >= offset && column < offset + leaf.schema.fields.length;
      }),
    );
    if (at < 0 || columns.length === 0) return rel;
    const { rel: leaf, offset } = graph.leaves[at]!;
    if (this.#estimator.of(leaf).rows > this.#estimator.of(rel.left).rows) return rel;
    const own = leaf.schema.fields.length;
    const condition = remapRefs(rel.condition!, (index) =>
      index < width ? graph.output[index]! - offset : index - width + own,
    );
    const lowered = join(leaf, rel.right, rel.type, condition, { hints: rel.hints });
    const leaves = graph.leaves.with(at, { rel: lowered, offset });
    const inner = { ...graph, leaves };
    return build(inner, this.#cheapest(inner), rel.left);
  }
}

function hasTime({ rel }: Leaf): boolean {
  return rel.schema.fields.some(({ type }) => withoutTimeAttribute(type) !== type);
}

function isSemi(rel: RelNode): rel is JoinRel {
  if (rel.kind !== "join" || rel.condition === undefined) return false;
  return rel.type === "SEMI" || rel.type === "ANTI";
}

/** Inner joins of a tree without an equality between their sides. */
function crossProducts(rel: RelNode): number {
  if (rel.kind === "project" || rel.kind === "filter") return crossProducts(rel.input);
  if (!isPlainInner(rel)) return 0;
  return (hasKey(rel) ? 0 : 1) + crossProducts(rel.left) + crossProducts(rel.right);
}

function hasKey({ condition, left }: JoinRel): boolean {
  const width = left.schema.fields.length;
  return conjuncts(condition).some((part) => {
    if (part.kind !== "call" || !EQUALITIES.has(part.function)) return false;
    const [a, b] = part.args.map((arg) => {
      if (inputRefs(arg).size === 0) return 0;
      if (refsWithin(arg, (index) => index < width)) return -1;
      return refsWithin(arg, (index) => index >= width) ? 1 : 0;
    });
    return a! * b! < 0;
  });
}

const EQUALITIES = new Set(["EQUALS", "IS_NOT_DISTINCT_FROM"]);
