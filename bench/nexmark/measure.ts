/**
 * Measures one engine over a list of queries: warm-up, repeats, medians.
 *
 * Flow:    bench nexmark → here → Engine.run.
 * Shapes:  one QueryCost per query; rows per CPU second counts all events, persons and auctions too.
 */
import { type MillraceError, toMillraceError } from "../../src/foundation/base/errors.ts";
import type { Cost } from "../cpu.ts";
import type { Engine } from "../engine.ts";
import { summarise } from "../figures.ts";
import { progress } from "../progress.ts";

const MOST_WARM_UPS = 6;
/** A run that costs more than this part of the one before ends the warm-up. */
const SETTLED = 0.93;

export interface QueryCost {
  readonly query: string;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** (max − min) / median of the CPU seconds. */
  readonly spread: number;
  /** The most that others used during one of the repeats. */
  readonly othersCores: number;
  readonly runs: readonly Cost[];
}

export interface MeasureRequest {
  readonly queries: readonly string[];
  readonly repeat: number;
  readonly parallelism: number;
  /**
   * Runs that are not measured: the first query until it gets no cheaper, then a smaller run before each.
   * It gives a JVM what a long-running one has behind it, and an engine with a process per run its compiled code on disk.
   */
  readonly warm: boolean;
  /** Told of a query that failed; without it the error goes up. */
  readonly onFailure?: (query: string, error: MillraceError) => void;
  readonly scriptOf: (query: string) => string;
  /** Called before every measured run: brings the input into memory, so that no engine pays for a cold disk. */
  readonly readInput?: () => void;
  readonly warmUpScriptOf: (query: string) => string;
}

export async function measureQueries(
  engine: Engine,
  request: MeasureRequest,
): Promise<QueryCost[]> {
  const costs: QueryCost[] = [];
  const [first] = request.queries;
  if (request.warm && first !== undefined) await warmUp(engine, request, first);
  for (const query of request.queries) {
    try {
      costs.push({ query, ...medians(await measureQuery(engine, request, query)) });
    } catch (error) {
      if (request.onFailure === undefined) throw error;
      request.onFailure(query, toMillraceError(error));
    }
  }
  return costs;
}

/** Repeats a whole run until it gets no cheaper: compilers and heap have settled. */
async function warmUp(engine: Engine, request: MeasureRequest, query: string): Promise<void> {
  let before = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_WARM_UPS; i++) {
    const { cpuSeconds } = await engine.run(request.scriptOf(query), request.parallelism);
    progress(`${engine.name} warms up with ${query}: ${cpuSeconds.toFixed(2)} CPU s`);
    if (cpuSeconds > before * SETTLED) return;
    before = cpuSeconds;
  }
}

async function measureQuery(
  engine: Engine,
  request: MeasureRequest,
  query: string,
): Promise<Cost[]> {
  if (request.warm) await engine.run(request.warmUpScriptOf(query), request.parallelism);
  const runs: Cost[] = [];
  for (let i = 0; i < request.repeat; i++) {
    request.readInput?.();
    const cost = await engine.run(request.scriptOf(query), request.parallelism);
    progress(
      `${engine.name} ${query}: ${cost.cpuSeconds.toFixed(2)} CPU s, ` +
        `${cost.wallSeconds.toFixed(2)} s, others ${cost.othersCores.toFixed(2)} cores`,
    );
    runs.push(cost);
  }
  return runs;
}

export function medians(runs: readonly Cost[]): Omit<QueryCost, "query"> {
  const cpu = summarise(runs.map((run) => run.cpuSeconds));
  return {
    cpuSeconds: cpu.median,
    wallSeconds: summarise(runs.map((run) => run.wallSeconds)).median,
    spread: cpu.spread,
    othersCores: Math.max(...runs.map((run) => run.othersCores)),
    runs,
  };
}

/** Both measurements of the same queries as one. */
export function together(before: readonly QueryCost[], after: readonly QueryCost[]): QueryCost[] {
  return before.flatMap(({ query, runs }) => {
    const again = after.find((cost) => cost.query === query);
    return again === undefined ? [] : [{ query, ...medians([...runs, ...again.runs]) }];
  });
}

export function totalOf(costs: readonly QueryCost[]): QueryCost {
  return {
    query: "total",
    cpuSeconds: costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0),
    wallSeconds: costs.reduce((sum, cost) => sum + cost.wallSeconds, 0),
    spread: Math.max(0, ...costs.map((cost) => cost.spread)),
    othersCores: Math.max(0, ...costs.map((cost) => cost.othersCores)),
    runs: costs.flatMap(({ runs }) => runs),
  };
}
