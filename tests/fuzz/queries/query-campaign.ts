/**
 * One run of the query fuzzer: each query is answered by DuckDB over the tables' final contents, and by this engine in eight
 * ways: as a stream of inserts, as a stream of changes, the same with three tasks in mini-batches and two phases, both with
 * savepoints on their way and another parallelism behind each, and bounded: in one task, in two, and sorted in place of hashed.
 *
 * Flow:    query-generator.ts → here → Engine, DuckDB → sorted final rows, compared.
 */
import type { JobMaster } from "../../../src/dataplane/runtime/master/job-master.ts";
import { SimulatedWorld } from "../../../src/foundation/host/simulated-env.ts";
import { Engine } from "../../../testkit/conformance/engine.ts";
import { ended, settled } from "../../../testkit/conformance/job-time.ts";
import { retracted } from "../../../testkit/conformance/row-compare.ts";
import { errorText } from "../../../testkit/conformance/suite.ts";
import type { ExecPlan } from "../../../src/foundation/plan/exec-node.ts";
import type { SinkRow, ValuesEvent } from "../../../testkit/values/values-store.ts";
import { seededRandom } from "../sql-grammar.ts";
import { joinChain } from "./join-chains.ts";
import { type Query, QueryGenerator } from "./query-generator.ts";
import { peerText } from "./event-queries.ts";
import { ddlOf, type FuzzData, fuzzData, literal } from "./query-tables.ts";

const QUERIES_A_WORLD = 25;
const SAVEPOINTS = "/savepoints";
const MOST_TASKS = 3;
/** Virtual; more than the latency of mini-batches. */
const SETTLED_MS = 2500;

/** Every join that may have a runtime filter by its form and by guesses of sizes; nothing is copied; memory for a few batches. */
const FILTERED = {
  "table.optimizer.runtime-filter.enabled": "true",
  "table.optimizer.runtime-filter.max-build-data-size": "900 mb",
  "table.optimizer.runtime-filter.min-probe-data-size": "901 mb",
  "table.optimizer.runtime-filter.min-filter-ratio": "0",
  "table.optimizer.join.broadcast-threshold": "-1",
  "state.backend.rocksdb.memory.fixed-per-slot": "12 mb",
};
/** Nothing is hashed; memory for a few batches. */
const SORTED = {
  "table.exec.disabled-operators": "BroadcastHashJoin, ShuffleHashJoin, HashAgg",
  "state.backend.rocksdb.memory.fixed-per-slot": "12 mb",
};
const MINI_BATCH = {
  "table.exec.mini-batch.enabled": "true",
  "table.exec.mini-batch.allow-latency": "1 s",
  "table.exec.mini-batch.size": "7",
  "table.optimizer.agg-phase-strategy": "TWO_PHASE",
  "table.optimizer.distinct-agg.split.enabled": "true",
};

interface Way {
  readonly batch?: boolean;
  readonly changes?: boolean;
  readonly parallelism?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly batchRows?: number;
  /** Shares of the input after which the job stops at a savepoint and goes on from it; the last one is 1. */
  readonly parts?: readonly number[];
}

const MULTI_JOIN = { "table.optimizer.multi-join.enabled": "true" };

export const WAYS: Readonly<Record<string, Way>> = {
  inserts: {},
  changes: { changes: true, batchRows: 5 },
  "mini-batch": { changes: true, parallelism: 3, config: MINI_BATCH, batchRows: 11 },
  restored: { changes: true, parallelism: 3, batchRows: 5, parts: [0.3, 0.7, 1] },
  "mini-batch restored": {
    changes: true,
    parallelism: 2,
    config: MINI_BATCH,
    batchRows: 11,
    parts: [0.5, 1],
  },
  bounded: { batch: true },
  "bounded in two": { batch: true, parallelism: 2, config: FILTERED },
  "bounded, sorted": { batch: true, parallelism: 2, config: SORTED },
};

export type QueryOutcome =
  | { readonly kind: "equal" | "both-refused" }
  | { readonly kind: "refused" | "peer-refused"; readonly way: string; readonly reason: string }
  | {
      readonly kind: "different";
      readonly way: string;
      readonly missing: readonly string[];
      readonly extra: readonly string[];
    };

export interface QueryResult {
  readonly seed: number;
  readonly sql: string;
  readonly outcomes: readonly QueryOutcome[];
}

export type Question = Pick<Query, "text" | "boundedOnly">;

type Ask = (sql: string) => Promise<readonly (readonly unknown[])[]>;

