/**
 * Runs a hostile case: row by row, as one batch, and stopped with a savepoint on its way and restored with two tasks.
 *
 * Flow:   hostile-cases.ts → here → Engine in simulated time → what the sink was given.
 * Rules:  rows bring the watermarks behind them, and those of batches end where rows are late; `cut` says behind
 *         which share of each table's events the savepoint is taken.
 */
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { ended, settled } from "../../testkit/conformance/job-time.ts";
import { retracted, upserted } from "../../testkit/conformance/row-compare.ts";
import type { SinkRow, ValuesEvent } from "../../testkit/values/values-store.ts";

const SEED = 11;
const SAVEPOINTS = "/savepoints";
const QUIET_MS = 2500;

export interface HostileTable {
  readonly columns: string;
  /** Kinds of change: `I,UA,UB,D`; absent: insertions. */
  readonly mode?: string;
  readonly events: readonly ValuesEvent[];
  /** Rows in a batch at most, where batches matter. */
  readonly batchRows?: number;
  /** All of it is there from the start: a table that is looked up. */
  readonly whole?: boolean;
}

export interface HostileCase {
  /** Its tables by name; a query reads them all. */
  readonly tables: Readonly<Record<string, HostileTable>>;
  /** Statements before it: views, sinks. */
  readonly setup?: readonly string[];
  readonly config?: Readonly<Record<string, string>>;
  readonly sql: string;
  /** The final rows, without their kinds. */
  readonly rows: readonly string[];
  /** All changes, row by row, in any order. */
  readonly changes?: readonly string[];
  readonly cut?: number;
  /** Rows that are dropped for being late, by the metric; default 0. */
  readonly late?: number;
}

export interface HostileWay {
  readonly batchRows: number;
  readonly restored?: boolean;
}

export interface HostileAnswer {
  readonly rows: readonly string[];
  readonly changes: readonly string[];
  /** Over all operators, before and behind the restore. */
  readonly late: number;
  /** Operators that tell of late records. */
  readonly tellLate: number;
}

export async function runHostile(of: HostileCase, way: HostileWay): Promise<HostileAnswer> {
  const world = new SimulatedWorld(SEED);
  let given: readonly SinkRow[] = [];
  let restoreFrom: string | undefined;
  let late = 0;
  let tellLate = 0;
  const shares = way.restored === true ? [of.cut ?? 0.5, 1] : [1];
  for (const [i, share] of shares.entries()) {
    const last = i === shares.length - 1;
    const engine = declared(world, of, { share, ended: last, batchRows: way.batchRows });
    const planned = engine.execute(of.sql);
    if (planned.kind !== "query" && planned.kind !== "insert") throw new Error("not a query");
    const { plan } = planned;
    const sink = plan.nodes.findLast(({ type }) => type === "Sink");
    const name = sink?.type === "Sink" ? sink.table.name : "";
    engine.store.collect(name.slice(name.lastIndexOf(".") + 1), given);
    const job = engine.start(plan, {
      parallelism: 1 + i,
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
    if (last) {
      const { metrics } = await world.run(ended(job));
      for (const { values } of metrics.operators) {
        late += values["numLateRecordsDropped"] ?? 0;
        tellLate += "lateRecordsDroppedRate" in values && "watermarkLatency" in values ? 1 : 0;
      }
    } else {
      const isRead = () => Object.keys(of.tables).every((table) => engine.store.isRead(table));
      await settled(world, job, { isRead, quietMs: QUIET_MS });
      const { operators: before } = await world.run(job.metrics());
      for (const { values } of before) late += values["numLateRecordsDropped"] ?? 0;
      restoreFrom = (await world.run(job.stopWithSavepoint({ directory: SAVEPOINTS }))).path;
    }
    given = engine.rowsOf(name);
  }
  const key = given[0]?.key ?? [];
  const rows = key.length > 0 ? upserted(given, key) : retracted(given);
  return {
    rows: rows.map(({ text }) => shortened(text.slice(2))).sort(),
    changes: given.map(({ text }) => shortened(text)).sort(),
    late,
    tellLate,
  };
}

function declared(
  world: SimulatedWorld,
  { tables, setup = [], config = {} }: HostileCase,
  options: { readonly share: number; readonly ended: boolean; readonly batchRows: number },
): Engine {
  const engine = new Engine({ env: world.boot(), config });
  const { share, ended: isEnded, batchRows } = options;
  for (const [name, { columns, mode, events, ...table }] of Object.entries(tables)) {
    const kinds = mode === undefined ? "" : `, 'changelog-mode' = '${mode}'`;
    engine.execute(`CREATE TABLE ${name} (${columns}) WITH ('connector' = 'values',
      'bounded' = 'false', 'terminating' = 'true'${kinds})`);
    engine.store.register(
      name,
      events.slice(0, Math.ceil(events.length * (table.whole === true ? 1 : share))),
      {
        ended: isEnded,
        batchRows: Math.min(batchRows, table.batchRows ?? batchRows),
      },
    );
  }
  for (const statement of setup) engine.execute(statement);
  return engine;
}

const MOST = 200;
const shortened = (text: string) =>
  text.length > MOST ? `${text.slice(0, MOST / 2)}…${text.length}` : text;
