/**
 * Random queries over event time: window functions with aggregates, joins and Top-N, OVER by time, interval joins,
 * deduplication. peerText() says the same in DuckDB's words.
 *
 * Rules:   in the tables e and f no two rows have one time, and rows come less than BOUND seconds late: nothing is dropped.
 */
import type { Column, ColumnType, Relation } from "./query-generator.ts";

/** Seconds; the watermark's delay. */
export const BOUND = 5;
export const EVENT_TABLES = ["e", "f"] as const;

export const EVENT_COLUMNS: readonly Column[] = [
  { name: "k", type: "BIGINT" },
  { name: "s", type: "STRING" },
  { name: "v", type: "BIGINT" },
];

/** What a query is drawn with: chances, fresh names, and pieces of other queries. */
export interface Draw {
  below(n: number): number;
  chance(of: number): boolean;
  pick<T>(from: readonly T[]): T;
  name(): string;
  aggregate(columns: readonly Column[]): { readonly text: string; readonly type: ColumnType };
  condition(columns: readonly Column[]): string;
}

const SIZES = [
  ["TUMBLE", "INTERVAL '10' SECOND"],
  ["TUMBLE", "INTERVAL '60' SECOND"],
  ["HOP", "INTERVAL '5' SECOND, INTERVAL '15' SECOND"],
  ["HOP", "INTERVAL '10' SECOND, INTERVAL '20' SECOND"],
  ["CUMULATE", "INTERVAL '10' SECOND, INTERVAL '30' SECOND"],
] as const;
const JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] as const;
const WINDOW = "window_start, window_end";

/** Its columns are plain ones: no time is among them. */
export function eventQuery(draw: Draw): Relation {
  const forms = [windowed, windowed, windowJoin, windowTopN, over, intervalJoin, deduplicated];
  return draw.pick(forms)(draw);
}

function table(draw: Draw): string {
  return draw.pick(EVENT_TABLES);
}

function windowOf(draw: Draw, [kind, sizes] = draw.pick(SIZES)): string {
  return `TABLE(${kind}(TABLE ${table(draw)}, DESCRIPTOR(ts), ${sizes}))`;
}

/** Fresh names for columns, as a list and as columns. */
function named(draw: Draw, parts: readonly { readonly text: string; readonly type: ColumnType }[]) {
  const columns = parts.map(({ type }) => ({ name: draw.name(), type }));
  return { columns, list: parts.map(({ text }, i) => `${text} AS ${columns[i]!.name}`).join(", ") };
}

function plain(names: readonly Column[], alias = "") {
  return names.map(({ name, type }) => ({ text: `${alias}${name}`, type }));
}

/** Seconds since the epoch, so that a time is a number in both. */
const seconds = (time: string) => ({
  text: `CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', ${time}) AS BIGINT)`,
  type: "BIGINT" as const,
});

function grouped(draw: Draw) {
  const keys = EVENT_COLUMNS.slice(0, 2).filter(() => draw.chance(0.4));
  const calls = Array.from({ length: 1 + draw.below(3) }, () => draw.aggregate(EVENT_COLUMNS));
  const where = draw.chance(0.3) ? ` WHERE ${draw.condition(EVENT_COLUMNS)}` : "";
  const by = [WINDOW, ...keys.map(({ name }) => name)].join(", ");
  return { keys, calls, tail: (source: string) => `FROM ${source}${where} GROUP BY ${by}` };
}

function windowed(draw: Draw): Relation {
  const { keys, calls, tail } = grouped(draw);
  const { columns, list } = named(draw, [seconds("window_end"), ...plain(keys), ...calls]);
  return { text: `SELECT ${list} ${tail(windowOf(draw))}`, columns };
}

function windowJoin(draw: Draw): Relation {
  const size = draw.pick(SIZES);
  const [left, right] = [draw.name(), draw.name()];
  const key = draw.pick(EVENT_COLUMNS.slice(0, 2)).name;
  const { columns, list } = named(draw, [
    seconds(`${left}.window_end`),
    seconds(`${right}.window_end`),
    ...plain(EVENT_COLUMNS, `${left}.`),
    ...plain(EVENT_COLUMNS.slice(2), `${right}.`),
  ]);
  const side = (alias: string) => `(SELECT * FROM ${windowOf(draw, size)}) AS ${alias}`;
  const on =
    `${left}.${key} = ${right}.${key} AND ${left}.window_start = ${right}.window_start ` +
    `AND ${left}.window_end = ${right}.window_end`;
  return {
    text: `SELECT ${list} FROM ${side(left)} ${draw.pick(JOINS)} ${side(right)} ON ${on}`,
    columns,
  };
}

