/**
 * Orders of joins over a JoinGraph: as written without needless cross products, the cheapest bushy tree, or a greedy one.
 *
 * Cost:    rows that joins yield, plus the smaller side (it builds a table) and half the larger (it probes).
 * Bushy:   dynamic programming over connected subsets: 3^n / 2 splits at most, n ≤ the threshold (12: 266 thousand, some ms).
 * Greedy:  the two parts whose join yields least, again and again: n³ steps.
 * Rows:    of a set of leaves, whatever the order: leaf by leaf, each joined by all classes that connect it.
 * Source:  Moerkotte, Neumann: Analysis of Two Existing and One New Dynamic Programming Algorithm (DPsub); Fegaras: GOO; Flink
 *          FlinkBushyJoinReorderRule for when which is used.
 */
import { inputRefs } from "../../../foundation/plan/expression.ts";
import { type ColumnEstimate, type RelEstimate, keyDomain } from "../statistics/estimates.ts";
import { selectivity } from "../statistics/selectivity.ts";
import { type JoinGraph, type JoinOrder, neighbours } from "./join-graph.ts";

/** The written order, but what no equality connects waits until something does. */
export function connectedOrder(graph: JoinGraph): JoinOrder {
  const near = neighbours(graph);
  const waiting = graph.leaves.map((_, i) => i);
  let order: JoinOrder = { leaf: waiting.shift()! };
  let done = 1;
  while (waiting.length > 0) {
    const at = Math.max(
      0,
      waiting.findIndex((leaf) => (near[leaf]! & done) !== 0),
    );
    const [leaf] = waiting.splice(at, 1);
    order = { left: order, right: { leaf: leaf! } };
    done |= 1 << leaf!;
  }
  return order;
}

export interface Ordered {
  readonly order: JoinOrder;
  readonly rows: number;
  readonly cost: number;
}

/** `estimates` of the leaves, under their own conditions. */
export function cheapestOrder(
  graph: JoinGraph,
  estimates: readonly RelEstimate[],
  bushyUpTo: number,
): Ordered {
  const cards = new Cardinalities(graph, estimates);
  const parts = components(graph).map((leaves) =>
    count(leaves) <= bushyUpTo ? bushy(leaves, cards) : greedy(leaves, cards),
  );
  // Parts that nothing connects: the small ones first.
  parts.sort((a, b) => a.rows - b.rows);
  return parts.reduce((left, right) => joined(left, right, cards));
}

interface Part extends Ordered {
  readonly leaves: number;
}

function components(graph: JoinGraph): number[] {
  const near = neighbours(graph);
  const result: number[] = [];
  let left = (1 << graph.leaves.length) - 1;
  while (left !== 0) {
    let part = left & -left;
    for (let before = 0; before !== part; ) {
      before = part;
      for (const leaf of bits(part)) part |= near[leaf]!;
    }
    result.push(part);
    left &= ~part;
  }
  return result;
}

function bushy(all: number, cards: Cardinalities): Part {
  const best = new Map<number, Part>();
  for (const leaf of bits(all)) best.set(1 << leaf, cards.leaf(leaf));
  for (const set of subsets(all)) {
    if (best.has(set)) continue;
    const lowest = set & -set;
    let found: { left: Part; right: Part; cost: number } | undefined;
    // Each split once: the part with the lowest leaf is the left one.
    for (let sub = (set - 1) & set; sub !== 0; sub = (sub - 1) & set) {
      if ((sub & lowest) === 0) continue;
      const left = best.get(sub);
      if (left === undefined) continue;
      const right = best.get(set ^ sub);
      if (right === undefined || !cards.connected(sub, set ^ sub)) continue;
      const cost = left.cost + right.cost + inputCost(left.rows, right.rows);
      if (found === undefined || cost < found.cost) found = { left, right, cost };
    }
    if (found !== undefined) best.set(set, joined(found.left, found.right, cards));
  }
  return best.get(all)!;
}

/** Subsets of `all` in ascending order: parts come before what they are part of. */
function* subsets(all: number): Generator<number> {
  for (let set = all & -all; set !== 0; set = (set - all) & all) yield set;
}

function greedy(all: number, cards: Cardinalities): Part {
  const parts = [...bits(all)].map((leaf): Part => cards.leaf(leaf));
  while (parts.length > 1) {
    let found: { i: number; k: number; part: Part } | undefined;
    for (let i = 0; i < parts.length; i++)
      for (let k = i + 1; k < parts.length; k++) {
        if (!cards.connected(parts[i]!.leaves, parts[k]!.leaves)) continue;
        const part = joined(parts[i]!, parts[k]!, cards);
        if (found === undefined || part.rows < found.part.rows) found = { i, k, part };
      }
    parts.splice(found!.k, 1);
    parts[found!.i] = found!.part;
  }
  return parts[0]!;
}

const inputCost = (a: number, b: number): number => Math.min(a, b) + Math.max(a, b) / 2;

