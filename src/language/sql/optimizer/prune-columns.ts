/**
 * Column pruning: every node yields only what is read above it; scans then read only what is left.
 *
 * prune(rel, needed) → the node without other columns, and where each needed one is now. The root keeps all.
 */
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { remapRefs } from "../rel/expressions.ts";
import { aggregate, join as makeJoin, project, select, windowTvf } from "../rel/rel-builder.ts";
import { type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";

interface Pruned {
  readonly rel: RelNode;
  /** Old index → new index. */
  readonly place: (index: number) => number;
}

export function pruneColumns(rel: RelNode): RelNode {
  const all = rel.schema.fields.map((_, i) => i);
  return keepAll(rel, prune(rel, new Set(all)));
}

function keepAll(rel: RelNode, pruned: Pruned): RelNode {
  const width = rel.schema.fields.length;
  const inPlace =
    pruned.rel.schema.fields.length === width &&
    rel.schema.fields.every((_, i) => pruned.place(i) === i);
  if (inPlace) return pruned.rel;
  return select(
    pruned.rel,
    rel.schema.fields.map((_, i) => pruned.place(i)),
  );
}

const same = (rel: RelNode): Pruned => ({ rel, place: (index) => index });

function placeOf(kept: readonly number[]): (index: number) => number {
  const positions = new Map(kept.map((index, i) => [index, i]));
  return (index) => positions.get(index) ?? 0;
}

const ordered = (set: Iterable<number>): number[] => [...new Set(set)].sort((a, b) => a - b);

function refsOf(expressions: Iterable<Expression | undefined>, into = new Set<number>()) {
  for (const expression of expressions) if (expression) inputRefs(expression, into);
  return into;
}

function prune(rel: RelNode, needed: ReadonlySet<number>): Pruned {
  switch (rel.kind) {
    case "scan":
      return same(rel);
    case "project":
      return pruneProject(rel, needed);
    case "filter": {
      const used = refsOf([rel.condition], new Set(needed));
      const inner = prune(rel.input, used);
      const condition = remapRefs(rel.condition, inner.place);
      const node: RelNode = {
        kind: "filter",
        input: inner.rel,
        condition,
        schema: inner.rel.schema,
      };
      return { rel: node, place: inner.place };
    }
    case "join":
      return pruneJoin(rel, needed);
    case "aggregate":
      return pruneAggregate(rel, needed);
    case "windowTvf":
      return pruneWindow(rel, needed);
    case "rank":
      return pruneRank(rel, needed);
    case "over":
      return pruneOver(rel, needed);
    case "correlate":
      return pruneCorrelate(rel, needed);
    case "setop":
      return pruneSetOperation(rel, needed);
    case "sort": {
      const inner = prune(rel.input, new Set([...needed, ...rel.sort.map((f) => f.index)]));
      const sort = rel.sort.map((field) => ({ ...field, index: inner.place(field.index) }));
      return {
        rel: { ...rel, input: inner.rel, sort, schema: inner.rel.schema },
        place: inner.place,
      };
    }
    case "values": {
      const kept = ordered(needed);
      if (kept.length === 0 || kept.length === rel.schema.fields.length) return same(rel);
      const rows = rel.rows.map((row) => kept.map((index) => row[index]!));
      const fields = kept.map((index) => rel.schema.fields[index]!);
      return { rel: { ...rel, rows, schema: { fields } }, place: placeOf(kept) };
    }
    default: {
      const inputs = relInputs(rel).map((child) =>
        keepAll(child, prune(child, new Set(child.schema.fields.map((_, i) => i)))),
      );
      return same(withInputs(rel, inputs));
    }
  }
}

function pruneProject(
  rel: Extract<RelNode, { kind: "project" }>,
  needed: ReadonlySet<number>,
): Pruned {
  const kept = ordered(needed);
  const expressions = kept.map((index) => rel.expressions[index]!);
  const inner = prune(rel.input, refsOf(expressions));
  const names = kept.map((index) => rel.schema.fields[index]!.name);
  const moved = expressions.map((e) => remapRefs(e, inner.place));
  return { rel: project(inner.rel, moved, names), place: placeOf(kept) };
}

/** An input narrowed to exactly `needed` where it costs nothing, or as it comes. */
function narrowed(rel: RelNode, needed: ReadonlySet<number>): Pruned {
  if (needed.size === 0 && rel.schema.fields.length > 0)
    return narrowed(rel, new Set([cheapest(rel)]));
  const inner = prune(rel, needed);
  const kept = ordered(needed);
  if (inner.rel.schema.fields.length === kept.length) return inner;
  if (kept.length === 0) return inner;
  return { rel: select(inner.rel, kept.map(inner.place)), place: placeOf(kept) };
}

/** Rows are counted by some column: the narrowest. */
function cheapest(rel: RelNode): number {
  const widths = rel.schema.fields.map((field, i) => {
    const physical = physicalOf(field.type);
    if (rel.kind === "scan" && rel.table.columns[i]!.kind === "computed") return 100;
    return physical === "row" ? 99 : physical === "view" ? 50 : PHYSICAL_WIDTH[physical];
  });
  return widths.indexOf(Math.min(...widths));
}

function pruneJoin(rel: Extract<RelNode, { kind: "join" }>, needed: ReadonlySet<number>): Pruned {
  const width = rel.left.schema.fields.length;
  const used = refsOf([rel.condition], new Set(needed));
  refsOf([rel.temporal], used);
  const leftNeeded = new Set([...used].filter((index) => index < width));
  const rightNeeded = new Set([...used].filter((i) => i >= width).map((i) => i - width));
  const left = narrowed(rel.left, leftNeeded);
  const right =
    rel.temporal === undefined
      ? narrowed(rel.right, rightNeeded)
      : prune(rel.right, new Set(rel.right.schema.fields.map((_, i) => i)));
  const newWidth = left.rel.schema.fields.length;
  const place = (index: number): number =>
    index < width ? left.place(index) : newWidth + right.place(index - width);
  const condition = rel.condition && remapRefs(rel.condition, place);
  const temporal = rel.temporal && remapRefs(rel.temporal, place);
  const node = makeJoin(left.rel, right.rel, rel.type, condition, {
    hints: rel.hints,
    ...(temporal === undefined ? {} : { temporal }),
  });
  return { rel: { ...rel, ...node }, place };
}

function pruneAggregate(
  rel: Extract<RelNode, { kind: "aggregate" }>,
  needed: ReadonlySet<number>,
): Pruned {
  const groups = rel.grouping.length;
  const keptCalls = rel.calls.map((_, i) => i).filter((i) => needed.has(groups + i));
  const calls = keptCalls.map((i) => rel.calls[i]!);
  const used = new Set(rel.grouping);
  for (const call of calls) {
    for (const arg of call.args) used.add(arg);
    if (call.filter >= 0) used.add(call.filter);
  }
  const inner = narrowed(rel.input, used);
  const node = aggregate(
    inner.rel,
    rel.grouping.map(inner.place),
    calls.map((call) => ({
      ...call,
      args: call.args.map(inner.place),
      filter: call.filter < 0 ? -1 : inner.place(call.filter),
    })),
    rel.ttl,
  );
  const place = (index: number): number =>
    index < groups ? index : groups + Math.max(0, keptCalls.indexOf(index - groups));
  const named = keptNames(node, rel, place, [
    ...rel.grouping.keys(),
    ...keptCalls.map((i) => groups + i),
  ]);
  return { rel: { ...rel, ...named }, place };
}

function keptNames(
  node: RelNode,
  old: RelNode,
  place: (index: number) => number,
  kept: readonly number[],
): RelNode {
  const fields = [...node.schema.fields];
  for (const index of kept) {
    const at = place(index);
    fields[at] = { ...fields[at]!, name: old.schema.fields[index]!.name };
  }
  return { ...node, schema: { fields } };
}

function pruneWindow(
  rel: Extract<RelNode, { kind: "windowTvf" }>,
  needed: ReadonlySet<number>,
): Pruned {
  const width = rel.input.schema.fields.length;
  const { window } = rel;
  const keys = window.partitionKeys ?? [];
  const used = new Set([...needed].filter((i) => i < width));
  used.add(window.time.index);
  for (const key of keys) used.add(key);
  const inner = narrowed(rel.input, used);
  const node = windowTvf(inner.rel, {
    ...window,
    time: { ...window.time, index: inner.place(window.time.index) },
    ...(window.partitionKeys === undefined ? {} : { partitionKeys: keys.map(inner.place) }),
  });
  const newWidth = inner.rel.schema.fields.length;
  const place = (i: number): number => (i < width ? inner.place(i) : newWidth + i - width);
  return { rel: { ...rel, ...node }, place };
}

function pruneRank(rel: Extract<RelNode, { kind: "rank" }>, needed: ReadonlySet<number>): Pruned {
  const width = rel.input.schema.fields.length;
  const used = new Set([...needed].filter((i) => i < width));
  for (const key of rel.partition) used.add(key);
  for (const field of rel.sort) used.add(field.index);
  const inner = narrowed(rel.input, used);
  const withNumber = rel.outputRankNumber && needed.has(width);
  const own = inner.rel.schema.fields;
  const fields = withNumber ? [...own, rel.schema.fields[width]!] : own;
  const node: RelNode = {
    ...rel,
    input: inner.rel,
    partition: rel.partition.map(inner.place),
    sort: rel.sort.map((field) => ({ ...field, index: inner.place(field.index) })),
    outputRankNumber: withNumber,
    schema: { fields },
  };
  return { rel: node, place: (i) => (i < width ? inner.place(i) : own.length) };
}

function pruneOver(rel: Extract<RelNode, { kind: "over" }>, needed: ReadonlySet<number>): Pruned {
  const width = rel.input.schema.fields.length;
  const used = new Set([...needed].filter((i) => i < width));
  for (const index of rel.partition) used.add(index);
  for (const field of rel.sort) used.add(field.index);
  for (const call of rel.calls) for (const arg of call.args) used.add(arg);
  const inner = narrowed(rel.input, used);
  const own = inner.rel.schema.fields;
  const node: RelNode = {
    ...rel,
    input: inner.rel,
    partition: rel.partition.map(inner.place),
    sort: rel.sort.map((field) => ({ ...field, index: inner.place(field.index) })),
    calls: rel.calls.map((call) => ({ ...call, args: call.args.map(inner.place) })),
    schema: { fields: [...own, ...rel.schema.fields.slice(width)] },
  };
  return { rel: node, place: (i) => (i < width ? inner.place(i) : own.length + i - width) };
}

function pruneCorrelate(
  rel: Extract<RelNode, { kind: "correlate" }>,
  needed: ReadonlySet<number>,
): Pruned {
  const width = rel.input.schema.fields.length;
  const used = refsOf([rel.call, rel.condition], new Set(needed));
  const inner = narrowed(rel.input, new Set([...used].filter((i) => i < width)));
  const own = inner.rel.schema.fields;
  const place = (i: number): number => (i < width ? inner.place(i) : own.length + i - width);
  const node: RelNode = {
    ...rel,
    input: inner.rel,
    call: remapRefs(rel.call, inner.place),
    condition: rel.condition && remapRefs(rel.condition, place),
    schema: { fields: [...own, ...rel.schema.fields.slice(width)] },
  };
  return { rel: node, place };
}

function pruneSetOperation(
  rel: Extract<RelNode, { kind: "setop" }>,
  needed: ReadonlySet<number>,
): Pruned {
  const all = rel.operator !== "UNION" || !rel.all;
  const kept = all || needed.size === 0 ? rel.schema.fields.map((_, i) => i) : ordered(needed);
  const inputs = rel.inputs.map((child) => {
    const inner = prune(child, new Set(kept));
    const exact =
      inner.rel.schema.fields.length === kept.length && kept.every((i, k) => inner.place(i) === k);
    return exact ? inner.rel : select(inner.rel, kept.map(inner.place));
  });
  const fields = kept.map((index) => rel.schema.fields[index]!);
  return { rel: { ...rel, inputs, schema: { fields } }, place: placeOf(kept) };
}
