/**
 * Runs a program in one of its kinds under a simulated clock, and gives back the engine whose sinks hold the results.
 *
 * Restore: the first job reads the first rows and waits; when they are read and what they cause has come, it stops with a
 *          savepoint; a second job, planned again from the same statements, starts from there.
 * Time:    virtual, so that windows of processing time and the latency of mini-batches pass at once.
 */
import type { Env } from "../../src/foundation/host/env.ts";
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import type { ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import type { JobMaster } from "../../src/dataplane/runtime/master/job-master.ts";
import type { ValuesEvent, ValuesOptions } from "../values/values-store.ts";
import type { Engine } from "./engine.ts";
import { ended, settled } from "./job-time.ts";
import type {
  ProgramRecord,
  ProgramRow,
  ProgramSink,
  ProgramTable,
} from "./suites/program-record.ts";

export type RunKind = "semantic" | "restore" | "batch-semantic" | "batch-restore";

export interface ProgramRun {
  readonly kind: RunKind;
  readonly afterRestore: string;
  readonly record: ProgramRecord;
  readonly createEngine: (env: Env) => Engine;
}

/** So long what rows cause may take, virtual milliseconds: windows and latencies of the programs are at most 10 s. */
const SETTLE_LIMIT_MS = 60_000;
/** All is read, and nothing has come for so long: nothing will. */
const QUIET_MS = 30_000;
const SAVEPOINTS = "/savepoints";
const SEED = 1;

export async function runProgram(run: ProgramRun): Promise<Engine> {
  const { kind, record } = run;
  const world = new SimulatedWorld(SEED);
  if (kind === "restore" && run.afterRestore !== "NO_RESTORE") return runRestored(run, world);
  const engine = run.createEngine(world.boot());
  const options = kind.startsWith("batch") ? {} : batches(record);
  for (const table of record.tables) {
    const rows = [...(table.rows ?? [])];
    if ((kind === "restore" || kind === "batch-restore") && !isSearched(table))
      rows.push(...(table.rowsAfterRestore ?? []));
    engine.store.register(table.name, events(rows), options);
  }
  for (const plan of plansOf(engine, record)) await world.run(engine.runPlan(plan));
  return engine;
}

async function runRestored(run: ProgramRun, world: SimulatedWorld): Promise<Engine> {
  const { record } = run;
  const first = run.createEngine(world.boot());
  for (const table of record.tables)
    first.store.register(table.name, events(table.rows ?? []), {
      ...batches(record),
      ended: false,
    });
  const paths: string[] = [];
  for (const plan of plansOf(first, record)) {
    const job = first.start(plan);
    await programSettled(world, first, job, record, (sink) => sink.expected ?? []);
    const { path } = await world.run(job.stopWithSavepoint({ directory: SAVEPOINTS }));
    paths.push(path);
  }
  const second = run.createEngine(world.boot());
  const infinite = run.afterRestore === "INFINITE";
  for (const table of record.tables) {
    const { name, rows, rowsAfterRestore, options } = table;
    // Sources go on behind the position of the savepoint, so that the rows of the first job stand before; a table that is
    // looked up has the new ones only.
    const isAsked = options?.["disable-lookup"] === "false" || isSearched(table);
    const before = isAsked ? [] : (rows ?? []);
    const all = events([...before, ...(rowsAfterRestore ?? [])]);
    second.store.register(name, all, { ...batches(record), ended: !infinite });
  }
  for (const { name } of record.sinks) second.store.collect(name, first.rowsOf(name));
  for (const [i, plan] of plansOf(second, record).entries()) {
    const job = second.start(plan, { restoreFrom: paths[i]! });
    if (infinite) {
      await programSettled(world, second, job, record, allExpected);
      await world.run(job.cancel());
    } else await world.run(ended(job));
  }
  return second;
}

/** A table that vectors are looked up in: each run has it once. */
const isSearched = ({ options }: ProgramTable): boolean =>
  options?.["enable-vector-search"] === "true";

function allExpected(sink: ProgramSink): readonly unknown[] {
  return [...(sink.expected ?? []), ...(sink.expectedAfterRestore ?? [])];
}

/** Every row is a batch of its own; with mini-batches as many as one of them holds. */
function batches({ config }: ProgramRecord): ValuesOptions {
  if (config["table.exec.mini-batch.enabled"] !== "true") return { rowByRow: true };
  const size = Number(config["table.exec.mini-batch.size"] ?? 0);
  return size > 0 ? { batchRows: size } : {};
}

export function events(rows: readonly ProgramRow[]): ValuesEvent[] {
  return rows.map(({ kind = "+I", row = [] }) => ({ kind, row }));
}

export function plansOf(engine: Engine, record: ProgramRecord): ExecPlan[] {
  const plans: ExecPlan[] = [];
  for (const { sql, statementSet } of record.run) {
    const script = statementSet === undefined ? sql : setOf(statementSet);
    if (script === undefined) continue;
    const result = engine.execute(script);
    if (result.kind === "insert" || result.kind === "query") plans.push(result.plan);
  }
  return plans;
}

function setOf(statements: readonly string[]): string {
  const inserts = statements.map((statement) => `${statement.trim().replace(/;$/, "")};`);
  return `EXECUTE STATEMENT SET BEGIN ${inserts.join("\n")} END`;
}

/** Until the sinks hold as many rows as are expected, or nothing more comes. */
async function programSettled(
  world: SimulatedWorld,
  engine: Engine,
  job: JobMaster,
  record: ProgramRecord,
  expected: (sink: ProgramSink) => readonly unknown[],
): Promise<void> {
  await settled(world, job, {
    isRead: () => record.tables.every(({ name }) => engine.store.isRead(name)),
    rows: () => record.sinks.reduce((sum, { name }) => sum + engine.rowsOf(name).length, 0),
    enough: record.sinks.reduce((sum, sink) => sum + expected(sink).length, 0),
    quietMs: QUIET_MS,
    limitMs: SETTLE_LIMIT_MS,
  });
  await world.advance(1);
}
