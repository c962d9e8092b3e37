/**
 * `bench latency`: from the moment a row is due at the source to the moment its result is read from the sink, at a share of the full load.
 *
 * Does:    each query runs once as fast as it can (--events; rows a second of the whole run), then for --seconds with the
 *          nexmark source paced at --load (0.5) of that, or at --rate. Both are `millrace run` in a process of its own
 *          with two workers, checkpoints every --checkpoint, results by the print connector into a pipe.
 * Latency: an event's `dateTime` is the wall-clock time at which it is due, whether or not the source comes to it in
 *          time: a job that stands still is charged for every row that waits. It ends when this process
 *          has read the line. The clock is in milliseconds, so up to one is rounding.
 * Sample:  a condition that only the operator's result can answer lets one result in SAMPLE through to the sink.
 * Left out: the first WARM_UP_MS after the first line: start-up has its own benchmark.
 * Check:   as many lines as the rows of the whole run make likely, half of it at least.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OptionKinds, positiveNumber, wholeNumber } from "./arguments.ts";
import { type BenchContext, commonOptions, finish, isTrusted, print } from "./context.ts";
import { cpuSecondsOfEndedChildren, watchOthers } from "./cpu.ts";
import { benchErrors } from "./errors.ts";
import type { Figure } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { millraceCommand } from "./millrace-engine.ts";
import { nexmarkScript } from "./nexmark/queries.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable, thousands } from "./table.ts";

export const latencyOptions: OptionKinds = {
  ...commonOptions,
  rate: "value",
  load: "value",
  seconds: "value",
  checkpoint: "value",
};

const FULL_EVENTS = 5_000_000;
const SECONDS = 20;
const WARM_UP_MS = 5_000;
const SAMPLE = 16;
const WORKERS = 2;
const DAY_MS = 86_400_000;
const SINK = "WITH ('connector' = 'print')";

interface LatencyQuery {
  readonly what: string;
  readonly sql: string;
  /** Lines for each event, at least. */
  readonly share: number;
}

/** The last column is the time of the row that the result answers. */
const QUERIES: Readonly<Record<string, LatencyQuery>> = {
  aggregate: {
    what: "COUNT and MAX of bids by auction, each row's change shown",
    sql: `SET 'table.exec.mini-batch.enabled' = 'false';
CREATE TABLE results (auction BIGINT, bids BIGINT, highest BIGINT, due TIMESTAMP(3)) ${SINK};
INSERT INTO results SELECT auction, bids, highest, due FROM (
  SELECT auction, COUNT(*) AS bids, MAX(price) AS highest, LAST_VALUE(\`dateTime\`) AS due
  FROM bid GROUP BY auction) WHERE MOD(bids, ${SAMPLE}) = 0;`,
    share: 0.92 / SAMPLE / 4,
  },
  join: {
    what: "bids joined with their auctions",
    sql: `CREATE TABLE results (auction BIGINT, price BIGINT, seller BIGINT, due TIMESTAMP(3)) ${SINK};
INSERT INTO results SELECT B.auction, B.price, A.seller, B.\`dateTime\`
FROM bid AS B JOIN auction AS A ON B.auction = A.id AND MOD(B.price + A.reserve, ${SAMPLE}) = 0
WHERE B.\`dateTime\` >= A.\`dateTime\`;`,
    share: 0.92 / SAMPLE / 4,
  },
};

interface Measured {
  readonly name: string;
  readonly rate: number;
  readonly fullRate: number | undefined;
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly cores: number;
  readonly othersCores: number;
}

export async function benchLatency(context: BenchContext, names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !Object.hasOwn(QUERIES, name));
  if (unknown !== undefined)
    throw benchErrors.USAGE({ what: `${unknown} is none of ${Object.keys(QUERIES).join(", ")}` });
  const measured: Measured[] = [];
  for (const name of names.length === 0 ? Object.keys(QUERIES) : names)
    measured.push(await measure(context, name, QUERIES[name]!));
  report(context, measured);
}

async function measure(context: BenchContext, name: string, query: LatencyQuery) {
  const { options } = context;
  const load = positiveNumber(options, "load", 0.5);
  const seconds = wholeNumber(options, "seconds", SECONDS, WARM_UP_MS / 1000 + 1);
  const checkpoint = options.get("checkpoint") ?? "10s";
  let fullRate: number | undefined;
  if (!options.has("rate")) {
    const events = wholeNumber(options, "events", FULL_EVENTS);
    const full = await run(scriptOf(query, { events, rate: 1_000_000, paced: false, checkpoint }));
    fullRate = events / full.wallSeconds;
    progress(`${name}: ${thousands(fullRate)} events/s at full load`);
  }
  const rate = wholeNumber(options, "rate", Math.floor((fullRate ?? 0) * load));
  const events = Math.ceil(rate * seconds);
  const paced = await run(scriptOf(query, { events, rate, paced: true, checkpoint }));
  const { latencies } = paced;
  if (latencies.length < (events * query.share * (seconds - WARM_UP_MS / 1000)) / seconds / 2)
    throw benchErrors.MILLRACE_FAILED({
      how: `printed ${latencies.length} results of ${events} events`,
      script: `the latency query ${name}`,
      detail: query.sql,
    });
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  const result: Measured = {
    name,
    rate,
    fullRate,
    samples: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: sorted.at(-1)!,
    cores: paced.cpuSeconds / paced.wallSeconds,
    othersCores: paced.othersCores,
  };
  progress(`${name}: p99 ${decimals(result.p99, 1)} ms at ${thousands(rate)} events/s`);
  return result;
}

