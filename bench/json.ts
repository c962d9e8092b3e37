/**
 * `bench json`: how many bytes of JSON lines a CPU second decodes, start-up of the process included.
 *
 * Input:   Nexmark's wide events; q0 (all columns of bids) and q2 (two columns), as both engines run them.
 * Figure:  bytes of both runs by CPU seconds of both runs.
 * Check:   the same queries on CHECK_EVENTS events against DuckDB.
 */
import { wholeNumber } from "./arguments.ts";
import { type BenchContext, finish, isTrusted, print, withPeer } from "./context.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { ResultCheck } from "./nexmark/check.ts";
import { measureQueries, type QueryCost, totalOf } from "./nexmark/measure.ts";
import { nexmarkScript } from "./nexmark/queries.ts";
import { nexmarkEventFiles, readEventFiles } from "./nexmark-events.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { decimals, formatTable } from "./table.ts";

const QUERIES = ["q0", "q2"] as const;
const DEFAULT_EVENTS = 5_000_000;
const RATE = 100_000;
const CHECK_EVENTS = 50_000;
const WARM_UP_EVENTS = 500_000;

interface Side {
  readonly engine: string;
  readonly description: string;
  readonly costs: readonly QueryCost[];
}

export async function benchJson(context: BenchContext): Promise<void> {
  const events = wholeNumber(context.options, "events", DEFAULT_EVENTS);
  const check = await ResultCheck.prepare({
    queries: QUERIES,
    events: CHECK_EVENTS,
    countCharFunction: false,
  });
  const sides: Side[] = [];
  try {
    if (context.millrace)
      sides.push(
        await measureSide(context, events, async () => new MillraceEngine(), check, false),
      );
    if (context.flink) {
      const start = () => FlinkEngine.start(context.parallelism);
      const measure = () => measureSide(context, events, start, check, true);
      const side = await withPeer(context, measure);
      if (side !== undefined) sides.push(side);
    }
  } finally {
    check.close();
  }
  report(context, events, sides);
}

async function measureSide(
  context: BenchContext,
  events: number,
  start: () => Promise<Engine>,
  check: ResultCheck,
  warm: boolean,
): Promise<Side> {
  const engine = await start();
  try {
    for (const query of QUERIES) await check.run(engine, query);
    const costs = await measureQueries(engine, {
      queries: QUERIES,
      repeat: context.repeat,
      parallelism: context.parallelism,
      warm,
      readInput: () =>
        readEventFiles(nexmarkEventFiles({ events, rate: RATE, parts: context.parallelism })),
      scriptOf: (query) => scriptOf(query, events, context.parallelism),
      warmUpScriptOf: (query) =>
        scriptOf(query, Math.min(events, WARM_UP_EVENTS), context.parallelism),
    });
    return { engine: engine.name, description: engine.describe(), costs };
  } finally {
    await engine.stop();
  }
}

function scriptOf(query: string, events: number, parts: number): string {
  const { folder } = nexmarkEventFiles({ events, rate: RATE, parts });
  return nexmarkScript({ query, input: { kind: "json", folder }, sink: { kind: "blackhole" } });
}

function report(context: BenchContext, events: number, sides: readonly Side[]): void {
  const { bytes } = nexmarkEventFiles({ events, rate: RATE, parts: context.parallelism });
  const [mine, peer] = sides;
  if (mine === undefined) throw benchErrors.USAGE({ what: "nothing was measured" });
  const megabytes = bytes / 1e6;
  const rows = sides.flatMap(({ engine, costs }) =>
    costs.map((cost) => [
      `${engine} ${cost.query}`,
      decimals(cost.cpuSeconds, 2),
      decimals(cost.wallSeconds, 2),
      decimals(megabytes / cost.cpuSeconds, 0),
      `${decimals(cost.spread * 100, 0)} %`,
      decimals(cost.othersCores, 2),
    ]),
  );
  const header = ["engine, query", "CPU s", "wall s", "MB per CPU s", "spread", "others' cores"];
  print(
    context,
    `JSON lines: ${events.toLocaleString("en-US")} events, ${megabytes.toFixed(0)} MB, parallelism ` +
      `${context.parallelism}, median of ${context.repeat}; results of ${CHECK_EVENTS} events right by DuckDB\n` +
      `${machineLine(context.machine)}\n${sides.map((side) => `${side.description}\n`).join("")}\n` +
      formatTable(header, rows),
  );
  const total = totalOf(mine.costs);
  const peerTotal = peer === undefined ? undefined : totalOf(peer.costs);
  finish(context, [
    {
      name: mine.engine === "Flink" ? "flink-json" : "json",
      value: (megabytes * QUERIES.length) / total.cpuSeconds,
      unit: "MB per CPU second",
      ...(peerTotal === undefined
        ? {}
        : { ratio: peerTotal.cpuSeconds / total.cpuSeconds, peer: peer!.description }),
      spread: total.spread,
      detail: { events, bytes, queries: QUERIES.join(" "), parallelism: context.parallelism },
      trusted: isTrusted(context, Math.max(total.othersCores, peerTotal?.othersCores ?? 0)),
    },
  ]);
}
