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
} from "../../src/foundation/plan/process-table-function.ts";
import type { ProcessFunction } from "../../src/dataplane/contract/process-function.ts";
import { longText, modeSummary, ttlText } from "./process-texts.ts";
import {
  chainedSending,
  evalEvent,
  lateTimers,
  multiInputOrderBy,
  namedTimers,
  optionalPartitionOnTime,
  orderBy,
  pojoStateTime,
  registersTimer,
  timeConversions,
  timedAnywhere,
  timedJoin,
  unnamedTimers,
} from "./process-timer-functions.ts";
import {
  OUT,
  type ProcessTwin,
  append,
  emit,
  rowOf,
  scalar,
  score,
  state,
  table,
} from "./process-twin.ts";

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

const timeToLive: ProcessTwin = {
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

const updatingUpsert: ProcessTwin = {
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

const updatingJoin: ProcessTwin = {
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

const TWINS: Readonly<Record<string, ProcessTwin>> = {
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

export const processFunction = (className: string): ProcessTwin | undefined => TWINS[className];