interface Pace {
  readonly events: number;
  readonly rate: number;
  readonly paced: boolean;
  readonly checkpoint: string;
}

function scriptOf({ sql }: LatencyQuery, { events, rate, paced, checkpoint }: Pace): string {
  const query = nexmarkScript({
    query: "q0",
    input: { kind: "generator", events, rate },
    sink: { kind: "blackhole" },
  });
  // The table and the views of q0, read at the pace of the clock where that is asked for.
  const tables = query
    .slice(0, query.search(/CREATE TABLE (?!datagen)/i))
    .replace(
      "'connector' = 'nexmark',",
      `'connector' = 'nexmark', 'max-emit-speed' = '${!paced}',`,
    );
  return `SET 'execution.checkpointing.interval' = '${checkpoint}';\n${tables}\n${sql}\n`;
}

interface Run {
  readonly latencies: readonly number[];
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly othersCores: number;
}

async function run(script: string): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-latency-"));
  const file = join(folder, "latency.sql");
  writeFileSync(file, script);
  const others = watchOthers();
  const cpuBefore = cpuSecondsOfEndedChildren();
  const [node, ...words] = millraceCommand();
  const args = [...words, "run", file, "--json", "-p", String(WORKERS)];
  const child = spawn(node!, args, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  try {
    const lines = new ResultLines();
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => lines.add(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000);
    });
    const how = await new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) =>
        resolve(code === 0 ? "" : `ended with ${signal ?? `status ${code}`}`),
      );
    });
    if (how !== "") throw benchErrors.MILLRACE_FAILED({ how, script: file, detail: errors.trim() });
    const cpuSeconds = cpuSecondsOfEndedChildren() - cpuBefore;
    const { wallMs } = JSON.parse(lines.last) as { readonly wallMs: number };
    return {
      latencies: lines.latencies,
      wallSeconds: wallMs / 1000,
      cpuSeconds,
      othersCores: others(cpuSeconds),
    };
  } finally {
    process.removeListener("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines as the print connector writes them: `2> +I[7, 16, 900, 2026-01-01T10:00:00.123]`. */
class ResultLines {
  readonly latencies: number[] = [];
  last = "";
  #rest = "";
  #firstMs: number | undefined;

  add(chunk: Buffer): void {
    const nowMs = performance.timeOrigin + performance.now();
    const lines = (this.#rest + chunk.toString("latin1")).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      this.#firstMs ??= nowMs;
      if (line.endsWith("]")) {
        if (nowMs - this.#firstMs >= WARM_UP_MS) this.#row(line, nowMs % DAY_MS);
      } else if (line !== "") this.last = line;
    }
  }

  #row(line: string, nowMs: number): void {
    if (!line.includes("+I[") && !line.includes("+U[")) return;
    const time = line.slice(line.lastIndexOf("T") + 1, -1).split(":");
    const dueMs = (Number(time[0]) * 60 + Number(time[1])) * 60_000 + Number(time[2] ?? 0) * 1000;
    // Over midnight the difference jumps by a day.
    this.latencies.push((((nowMs - dueMs) % DAY_MS) + DAY_MS) % DAY_MS);
  }
}

function report(context: BenchContext, measured: readonly Measured[]): void {
  const ms = (value: number) => decimals(value, 1);
  const rows = measured.map((m) => [
    m.name,
    m.fullRate === undefined ? "–" : thousands(m.fullRate),
    thousands(m.rate),
    String(m.samples),
    ms(m.p50),
    ms(m.p99),
    ms(m.p999),
    ms(m.max),
    decimals(m.cores, 2),
    decimals(m.othersCores, 2),
  ]);
  const header = ["query", "full load, events/s", "load", "results", "p50 ms", "p99 ms"];
  print(
    context,
    `From a row's arrival to its result, ${WORKERS} workers, checkpoints every ` +
      `${context.options.get("checkpoint") ?? "10s"}\n${machineLine(context.machine)}\n\n` +
      formatTable([...header, "p99.9 ms", "max ms", "cores", "others' cores"], rows),
  );
  const figures = measured.map(
    (m): Figure => ({
      name: `latency-${m.name}-p99-ms`,
      value: m.p99,
      unit: "ms",
      detail: { ...m, query: QUERIES[m.name]!.what },
      trusted: isTrusted(context, m.othersCores),
    }),
  );
  finish(context, figures);
}
