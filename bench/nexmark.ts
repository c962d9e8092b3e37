/**
 * `bench nexmark`: the queries' CPU seconds in Millrace and in Flink, over the same events and the same SQL.
 *
 * Flow:    event files, nexmark/queries → each engine in turn (checks, then measurements) → table, figures.
 * Order:   Millrace, then Flink, which is started as late and stopped as early as possible (its memory is most of a
 *          machine's), then Millrace again: a shared machine has slower minutes, which neither side alone should have.
 *          A query whose result was wrong, or that an engine cannot run, gets no figure.
 */
import { existsSync } from "node:fs";
import { type MillraceError, toMillraceError } from "../src/foundation/base/errors.ts";
import { type OptionKinds, oneOf, wholeNumber } from "./arguments.ts";
import { type BenchContext, commonOptions, finish, print, withPeer } from "./context.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { ResultCheck } from "./nexmark/check.ts";
import { type MeasureRequest, measureQueries, together } from "./nexmark/measure.ts";
import { nexmarkScript, type QueryInput, requireQuery } from "./nexmark/queries.ts";
import { type NexmarkPlan, nexmarkFigures, nexmarkTable, type Side } from "./nexmark/report.ts";
import { type EventFiles, nexmarkEventFiles, readEventFiles } from "./nexmark-events.ts";
import { sharedPath } from "./paths.ts";
import type { FlinkSetup } from "./peer/flink/configuration.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { progress } from "./progress.ts";

export const nexmarkOptions: OptionKinds = {
  ...commonOptions,
  input: "value",
  rate: "value",
  "check-events": "value",
  "warm-up-events": "value",
  "count-char": "flag",
  backend: "value",
  checkpoint: "value",
};

/** All of Nexmark's but q6, and q13 over a table of files, which Flink cannot run. */
const FLINK_REFUSES = ["q6", "q13"];
const DEFAULT_QUERIES = Array.from({ length: 24 }, (_, i) => `q${i}`).filter(
  (query) => !FLINK_REFUSES.includes(query),
);
const DEFAULT_EVENTS = 5_000_000;
const DEFAULT_RATE = 100_000;
const DEFAULT_CHECK_EVENTS = 200_000;
const DEFAULT_WARM_UP_EVENTS = 500_000;

interface Outcome {
  /** Sentences: which rows were compared with what. */
  readonly checked: string[];
  /** Queries without a figure, and why. */
  readonly failed: Map<string, string>;
}

export async function benchNexmark(context: BenchContext, names: readonly string[]): Promise<void> {
  const plan = planOf(context, names);
  for (const query of plan.queries) requireQuery(query);
  const files = plan.input === "json" ? eventFiles(context, plan, plan.events) : undefined;
  const outcome: Outcome = { checked: [], failed: new Map() };
  const check = plan.checkEvents === 0 ? undefined : await prepareCheck(plan);
  const sides: Side[] = [];
  try {
    const own = (checked: ResultCheck | undefined) =>
      measureSide(context, plan, async () => new MillraceEngine(), checked, outcome);
    if (context.millrace) sides.push(await own(check));
    if (context.flink) {
      const start = () => FlinkEngine.start(context.parallelism, nexmarkJars(), flinkSetup(plan));
      const measure = () => measureSide(context, plan, start, check, outcome);
      const side = await withPeer(context, measure);
      const [first] = sides;
      if (side !== undefined && first !== undefined) {
        const { costs } = await own(undefined);
        sides[0] = { ...first, costs: together(first.costs, costs) };
      }
      if (side !== undefined) sides.push(side);
    }
  } finally {
    check?.close();
  }
  report(context, plan, files, withFigures(plan, sides), outcome);
  if (outcome.failed.size > 0)
    throw benchErrors.QUERIES_FAILED({ queries: [...outcome.failed.keys()].join(" ") });
}

/** The queries that every side measured. */
function withFigures(plan: NexmarkPlan, sides: readonly Side[]): Side[] {
  const complete = plan.queries.filter((query) =>
    sides.every((side) => side.costs.some((cost) => cost.query === query)),
  );
  return sides.map((side) => ({
    ...side,
    costs: side.costs.filter((cost) => complete.includes(cost.query)),
  }));
}

function planOf({ options }: BenchContext, names: readonly string[]): NexmarkPlan {
  const events = wholeNumber(options, "events", DEFAULT_EVENTS);
  return {
    queries: names.length === 0 ? DEFAULT_QUERIES : names,
    events,
    rate: wholeNumber(options, "rate", DEFAULT_RATE),
    input: oneOf(options, "input", ["json", "generator"]) ?? "json",
    checkEvents: wholeNumber(options, "check-events", DEFAULT_CHECK_EVENTS, 0),
    warmUpEvents: Math.min(
      events,
      wholeNumber(options, "warm-up-events", DEFAULT_WARM_UP_EVENTS, 0),
    ),
    countCharFunction: options.has("count-char"),
    backend: oneOf(options, "backend", ["hashmap", "rocksdb"]) ?? "hashmap",
    checkpointInterval: options.get("checkpoint"),
  };
}

