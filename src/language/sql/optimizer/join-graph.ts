/**
 * JoinGraph: a tree of inner joins as a set: its inputs (leaves), and the conditions between them.
 *
 * Flow:    order-joins.ts → here → join-orders.ts chooses an order → build() makes the joins again.
 * Columns: numbered through all leaves, in their order (global columns). A leaf is a bit of a number: at most MAX_LEAVES.
 * Classes: expressions that equalities make equal, of one leaf each. A join needs one equality a class: what follows from
 *          others (a = b, b = c ⟹ a = c) joins as well as what was written.
 * Through: projections of plain columns; filters become conditions. Joins with hints, temporal and outer ones are leaves.
 */
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import {
  and,
  conjuncts,
  digest,
  equalsCall,
  isCall,
  isDeterministic,
  remapRefs,
  shiftRefs,
} from "../rel/expressions.ts";
import { filter, join } from "../rel/rel-builder.ts";
import type { JoinRel, RelNode } from "../rel/rel-node.ts";

export const MAX_LEAVES = 30;

export interface Leaf {
  readonly rel: RelNode;
  /** Its first global column. */
  readonly offset: number;
}
export interface Member {
  readonly leaf: number;
  /** Over global columns. */
  readonly expression: Expression;
}
/** Any other condition; of bits of leaves. */
export interface Condition {
  readonly leaves: number;
  readonly expression: Expression;
}
export interface JoinGraph {
  readonly leaves: readonly Leaf[];
  readonly classes: readonly (readonly Member[])[];
  readonly conditions: readonly Condition[];
  /** Global columns that the tree yields. */
  readonly output: readonly number[];
}

export function isPlainInner(rel: RelNode): rel is JoinRel {
  if (rel.kind !== "join" || rel.type !== "INNER" || rel.temporal !== undefined) return false;
  return Object.values(rel.hints).every((hint) => hint === undefined);
}

/** Undefined when there are too many leaves, or a condition that must not move. */
export function joinGraph(root: RelNode): JoinGraph | undefined {
  const leaves: Leaf[] = [];
  const parts: Expression[] = [];
  let width = 0;
  /** Global columns of the node's fields. */
  const visit = (rel: RelNode): readonly number[] => {
    if (isPlainInner(rel)) {
      const columns = [...visit(rel.left), ...visit(rel.right)];
      for (const part of conjuncts(rel.condition)) parts.push(remapRefs(part, (i) => columns[i]!));
      return columns;
    }
    if (rel.kind === "project" && holdsJoin(rel)) {
      const columns = visit(rel.input);
      return rel.expressions.map((e) => columns[(e as { index: number }).index]!);
    }
    if (rel.kind === "filter" && holdsJoin(rel)) {
      const columns = visit(rel.input);
      for (const part of conjuncts(rel.condition)) parts.push(remapRefs(part, (i) => columns[i]!));
      return columns;
    }
    const offset = width;
    width += rel.schema.fields.length;
    leaves.push({ rel, offset });
    return rel.schema.fields.map((_, i) => offset + i);
  };
  const output = visit(root);
  if (leaves.length > MAX_LEAVES || !parts.every(isDeterministic)) return undefined;
  return { leaves, output, ...sorted(parts, leaves) };
}

/** A join is below, behind nothing but plain columns and filters. */
function holdsJoin(rel: RelNode): boolean {
  if (rel.kind === "project")
    return rel.expressions.every((e) => e.kind === "input") && holdsJoin(rel.input);
  if (rel.kind === "filter") return holdsJoin(rel.input);
  return isPlainInner(rel);
}

function sorted(
  parts: readonly Expression[],
  leaves: readonly Leaf[],
): Pick<JoinGraph, "classes" | "conditions"> {
  const classes: Member[][] = [];
  const conditions: Condition[] = [];
  const leafAt = (column: number) => leaves.findLastIndex(({ offset }) => offset <= column);
  const leavesOf = (e: Expression) =>
    [...inputRefs(e)].reduce((bits, column) => bits | (1 << leafAt(column)), 0);
  for (const part of parts) {
    const [a, b] = isCall(part, "EQUALS") ? part.args : [];
    const [x, y] = [a, b].map((side) => (side === undefined ? 0 : leavesOf(side)));
    if (x !== y && isOne(x!) && isOne(y!)) {
      const [left, right] = [
        { leaf: 31 - Math.clz32(x!), expression: a! },
        { leaf: 31 - Math.clz32(y!), expression: b! },
      ];
      unite(classes, left, right);
    } else conditions.push({ leaves: leavesOf(part), expression: part });
  }
  return { classes, conditions };
}

const isOne = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0;

