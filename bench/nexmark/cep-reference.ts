/**
 * What the pattern queries must find, computed without an engine: one look at each partition's bids from each first row on.
 *
 * Flow:    event files → bids by auction and bidder, in the order of their times → matches → nexmark/rows.
 * Rules:   quantifiers are greedy: a row that continues a pattern's repeated part does not end it. Matches come in the order
 *          of their first rows, so one that the end of the input leaves open keeps back all behind it. A match spans less than
 *          the interval of WITHIN, which also closes an open one.
 * Source:  Flink's NFA and AfterMatchSkipStrategy.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { linesOf } from "./lines.ts";
import { countsOf, type Row, type RowCounts } from "./rows.ts";

interface Bid {
  readonly price: number;
  readonly dateTime: string;
}

interface Found {
  /** Index of the match's last row. */
  readonly last: number;
  readonly row: Row;
}

/** From a first row: a match, none, or whether there is one depends on rows to come. */
type Attempt = Found | "none" | "open";

interface Finder {
  readonly attempt: (bids: readonly Bid[], first: number) => Attempt;
  /** The first row of the next attempt behind a match. */
  readonly next: (first: number, last: number) => number;
}

const WITHIN_MS = 5_000;
const MEAN_LIMIT = 10_000;
const DROP = 50;
const pastLast = (_: number, last: number) => last + 1;

const FINDERS: Readonly<Record<string, Finder>> = {
  cep0: { attempt: fallThenRise, next: (_, last) => last },
  cep1: { attempt: lowMean, next: pastLast },
  cep2: { attempt: lowMean, next: (first) => first + 1 },
  cep3: { attempt: dropWithin, next: pastLast },
};

export function cepRows(query: string, folder: string): RowCounts {
  const finder = FINDERS[query]!;
  const rows: Row[] = [];
  for (const [key, bids] of bidsOf(folder)) {
    const [auction, bidder] = key.split(" ").map(Number);
    let first = 0;
    while (first < bids.length) {
      const found = finder.attempt(bids, first);
      if (found === "open") break;
      if (found === "none") first += 1;
      else {
        rows.push({ auction, bidder, ...found.row });
        first = finder.next(first, found.last);
      }
    }
  }
  return countsOf(rows);
}

function fallThenRise(bids: readonly Bid[], first: number): Attempt {
  let last = first;
  while (last + 1 < bids.length && bids[last + 1]!.price < bids[last]!.price) last += 1;
  const end = bids[last + 1];
  if (end === undefined) return "open";
  // It must be above the last price but one of the fall, and there are two of them only then.
  const falls = last - first;
  if (falls < 2 || end.price <= bids[last - 1]!.price) return "none";
  const times = { start_tstamp: bids[first]!.dateTime, bottom_tstamp: bids[last]!.dateTime };
  return { last: last + 1, row: { ...times, end_tstamp: end.dateTime } };
}

function lowMean(bids: readonly Bid[], first: number): Attempt {
  let sum = 0;
  let end = first;
  while (end < bids.length && sum + bids[end]!.price < MEAN_LIMIT * (end - first + 1)) {
    sum += bids[end]!.price;
    end += 1;
  }
  if (end === first) return "none";
  if (end === bids.length) return "open";
  const times = { start_tstamp: bids[first]!.dateTime, end_tstamp: bids[end - 1]!.dateTime };
  return { last: end, row: { ...times, avg_price: Math.trunc(sum / (end - first)) } };
}

function dropWithin(bids: readonly Bid[], first: number): Attempt {
  const { price, dateTime } = bids[first]!;
  const begun = Date.parse(`${dateTime}Z`);
  for (let i = first + 1; i < bids.length; i++) {
    const bid = bids[i]!;
    if (Date.parse(`${bid.dateTime}Z`) - begun >= WITHIN_MS) return "none";
    if (bid.price > price - DROP) continue;
    if (bid.price === price - DROP) return "none";
    return { last: i, row: { drop_time: bid.dateTime, drop_diff: price - bid.price } };
  }
  return "none";
}

function bidsOf(folder: string): Map<string, Bid[]> {
  const partitions = new Map<string, Bid[]>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".json")))
    for (const line of linesOf(join(folder, name))) {
      if (!line.includes('"event_type":2')) continue;
      const { bid } = JSON.parse(line) as { bid: Bid & { auction: number; bidder: number } };
      const key = `${bid.auction} ${bid.bidder}`;
      const own = partitions.get(key);
      const kept = { price: bid.price, dateTime: bid.dateTime.replace(" ", "T") };
      if (own === undefined) partitions.set(key, [kept]);
      else own.push(kept);
    }
  return partitions;
}