function flinkSetup({ backend, checkpointInterval }: NexmarkPlan): FlinkSetup {
  return { backend, ...(checkpointInterval === undefined ? {} : { checkpointInterval }) };
}

function prepareCheck(plan: NexmarkPlan): Promise<ResultCheck> {
  progress(
    `reading ${plan.checkEvents.toLocaleString("en-US")} events to compute the expected results`,
  );
  return ResultCheck.prepare({
    queries: plan.queries,
    events: plan.checkEvents,
    countCharFunction: plan.countCharFunction,
  });
}

async function measureSide(
  context: BenchContext,
  plan: NexmarkPlan,
  start: () => Promise<Engine>,
  check: ResultCheck | undefined,
  outcome: Outcome,
): Promise<Side> {
  const engine = await start();
  const onFailure = (query: string, error: MillraceError) => {
    outcome.failed.set(query, `${engine.name}, ${error.code}: ${error.message}`);
    progress(`${engine.name} ${query} failed: ${error.code} ${error.message}`);
  };
  const left = () => plan.queries.filter((query) => !outcome.failed.has(query));
  try {
    for (const query of check === undefined ? [] : left()) {
      try {
        const { rows, by } = await check!.run(engine, query);
        outcome.checked.push(`${engine.name} ${query}: ${rows} rows, compared with ${by}`);
        progress(outcome.checked.at(-1)!);
      } catch (error) {
        onFailure(query, toMillraceError(error));
      }
    }
    const request = { ...measureRequest(context, plan), queries: left(), onFailure };
    const costs = await measureQueries(engine, request);
    return { engine: engine.name, description: engine.describe(), costs };
  } finally {
    await engine.stop();
  }
}

function measureRequest(context: BenchContext, plan: NexmarkPlan): MeasureRequest {
  const { checkpointInterval: interval } = plan;
  const settings =
    interval === undefined ? "" : `SET 'execution.checkpointing.interval' = '${interval}';\n`;
  const script = (events: number) => (query: string) =>
    settings +
    nexmarkScript({
      query,
      input: queryInput(context, plan, events),
      sink: { kind: "blackhole" },
      countCharFunction: plan.countCharFunction,
    });
  return {
    queries: plan.queries,
    repeat: context.repeat,
    parallelism: context.parallelism,
    warm: plan.warmUpEvents > 0,
    scriptOf: script(plan.events),
    warmUpScriptOf: script(plan.warmUpEvents),
    ...(plan.input === "json"
      ? { readInput: () => readEventFiles(eventFiles(context, plan, plan.events)) }
      : {}),
  };
}

function queryInput(context: BenchContext, plan: NexmarkPlan, events: number): QueryInput {
  if (plan.input === "generator") return { kind: "generator", events, rate: plan.rate };
  return { kind: "json", folder: eventFiles(context, plan, events).folder };
}

function eventFiles(context: BenchContext, plan: NexmarkPlan, events: number): EventFiles {
  return nexmarkEventFiles({ events, rate: plan.rate, parts: context.parallelism });
}

/** The nexmark source and count_char for Flink, where the shared folder has them. */
function nexmarkJars(): string[] {
  const jar = `${sharedPath("bench")}/nexmark-flink-source.jar`;
  return existsSync(jar) ? [jar] : [];
}

function report(
  context: BenchContext,
  plan: NexmarkPlan,
  files: EventFiles | undefined,
  sides: readonly Side[],
  { checked, failed }: Outcome,
): void {
  const [left, right] = sides;
  if (left === undefined) throw benchErrors.USAGE({ what: "nothing was measured" });
  const size = files === undefined ? "" : `, ${(files.bytes / 1e6).toFixed(0)} MB of JSON lines`;
  const text = [
    `Nexmark from ${plan.input}: ${plan.events.toLocaleString("en-US")} events${size}, rate ${plan.rate}/s, `,
    `person:auction:bid 1:3:46, parallelism ${context.parallelism}, sink blackhole, `,
    `${plan.checkpointInterval === undefined ? "no checkpoints" : `checkpoints every ${plan.checkpointInterval}`}, `,
    `median of ${context.repeat}${right === undefined ? "" : ", Millrace's as often again behind Flink"}\n`,
    `${machineLine(context.machine)}\n`,
    ...sides.map((side) => `${side.description}\n`),
    "\n",
    left.costs.length === 0 ? "" : nexmarkTable(plan.events, left, right),
    "\nChecked on a smaller input before:\n",
    ...checked.map((sentence) => `  ${sentence}\n`),
    plan.checkEvents === 0 ? "  nothing (--check-events 0)\n" : "",
    ...[...failed].map(([query, reason]) => `No figure for ${query}: ${reason}\n`),
  ];
  print(context, text.join(""));
  finish(context, nexmarkFigures(context, plan, left, right));
}