/** Queries first … first + count - 1: the seed of a query gives its tables, too. */
export async function runQueries(options: {
  readonly first: number;
  readonly count: number;
  /** Instead of random ones; the seeds still give the tables. */
  readonly queries?: readonly Question[];
  /** Joins in a row as one operator, and every other query a chain of them. */
  readonly multiJoin?: boolean;
  /** Over tables of values that are hard on an engine. */
  readonly hostile?: boolean;
  readonly onQuery?: (result: QueryResult, done: number) => void;
}): Promise<QueryResult[]> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const results: QueryResult[] = [];
  let tables: FuzzData[] = [];
  let world = -1;
  try {
    for (let seed = options.first; seed < options.first + options.count; seed++) {
      if (Math.floor(seed / QUERIES_A_WORLD) !== world) {
        world = Math.floor(seed / QUERIES_A_WORLD);
        tables = fuzzData(seededRandom(world * 7919 + 1), options.hostile);
        for (const { name } of tables) await connection.run(`DROP TABLE IF EXISTS ${name}`);
        for (const table of tables) await connection.run(peerTable(table));
      }
      const ask: Ask = async (sql) => (await connection.runAndReadAll(peerText(sql))).getRowsJson();
      const query =
        options.queries?.[seed - options.first] ?? randomQuery(seed, options.multiJoin === true);
      const config = options.multiJoin === true ? MULTI_JOIN : {};
      const result = await answerQuery(seed, query, tables, { ask, config });
      results.push(result);
      options.onQuery?.(result, results.length);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return results;
}

function randomQuery(seed: number, multiJoin: boolean): Question {
  const next = seededRandom(seed);
  if (multiJoin && seed % 2 === 0) return { text: joinChain(next), boundedOnly: false };
  return new QueryGenerator(next).query();
}

function peerTable(table: FuzzData): string {
  const rows = table.final.map((row) => `(${row.map(literal).join(", ")})`);
  const values = rows.length === 0 ? "" : `; INSERT INTO ${table.name} VALUES ${rows.join(", ")}`;
  return `${ddlOf(table, false)}${values}`;
}

async function answerQuery(
  seed: number,
  { text: sql, boundedOnly }: Question,
  tables: readonly FuzzData[],
  { ask, config }: { readonly ask: Ask; readonly config: Readonly<Record<string, string>> },
): Promise<QueryResult> {
  let expected: string[] | undefined;
  let peerError = "";
  try {
    expected = (await ask(sql)).map((row) => row.map(normal).join(" | ")).sort();
  } catch (error) {
    [peerError = ""] = String((error as Error).message).split("\n");
  }
  const outcomes: QueryOutcome[] = [];
  for (const [name, options] of Object.entries(WAYS)) {
    if (boundedOnly && options.batch !== true) continue;
    try {
      const way = { ...options, config: { ...options.config, ...config } };
      const got = await answer(sql, tables, way, seed);
      if (expected === undefined)
        outcomes.push({ kind: "peer-refused", way: name, reason: peerError });
      else outcomes.push(compared(name, expected, got));
    } catch (error) {
      const reason = errorText(error);
      if (expected === undefined) outcomes.push({ kind: "both-refused" });
      else outcomes.push({ kind: "refused", way: name, reason });
    }
  }
  return { seed, sql, outcomes };
}

async function answer(
  sql: string,
  tables: readonly FuzzData[],
  way: Way,
  seed: number,
): Promise<string[]> {
  const world = new SimulatedWorld(seed);
  const parts = way.parts ?? [1];
  let rows: readonly SinkRow[] = [];
  let restoreFrom: string | undefined;
  for (const [i, part] of parts.entries()) {
    const engine = new Engine({
      batch: way.batch === true,
      env: world.boot(),
      config: way.config ?? {},
    });
    const last = i === parts.length - 1;
    for (const table of tables) declare(engine, table, way, { part, ended: last });
    const planned = engine.execute(sql);
    if (planned.kind !== "query") return [];
    const { plan } = planned;
    const sink = plan.nodes.findLast(({ type }) => type === "Sink");
    const name = sink?.type === "Sink" ? sink.table.name : "";
    engine.store.collect(name.slice(name.lastIndexOf(".") + 1), rows);
    const { parallelism = 1 } = way;
    // One that goes on from a savepoint has another parallelism.
    const options = { parallelism: i === 0 ? parallelism : 1 + (i % MOST_TASKS) };
    const job = engine.start(plan, {
      ...options,
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
    if (last) await world.run(ended(job));
    else {
      await planSettled(world, engine, job, plan);
      restoreFrom = (await world.run(job.stopWithSavepoint({ directory: SAVEPOINTS }))).path;
    }
    rows = engine.rowsOf(name);
  }
  return retracted(rows)
    .map((row) =>
      row.values.map((value, i) => (value === null ? "NULL" : normal(row.fields[i]))).join(" | "),
    )
    .sort();
}

function declare(
  engine: Engine,
  table: FuzzData,
  { batch = false, changes = false, batchRows }: Way,
  { part, ended: isEnded }: { readonly part: number; readonly ended: boolean },
): void {
  const mode = changes && table.timed !== true ? ", 'changelog-mode' = 'I,UA,UB,D'" : "";
  const end = batch ? "'bounded' = 'true'" : "'terminating' = 'true'";
  engine.execute(
    `${ddlOf(table, true)} WITH ('connector' = 'values', 'bounded' = '${batch}', ${end}${mode})`,
  );
  const events: readonly ValuesEvent[] = changes
    ? table.history
    : table.final.map((row) => ({ kind: "+I", row }));
  engine.store.register(table.name, events.slice(0, Math.ceil(events.length * part)), {
    ended: isEnded,
    ...(batchRows === undefined ? {} : { batchRows }),
  });
}

/** What a plan's sources have, and what that causes, has come. */
function planSettled(world: SimulatedWorld, engine: Engine, job: JobMaster, plan: ExecPlan) {
  const read = plan.nodes.flatMap((node) =>
    node.type === "TableSourceScan" ? [node.table.name] : [],
  );
  const isRead = () =>
    read.every((name) => engine.store.isRead(name.slice(name.lastIndexOf(".") + 1)));
  return settled(world, job, { isRead, quietMs: SETTLED_MS });
}

/** Numbers by value, so that 1.50 is 1.5. */
function normal(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  const text = String(value);
  return /^-?\d+(\.\d+)?$/.test(text) ? String(Number(text)) : text;
}

function compared(way: string, expected: readonly string[], got: readonly string[]): QueryOutcome {
  const missing = without(expected, got);
  const extra = without(got, expected);
  if (missing.length + extra.length === 0) return { kind: "equal" };
  return { kind: "different", way, missing, extra };
}

function without(from: readonly string[], taken: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of taken) counts.set(text, (counts.get(text) ?? 0) + 1);
  return from.filter((text) => {
    const left = counts.get(text) ?? 0;
    counts.set(text, left - 1);
    return left <= 0;
  });
}
