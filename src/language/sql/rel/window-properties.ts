/**
 * Window properties: which columns of a logical node are a window's start, end and time.
 *
 * Source: Flink FlinkRelMdWindowProperties. They pass through projections, filters, aggregates that group by them, joins
 *         of equal windows, Top-N and set-free nodes; anything else loses them.
 */
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { conjuncts, isCall } from "./expressions.ts";
import type { RelNode } from "./rel-node.ts";

export interface WindowProperties {
  readonly window: WindowSpec;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly times: readonly number[];
}

const cache = new WeakMap<RelNode, { readonly value: WindowProperties | undefined }>();

export function windowProperties(rel: RelNode): WindowProperties | undefined {
  let known = cache.get(rel);
  if (known === undefined) {
    known = { value: compute(rel) };
    cache.set(rel, known);
  }
  return known.value;
}

function compute(rel: RelNode): WindowProperties | undefined {
  switch (rel.kind) {
    case "windowTvf": {
      const base = rel.input.schema.fields.length;
      return { window: rel.window, starts: [base], ends: [base + 1], times: [base + 2] };
    }
    case "filter":
    case "sort":
    case "watermark":
    case "rank":
    case "over":
    case "correlate":
      return windowProperties(rel.input);
    case "project":
      return mapped(windowProperties(rel.input), (index) =>
        rel.expressions.flatMap((e, i) => (e.kind === "input" && e.index === index ? [i] : [])),
      );
    case "expand":
      return mapped(windowProperties(rel.input), (index) =>
        rel.projections.every((p) => p[index]?.kind === "input") ? [index] : [],
      );
    case "aggregate": {
      const inner = mapped(windowProperties(rel.input), (index) =>
        rel.grouping.flatMap((key, i) => (key === index ? [i] : [])),
      );
      return inner !== undefined && complete(inner) ? inner : undefined;
    }
    case "join":
      return joinProperties(rel);
    default:
      return undefined;
  }
}

export const complete = (p: WindowProperties): boolean => p.starts.length > 0 && p.ends.length > 0;

function mapped(
  properties: WindowProperties | undefined,
  place: (index: number) => readonly number[],
): WindowProperties | undefined {
  if (properties === undefined) return undefined;
  const result = {
    window: properties.window,
    starts: properties.starts.flatMap(place),
    ends: properties.ends.flatMap(place),
    times: properties.times.flatMap(place),
  };
  return result.starts.length + result.ends.length + result.times.length > 0 ? result : undefined;
}

export function sameWindow(a: WindowSpec, b: WindowSpec): boolean {
  const { time: _a, partitionKeys: _k, ...x } = a;
  const { time: _b, partitionKeys: _l, ...y } = b;
  return JSON.stringify(x) === JSON.stringify(y) && a.time.attribute === b.time.attribute;
}

/** Equal windows on both sides and start = start, end = end in the condition. */
export function joinWindows(
  rel: Extract<RelNode, { kind: "join" }>,
): { left: WindowProperties; right: WindowProperties } | undefined {
  const left = windowProperties(rel.left);
  const right = windowProperties(rel.right);
  if (left === undefined || right === undefined || rel.temporal !== undefined) return undefined;
  if (!sameWindow(left.window, right.window)) return undefined;
  const width = rel.left.schema.fields.length;
  const equal = (lefts: readonly number[], rights: readonly number[]) =>
    conjuncts(rel.condition).some((part) => {
      if (!isCall(part, "EQUALS") && !isCall(part, "IS_NOT_DISTINCT_FROM")) return false;
      const refs = part.args.map((arg) => (arg.kind === "input" ? arg.index : -1));
      const [a, b] = [Math.min(...refs), Math.max(...refs)];
      return lefts.includes(a) && rights.includes(b - width);
    });
  return equal(left.starts, right.starts) && equal(left.ends, right.ends)
    ? { left, right }
    : undefined;
}

function joinProperties(rel: Extract<RelNode, { kind: "join" }>): WindowProperties | undefined {
  const windows = joinWindows(rel);
  if (windows === undefined) return undefined;
  const width = rel.left.schema.fields.length;
  if (rel.type === "SEMI" || rel.type === "ANTI") return windows.left;
  const shift = (indexes: readonly number[]) => indexes.map((index) => index + width);
  const { left, right } = windows;
  const both = rel.type === "INNER";
  const useLeft = both || rel.type === "LEFT";
  const useRight = both || rel.type === "RIGHT";
  const pick = (a: readonly number[], b: readonly number[]) => [
    ...(useLeft ? a : []),
    ...(useRight ? shift(b) : []),
  ];
  if (!useLeft && !useRight) return undefined;
  return {
    window: left.window,
    starts: pick(left.starts, right.starts),
    ends: pick(left.ends, right.ends),
    times: pick(left.times, right.times),
  };
}
