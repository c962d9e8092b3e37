/**
 * `bench tpch`: the 22 queries of TPC-H in batch mode from CSV files: Millrace, DuckDB and Flink over the same files.
 *
 * Flow:    tpch/data, tpch/queries → each engine in turn: check (answer = DuckDB's), then measure → table, figures.
 * Measure: Millrace: the whole process, from the shell's point of view, start-up included. DuckDB and Flink: the query
 *          alone in a running process (their start-up is not counted); rows go to a blackhole, or are fetched (DuckDB).
 * Joins:   Millrace and Flink order them by cost (table.optimizer.join-reorder-enabled), DuckDB always does.
 * Order:   a query whose answer was wrong, or that an engine cannot run, gets no figure of that engine.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type MillraceError, toMillraceError } from "../src/foundation/base/errors.ts";
import { type OptionKinds, positiveNumber } from "./arguments.ts";
import { type BenchContext, commonOptions, finish, print, withPeer } from "./context.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { measureQueries } from "./nexmark/measure.ts";
import { cacheFolder } from "./paths.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { progress } from "./progress.ts";
import { compareAnswers, readAnswer } from "./tpch/check.ts";
import { readTpchData, type TpchData, tpchData } from "./tpch/data.ts";
import { DuckDbEngine, type TextTable } from "./tpch/duckdb-engine.ts";
import { TPCH_QUERY_NAMES, tpchQuery } from "./tpch/queries.ts";
import { type TpchSide, tpchFigures, tpchText } from "./tpch/report.ts";
import { flinkTables } from "./tpch/tables.ts";

export const tpchOptions: OptionKinds = {
  ...commonOptions,
  sf: "value",
  "no-check": "flag",
  sorted: "flag",
};

/** Of Flink's memory, what its hash tables and sorts may use without spilling at scale factor 1. */
const FLINK_MANAGED_MB = 4096;

const SORTED =
  "SET 'table.exec.disabled-operators' = 'BroadcastHashJoin, ShuffleHashJoin, HashAgg';\n";

const BLACKHOLE = "'connector' = 'blackhole'";

/** Of the runs that warm a JVM up before each query. */
const WARM_UP_SCALE = 0.01;

interface Plan {
  readonly data: TpchData;
  readonly warmUpData: TpchData | undefined;
  readonly queries: readonly string[];
  readonly checks: boolean;
  /** SET statements. */
  readonly settings: string;
}

interface Outcome {
  readonly checked: string[];
  /** "engine query" → why there is no figure. */
  readonly failed: Map<string, string>;
}

export async function benchTpch(context: BenchContext, names: readonly string[]): Promise<void> {
  const queries = names.length === 0 ? TPCH_QUERY_NAMES : names;
  for (const name of queries) tpchQuery(name, 1);
  const data = await tpchData(positiveNumber(context.options, "sf", 1));
  const warmUpData = context.flink ? await tpchData(WARM_UP_SCALE) : undefined;
  const plan: Plan = {
    data,
    warmUpData,
    queries,
    checks: !context.options.has("no-check"),
    settings: context.options.has("sorted") ? SORTED : "",
  };
  const duckdb = await DuckDbEngine.start(data.folder, context.parallelism);
  const outcome: Outcome = { checked: [], failed: new Map() };
  const answers = plan.checks ? await expectedAnswers(duckdb, plan) : new Map<string, TextTable>();
  const sides: TpchSide[] = [];
  const measure = async (start: () => Promise<Engine>, isPeer: boolean) => {
    sides.push(await measureSide(context, plan, await start(), answers, outcome, isPeer));
  };
  if (context.millrace) await measure(async () => new MillraceEngine(), false);
  if (context.duckdb) await measure(async () => duckdb, false);
  if (context.flink) {
    const start = () => FlinkEngine.start(context.parallelism, [], { managedMb: FLINK_MANAGED_MB });
    await withPeer(context, () => measure(start, true));
  }
  print(context, tpchText(context, { ...plan, ...outcome, sides }));
  finish(context, tpchFigures(context, { ...plan, sides }));
  if (outcome.failed.size > 0)
    throw benchErrors.QUERIES_FAILED({ queries: [...outcome.failed.keys()].join(", ") });
}

async function expectedAnswers(duckdb: DuckDbEngine, plan: Plan): Promise<Map<string, TextTable>> {
  progress("computing the expected answers with DuckDB");
  const answers = new Map<string, TextTable>();
  for (const name of plan.queries)
    answers.set(name, await duckdb.answer(tpchQuery(name, plan.data.scaleFactor).sql));
  return answers;
}

async function measureSide(
  context: BenchContext,
  plan: Plan,
  engine: Engine,
  answers: ReadonlyMap<string, TextTable>,
  outcome: Outcome,
  warm: boolean,
): Promise<TpchSide> {
  const onFailure = (query: string, error: MillraceError) => {
    outcome.failed.set(`${engine.name} ${query}`, `${error.code}: ${error.message}`);
    progress(`${engine.name} ${query} failed: ${error.code} ${error.message}`);
  };
  try {
    const isReference = engine instanceof DuckDbEngine;
    for (const query of isReference ? [] : answers.keys()) {
      try {
        const rows = await checkQuery(context, plan, engine, query, answers.get(query)!);
        outcome.checked.push(`${engine.name} ${query}: ${rows} rows`);
        progress(`${outcome.checked.at(-1)} as DuckDB's`);
      } catch (error) {
        onFailure(query, toMillraceError(error));
      }
    }
    const scriptOf = (query: string) =>
      isReference ? sqlOf(plan.data, query) : scriptInto(plan, plan.data, query, BLACKHOLE);
    const costs = await measureQueries(engine, {
      queries: plan.queries.filter((query) => !outcome.failed.has(`${engine.name} ${query}`)),
      repeat: context.repeat,
      parallelism: context.parallelism,
      warm,
      onFailure,
      scriptOf,
      warmUpScriptOf: (query) => scriptInto(plan, plan.warmUpData ?? plan.data, query, BLACKHOLE),
      readInput: () => readTpchData(plan.data),
    });
    return { engine: engine.name, description: engine.describe(), costs };
  } finally {
    await engine.stop();
  }
}

async function checkQuery(
  context: BenchContext,
  plan: Plan,
  engine: Engine,
  name: string,
  expected: TextTable,
): Promise<number> {
  const folder = join(cacheFolder("bench", `check-${process.pid}`), engine.name, name);
  const options = [
    "'connector' = 'filesystem'",
    `'path' = '${folder}'`,
    "'format' = 'csv'",
    "'csv.write-bigdecimal-in-scientific-notation' = 'false'",
  ];
  try {
    await engine.run(scriptInto(plan, plan.data, name, options.join(", ")), context.parallelism);
    const rows = readAnswer(folder);
    compareAnswers(tpchQuery(name, plan.data.scaleFactor), engine.name, rows, expected);
    return rows.length;
  } finally {
    rmSync(cacheFolder("bench", `check-${process.pid}`), { recursive: true, force: true });
  }
}

function sqlOf(data: TpchData, name: string): string {
  return tpchQuery(name, data.scaleFactor).sql;
}

function scriptInto({ settings }: Plan, data: TpchData, name: string, options: string): string {
  return (
    "SET 'execution.runtime-mode' = 'batch';\n" +
    "SET 'table.optimizer.join-reorder-enabled' = 'true';\n" +
    settings +
    flinkTables(data.folder) +
    `CREATE TABLE answer WITH (${options}) AS ${sqlOf(data, name)};\n`
  );
}