function unite(classes: Member[][], a: Member, b: Member): void {
  const find = ({ expression }: Member) => {
    const key = digest(expression);
    return classes.findIndex((members) => members.some((m) => digest(m.expression) === key));
  };
  const [x, y] = [find(a), find(b)];
  if (x < 0 && y < 0) classes.push([a, b]);
  else if (x < 0) classes[y]!.push(a);
  else if (y < 0) classes[x]!.push(b);
  else if (x !== y) {
    classes[x]!.push(...classes[y]!);
    classes.splice(y, 1);
  }
}

/** An order of joins: a leaf, or two orders. */
export type JoinOrder =
  | { readonly leaf: number }
  | { readonly left: JoinOrder; readonly right: JoinOrder };

interface Built {
  readonly rel: RelNode;
  readonly leaves: number;
  /** Global column of each field. */
  readonly columns: readonly number[];
}

/** The joins in that order; a projection on top when the columns would come in another order. */
export function build(graph: JoinGraph, order: JoinOrder, root: RelNode): RelNode {
  const { rel, columns } = buildJoins(graph, order);
  const constants = graph.conditions.filter(({ leaves }) => leaves === 0);
  const place = placeOf(columns);
  const whole = filter(rel, and(constants.map(({ expression }) => expression)));
  const inPlace =
    graph.output.length === columns.length && graph.output.every((c, i) => c === columns[i]);
  if (inPlace) return { ...whole, schema: root.schema } as RelNode;
  const { fields } = rel.schema;
  const expressions = graph.output.map((column): Expression => {
    const index = place(column);
    return { kind: "input", index, type: fields[index]!.type };
  });
  return { kind: "project", input: whole, expressions, schema: root.schema };
}

function placeOf(columns: readonly number[]): (column: number) => number {
  const places = new Map(columns.map((column, i) => [column, i]));
  return (column) => places.get(column)!;
}

function buildJoins(graph: JoinGraph, order: JoinOrder): Built {
  if ("leaf" in order) return buildLeaf(graph, order.leaf);
  const left = buildJoins(graph, order.left);
  const right = buildJoins(graph, order.right);
  const columns = [...left.columns, ...right.columns];
  const leaves = left.leaves | right.leaves;
  const parts = graph.classes.flatMap((members) => equalityOf(members, left.leaves, right.leaves));
  for (const condition of graph.conditions) {
    const fits = condition.leaves !== 0 && (condition.leaves & ~leaves) === 0;
    const before =
      (condition.leaves & ~left.leaves) === 0 || (condition.leaves & ~right.leaves) === 0;
    if (fits && !before) parts.push(condition.expression);
  }
  const place = placeOf(columns);
  const condition = and(parts.map((part) => remapRefs(part, place)));
  return { rel: join(left.rel, right.rel, "INNER", condition), leaves, columns };
}

/** One equality, as it was written if it was. */
function equalityOf(members: readonly Member[], left: number, right: number): Expression[] {
  const a = members.find(({ leaf }) => (left & (1 << leaf)) !== 0);
  const b = members.find(({ leaf }) => (right & (1 << leaf)) !== 0);
  return a === undefined || b === undefined ? [] : [equalsCall(a.expression, b.expression)];
}

/** A leaf under the conditions on it alone, and under equalities of its own expressions. */
export function leafRel(graph: JoinGraph, index: number): RelNode {
  return buildLeaf(graph, index).rel;
}

function buildLeaf(graph: JoinGraph, index: number): Built {
  const { rel, offset } = graph.leaves[index]!;
  const bit = 1 << index;
  const parts = graph.conditions.filter((c) => c.leaves === bit).map((c) => c.expression);
  for (const members of graph.classes) {
    const [first, ...others] = members.filter(({ leaf }) => leaf === index);
    for (const other of others) parts.push(equalsCall(first!.expression, other.expression));
  }
  const condition = and(parts.map((part) => shiftRefs(part, -offset)));
  return {
    rel: filter(rel, condition),
    leaves: bit,
    columns: rel.schema.fields.map((_, i) => offset + i),
  };
}

/** Bits of leaves that a class connects with those of `leaf`. */
export function neighbours(graph: JoinGraph): readonly number[] {
  const result = graph.leaves.map(() => 0);
  for (const members of graph.classes)
    for (const a of members)
      for (const b of members) if (a.leaf !== b.leaf) result[a.leaf]! |= 1 << b.leaf;
  for (const { expression } of graph.conditions)
    if (isCall(expression, "IS_NOT_DISTINCT_FROM")) connect(graph, expression, result);
  return result;
}

function connect(graph: JoinGraph, e: Extract<Expression, { kind: "call" }>, into: number[]): void {
  const leafAt = (column: number) => graph.leaves.findLastIndex(({ offset }) => offset <= column);
  const [a, b] = e.args.map((arg) => new Set([...inputRefs(arg)].map(leafAt)));
  if (a?.size !== 1 || b?.size !== 1) return;
  const [[x], [y]] = [[...a], [...b]];
  if (x === y) return;
  into[x!]! |= 1 << y!;
  into[y!]! |= 1 << x!;
}
