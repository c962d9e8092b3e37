/**
 * What `bench tpch` prints and records: one row a query with every engine's CPU and wall seconds, and their totals.
 *
 * Flow:    bench tpch → here → standard output, history.
 * Ratio:   a peer's wall seconds divided by ours. Totals are over the queries that all engines of the run measured.
 */
import { type BenchContext, isTrusted } from "../context.ts";
import type { Figure } from "../figures.ts";
import { machineLine } from "../machine.ts";
import { type QueryCost, totalOf } from "../nexmark/measure.ts";
import { decimals, formatTable } from "../table.ts";
import type { TpchData } from "./data.ts";

export interface TpchSide {
  readonly engine: string;
  readonly description: string;
  readonly costs: readonly QueryCost[];
}

export interface TpchOutcome {
  readonly data: TpchData;
  readonly queries: readonly string[];
  readonly sides: readonly TpchSide[];
}

export function tpchText(
  context: BenchContext,
  outcome: TpchOutcome & {
    readonly checked: readonly string[];
    readonly failed: ReadonlyMap<string, string>;
  },
): string {
  const { data, sides, checked, failed } = outcome;
  const gigabytes = (data.bytes / 1e9).toFixed(2);
  return [
    `TPC-H, scale factor ${data.scaleFactor}, ${gigabytes} GB of CSV files, batch mode, `,
    `parallelism ${context.parallelism}, median of ${context.repeat}\n`,
    `${machineLine(context.machine)}\n`,
    ...sides.map((side) => `${side.description}\n`),
    "\n",
    tpchTable(outcome),
    checked.length === 0
      ? "\nNothing was checked.\n"
      : `\nAnswers equal to DuckDB's: ${checked.length}.\n`,
    ...[...failed].map(([what, reason]) => `No figure for ${what}: ${reason}\n`),
  ].join("");
}

export function tpchTable({ queries, sides }: TpchOutcome): string {
  const [mine] = sides;
  const header = ["query", ...sides.flatMap(({ engine }) => [`${engine} CPU s`, "wall s"])];
  const ratios = mine === undefined ? [] : sides.slice(1);
  header.push(...ratios.map(({ engine }) => `${engine} / ${mine!.engine}`));
  const row = (name: string, costs: readonly (QueryCost | undefined)[]) => [
    name,
    ...costs.flatMap((cost) =>
      cost === undefined
        ? ["–", "–"]
        : [decimals(cost.cpuSeconds, 2), decimals(cost.wallSeconds, 2)],
    ),
    ...ratios.map((_, i) => ratioOf(costs[0], costs[i + 1])),
  ];
  const costOf = (side: TpchSide, query: string) => side.costs.find((c) => c.query === query);
  const rows = queries.map((query) =>
    row(
      query,
      sides.map((side) => costOf(side, query)),
    ),
  );
  const common = commonQueries({ queries, sides });
  const totals = sides.map(({ costs }) => totalOf(costs.filter((c) => common.includes(c.query))));
  rows.push(row(common.length === queries.length ? "total" : `total of ${common.length}`, totals));
  return formatTable(header, rows);
}

export function tpchFigures(
  context: BenchContext,
  outcome: Omit<TpchOutcome, "data"> & { readonly data: TpchData },
): Figure[] {
  const { data, queries, sides } = outcome;
  const common = commonQueries(outcome);
  const part = common.length === queries.length ? "total" : "partial-total";
  return sides.flatMap((side, place) => {
    const prefix = side.engine === "Millrace" ? "tpch" : `${side.engine.toLowerCase()}-tpch`;
    const figure = (name: string, cost: QueryCost, ours: QueryCost | undefined): Figure => ({
      name: `${prefix}-${name}`,
      value: cost.wallSeconds,
      unit: "seconds",
      ...(place === 0 || ours === undefined
        ? {}
        : { ratio: ours.wallSeconds / cost.wallSeconds, peer: sides[0]!.description }),
      spread: cost.spread,
      detail: {
        scaleFactor: data.scaleFactor,
        cpuSeconds: cost.cpuSeconds,
        parallelism: context.parallelism,
        repeat: context.repeat,
        queries: name.endsWith("total") ? common.join(" ") : name,
      },
      trusted: isTrusted(context, cost.othersCores),
    });
    const first = (query: string) => sides[0]!.costs.find((cost) => cost.query === query);
    const perQuery = side.costs.map((cost) => figure(cost.query, cost, first(cost.query)));
    const total = (of: TpchSide) => totalOf(of.costs.filter((c) => common.includes(c.query)));
    if (common.length === 0) return perQuery;
    return [...perQuery, figure(part, total(side), total(sides[0]!))];
  });
}

/** The queries that every side measured. */
function commonQueries({ queries, sides }: Omit<TpchOutcome, "data">): string[] {
  return queries.filter((query) =>
    sides.every(({ costs }) => costs.some((cost) => cost.query === query)),
  );
}

function ratioOf(mine: QueryCost | undefined, peer: QueryCost | undefined): string {
  if (mine === undefined || peer === undefined) return "–";
  return decimals(peer.wallSeconds / mine.wallSeconds, 2);
}
