/**
 * What `bench nexmark` prints and records: the table of both sides, and one figure per query and for the total.
 *
 * Flow:    bench nexmark → here → standard output, history.
 * Ratio:   the peer's CPU seconds divided by ours; a total over fewer queries than asked for has another name.
 */
import { type BenchContext, isTrusted } from "../context.ts";
import type { Figure } from "../figures.ts";
import type { FlinkBackend } from "../peer/flink/configuration.ts";
import { decimals, formatTable, thousands } from "../table.ts";
import { type QueryCost, totalOf } from "./measure.ts";

export interface NexmarkPlan {
  readonly queries: readonly string[];
  readonly events: number;
  readonly rate: number;
  readonly input: "json" | "generator";
  readonly checkEvents: number;
  readonly warmUpEvents: number;
  readonly countCharFunction: boolean;
  /** Of Flink's state. */
  readonly backend: FlinkBackend;
  /** Of both sides, in Flink's words; none when undefined. */
  readonly checkpointInterval: string | undefined;
}

export interface Side {
  readonly engine: string;
  readonly description: string;
  readonly costs: readonly QueryCost[];
}

export function nexmarkTable(events: number, left: Side, right: Side | undefined): string {
  const columns = (side: Side) => [
    `${side.engine} CPU s`,
    "wall s",
    "rows per CPU s",
    "spread",
    "others' cores",
  ];
  const cells = (cost: QueryCost, rows: number) => [
    decimals(cost.cpuSeconds, 2),
    decimals(cost.wallSeconds, 2),
    thousands(rows / cost.cpuSeconds),
    `${decimals(cost.spread * 100, 0)} %`,
    decimals(cost.othersCores, 2),
  ];
  const header = [
    "query",
    "events",
    ...columns(left),
    ...(right === undefined ? [] : [...columns(right), "ratio"]),
  ];
  const row = (mine: QueryCost, peer: QueryCost | undefined, rows: number) => [
    mine.query,
    thousands(rows),
    ...cells(mine, rows),
    ...(peer === undefined
      ? []
      : [...cells(peer, rows), decimals(peer.cpuSeconds / mine.cpuSeconds, 2)]),
  ];
  const rows = left.costs.map((cost, i) => row(cost, right?.costs[i], events));
  const peerTotal = right === undefined ? undefined : totalOf(right.costs);
  rows.push(row(totalOf(left.costs), peerTotal, events * left.costs.length));
  return formatTable(header, rows);
}

export function nexmarkFigures(
  context: BenchContext,
  plan: NexmarkPlan,
  left: Side,
  right: Side | undefined,
): Figure[] {
  // Another set-up, another figure.
  const variant =
    (plan.backend === "hashmap" ? "" : `-${plan.backend}`) +
    (plan.checkpointInterval === undefined ? "" : `-checkpoint-${plan.checkpointInterval}`);
  const figure = (
    name: string,
    mine: QueryCost,
    peer: QueryCost | undefined,
    rows: number,
  ): Figure => ({
    name: `${left.engine === "Flink" ? "flink-" : ""}${name}${variant}`,
    value: rows / mine.cpuSeconds,
    unit: "rows per CPU second",
    ...(peer === undefined
      ? {}
      : { ratio: peer.cpuSeconds / mine.cpuSeconds, peer: right!.description }),
    spread: mine.spread,
    detail: {
      events: plan.events,
      rate: plan.rate,
      input: plan.input,
      ...(plan.backend === "hashmap" ? {} : { backend: plan.backend }),
      ...(plan.checkpointInterval === undefined ? {} : { checkpoint: plan.checkpointInterval }),
      parallelism: context.parallelism,
      repeat: context.repeat,
      cpuSeconds: mine.cpuSeconds,
      wallSeconds: mine.wallSeconds,
      ...(peer === undefined
        ? {}
        : { peerCpuSeconds: peer.cpuSeconds, peerWallSeconds: peer.wallSeconds }),
      queries: mine.query === "total" ? left.costs.map((cost) => cost.query).join(" ") : mine.query,
    },
    trusted: isTrusted(context, Math.max(mine.othersCores, peer?.othersCores ?? 0)),
  });
  const perQuery = left.costs.map((cost, i) =>
    figure(`nexmark-${cost.query}`, cost, right?.costs[i], plan.events),
  );
  const peerTotal = right === undefined ? undefined : totalOf(right.costs);
  const rows = plan.events * left.costs.length;
  // A total over fewer queries than asked for must not be taken for the whole.
  const part = left.costs.length === plan.queries.length ? "total" : "partial-total";
  const total = figure(`nexmark-${plan.input}-${part}`, totalOf(left.costs), peerTotal, rows);
  return left.costs.length === 0 ? [] : [...perQuery, total];
}