function windowTopN(draw: Draw): Relation {
  const [inner, rank] = [draw.name(), draw.name()];
  const partition = draw.chance(0.5) ? ", k" : "";
  const order = draw.pick(["v DESC NULLS LAST, ts ASC", "v ASC NULLS FIRST, ts DESC", "ts DESC"]);
  const { columns, list } = named(draw, [seconds("window_end"), ...plain(EVENT_COLUMNS)]);
  const number = `ROW_NUMBER() OVER (PARTITION BY ${WINDOW}${partition} ORDER BY ${order}) AS ${rank}`;
  const text =
    `SELECT ${list} FROM (SELECT *, ${number} FROM ${windowOf(draw)}) AS ${inner} ` +
    `WHERE ${rank} <= ${1 + draw.below(3)}`;
  return { text, columns };
}

function over(draw: Draw): Relation {
  const partition = draw.pick(["PARTITION BY k ", "PARTITION BY s ", ""]);
  const frame = draw.pick([
    "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW",
  ]);
  const call = draw.pick([
    "SUM(v)",
    "COUNT(*)",
    "COUNT(v)",
    "MIN(v)",
    "MAX(v)",
    "COUNT(DISTINCT v)",
  ]);
  const value = {
    text: `${call} OVER (${partition}ORDER BY ts ${frame})`,
    type: "BIGINT",
  } as const;
  const { columns, list } = named(draw, [...plain(EVENT_COLUMNS), value]);
  return { text: `SELECT ${list} FROM ${table(draw)}`, columns };
}

function intervalJoin(draw: Draw): Relation {
  const [left, right] = [draw.name(), draw.name()];
  const { columns, list } = named(draw, [
    ...plain(EVENT_COLUMNS, `${left}.`),
    ...plain(EVENT_COLUMNS, `${right}.`),
  ]);
  const key = draw.pick(EVENT_COLUMNS.slice(0, 2)).name;
  const low = `${right}.ts - INTERVAL '${draw.below(15)}' SECOND`;
  const high = `${right}.ts + INTERVAL '${draw.below(15)}' SECOND`;
  const on = `${left}.${key} = ${right}.${key} AND ${left}.ts BETWEEN ${low} AND ${high}`;
  const text = `SELECT ${list} FROM ${table(draw)} AS ${left} ${draw.pick(JOINS)} ${table(draw)} AS ${right} ON ${on}`;
  return { text, columns };
}

function deduplicated(draw: Draw): Relation {
  const [inner, rank] = [draw.name(), draw.name()];
  const { columns, list } = named(draw, plain(EVENT_COLUMNS));
  const number = `ROW_NUMBER() OVER (PARTITION BY ${draw.pick(["k", "s", "k, s"])} ORDER BY ts ${draw.pick(["ASC", "DESC"])}) AS ${rank}`;
  const text = `SELECT ${list} FROM (SELECT *, ${number} FROM ${table(draw)}) AS ${inner} WHERE ${rank} = 1`;
  return { text, columns };
}

/** Windows as DuckDB can say them: each row beside the windows that it falls into. */
export function peerText(sql: string): string {
  return sql
    .replace(
      /TABLE\((\w+)\(TABLE (\w+), DESCRIPTOR\(ts\), INTERVAL '(\d+)' SECOND(?:, INTERVAL '(\d+)' SECOND)?\)\)/g,
      (_, kind: string, name: string, first: string, second: string) =>
        `(SELECT w0.*, ${windowBounds(kind, Number(first), Number(second))})`.replace(
          "FROM ?",
          `FROM ${name} AS w0`,
        ),
    )
    .replace(
      /CAST\(TIMESTAMPDIFF\(SECOND, TIMESTAMP '1970-01-01 00:00:00', ([\w.]+)\) AS BIGINT\)/g,
      "CAST(EPOCH($1) AS BIGINT)",
    );
}

function windowBounds(kind: string, first: number, second: number): string {
  const interval = (n: number) => `INTERVAL ${n} SECOND`;
  const bucket = (n: number) => `TIME_BUCKET(${interval(n)}, ts)`;
  if (kind === "TUMBLE")
    return `${bucket(first)} AS window_start, ${bucket(first)} + ${interval(first)} AS window_end FROM ?`;
  if (kind === "HOP") {
    const starts = `GENERATE_SERIES(${bucket(first)} - ${interval(second - first)}, ${bucket(first)}, ${interval(first)})`;
    return `w1.w AS window_start, w1.w + ${interval(second)} AS window_end FROM ?, LATERAL (SELECT UNNEST(${starts}) AS w) AS w1`;
  }
  const ends = `GENERATE_SERIES(${bucket(first)} + ${interval(first)}, ${bucket(second)} + ${interval(second)}, ${interval(first)})`;
  return `${bucket(second)} AS window_start, w1.w AS window_end FROM ?, LATERAL (SELECT UNNEST(${ends}) AS w) AS w1`;
}
