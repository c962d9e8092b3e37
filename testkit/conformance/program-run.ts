/**
 * Runs a program in one of its kinds and gives back the engine whose sinks hold the results.
 *
 * Restore: the first job reads the first rows and waits; when they are read and what they cause has come, it stops with a
 *          savepoint; a second job, planned again from the same statements, starts from there.
 */
import { setImmediate as immediate, setTimeout as delay } from "node:timers/promises";
import type { ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import { toMillraceError } from "../../src/foundation/base/errors.ts";
import type { JobMaster } from "../../src/dataplane/runtime/master/job-master.ts";
import type { SinkRow, ValuesEvent } from "../values/values-store.ts";
import type { Engine } from "./engine.ts";
import type { ProgramRecord, ProgramRow, ProgramTable } from "./suites/program-record.ts";

export type RunKind = "semantic" | "restore" | "batch-semantic" | "batch-restore";

export interface ProgramRun {
  readonly kind: RunKind;
  readonly afterRestore: string;
  /** For savepoints. */
  readonly directory: string;
  readonly record: ProgramRecord;
  readonly createEngine: () => Engine;
}

/** What rows cause comes at once; only what waits for the clock takes longer. */
const SETTLE_LIMIT_MS = 1500;
/** All is read, and nothing has come for so long: nothing will. */
const QUIET_MS = 200;

export async function runProgram(run: ProgramRun): Promise<Engine> {
  const { kind, record } = run;
  if (kind === "restore" && run.afterRestore !== "NO_RESTORE") return runRestored(run);
  const engine = run.createEngine();
  const batch = kind.startsWith("batch");
  for (const table of record.tables) {
    const rows =
      kind === "semantic" || kind === "batch-semantic"
        ? [...(table.rows ?? [])]
        : [...(table.rows ?? []), ...(table.rowsAfterRestore ?? [])];
    engine.store.register(table.name, events(rows), { rowByRow: !batch });
  }
  for (const plan of plansOf(engine, record)) await engine.runPlan(plan);
  return engine;
}

async function runRestored(run: ProgramRun): Promise<Engine> {
  const { record, directory } = run;
  const first = run.createEngine();
  for (const table of record.tables)
    first.store.register(table.name, events(table.rows ?? []), { rowByRow: true, ended: false });
  const plans = plansOf(first, record);
  const paths: string[] = [];
  for (const plan of plans) {
    const job = first.start(plan);
    await settled(first, job, record, (sink) => sink.expected ?? []);
    const { path } = await job.stopWithSavepoint({ directory });
    paths.push(path);
  }
  const second = run.createEngine();
  const infinite = run.afterRestore === "INFINITE";
  for (const table of record.tables)
    second.store.register(table.name, restoredEvents(table), { rowByRow: true, ended: !infinite });
  for (const sink of record.sinks)
    second.store.collect(sink.name, first.rowsOf(sink.name) as SinkRow[]);
  for (const [i, plan] of plansOf(second, record).entries()) {
    const job = second.start(plan, { restoreFrom: paths[i]! });
    if (infinite) {
      const all = (sink: ProgramRecord["sinks"][number]) => [
        ...(sink.expected ?? []),
        ...(sink.expectedAfterRestore ?? []),
      ];
      await settled(second, job, record, all);
      await job.cancel();
    } else await ended(job);
  }
  return second;
}

/** Sources go on behind the position of the savepoint, so that the rows of the first job stand before. */
function restoredEvents(table: ProgramTable): ValuesEvent[] {
  return events([...(table.rows ?? []), ...(table.rowsAfterRestore ?? [])]);
}

function events(rows: readonly ProgramRow[]): ValuesEvent[] {
  return rows.map(({ kind = "+I", row = [] }) => ({ kind, row }));
}

function plansOf(engine: Engine, record: ProgramRecord): ExecPlan[] {
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

async function ended(job: JobMaster): Promise<void> {
  const { failure } = await job.ended;
  if (failure !== null) throw toMillraceError(failure);
}

/** Waits until all rows are read and the sinks hold as many as are expected. */
async function settled(
  engine: Engine,
  job: JobMaster,
  record: ProgramRecord,
  expected: (sink: ProgramRecord["sinks"][number]) => readonly unknown[],
): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  let last = -1;
  let changedAt = performance.now();
  for (;;) {
    const { failure, status } = job.view;
    if (failure !== null) throw toMillraceError(failure);
    const read = record.tables.every(({ name }) => engine.store.isRead(name));
    const full = record.sinks.every(
      (sink) => engine.rowsOf(sink.name).length >= expected(sink).length,
    );
    if (status === "RUNNING" && read && full) break;
    const now = performance.now();
    const rows = record.sinks.reduce((sum, { name }) => sum + engine.rowsOf(name).length, 0);
    if (rows !== last || !read) changedAt = now;
    last = rows;
    if (now > deadline || now - changedAt > QUIET_MS) break;
    await delay(1);
  }
  for (let i = 0; i < 5; i++) await immediate();
}
