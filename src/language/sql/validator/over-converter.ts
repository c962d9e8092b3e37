/**
 * OVER calls → Over nodes: one node per window, each appending the columns of its calls.
 *
 * Frames: without ORDER BY the whole partition; with it RANGE UNBOUNDED PRECEDING … CURRENT ROW, as the standard says;
 *         ROW_NUMBER and its kin have ROWS UNBOUNDED PRECEDING … CURRENT ROW.
 */
import type { WindowBound } from "../parser/ast.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { digest } from "../rel/expressions.ts";
import { placed } from "../rel/rel-place.ts";
import { extend, uniqueNames } from "../rel/rel-builder.ts";
import type { FrameBound, OverCall, OverRel, RelNode } from "../rel/rel-node.ts";
import { planErrors } from "../errors.ts";
import type { OverRequest } from "./collectors.ts";
import { isRow } from "./type-system.ts";

export interface BuiltOvers {
  readonly rel: RelNode;
  /** Field index of each request's result. */
  readonly columns: readonly number[];
}

export function buildOvers(from: RelNode, requests: readonly OverRequest[]): BuiltOvers {
  if (requests.length === 0) return { rel: from, columns: [] };
  for (const request of requests) checkRows(request);
  const added: Expression[] = [];
  const width = from.schema.fields.length;
  const place = (expression: Expression): number => {
    if (expression.kind === "input") return expression.index;
    const key = digest(expression);
    const known = added.findIndex((other) => digest(other) === key);
    return width + (known >= 0 ? known : added.push(expression) - 1);
  };
  const windows = requests.map((request) => ({
    request,
    args: request.args.map(place),
    partition: request.partition.map(place),
    sort: request.order.map((entry) => ({
      index: place(entry.expression),
      descending: entry.descending,
      nullsFirst: entry.nullsFirst,
    })),
    ...frameOf(request),
  }));
  let rel = extend(
    from,
    added,
    added.map((_, i) => `$o${i}`),
  );
  const columns: number[] = [];
  const groups = new Map<string, number[]>();
  windows.forEach((entry, i) => {
    const key = JSON.stringify([entry.partition, entry.sort, entry.unit, entry.start, entry.end]);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  for (const members of groups.values()) {
    const first = windows[members[0]!]!;
    const base = rel.schema.fields.length;
    const calls = members.map((index, i): OverCall => {
      const { request, args } = windows[index]!;
      columns[index] = base + i;
      return {
        function: request.function,
        args,
        distinct: request.distinct,
        ignoreNulls: request.ignoreNulls,
        type: request.type,
        name: `w${index}$o0`,
      };
    });
    rel = placed(over(rel, first, calls), first.request.at);
  }
  return { rel, columns };
}

/** As Flink: rows have no order, and are not looked back at. */
function checkRows({ function: name, args, at }: OverRequest): void {
  const kept = { LAG: "LeadLag", LEAD: "LeadLag", MAX: "Max", MIN: "Min" }[name];
  const [value] = args;
  if (kept === undefined || value === undefined || !isRow(value.type)) return;
  throw planErrors.WINDOW_PLAN(
    {
      message: `${kept} aggregate function does not support type: ''${value.type.kind}''.`,
      remedy: "Name a field of the row.",
    },
    at === undefined ? {} : { at },
  );
}

function over(
  rel: RelNode,
  window: Pick<OverRel, "partition" | "sort" | "unit" | "start" | "end">,
  calls: readonly OverCall[],
): RelNode {
  const { partition, sort, unit, start, end } = window;
  const fields = [
    ...rel.schema.fields,
    ...calls.map((call) => ({ name: call.name, type: call.type })),
  ];
  const names = uniqueNames(fields.map((field) => field.name));
  return {
    kind: "over",
    input: rel,
    partition,
    sort,
    unit,
    start,
    end,
    calls,
    schema: { fields: fields.map((field, i) => ({ name: names[i]!, type: field.type })) },
  };
}

const RANKING = new Set(["ROW_NUMBER", "RANK", "DENSE_RANK", "CUME_DIST", "PERCENT_RANK", "NTILE"]);

function frameOf(request: OverRequest): Pick<OverRel, "unit" | "start" | "end"> {
  const { frame, frameOffsets } = request;
  const current: FrameBound = { kind: "currentRow" };
  const start: FrameBound = { kind: "unboundedPreceding" };
  if (RANKING.has(request.function)) return { unit: "ROWS", start, end: current };
  if (frame === undefined) {
    const whole = request.order.length === 0;
    return { unit: "RANGE", start, end: whole ? { kind: "unboundedFollowing" } : current };
  }
  return {
    unit: frame.unit,
    start: boundOf(frame.start, frameOffsets[0]!),
    end: frame.end === undefined ? current : boundOf(frame.end, frameOffsets[1]!),
  };
}

function boundOf(bound: WindowBound, offset: number): FrameBound {
  switch (bound.bound) {
    case "CURRENT ROW":
      return { kind: "currentRow" };
    case "UNBOUNDED PRECEDING":
      return { kind: "unboundedPreceding" };
    case "UNBOUNDED FOLLOWING":
      return { kind: "unboundedFollowing" };
    default:
      return { kind: bound.bound === "PRECEDING" ? "preceding" : "following", offset };
  }
}
