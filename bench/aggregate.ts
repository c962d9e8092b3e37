/**
 * `bench aggregate`: COUNT, SUM and MAX per key over a million keys, rows per CPU second.
 *
 * Input:   the datagen connector's sequence 0 … N−1; the key is a bijection of it modulo KEYS, so that keys come
 *          in no order, each N / KEYS times, and the result is known by arithmetic.
 * Check:   on CHECK_ROWS rows with files as sink, every key's count, sum and maximum against that arithmetic.
 */
import { rmSync } from "node:fs";
import { wholeNumber } from "./arguments.ts";
import { type BenchContext, finish, isTrusted, print, withPeer } from "./context.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { type MeasureRequest, measureQueries, type QueryCost } from "./nexmark/measure.ts";
import { compareRows, countsOf, type RowCounts, readRows } from "./nexmark/rows.ts";
import { cacheFolder } from "./paths.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable, thousands } from "./table.ts";

const KEYS = 1_000_000;
/** Coprime to KEYS: n → n · MULTIPLIER mod KEYS visits every key once in KEYS rows. */
const MULTIPLIER = 386_413;
const DEFAULT_ROWS = 50_000_000;
const CHECK_ROWS = 300_000;
const CHECK_KEYS = 100_000;
const WARM_UP_ROWS = 2_000_000;

interface Side {
  readonly engine: string;
  readonly description: string;
  readonly cost: QueryCost;
}

export async function benchAggregate(context: BenchContext): Promise<void> {
  const rows = wholeNumber(context.options, "events", DEFAULT_ROWS);
  const sides: Side[] = [];
  if (context.millrace)
    sides.push(await measureSide(context, rows, async () => new MillraceEngine(), false));
  if (context.flink) {
    const start = () => FlinkEngine.start(context.parallelism);
    const side = await withPeer(context, () => measureSide(context, rows, start, true));
    if (side !== undefined) sides.push(side);
  }
  const [mine, peer] = sides;
  if (mine === undefined) throw benchErrors.USAGE({ what: "nothing was measured" });
  const cells = ({ engine, cost }: Side) => [
    engine,
    decimals(cost.cpuSeconds, 2),
    decimals(cost.wallSeconds, 2),
    thousands(rows / cost.cpuSeconds),
    `${decimals(cost.spread * 100, 0)} %`,
    decimals(cost.othersCores, 2),
  ];
  const header = ["engine", "CPU s", "wall s", "rows per CPU s", "spread", "others' cores"];
  print(
    context,
    `COUNT, SUM, MAX by ${KEYS.toLocaleString("en-US")} keys: ${rows.toLocaleString("en-US")} rows of datagen, ` +
      `parallelism ${context.parallelism}, median of ${context.repeat}; results checked by arithmetic\n` +
      `${machineLine(context.machine)}\n${sides.map((side) => `${side.description}\n`).join("")}\n` +
      formatTable(header, sides.map(cells)),
  );
  const others = Math.max(...sides.map((side) => side.cost.othersCores));
  finish(context, [
    {
      name: mine.engine === "Flink" ? "flink-aggregate-1m-keys" : "aggregate-1m-keys",
      value: rows / mine.cost.cpuSeconds,
      unit: "rows per CPU second",
      ...(peer === undefined
        ? {}
        : { ratio: peer.cost.cpuSeconds / mine.cost.cpuSeconds, peer: peer.description }),
      spread: mine.cost.spread,
      detail: { rows, keys: KEYS, parallelism: context.parallelism, repeat: context.repeat },
      trusted: isTrusted(context, others),
    },
  ]);
}

async function measureSide(
  context: BenchContext,
  rows: number,
  start: () => Promise<Engine>,
  warm: boolean,
): Promise<Side> {
  const engine = await start();
  try {
    await checkResult(engine, context.parallelism);
    const request: MeasureRequest = {
      queries: ["aggregate"],
      repeat: context.repeat,
      parallelism: context.parallelism,
      warm,
      scriptOf: () => aggregateScript(rows, KEYS, BLACKHOLE),
      warmUpScriptOf: () => aggregateScript(WARM_UP_ROWS, KEYS, BLACKHOLE),
    };
    const [cost] = await measureQueries(engine, request);
    return { engine: engine.name, description: engine.describe(), cost: cost! };
  } finally {
    await engine.stop();
  }
}

const BLACKHOLE = "'connector' = 'blackhole'";

function aggregateScript(rows: number, keys: number, sink: string): string {
  return `
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'number-of-rows' = '${rows}', 'rows-per-second' = '2000000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '${rows - 1}');
CREATE TABLE per_key (k BIGINT, num BIGINT, total BIGINT, latest BIGINT) WITH (${sink});
INSERT INTO per_key
SELECT k, COUNT(*), SUM(n), MAX(n) FROM (SELECT MOD(n * ${MULTIPLIER}, ${keys}) AS k, n FROM numbers) GROUP BY k;
`;
}

async function checkResult(engine: Engine, parallelism: number): Promise<void> {
  const folder = cacheFolder("bench", `aggregate-${process.pid}`);
  try {
    const sink = `'connector' = 'filesystem', 'path' = 'file://${folder}', 'format' = 'debezium-json'`;
    await engine.run(aggregateScript(CHECK_ROWS, CHECK_KEYS, sink), parallelism);
    const difference = compareRows(readRows(folder), expectedRows());
    if (difference.rows > 0)
      throw benchErrors.RESULT_DIFFERS({
        query: "aggregate",
        left: engine.name,
        right: "arithmetic",
        rows: difference.rows,
        examples: difference.examples.join("; "),
      });
    progress(`${engine.name} aggregate: ${CHECK_KEYS.toLocaleString("en-US")} keys, right`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every key has the same number of rows; its n are the residue class that the multiplier maps to it. */
function expectedRows(): RowCounts {
  const rows = Array.from({ length: CHECK_KEYS }, () => ({ k: 0, num: 0, total: 0, latest: 0 }));
  for (let n = 0; n < CHECK_ROWS; n++) {
    const k = (n * MULTIPLIER) % CHECK_KEYS;
    const row = rows[k]!;
    row.k = k;
    row.num++;
    row.total += n;
    row.latest = n;
  }
  return countsOf(rows);
}
