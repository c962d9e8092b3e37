/**
 * Windows and their aggregates in Flink's words:
 *
 *   WindowAggregate(groupBy=[a], window=[TUMBLE(time_col=[ts], size=[1 min])], select=[a, COUNT(*) AS n, start('w$) AS window_start])
 *   LocalWindowAggregate(…, select=[a, COUNT(*) AS count1$0, slice_end('w$) AS $slice_end])
 *   GlobalWindowAggregate(…, window=[TUMBLE(slice_end=[$slice_end], …)], select=[a, COUNT(count1$0) AS n, …])
 *   GroupWindowAggregate(…, window=[TumblingGroupWindow('w$, ts, 60000)], properties=[w$start, …], select=[…])
 *
 * Source:  Flink RelExplainUtil.windowAggregationToString, streamWindowAggregationToString, the WindowingStrategies.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowProperty, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import type { WindowEmit } from "../../../foundation/plan/window-spec.ts";
import type { PhysSpecOf } from "../exec/phys-node.ts";
import { accumulatorNames, argumentsText, filterText, isCountStar } from "./phase-text.ts";

type Spec = PhysSpecOf<"WindowAggregate">;
type Name = (index: number) => string;

const TEXTS = { window_start: "start('w$)", window_end: "end('w$)" } as const;

export function windowAggregateName({ isLocal, accumulators, isGroupWindow }: Spec): string {
  if (isGroupWindow === true) return "GroupWindowAggregate";
  if (isLocal === true) return "LocalWindowAggregate";
  return accumulators === undefined ? "WindowAggregate" : "GlobalWindowAggregate";
}

export function windowAggregateText(spec: Spec, name: Name, output: Schema): string[] {
  const keys = spec.grouping.map(name);
  const groupBy = keys.length > 0 ? [`groupBy=[${keys.join(", ")}]`] : [];
  if (spec.isGroupWindow === true) return [...groupBy, ...groupWindowText(spec, name)];
  const window = `window=[${windowOf(spec, name)}]`;
  if (spec.isLocal === true) return [...groupBy, window, `select=[${localSelect(spec, name)}]`];
  const calls =
    spec.accumulators === undefined
      ? spec.aggregates.map((call) => callText(call, name))
      : globalCalls(spec);
  const made = [...calls, ...spec.properties.map((property) => propertyText(spec, property))];
  const outputs = output.fields.slice(keys.length).map((field) => field.name);
  // As in Flink: a count that was added to the calls moves the names, and the last is not shown.
  const select = outputs.map((own, i) => `${made[i]} AS ${own}`);
  return [...groupBy, window, `select=[${[...keys, ...select].join(", ")}]`];
}

function windowOf(spec: Spec, name: Name): string {
  const { attached, window, accumulators } = spec;
  if (accumulators !== undefined) {
    const end = attached === undefined ? `slice_end=[$slice_end]` : `win_end=[$window_end]`;
    return `${window.kind}(${end}, ${sizes(window)})`;
  }
  return attached === undefined
    ? windowText(window, name)
    : attachedText(spec.window, attached, name);
}

/** A window whose bounds are columns. */
export function attachedText(
  window: WindowSpec,
  { start, end }: { readonly start: number; readonly end: number },
  name: Name,
): string {
  return `${window.kind}(win_start=[${name(start)}], win_end=[${name(end)}], ${sizes(window)})`;
}

function localSelect(spec: Spec, name: Name): string {
  const calls = phaseCalls(spec);
  const parts = accumulatorNames(calls);
  const sets = distinctSets(calls);
  const texts = calls.map((call, i) => {
    const args = argumentsText(call, name);
    const of = call.distinct ? `distinct$${sets.indexOf(setOf(call))} ${args}` : args;
    return `${called(call, of)}${filterText(call, name)} AS ${parts[i]}`;
  });
  const distinct = sets.map((set, i) => {
    const args = set.split(",").map((arg) => name(Number(arg)));
    return `DISTINCT(${args.join(", ")}) AS distinct$${i}`;
  });
  const end = spec.attached === undefined ? "$slice_end" : "$window_end";
  return [...spec.grouping.map(name), ...texts, ...distinct, `slice_end('w$) AS ${end}`].join(", ");
}

function globalCalls(spec: Spec): string[] {
  const calls = phaseCalls(spec);
  const parts = accumulatorNames(calls);
  const sets = distinctSets(calls);
  return calls.map((call, i) =>
    called(call, call.distinct ? `distinct$${sets.indexOf(setOf(call))} ${parts[i]}` : parts[i]!),
  );
}

