/**
 * Windows behind an Expand: rows are copied for grouping sets and split DISTINCT first and get their windows then, so that an
 * aggregate above can take the windows itself, and rows are not copied once more for each window.
 *
 * Rules:   every copy keeps the window's columns as they are, nothing between computes with them; sessions stay below, they are
 *          made by key.
 * Source:  Flink ExpandWindowTableFunctionTransposeRule, ProjectWindowTableFunctionTransposeRule.
 */
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, input, inputRefs } from "../../../foundation/plan/expression.ts";
import { and } from "../rel/expressions.ts";
import { filter, project, windowTvf } from "../rel/rel-builder.ts";
import type { ExpandRel, RelNode, WindowTvfRel } from "../rel/rel-node.ts";
import { calcChain, type CalcChain } from "./calc-chain.ts";

/** The same rows, or `rel` itself where that cannot be. */
export function windowsBehindExpand(rel: RelNode): RelNode {
  const above = calcChain(rel);
  const { base } = above;
  if (base.kind !== "expand") return rel;
  const below = calcChain(windowsBehindExpand(base.input));
  if (below.base.kind !== "windowTvf" || below.base.window.kind === "SESSION") return rel;
  const moved = transposed(base, below, below.base);
  if (moved === undefined) return rel;
  const names = rel.schema.fields.map(({ name }) => name);
  return project(filter(moved, and(above.conditions)), above.projection, names);
}

function transposed(expand: ExpandRel, below: CalcChain, tvf: WindowTvfRel): RelNode | undefined {
  const width = tvf.input.schema.fields.length;
  const touches = (e: Expression) => [...inputRefs(e)].some((index) => index >= width);
  if (below.conditions.some(touches)) return undefined;
  if (below.projection.some((e) => e.kind !== "input" && touches(e))) return undefined;
  const isWindow = (field: number) => touches(below.projection[field]!);
  const places = expand.schema.fields.map((_, i) => placeOf(expand, i, isWindow));
  if (places.includes(undefined)) return undefined;
  // What is no window's column, then the time before the number of the copy, which stays last.
  const plain = below.projection.flatMap((_, field) => (isWindow(field) ? [] : [field]));
  const time = tvf.input.schema.fields[tvf.window.time.index]!;
  const source = project(
    filter(tvf.input, and(below.conditions)),
    [...plain.map((field) => below.projection[field]!), input(tvf.window.time.index, time.type)],
    [...plain.map((field) => below.schema.fields[field]!.name), time.name],
  );
  const kept = expand.schema.fields.flatMap((_, i) => (places[i] === "plain" ? [i] : []));
  if (kept.at(-1) !== expand.schema.fields.length - 1) return undefined;
  const copies = expand.projections.map((copy) => {
    const own = kept.map((i) => shifted(copy[i]!, plain));
    return [...own.slice(0, -1), input(plain.length, time.type), own.at(-1)!];
  });
  const fields = kept.map((i) => expand.schema.fields[i]!);
  const schema = { fields: [...fields.slice(0, -1), named(time, fields), fields.at(-1)!] };
  const copied: ExpandRel = { kind: "expand", input: source, projections: copies, schema };
  const index = kept.length - 1;
  const windows = windowTvf(copied, { ...tvf.window, time: { ...tvf.window.time, index } });
  const outputs = expand.schema.fields.map((field, i) => {
    const place = places[i];
    if (place === "plain") {
      const at = kept.indexOf(i);
      return input(at < index ? at : at + 1, field.type);
    }
    const column = below.projection[place!]!;
    const offset = column.kind === "input" ? column.index - width : 0;
    return input(schema.fields.length + offset, field.type);
  });
  return project(
    windows,
    outputs,
    expand.schema.fields.map(({ name }) => name),
  );
}

/** Of a window's column that all copies keep: its field below; "plain" of others; undefined: mixed. */
function placeOf(
  { projections }: ExpandRel,
  i: number,
  isWindow: (field: number) => boolean,
): number | "plain" | undefined {
  const all = projections.map((copy) => copy[i]!);
  const ofWindows = all.filter((e) => [...inputRefs(e)].some(isWindow));
  if (ofWindows.length === 0) return "plain";
  const [first] = all;
  const isKept = all.every(
    (e) => e.kind === "input" && first?.kind === "input" && e.index === first.index,
  );
  return isKept && first?.kind === "input" ? first.index : undefined;
}

/** A copy's field over `plain` fields alone: a field of the input, or a literal. */
function shifted(e: Expression, plain: readonly number[]): Expression {
  return e.kind === "input" ? input(plain.indexOf(e.index), e.type) : e;
}

function named(field: RowField, others: readonly RowField[]): RowField {
  let { name } = field;
  while (others.some((other) => other.name === name)) name = `${name}0`;
  return { ...field, name };
}
