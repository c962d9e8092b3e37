/**
 * Aggregates: GroupAggregate, or WindowAggregate when the grouping holds a window's start and end.
 *
 * A window function right below is taken into the WindowAggregate; otherwise (filters or expressions on window columns,
 * aggregates of aggregates, joins of windows) the rows carry their window and `attached` says where.
 * Source: Flink StreamPhysicalGroupAggregateRule, PullUpWindowTableFunctionIntoWindowAggregateRule.
 */
import { type RowField, withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import type { WindowProperty, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import {
  type AggregateCall,
  type Expression,
  input,
  inputRefs,
} from "../../../foundation/plan/expression.ts";
import { TRUE, and } from "../rel/expressions.ts";
import { filter, project, windowFields } from "../rel/rel-builder.ts";
import type { AggregateRel, RelAggregateCall, RelNode } from "../rel/rel-node.ts";
import { type WindowProperties, windowProperties } from "../rel/window-properties.ts";
import { calcChain } from "./calc-chain.ts";
import { ALL, DELETE, INSERT, type PhysNode, UPDATE, hashBy, isInsertOnly } from "./phys-node.ts";
import { windowsBehindExpand } from "./expand-windows.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { windowEmit } from "./window-emit.ts";

export function planAggregate(planner: PhysicalPlanner, rel: AggregateRel): PhysNode {
  const properties = windowProperties(rel.input);
  if (properties !== undefined) {
    const has = (indexes: readonly number[]) => rel.grouping.some((key) => indexes.includes(key));
    if (has(properties.starts) && has(properties.ends) && groupsSessions(rel, properties)) {
      const input = windowsBehindExpand(rel.input);
      const node = planWindowAggregate(planner, { ...rel, input }, properties);
      if (node !== undefined) return node;
    }
  }
  const node = planner.plan(rel.input);
  const reduced = planner.options.mode === "batch" ? reduceGrouping(rel, node) : undefined;
  if (reduced !== undefined) {
    const by = planAggregate(planner, reduced.fewer);
    const refs = reduced.order.map((index) => input(index, by.schema.fields[index]!.type));
    return planner.calc(by, refs, TRUE, rel.schema);
  }
  const fields = [
    ...rel.grouping.map((index, i) => ({
      name: rel.schema.fields[i]!.name,
      type: withoutTimeAttribute(node.schema.fields[index]!.type),
    })),
    ...rel.schema.fields.slice(rel.grouping.length),
  ];
  const ttl = rel.ttl;
  return planner.factory.make(
    {
      type: "GroupAggregate",
      grouping: rel.grouping,
      aggregates: callsOf(rel.calls, !isInsertOnly(node), (index) => index),
      generateUpdateBefore: false,
      ...(ttl === undefined ? {} : { stateTtlHint: ttl.text }),
      ...(rel.partialFinal === undefined ? {} : { partialFinal: rel.partialFinal }),
    },
    [{ node, distribution: hashBy(rel.grouping) }],
    { fields },
    {
      kinds:
        planner.options.mode === "batch" && isInsertOnly(node)
          ? INSERT
          : INSERT | UPDATE | (isInsertOnly(node) ? 0 : DELETE),
      upsertKeys: [rel.grouping.map((_, i) => i)],
      stateTtlMs: ttl?.ms,
    },
  );
}

/**
 * Bounded input with a unique key among the grouping: grouped by that key alone, the other fields are those of its first row.
 * Source: Flink AggregateReduceGroupingRule.
 */
function reduceGrouping(rel: AggregateRel, node: PhysNode) {
  const key = node.upsertKeys.find(
    (fields) =>
      fields.length > 0 &&
      fields.length < rel.grouping.length &&
      fields.every((field) => rel.grouping.includes(field)),
  );
  if (key === undefined || !isInsertOnly(node)) return undefined;
  const others = rel.grouping.filter((field) => !key.includes(field));
  if (others.some((field) => node.schema.fields[field]!.type.kind === "ROW")) return undefined;
  const grouping = rel.grouping.filter((field) => key.includes(field));
  const firsts = others.map((field) => ({
    function: "FIRST_VALUE",
    args: [field],
    filter: -1,
    distinct: false,
    type: rel.schema.fields[rel.grouping.indexOf(field)]!.type,
    name: rel.schema.fields[rel.grouping.indexOf(field)]!.name,
  }));
  const schema = {
    fields: [
      ...grouping.map((field) => rel.schema.fields[rel.grouping.indexOf(field)]!),
      ...firsts.map(({ name, type }) => ({ name, type })),
      ...rel.schema.fields.slice(rel.grouping.length),
    ],
  };
  const place = (field: number) =>
    key.includes(field) ? grouping.indexOf(field) : grouping.length + others.indexOf(field);
  const order = [...rel.grouping.map(place), ...rel.calls.map((_, i) => rel.grouping.length + i)];
  const fewer: AggregateRel = { ...rel, grouping, calls: [...firsts, ...rel.calls], schema };
  return { fewer, order };
}

function callsOf(
  calls: readonly RelAggregateCall[],
  retract: boolean,
  place: (index: number) => number,
): AggregateCall[] {
  return calls.map((call) => ({
    function: call.function,
    args: call.args.map(place),
    filter: call.filter < 0 ? -1 : place(call.filter),
    distinct: call.distinct,
    retract,
    type: call.type,
    name: call.name,
  }));
}

interface Pulled {
  readonly input: RelNode;
  readonly window: WindowSpec;
  /** Index in `input` of each field of the aggregate's input; window columns have none. */
  readonly place: ReadonlyMap<number, number>;
}

/**
 * Undefined: windows by the clock that the aggregate cannot take itself are columns like others, as in Flink
 * (WindowUtil.isValidProcTimeWindow): when rows come to it tells nothing of their windows any more.
 */
function planWindowAggregate(
  planner: PhysicalPlanner,
  rel: AggregateRel,
  properties: WindowProperties,
): PhysNode | undefined {
  const kindOf = (index: number): WindowProperty | undefined =>
    properties.starts.includes(index)
      ? "window_start"
      : properties.ends.includes(index)
        ? "window_end"
        : properties.times.includes(index)
          ? "window_time"
          : undefined;
  const keys = rel.grouping.filter((index) => kindOf(index) === undefined);
  const used = rel.grouping.map(kindOf).filter((kind) => kind !== undefined);
  const wanted = (["window_start", "window_end", "window_time"] as const).filter((kind) =>
    used.includes(kind),
  );
  const pulled = pullWindow(rel, keys);
  const isByClock = properties.window.time.attribute === "PROCTIME";
  if (pulled === undefined && isByClock && planner.options.mode === "streaming") return undefined;
  const source = pulled === undefined ? rel.input : pulled.input;
  const node = planner.plan(source);
  const place = (index: number): number => pulled?.place.get(index) ?? index;
  const grouping = keys.map(place);
  const window =
    pulled === undefined
      ? attachedWindow(properties, node)
      : planner.windowOver(pulled.window, node.schema);
  const attached =
    pulled === undefined ? { start: properties.starts[0]!, end: properties.ends[0]! } : undefined;
  const extra = windowFields(properties.window.time.type, properties.window.time.attribute);
  const isGroupWindow = properties.window.isGroupWindow === true && pulled !== undefined;
  const fields: RowField[] = [
    ...grouping.map((index) => node.schema.fields[index]!),
    ...rel.calls.map((call) => ({ name: call.name, type: call.type })),
    ...wanted.map((kind) => {
      const field = extra.find(({ name }) => name === kind)!;
      return isGroupWindow ? { ...field, name: groupWindowName(kind, window) } : field;
    }),
  ];
  const emit = windowEmit(planner.options, {
    window: properties.window,
    isPulled: pulled !== undefined,
  });
  const retracts = !isInsertOnly(node);
  const bounds = wanted.map((_, i) => grouping.length + rel.calls.length + i);
  const aggregate = planner.factory.make(
    {
      type: "WindowAggregate",
      window,
      ...(attached === undefined ? {} : { attached }),
      grouping,
      aggregates: callsOf(rel.calls, retracts, place),
      properties: wanted,
      ...(isGroupWindow ? { isGroupWindow } : {}),
      ...(emit === undefined ? {} : { emit, generateUpdateBefore: false }),
      ...(retracts && (emit !== undefined || rel.calls.length === 0) ? { retracts } : {}),
    },
    [{ node, distribution: hashBy(grouping) }],
    { fields },
    emit === undefined
      ? { kinds: INSERT }
      : {
          kinds: retracts ? ALL : INSERT | UPDATE,
          upsertKeys: bounds.map((bound) => [...grouping.map((_, i) => i), bound]),
        },
  );
  return reorder(planner, rel, aggregate, { keys, wanted, kindOf });
}

function attachedWindow({ window, times, ends }: WindowProperties, node: PhysNode): WindowSpec {
  const index = times[0] ?? ends[0]!;
  const { attribute } = window.time;
  return { ...window, time: { attribute, index, type: node.schema.fields[index]!.type } };
}

/** As Flink names the properties of group windows. */
function groupWindowName(property: WindowProperty, { time }: WindowSpec): string {
  if (property !== "window_time") return property === "window_start" ? "w$start" : "w$end";
  return time.attribute === "ROWTIME" ? "w$rowtime" : "w$proctime";
}

/** Back to the logical order: grouping as written, then the calls. */
function reorder(
  planner: PhysicalPlanner,
  rel: AggregateRel,
  node: PhysNode,
  layout: {
    readonly keys: readonly number[];
    readonly wanted: readonly WindowProperty[];
    readonly kindOf: (index: number) => WindowProperty | undefined;
  },
): PhysNode {
  const { keys, wanted, kindOf } = layout;
  const fields = node.schema.fields;
  const ref = (index: number): Expression => input(index, fields[index]!.type);
  let key = 0;
  const expressions = rel.grouping.map((index) => {
    const kind = kindOf(index);
    if (kind === undefined) return ref(key++);
    return ref(keys.length + rel.calls.length + wanted.indexOf(kind));
  });
  rel.calls.forEach((_, i) => {
    expressions.push(ref(keys.length + i));
  });
  return planner.calc(node, expressions, TRUE, rel.schema);
}

/** The aggregate's input without the window function, when nothing between looks at window columns. */
function pullWindow(rel: AggregateRel, keys: readonly number[]): Pulled | undefined {
  const chain = calcChain(rel.input);
  const { base } = chain;
  if (base.kind !== "windowTvf") return undefined;
  const width = base.input.schema.fields.length;
  const isWindow = (index: number) => index >= width;
  const touches = (e: Expression) => [...inputRefs(e)].some(isWindow);
  if (chain.conditions.some(touches)) return undefined;
  if (chain.projection.some((e) => e.kind !== "input" && touches(e))) return undefined;
  const { window } = base;
  const expressions: Expression[] = [];
  const names: string[] = [];
  const place = new Map<number, number>();
  const add = (expression: Expression, name: string): number => {
    names.push(name);
    return expressions.push(expression) - 1;
  };
  const plain = (index: number): number => {
    const found = expressions.findIndex((e) => e.kind === "input" && e.index === index);
    if (found >= 0) return found;
    const field = base.input.schema.fields[index]!;
    return add(input(index, field.type), field.name);
  };
  const usedByCalls = rel.calls.flatMap((c) => (c.filter < 0 ? c.args : [...c.args, c.filter]));
  if (usedByCalls.some((i) => touches(chain.projection[i]!))) return undefined;
  for (const i of new Set([...keys, ...usedByCalls]))
    place.set(i, add(chain.projection[i]!, chain.schema.fields[i]!.name));
  const partition = window.partitionKeys?.map(plain);
  if (
    window.kind === "SESSION" &&
    !sameSet(
      partition ?? [],
      keys.map((k) => place.get(k)!),
    )
  )
    return undefined;
  const time = plain(window.time.index);
  // Copies of rows are made with the columns that are needed, in whatever order.
  const isAll = base.input.kind === "expand" && expressions.length === width;
  if (isAll && chain.conditions.length === 0 && window.partitionKeys === undefined) {
    const own = expressions.map((e) => (e.kind === "input" ? e.index : -1));
    if (!own.includes(-1) && new Set(own).size === width) {
      const places = new Map([...place].map(([i, at]) => [i, own[at]!]));
      return { input: base.input, window, place: places };
    }
  }
  return {
    input: project(filter(base.input, and(chain.conditions)), expressions, names),
    window: {
      ...window,
      time: { ...window.time, index: time },
      ...(partition === undefined ? {} : { partitionKeys: partition }),
    },
    place,
  };
}

/** Sessions are aggregated as windows only by the keys that they were made of; else as any group (Flink WindowUtil). */
function groupsSessions(rel: AggregateRel, properties: WindowProperties): boolean {
  if (properties.window.kind !== "SESSION") return true;
  const chain = calcChain(rel.input);
  if (chain.base.kind !== "windowTvf") return false;
  const times = [...properties.starts, ...properties.ends, ...properties.times];
  const keys = rel.grouping
    .filter((index) => !times.includes(index))
    .map((index) => {
      const e = chain.projection[index]!;
      return e.kind === "input" ? e.index : -1;
    });
  return sameSet(chain.base.window.partitionKeys ?? [], [...new Set(keys)]);
}

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((x) => b.includes(x));
}
