/**
 * `bench state --peer`: COUNT and SUM by a BIGINT of more keys than the memory budget holds, in a whole job, beside Flink with
 * its RocksDB backend and the same managed memory.
 *
 * Input:   datagen's sequence n = 0 … rows − 1 on both sides; the key is drawn from it: (n · STEP mod P)² mod Q mod keys, as
 *          good as uniform (--skew: nine of ten rows from a twentieth of the keys). --rows of them, 2 a key.
 * Budget:  a quarter of KEY_BYTES a key in all, divided among the workers; Flink's managed memory is the same. Ours holds
 *          batches, indexes and code's tables too, Flink's process has what else it needs beside it.
 * Check:   on CHECK_ROWS rows with the budget of so many keys and files as sink, count and sum of every key by arithmetic.
 */
import { rmSync } from "node:fs";
import { wholeNumber } from "./arguments.ts";
import { type BenchContext, finish, isTrusted, print, withPeer } from "./context.ts";
import type { Cost } from "./cpu.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { medians, type QueryCost } from "./nexmark/measure.ts";
import { compareRows, countsOf, type RowCounts, readRows } from "./nexmark/rows.ts";
import { cacheFolder } from "./paths.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable, thousands } from "./table.ts";

const KEYS = 10_000_000;
const ROWS_PER_KEY = 2;
/** What a key of it may cost in memory. */
const KEY_BYTES = 64;
const STEP = 386_413n;
const P = 2_147_483_647n;
const Q = 4_294_967_291n;
const HOT_SHARE = 20n;
const CHECK_KEYS = 400_000;
const CHECK_ROWS = 800_000;
/** Of the warm-up of Flink's JVM, with the keys of the run. */
const WARM_UP_ROWS = 2_000_000;
const LEAST_WORKER_BYTES = 4 * 1024 * 1024;
const MB = 1024 * 1024;

interface Input {
  readonly keys: number;
  readonly rows: number;
  readonly skewed: boolean;
  /** Of all workers. */
  readonly budgetMb: number;
}

interface Side {
  readonly engine: string;
  readonly description: string;
  readonly cost: Omit<QueryCost, "query">;
}

export async function benchStatePeer(context: BenchContext): Promise<void> {
  const { options, parallelism } = context;
  const keys = wholeNumber(options, "keys", KEYS);
  const rows = wholeNumber(options, "rows", keys * ROWS_PER_KEY);
  const skewed = options.has("skew");
  const budgetMb = wholeNumber(options, "budget-mb", budgetOf(keys, parallelism));
  const input = { keys, rows, skewed, budgetMb };
  const sides: Side[] = [];
  if (context.millrace)
    sides.push(await measureSide(context, input, async () => new MillraceEngine()));
  if (context.flink) {
    const start = () =>
      FlinkEngine.start(parallelism, [], { backend: "rocksdb", managedMb: budgetMb });
    const side = await withPeer(context, () => measureSide(context, input, start));
    if (side !== undefined) sides.push(side);
  }
  const [mine, peer] = sides;
  if (mine === undefined) throw benchErrors.USAGE({ what: "nothing was measured" });
  print(context, tableOf(context, input, sides));
  const name = mine.engine === "Flink" ? "flink-state-larger" : "state-larger";
  finish(context, [
    {
      name: `${name}-${skewed ? "skewed" : "uniform"}`,
      value: rows / mine.cost.cpuSeconds,
      unit: "rows per CPU second",
      ...(peer === undefined
        ? {}
        : { ratio: peer.cost.cpuSeconds / mine.cost.cpuSeconds, peer: peer.description }),
      spread: mine.cost.spread,
      detail: { ...input, parallelism, repeat: context.repeat },
      trusted: isTrusted(context, Math.max(...sides.map((side) => side.cost.othersCores))),
    },
  ]);
}

function budgetOf(keys: number, parallelism: number): number {
  const quarter = (keys * KEY_BYTES) / 4;
  return Math.ceil(Math.max(quarter, parallelism * LEAST_WORKER_BYTES) / MB);
}

function tableOf(context: BenchContext, input: Input, sides: readonly Side[]): string {
  const { keys, rows, skewed, budgetMb } = input;
  const drawn = skewed ? "nine of ten rows from a twentieth of them" : "drawn uniformly";
  const cells = ({ engine, cost }: Side) => [
    engine,
    decimals(cost.cpuSeconds, 2),
    decimals(cost.wallSeconds, 2),
    thousands(rows / cost.cpuSeconds),
    decimals((cost.cpuSeconds / rows) * 1e9, 0),
    `${decimals(cost.spread * 100, 0)} %`,
    decimals(cost.othersCores, 2),
  ];
  const header = ["engine", "CPU s", "wall s", "rows per CPU s", "ns a row", "spread", "others"];
  return (
    `COUNT and SUM by ${keys.toLocaleString("en-US")} keys, ${drawn}, ` +
    `${rows.toLocaleString("en-US")} rows, ${budgetMb} MB for state, parallelism ` +
    `${context.parallelism}, median of ${context.repeat}; a smaller run checked by arithmetic\n` +
    `${machineLine(context.machine)}\n${sides.map((side) => `${side.description}\n`).join("")}\n` +
    formatTable(header, sides.map(cells))
  );
}