/** The larger side is the left one: it probes. */
function joined(a: Part | Ordered, b: Part | Ordered, cards: Cardinalities): Part {
  const leaves = (a as Part).leaves | (b as Part).leaves;
  const rows = cards.rows(leaves);
  const [left, right] = a.rows >= b.rows ? [a, b] : [b, a];
  const cost = a.cost + b.cost + inputCost(a.rows, b.rows) + rows;
  return { leaves, rows, cost, order: { left: left.order, right: right.order } };
}

function* bits(set: number): Generator<number> {
  for (let left = set; left !== 0; left &= left - 1) yield 31 - Math.clz32(left & -left);
}

function count(set: number): number {
  return [...bits(set)].length;
}

interface ClassSide {
  /** Bits of the leaves with members. */
  readonly leaves: number;
  /** By leaf. */
  readonly columns: ReadonlyMap<number, ColumnEstimate>;
}

class Cardinalities {
  readonly #near: readonly number[];
  readonly #leaves: readonly RelEstimate[];
  readonly #classes: readonly ClassSide[];
  readonly #conditions: readonly { readonly leaves: number; readonly share: number }[];
  readonly #rows = new Map<number, number>();

  constructor(graph: JoinGraph, estimates: readonly RelEstimate[]) {
    this.#near = neighbours(graph);
    this.#leaves = estimates;
    const whole: RelEstimate = { rows: 1, columns: estimates.flatMap(({ columns }) => columns) };
    this.#classes = graph.classes.map((members) => {
      const columns = new Map<number, ColumnEstimate>();
      for (const { leaf, expression } of members) {
        const refs = [...inputRefs(expression)];
        const unknown = { width: 0, base: estimates[leaf]!.rows };
        const known = refs.length === 1 ? whole.columns[refs[0]!]! : unknown;
        columns.set(leaf, known);
      }
      return { leaves: [...columns.keys()].reduce((set, leaf) => set | (1 << leaf), 0), columns };
    });
    this.#conditions = graph.conditions
      .filter(({ leaves }) => (leaves & (leaves - 1)) !== 0)
      .map(({ leaves, expression }) => ({ leaves, share: selectivity(expression, whole) }));
  }

  leaf(leaf: number): Part {
    const { rows } = this.#leaves[leaf]!;
    return { leaves: 1 << leaf, rows, cost: 0, order: { leaf } };
  }

  connected(a: number, b: number): boolean {
    for (const leaf of bits(a)) if ((this.#near[leaf]! & b) !== 0) return true;
    return false;
  }

  rows(set: number): number {
    const known = this.#rows.get(set);
    if (known !== undefined) return known;
    const leaf = this.#last(set);
    const rest = set & ~(1 << leaf);
    const rows = rest === 0 ? this.#leaves[leaf]!.rows : this.#joined(leaf, rest);
    this.#rows.set(set, rows);
    return rows;
  }

  /** The leaf to take out: one that the others do not need to stay together, if there is one. */
  #last(set: number): number {
    let first = -1;
    for (const leaf of bits(set)) {
      if (first < 0) first = leaf;
      if (this.#together(set & ~(1 << leaf))) return leaf;
    }
    return first;
  }

  #together(set: number): boolean {
    let reached = set & -set;
    for (let before = 0; before !== reached; ) {
      before = reached;
      for (const leaf of bits(reached)) reached |= this.#near[leaf]! & set;
    }
    return reached === set;
  }

  #joined(leaf: number, rest: number): number {
    const own = this.#leaves[leaf]!;
    const others = this.rows(rest);
    let domain = 1;
    let [ownValues, otherValues] = [1, 1];
    let keys = 0;
    for (const { leaves, columns } of this.#classes) {
      const a = columns.get(leaf);
      if (a === undefined || (leaves & rest) === 0) continue;
      const b = fewest(columns, rest);
      const guess = smallestBase(columns);
      domain *= a.distinct === undefined && b.distinct === undefined ? guess : keyDomain(a, b);
      ownValues *= a.distinct ?? guess;
      otherValues *= b.distinct ?? guess;
      keys++;
    }
    const bound = Math.max(Math.min(ownValues, own.rows), Math.min(otherValues, others), 1);
    const values = keys > 1 ? Math.min(domain, bound) : Math.max(1, domain);
    let rows = (own.rows * others) / values;
    const set = rest | (1 << leaf);
    for (const { leaves, share } of this.#conditions)
      if ((leaves & ~set) === 0 && (leaves & (1 << leaf)) !== 0) rows *= share;
    return rows;
  }
}

/** The member in `set` that has fewest values: a join leaves no more. */
function fewest(columns: ReadonlyMap<number, ColumnEstimate>, set: number): ColumnEstimate {
  let best: ColumnEstimate | undefined;
  for (const [leaf, column] of columns) {
    if ((set & (1 << leaf)) === 0) continue;
    if (best === undefined || valuesOf(column) < valuesOf(best)) best = column;
  }
  return best!;
}

const valuesOf = ({ distinct, base }: ColumnEstimate): number =>
  distinct ?? base ?? Number.POSITIVE_INFINITY;

/** Keys without counts are taken to be those of the smallest table among them. */
function smallestBase(columns: ReadonlyMap<number, ColumnEstimate>): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const column of columns.values()) smallest = Math.min(smallest, valuesOf(column));
  return Number.isFinite(smallest) ? Math.max(1, smallest) : 1e8;
}
