/**
 * Twins in TypeScript of the process table functions that Flink's tests use, by the names of their classes.
 *
 * Flow:    a record's `setup` names a class → CREATE FUNCTION → userFunction() for the planner, processFunction() for the
 *          operator.
 * Source:  behaviour of Flink's ProcessTableFunctionTestUtils.
 */
import { type LogicalType, types } from "../../src/foundation/columnar/logical-type.ts";
import { RowKind } from "../../src/foundation/columnar/row-kind.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import { formatValue } from "../../src/foundation/columnar/value-text.ts";
import type {
  ProcessChanges,
  ProcessParameter,
  ProcessState,
  TableTrait,
} from "../../src/foundation/plan/process-table-function.ts";
import {
  END_OF_TIME,
  type ProcessContext,
  type ProcessFunction,
  type ProcessRow,
} from "../../src/dataplane/contract/process-function.ts";
import { instantText, longText, modeSummary, objectsText, ttlText } from "./process-texts.ts";

const OUT = [{ name: "out", type: types.string() }];
const SCORE: readonly Value[] = [null, null];
const score = types.row([
  { name: "s", type: types.string() },
  { name: "i", type: types.int() },
]);

const table = (name: string, ...traits: readonly TableTrait[]): ProcessParameter => ({
  name,
  kind: "table",
  traits,
});
const scalar = (name: string, type: LogicalType): ProcessParameter => ({
  name,
  kind: "scalar",
  type,
});
const state = (
  name: string,
  type: LogicalType,
  more: Partial<ProcessState> = {},
): ProcessState => ({
  name,
  kind: "value",
  type,
  ...more,
});

interface Twin {
  readonly parameters?: readonly ProcessParameter[];
  readonly state?: readonly ProcessState[];
  readonly eval: ProcessFunction["eval"];
  readonly onTimer?: NonNullable<ProcessFunction["onTimer"]>;
}

/** A function of one text column `out`. */
function append({ parameters = [], state: entries = [], ...code }: Twin): ProcessFunction {
  const declaration = {
    parameters,
    state: entries,
    output: OUT,
    changelog: "insert-only",
  } as const;
  return { declaration, ...code };
}

const emit = (context: ProcessContext, ...objects: readonly unknown[]): void =>
  context.collect([`{${objectsText(objects)}}`]);
const rowOf = (value: unknown): ProcessRow | null => value as ProcessRow | null;

// ------------------------------------------------------------------------------------------- events and timers

