/** Twins of Flink's process table functions that look at time: watermarks, timers, ORDER BY. */
import { types } from "../../src/foundation/columnar/logical-type.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import {
  END_OF_TIME,
  type ProcessContext,
  type ProcessFunction,
} from "../../src/dataplane/contract/process-function.ts";
import { instantText, longText } from "./process-texts.ts";
import { SCORE, append, emit, rowOf, score, state, table } from "./process-twin.ts";

export function evalEvent({ time }: ProcessContext, context: ProcessContext, row: unknown): void {
  const at = `time ${longText(time.time)} watermark ${longText(time.currentWatermark)}`;
  emit(context, `Processing input row ${String(row)} at ${at}`);
}

function timerEvent(context: ProcessContext, timer: string | null): void {
  const { time, currentWatermark } = context.time;
  const at = `time ${longText(time)} watermark ${longText(currentWatermark)}`;
  emit(context, `Timer ${timer ?? "null"} fired at ${at}`);
}

function createTimer(context: ProcessContext, time: number, name?: string): void {
  const { time: now, currentWatermark } = context.time;
  const called = name === undefined ? "" : `${name} `;
  const at = `time ${longText(now)} watermark ${longText(currentWatermark)}`;
  emit(context, `Registering timer ${called}for ${longText(time)} at ${at}`);
  context.time.registerOnTime(time, name);
}

function clearTimer(context: ProcessContext, timer: string | number): void {
  const { time, currentWatermark } = context.time;
  const at = `time ${longText(time)} watermark ${longText(currentWatermark)}`;
  emit(context, `Clearing timer ${String(timer)} at ${at}`);
  context.time.clearTimer(timer);
}

function clearAll(context: ProcessContext): void {
  const { time, currentWatermark } = context.time;
  emit(
    context,
    `Clearing all timers at time ${longText(time)} watermark ${longText(currentWatermark)}`,
  );
  context.time.clearAllTimers();
}

const timed = ["set-semantics", "require-on-time"] as const;
export const timedAnywhere = ["set-semantics", "optional-partition-by", "require-on-time"] as const;
const now = (context: ProcessContext): number => context.time.time ?? 0;

export const namedTimers = append({
  parameters: [table("r", ...timed)],
  eval: (context, { r }) => {
    evalEvent(context, context, r);
    if (now(context) !== 0) return;
    for (const delay of [1, 2, 3]) createTimer(context, now(context) + delay, `timeout${delay}`);
    createTimer(context, END_OF_TIME, "timeout4");
    createTimer(context, END_OF_TIME, "timeout5");
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    if (timer === "timeout1") {
      createTimer(context, now(context) + 4, "timeout2");
      clearTimer(context, "timeout3");
    } else if (timer === "timeout2") clearAll(context);
  },
});

export const unnamedTimers = append({
  parameters: [table("r", ...timed)],
  eval: (context, { r }) => {
    evalEvent(context, context, r);
    if (now(context) !== 0) return;
    for (const time of [1, 2, END_OF_TIME]) createTimer(context, time);
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    if (now(context) === 1) {
      createTimer(context, 5);
      clearTimer(context, 2);
    } else if (now(context) === 5) clearAll(context);
  },
});

export const lateTimers = append({
  parameters: [table("r", ...timed)],
  eval: (context, { r }) => {
    evalEvent(context, context, r);
    if (rowOf(r)?.get("name") === "Bob") {
      createTimer(context, 0, "bob");
      createTimer(context, 0);
    } else createTimer(context, 1, "alice");
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    if (timer === "alice") createTimer(context, 0, "alice-again");
  },
});

export const optionalPartitionOnTime = append({
  parameters: [table("r", ...timedAnywhere)],
  eval: (context, { r }) => {
    evalEvent(context, context, r);
    if (now(context) === 0) createTimer(context, 1, "t");
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    if (timer === "t") createTimer(context, now(context) + 1, "again");
  },
});

export const pojoStateTime = append({
  parameters: [table("r", ...timed)],
  state: [state("s", score)],
  eval: (context, { r }) => {
    const own = context.value("s");
    const [s, i] = (own.get() ?? SCORE) as readonly Value[];
    emit(context, `Score(s='${String(s)}', i=${String(i)})`, r);
    if (i === null) createTimer(context, now(context) + 2, "t");
    own.set([s!, i === null ? 1 : (i as number) + 1]);
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    const own = context.value("s");
    const [s, i] = own.get() as readonly Value[];
    own.set([s!, (i as number) * 10]);
  },
});

export const chainedSending = append({
  parameters: [table("r", ...timedAnywhere)],
  eval: (context, { r }) => {
    evalEvent(context, context, r);
    createTimer(context, now(context) + 1, "t");
  },
  onTimer: (context, timer) => {
    timerEvent(context, timer);
    emit(context, longText(context.time.time));
  },
});

export const timeConversions = append({
  parameters: [table("r", "row-semantics", "require-on-time")],
  eval: (context) => {
    const { time, currentWatermark } = context.time;
    const all = (at: number | null) =>
      `(Long: ${longText(at)}, Instant: ${instantText(at)}, LocalDateTime: ${instantText(at).replace(/(T\d\d:\d\d):00Z$|Z$/, "$1")})`;
    emit(context, `Time ${all(time)}, Watermark ${all(currentWatermark)}`);
  },
});

export const registersTimer: ProcessFunction["eval"] = (context) => context.time.registerOnTime(42);

export const orderBy = append({
  parameters: [table("r", "set-semantics", "optional-partition-by")],
  state: [state("captured", types.string(), { kind: "list" })],
  eval: (context, { r }) => {
    context.list("captured").add(String(r));
    const { currentWatermark, tableWatermark, time } = context.time;
    const list = `[${context.list("captured").get().join(", ")}]`;
    emit(
      context,
      instantText(currentWatermark),
      instantText(tableWatermark),
      instantText(time),
      list,
    );
  },
});

export const multiInputOrderBy = append({
  parameters: [table("in1", "set-semantics"), table("in2", "set-semantics")],
  state: [
    state("list1", types.string(), { kind: "list" }),
    state("list2", types.string(), { kind: "list" }),
  ],
  eval: (context, args) => {
    for (const i of [1, 2]) {
      const row = args[`in${i}`];
      if (row === null) continue;
      const captured = context.list(`list${i}`);
      captured.add(String(row));
      const { tableWatermark, time } = context.time;
      const list = `[${captured.get().join(", ")}]`;
      emit(context, `in${i}`, instantText(tableWatermark), instantText(time), list);
    }
  },
});

export const timedJoin = append({
  parameters: [table("scoreTable", ...timed), table("cityTable", ...timed)],
  state: [state("score", types.int()), state("city", types.string())],
  eval: (context, { scoreTable, cityTable }) => {
    if (scoreTable !== null) {
      context.value("score").set(rowOf(scoreTable)!.get("score"));
      context.time.registerOnTime(now(context) + 1000, "timeout");
    }
    if (cityTable !== null) context.value("city").set(rowOf(cityTable)!.get("city"));
    const [own, city] = [context.value("score").get(), context.value("city").get()];
    if (own === null || city === null) return;
    context.collect([`${String(own)} score in city ${String(city)}`]);
    context.time.clearAllTimers();
  },
  onTimer: (context) => {
    context.collect([`no city found for score ${String(context.value("score").get())}`]);
    context.value("score").clear();
  },
});