async function measureSide(
  context: BenchContext,
  input: Input,
  start: () => Promise<Engine>,
): Promise<Side> {
  const engine = await start();
  const { parallelism } = context;
  const run = (of: Input, sink = BLACKHOLE) =>
    engine.run(scriptOf(engine, of, parallelism, sink), parallelism);
  try {
    await checkResult(engine, input.skewed, parallelism, run);
    if (engine.name === "Flink") await run({ ...input, rows: Math.min(WARM_UP_ROWS, input.rows) });
    const costs: Cost[] = [];
    for (let i = 0; i < context.repeat; i++) {
      progress(`${engine.name}: ${input.rows.toLocaleString("en-US")} rows …`);
      const cost = await run(input);
      const { cpuSeconds, wallSeconds } = cost;
      progress(`${engine.name}: ${decimals(cpuSeconds, 2)} CPU s, ${decimals(wallSeconds, 2)} s`);
      costs.push(cost);
    }
    return { engine: engine.name, description: engine.describe(), cost: medians(costs) };
  } finally {
    await engine.stop();
  }
}

const BLACKHOLE = "'connector' = 'blackhole'";

/** Flink's memory is that of its process; ours is said in the script. */
function scriptOf(engine: Engine, input: Input, parallelism: number, sink: string): string {
  const { keys, rows, skewed, budgetMb } = input;
  const budget =
    engine.name === "Flink"
      ? ""
      : `SET 'taskmanager.memory.managed.size' = '${budgetMb}m';
SET 'taskmanager.numberOfTaskSlots' = '${parallelism}';`;
  // MOD has the type of its divisor.
  const mod = (value: string, by: bigint | number) => `MOD(${value}, CAST(${by} AS BIGINT))`;
  const mixed = mod(`n * ${STEP}`, P);
  const drawn = mod(mod(`${mixed} * ${mixed}`, Q), keys);
  const key = skewed
    ? `CASE WHEN MOD(n, 10) = 0 THEN ${drawn} ELSE ${mod(drawn, BigInt(keys) / HOT_SHARE)} END`
    : drawn;
  return `${budget}
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'number-of-rows' = '${rows}', 'rows-per-second' = '2000000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '${rows - 1}');
CREATE TABLE per_key (k BIGINT, num BIGINT, total BIGINT) WITH (${sink});
INSERT INTO per_key
SELECT k, COUNT(*), SUM(n) FROM (SELECT ${key} AS k, n FROM numbers) GROUP BY k;
`;
}

async function checkResult(
  engine: Engine,
  skewed: boolean,
  parallelism: number,
  run: (input: Input, sink: string) => Promise<Cost>,
): Promise<void> {
  const folder = cacheFolder("bench", `state-${process.pid}`);
  // Twice the share of the run: at so few keys what every worker keeps beside them counts.
  const budgetMb = 2 * budgetOf(CHECK_KEYS, parallelism);
  const input = { keys: CHECK_KEYS, rows: CHECK_ROWS, skewed, budgetMb };
  try {
    const sink = `'connector' = 'filesystem', 'path' = 'file://${folder}', 'format' = 'debezium-json'`;
    await run(input, sink);
    const expected = expectedRows(input);
    const difference = compareRows(readRows(folder), expected);
    if (difference.rows > 0)
      throw benchErrors.RESULT_DIFFERS({
        query: "state",
        left: engine.name,
        right: "arithmetic",
        rows: difference.rows,
        examples: difference.examples.join("; "),
      });
    progress(`${engine.name}: ${expected.size.toLocaleString("en-US")} keys, right`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function expectedRows({ keys, rows, skewed }: Input): RowCounts {
  const found = new Map<bigint, { k: number; num: number; total: number }>();
  for (let n = 0n; n < BigInt(rows); n++) {
    const mixed = (n * STEP) % P;
    const drawn = ((mixed * mixed) % Q) % BigInt(keys);
    const k = skewed && n % 10n !== 0n ? drawn % (BigInt(keys) / HOT_SHARE) : drawn;
    let row = found.get(k);
    if (row === undefined) {
      row = { k: Number(k), num: 0, total: 0 };
      found.set(k, row);
    }
    row.num++;
    row.total += Number(n);
  }
  return countsOf([...found.values()]);
}