const COUNT_STAR = { function: "COUNT", args: [], filter: -1, distinct: false } as const;

/** HOP counts its rows, to know which windows are empty. */
function phaseCalls({ window, aggregates }: Spec): readonly AggregateCall[] {
  const [first] = aggregates;
  const counts = aggregates.some((call) => isCountStar(call) && call.filter < 0);
  if (window.kind !== "HOP" || counts || first === undefined) return aggregates;
  return [...aggregates, { ...COUNT_STAR, retract: first.retract, type: first.type, name: "" }];
}

const setOf = ({ args }: AggregateCall): string => args.join();

function distinctSets(calls: readonly AggregateCall[]): string[] {
  return [...new Set(calls.filter(({ distinct }) => distinct).map(setOf))];
}

function called({ function: name, retract }: AggregateCall, of: string): string {
  return `${plainName(name)}${retract ? "_RETRACT" : ""}(${of})`;
}

function callText(call: AggregateCall, name: Name): string {
  const args = argumentsText(call, name);
  return `${called(call, call.distinct ? `DISTINCT ${args}` : args)}${filterText(call, name)}`;
}

function propertyText({ window }: Spec, property: WindowProperty): string {
  if (property !== "window_time") return TEXTS[property];
  return window.time.attribute === "ROWTIME" ? "rowtime('w$)" : "proctime('w$)";
}

/** All properties are there when one is used. */
function groupWindowText(spec: Spec, name: Name): string[] {
  const { window, aggregates, properties, grouping, emit } = spec;
  const all =
    properties.length === 0
      ? []
      : window.time.attribute === "ROWTIME"
        ? ["start", "end", "rowtime", "proctime"]
        : ["start", "end", "proctime"];
  const select = [
    ...grouping.map(name),
    ...aggregates.map((call) => `${callText(call, name)} AS ${call.name}`),
    ...all.map((property) => `${property}('w$) AS w$${property}`),
  ];
  const listed = all.map((property) => `w$${property}`).join(", ");
  return [
    `window=[${groupWindow(window, name)}]`,
    ...(all.length === 0 ? [] : [`properties=[${listed}]`]),
    `select=[${select.join(", ")}]`,
    ...(emit === undefined ? [] : [`emit=[${emitText(emit)}]`]),
  ];
}

function groupWindow({ kind, time, sizeMs, slideMs, gapMs }: WindowSpec, name: Name): string {
  const of = `'w$, ${name(time.index)}`;
  if (kind === "HOP") return `SlidingGroupWindow(${of}, ${sizeMs}, ${slideMs})`;
  if (kind === "SESSION") return `SessionGroupWindow(${of}, ${gapMs})`;
  return `TumblingGroupWindow(${of}, ${sizeMs})`;
}

function emitText({ earlyMs, lateMs }: WindowEmit): string {
  const text = (phase: string, delay: number | undefined) =>
    delay === undefined
      ? []
      : [delay > 0 ? `${phase} delay ${delay} millisecond` : `${phase} no delay`];
  return [...text("early", earlyMs), ...text("late", lateMs)].join(", ");
}

export function windowText(window: WindowSpec, name: Name): string {
  const keys = window.partitionKeys ?? [];
  const partition = keys.length === 0 ? "" : `, partition keys=[${keys.map(name).join(", ")}]`;
  return `${window.kind}(time_col=[${name(window.time.index)}], ${sizes(window)}${partition})`;
}

function sizes(window: WindowSpec): string {
  const parts = [
    ...(window.gapMs === undefined ? [] : [`gap=[${duration(window.gapMs)}]`]),
    ...(window.kind === "SESSION"
      ? []
      : [`${window.kind === "CUMULATE" ? "max_size" : "size"}=[${duration(window.sizeMs)}]`]),
    ...(window.slideMs === undefined ? [] : [`slide=[${duration(window.slideMs)}]`]),
    ...(window.stepMs === undefined ? [] : [`step=[${duration(window.stepMs)}]`]),
    ...(window.offsetMs === 0 ? [] : [`offset=[${duration(window.offsetMs)}]`]),
  ];
  return parts.join(", ");
}

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
] as const;

export function duration(millis: number): string {
  for (const [size, unit] of UNITS)
    if (millis !== 0 && millis % size === 0) return `${millis / size} ${unit}`;
  return `${millis} ms`;
}
