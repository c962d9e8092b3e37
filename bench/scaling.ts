/**
 * `bench scaling [q4 q5 q7 q16]`: wall time of Nexmark queries with one worker against two, over the same files.
 *
 * Measure: runs of one and of two workers take turns, so that a phase of the machine meets both; medians of --repeat runs.
 * Ceiling: what two jobs of one worker each get done at once, in jobs in the time of one alone: they share nothing but the
 *          machine. Below 2 where its processors share caches, memory or a core; no job can be sped up by more.
 * Check:   rows of a smaller input against DuckDB's, as `bench nexmark` does, before any figure.
 * Limits:  two workers need two free processors; start-up and parsing are part of both times.
 */
import { type BenchContext, commonOptions, finish, isTrusted, print } from "./context.ts";
import { type OptionKinds, wholeNumber } from "./arguments.ts";
import type { Figure } from "./figures.ts";
import { summarise } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { ResultCheck } from "./nexmark/check.ts";
import { nexmarkScript, requireQuery } from "./nexmark/queries.ts";
import { nexmarkEventFiles, readEventFiles } from "./nexmark-events.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable } from "./table.ts";

export const scalingOptions: OptionKinds = { ...commonOptions, "check-events": "value" };

const QUERIES = ["q4", "q5", "q7", "q16"];
const EVENTS = 5_000_000;
const RATE = 100_000;
const CHECK_EVENTS = 200_000;
const WORKERS = [1, 2] as const;

export async function benchScaling(context: BenchContext, names: readonly string[]): Promise<void> {
  const queries = names.length === 0 ? QUERIES : names;
  for (const query of queries) requireQuery(query);
  const events = wholeNumber(context.options, "events", EVENTS);
  const checkEvents = wholeNumber(context.options, "check-events", CHECK_EVENTS);
  const files = nexmarkEventFiles({ events, rate: RATE, parts: WORKERS.length });
  const engine = new MillraceEngine();
  const check = await ResultCheck.prepare({
    queries,
    events: checkEvents,
    countCharFunction: false,
  });
  const rows: string[][] = [];
  const figures: Figure[] = [];
  try {
    for (const query of queries) {
      const checked = await check.run(engine, query);
      progress(`${query}: ${checked.rows} rows, compared with ${checked.by}`);
      const script = nexmarkScript({
        query,
        input: { kind: "json", folder: files.folder },
        sink: { kind: "blackhole" },
        countCharFunction: false,
      });
      const seconds: [number[], number[]] = [[], []];
      const together: number[] = [];
      let others = 0;
      for (let i = 0; i < context.repeat; i++) {
        for (const [at, workers] of WORKERS.entries()) {
          readEventFiles(files);
          const cost = await engine.run(script, workers);
          seconds[at]!.push(cost.wallSeconds);
          others = Math.max(others, cost.othersCores);
        }
        together.push(await secondsOfTwo(engine, script));
      }
      const [one, two] = seconds.map((list) => summarise(list));
      const value = one!.median / two!.median;
      const ceiling = (2 * one!.median) / summarise(together).median;
      const numbers = [one!.median, two!.median, value, ceiling, value / ceiling];
      rows.push([query, ...numbers.map((number) => decimals(number, 2)), String(checked.rows)]);
      figures.push({
        name: `scaling-${query}`,
        value,
        unit: "times",
        spread: Math.max(one!.spread, two!.spread),
        detail: { events, oneSeconds: one!.median, twoSeconds: two!.median, ceiling },
        trusted: isTrusted(context, others),
      });
    }
  } finally {
    check.close();
    await engine.stop();
  }
  const head = [
    "query",
    "1 worker, s",
    "2 workers, s",
    "speed-up",
    "ceiling",
    "of it",
    "rows checked",
  ];
  print(
    context,
    `Nexmark, ${events} events of JSON, wall time, median of ${context.repeat}\n${machineLine(context.machine)}\n\n${formatTable(head, rows)}`,
  );
  finish(context, figures);
}

/** Wall time until two jobs of one worker, begun at once, have both ended. */
async function secondsOfTwo(engine: MillraceEngine, script: string): Promise<number> {
  const costs = await Promise.all([engine.run(script, 1), engine.run(script, 1)]);
  return Math.max(...costs.map(({ wallSeconds }) => wallSeconds));
}