function evalEvent({ time }: ProcessContext, context: ProcessContext, row: unknown): void {
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
const timedAnywhere = ["set-semantics", "optional-partition-by", "require-on-time"] as const;
const now = (context: ProcessContext): number => context.time.time ?? 0;

const namedTimers = append({
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

const unnamedTimers = append({
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

const lateTimers = append({
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

const optionalPartitionOnTime = append({
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

const pojoStateTime = append({
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

const chainedSending = append({
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

const timeConversions = append({
  parameters: [table("r", "row-semantics", "require-on-time")],
  eval: (context) => {
    const { time, currentWatermark } = context.time;
    const all = (at: number | null) =>
      `(Long: ${longText(at)}, Instant: ${instantText(at)}, LocalDateTime: ${instantText(at).replace(/(T\d\d:\d\d):00Z$|Z$/, "$1")})`;
    emit(context, `Time ${all(time)}, Watermark ${all(currentWatermark)}`);
  },
});

const registersTimer: ProcessFunction["eval"] = (context) => context.time.registerOnTime(42);

const orderBy = append({
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

const multiInputOrderBy = append({
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

const timedJoin = append({
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

// --------------------------------------------------------------------------------------------------- state

const DEFAULT_SCORE: readonly Value[] = [null, 99];
const defaultsText = ([s, i]: readonly Value[]): string =>
  `ScoreWithDefaults(s='${String(s)}', i=${String(i)})`;

const defaultPojo = append({
  parameters: [table("r", "set-semantics")],
  state: [state("s", score)],
  eval: (context, { r }) => {
    const own = context.value("s");
    const [s, i] = (own.get() ?? DEFAULT_SCORE) as readonly Value[];
    emit(context, defaultsText([s!, i!]), r);
    const name = rowOf(r)!.get("name");
    own.set([name === "Bob" ? name : s!, i === 99 ? 0 : (i as number) + 1]);
  },
});

const clearState = append({
  parameters: [table("r", "set-semantics")],
  state: [state("s", score)],
  eval: (context, { r }) => {
    const own = context.value("s");
    const [s, i] = (own.get() ?? DEFAULT_SCORE) as readonly Value[];
    emit(context, defaultsText([s!, i!]), r);
    if (rowOf(r)!.get("name") === "Bob" && i === 100) context.clearState("s");
    else own.set([s!, (i as number) + 1]);
  },
});

const multiState = append({
  parameters: [table("r", "set-semantics")],
  state: [state("s1", types.int()), state("s2", types.string())],
  eval: (context, { r }) => {
    const [s1, s2] = [context.value("s1"), context.value("s2")];
    emit(context, `+I[${String(s1.get())}]`, `+I[${String(s2.get())}]`, r);
    const i = (s1.get() ?? 0) as number;
    s1.set(i + 1);
    s2.set(String(i));
  },
});

const timeToLive: ProcessFunction = {
  declaration: {
    parameters: [table("r", "set-semantics", "optional-partition-by")],
    state: [
      state("s0", types.boolean()),
      state("s1", score, { ttlMs: 432_000_000 }),
      state("s2", score, { ttlMs: 0 }),
      state("s3", score),
    ],
    output: [{ name: "EXPR$0", type: types.string() }],
    changelog: "insert-only",
  },
  eval: (context) => {
    if (context.value("s0").get() === true) return;
    const text = (name: string) => `${name}=${ttlText(context.stateTtlMs(name))}`;
    context.collect([["s1", "s2", "s3"].map(text).join(", ")]);
    context.value("s0").set(true);
  },
};

function refuses(action: () => void, message: string): void {
  try {
    action();
  } catch (error) {
    if (error instanceof Error && error.message.includes(message)) return;
    throw error;
  }
  throw new Error(`not refused: ${message}`);
}

const listState = append({
  parameters: [table("r", "set-semantics", "optional-partition-by")],
  state: [state("s", types.string(), { kind: "list" })],
  eval: (context, { r }) => {
    const s = context.list("s");
    emit(context, `[${s.get().join(", ")}]`, "KeyedStateListView", r);
    const count = s.get().length;
    s.add(String(count));
    refuses(() => s.add(null), "List views don't support null values.");
    if (count === 2) context.clearState("s");
  },
});

const mapState = (nulls: boolean) =>
  append({
    parameters: [table("r", "set-semantics", "optional-partition-by")],
    state: [state("s", types.int(), { kind: "map", keyType: types.string(false) })],
    eval: (context, { r }) => {
      const s = context.map("s");
      const texts = s.entries().map(([key, value]) => `${String(key)}=${String(value)}`);
      emit(context, `{${texts.sort().join(", ")}}`, "KeyedStateMapViewWithKeysNotNull", r);
      const name = rowOf(r)!.get("name") as string;
      const count = s.has(name) ? (s.get(name) as number) : 1;
      s.put(`old${name}`, count);
      s.put(name, count + 1);
      if (nulls) {
        refuses(() => s.put(null, 42), "Map views don't support null keys.");
        s.put("nullValue", null);
      }
      if (count === 2) context.clearState("s");
    },
  });

// ------------------------------------------------------------------------------------------------- changes

const updatingUpsert: ProcessFunction = {
  declaration: {
    parameters: [table("r", "set-semantics", "support-updates")],
    state: [],
    output: [
      { name: "name", type: types.string() },
      { name: "count", type: types.bigint() },
      { name: "mode", type: types.string() },
    ],
    changelog: "upsert",
  },
  eval: (context, { r }) => {
    const { values, kind } = rowOf(r)!;
    context.collect([values[0]!, values[1]!, modeSummary(context.changes)], kind);
  },
};

const updatingJoin: ProcessFunction = {
  declaration: {
    parameters: [
      table("scoreTable", "set-semantics", "support-updates"),
      table("cityTable", "set-semantics", "support-updates"),
    ],
    state: [state("score", types.int()), state("city", types.string())],
    output: OUT,
    changelog: "upsert",
  },
  eval: (context, { scoreTable, cityTable }) => {
    const sides = [
      { own: context.value("score"), row: rowOf(scoreTable), field: "score" },
      { own: context.value("city"), row: rowOf(cityTable), field: "city" },
    ] as const;
    const isMatch = () => sides.every(({ own }) => own.get() !== null);
    const wasMatch = isMatch();
    if (wasMatch && sides.some(({ row }) => row?.kind === RowKind.DELETE))
      context.collect([null], RowKind.DELETE);
    for (const { own, row, field } of sides)
      if (row !== null)
        own.set(
          row.kind === RowKind.INSERT || row.kind === RowKind.UPDATE_AFTER ? row.get(field) : null,
        );
    if (!isMatch()) return;
    const [left, right] = sides.map(({ own }) => String(own.get()));
    const kind = wasMatch ? RowKind.UPDATE_AFTER : RowKind.INSERT;
    context.collect([`score ${left!} in city ${right!}`], kind);
  },
};

const objects =
  (...names: readonly string[]): ProcessFunction["eval"] =>
  (context, args) =>
    emit(context, ...names.map((name) => args[name]));

const kindsText = ({ kinds }: ProcessChanges): string => `[${kinds.join(", ")}]`;
const castingType = types.row([
  { name: "b", type: types.bigint() },
  { name: "t", type: types.timestamp(6) },
]);

const TWINS: Readonly<Record<string, ProcessFunction>> = {
  ScalarArgsFunction: append({
    parameters: [scalar("i", types.int()), scalar("b", types.boolean())],
    eval: objects("i", "b"),
  }),
  IntervalDayArgFunction: append({
    parameters: [
      scalar("d", {
        kind: "INTERVAL_DAY_TIME",
        qualifier: "SECOND",
        nullable: true,
      } as LogicalType),
    ],
    eval: (context, { d }) =>
      emit(
        context,
        formatValue(d as Value, { kind: "INTERVAL_DAY_TIME", nullable: true } as LogicalType),
      ),
  }),
  SetSemanticTableFunction: append({
    parameters: [table("r", "set-semantics"), scalar("i", types.int())],
    eval: objects("r", "i"),
  }),
  RowSemanticTableFunction: append({
    parameters: [table("r", "row-semantics"), scalar("i", types.int())],
    eval: objects("r", "i"),
  }),
  RowSemanticTablePassThroughFunction: append({
    parameters: [table("r", "row-semantics", "pass-columns-through"), scalar("i", types.int())],
    eval: objects("r", "i"),
  }),
  ScalarBeforeRowSemanticTablePassThroughFunction: append({
    parameters: [scalar("i", types.int()), table("r", "row-semantics", "pass-columns-through")],
    eval: objects("r", "i"),
  }),
  SetSemanticTableUpdatingArgFunction: append({
    parameters: [table("r", "set-semantics", "optional-partition-by", "support-updates")],
    eval: (context, { r }) => emit(context, r, modeSummary(context.tableSemantics("r").changes)),
  }),
  SetSemanticTableRetractArgFunction: append({
    parameters: [table("r", "set-semantics", "support-updates", "require-update-before")],
    eval: objects("r"),
  }),
  ContextFunction: append({
    parameters: [table("r", "set-semantics"), scalar("s", types.string())],
    eval: (context, { r, s }) => {
      const { partitionKeys, changes, type } = context.tableSemantics("r");
      const fields = type.kind === "ROW" ? type.fields : [];
      const texts = fields.map((f) => `\`${f.name}\` ${typeText(f.type)}`);
      emit(
        context,
        r,
        s,
        `[${partitionKeys.join(", ")}]`,
        kindsText(changes),
        `ROW<${texts.join(", ")}>`,
      );
    },
  }),
  InvalidRowKindFunction: append({
    parameters: [table("r", "row-semantics")],
    eval: (context) => context.collect(["invalidate"], RowKind.DELETE),
  }),
  PojoWithDefaultStateFunction: defaultPojo,
  MultiStateFunction: multiState,
  ClearStateFunction: clearState,
  TimeToLiveStateFunction: timeToLive,
  TimeConversionsFunction: timeConversions,
  NamedTimersFunction: namedTimers,
  UnnamedTimersFunction: unnamedTimers,
  LateTimersFunction: lateTimers,
  ScalarArgsTimeFunction: append({
    eval: (context) => {
      const { time, currentWatermark } = context.time;
      emit(context, `Time ${longText(time)} and watermark ${longText(currentWatermark)}`);
    },
  }),
  OptionalPartitionOnTimeFunction: optionalPartitionOnTime,
  PojoStateTimeFunction: pojoStateTime,
  ChainedSendingFunction: chainedSending,
  ChainedReceivingFunction: append({
    parameters: [table("r", ...timedAnywhere)],
    eval: (context, { r }) => evalEvent(context, context, r),
  }),
  InvalidRowSemanticTableTimersFunction: append({
    parameters: [table("r", "row-semantics")],
    eval: registersTimer,
  }),
  InvalidPassThroughTimersFunction: append({
    parameters: [table("r", "set-semantics", "pass-columns-through", "require-on-time")],
    eval: registersTimer,
  }),
  ListStateFunction: listState,
  MapStateFunction: mapState(true),
  NonNullMapStateFunction: mapState(false),
  UpdatingUpsertFunction: updatingUpsert,
  UpdatingJoinFunction: updatingJoin,
  MultiInputFunction: append({
    parameters: [
      table("in1", "set-semantics"),
      table("in2", "set-semantics", "optional-partition-by"),
    ],
    eval: objects("in1", "in2"),
  }),
  MultiInputWithScalarArgsFunction: append({
    parameters: [
      scalar("m", types.map(types.string(), types.string())),
      table("in1", "set-semantics"),
      scalar("i", types.int()),
      table("in2", "set-semantics", "optional-partition-by"),
      scalar(
        "r",
        types.row([
          { name: "b", type: types.boolean() },
          { name: "s", type: types.string() },
        ]),
      ),
    ],
    eval: (context, { in1, in2, m, i, r }) => {
      const map = (m as unknown as readonly (readonly Value[])[]).map((pair) => pair.join("="));
      emit(
        context,
        in1,
        in2,
        `{${map.join(", ")}}`,
        i,
        `+I[${(r as readonly Value[]).join(", ")}]`,
      );
    },
  }),
  TimedJoinFunction: timedJoin,
  OrderByFunction: orderBy,
  MultiInputOrderByFunction: multiInputOrderBy,
  ImplicitCastingFunction: append({
    parameters: [
      {
        ...(table("p", "row-semantics") as Extract<ProcessParameter, { kind: "table" }>),
        fields: [
          { name: "s", type: types.string() },
          { name: "b", type: types.bigint(false) },
          { name: "r", type: castingType },
        ],
      },
      scalar("b", types.bigint(false)),
    ],
    eval: (context, { p, b }) => {
      const [s, own, r] = rowOf(p)!.values;
      const pojo = `CastingPojo(s='${String(s)}', b=${String(own)}, r=${formatValue(r!, castingType)})`;
      emit(context, pojo, b);
    },
  }),
};

/** As Flink prints a type: `VARCHAR(5) NOT NULL`. */
function typeText(type: LogicalType): string {
  const base =
    "length" in type ? `${type.kind}(${type.length})` : type.kind === "INTEGER" ? "INT" : type.kind;
  return type.nullable ? base : `${base} NOT NULL`;
}

export const processFunction = (className: string): ProcessFunction | undefined => TWINS[className];
