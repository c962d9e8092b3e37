/**
 * Random SQL for the fuzzer: statements made from a grammar over real tables and functions, so that many are valid and the
 * others are wrong in interesting ways; and mutations of texts, by characters and by pieces.
 *
 * Tables of the session: see FUZZ_TABLES. All choices come from one generator of random numbers, so a seed repeats a run.
 */
import { builtinFunctionNames } from "../../src/language/sql/functions/function-catalog.ts";

/** A whole number in [0, below). */
export type Random = (below: number) => number;

/** Mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export const FUZZ_TABLES = `
CREATE TABLE t (a INT, b BIGINT NOT NULL, s STRING, d DECIMAL(20, 4), f DOUBLE, q BOOLEAN, n DATE, m TIME,
  ts TIMESTAMP(3), lz TIMESTAMP_LTZ(9), y BYTES, arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, z ROW<w STRING>>,
  p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE u (a INT, s STRING, v DECIMAL(38, 18), ts TIMESTAMP(3), p AS PROCTIME(), PRIMARY KEY (a) NOT ENFORCED,
  WATERMARK FOR ts AS ts) WITH ('connector' = 'upsert-kafka');
CREATE TABLE dim (a INT, s STRING, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'jdbc');
CREATE TABLE o (a INT, s STRING) WITH ('connector' = 'print');
CREATE TABLE k (a INT, s STRING, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'jdbc');
CREATE VIEW w AS SELECT a, COUNT(*) AS c, MAX(s) AS s FROM t GROUP BY a`;

const COLUMNS =
  "a b s d f q n m ts lz y arr mp r p t.a t.s r.x r.z.w u.v c nosuch window_start rowtime".split(
    " ",
  );
const TYPES =
  "INT BIGINT STRING DOUBLE FLOAT TINYINT BOOLEAN DATE TIME TIMESTAMP(3) TIMESTAMP_LTZ(9) DECIMAL(38,18) DECIMAL(1,0) CHAR(3) VARCHAR(5) BYTES BINARY(2) ARRAY<INT> MAP<STRING,INT> ROW<x_INT> MULTISET<INT> VARIANT"
    .split(" ")
    .map((type) => type.replace("_INT", " INT"));
const LITERALS = [
  ..."1 0 -1 1.5 1e400 99999999999999999999 2147483648 NULL TRUE FALSE 'x' '' '2020-02-30' U&'\\00e9' X'0f'".split(
    " ",
  ),
  "DATE '2020-01-31'",
  "TIME '12:00:00'",
  "TIMESTAMP '2020-01-01 00:00:00.123456789'",
  "INTERVAL '1' DAY",
  "INTERVAL '1-2' YEAR TO MONTH",
  "INTERVAL '99999999' SECOND",
  '\'{"a":[1,{"b":null}]}\'',
  "'$.a[*].b'",
];
const OPERATORS = "+ - * / % || = <> < <= > >= AND OR".split(" ");
const UNITS = "SECOND MINUTE HOUR DAY MONTH YEAR QUARTER WEEK EPOCH MILLISECOND DOW".split(" ");
const AGGREGATES =
  "COUNT SUM AVG MIN MAX FIRST_VALUE LAST_VALUE LISTAGG COLLECT STDDEV_POP VAR_SAMP ARRAY_AGG JSON_ARRAYAGG PERCENTILE".split(
    " ",
  );

export class SqlGrammar {
  readonly #next: Random;
  readonly #functions = builtinFunctionNames();

  constructor(next: Random) {
    this.#next = next;
  }

  statement(): string {
    const depth = 1 + this.#next(4);
    const q = () => this.query(depth);
    return this.#one(
      q,
      q,
      q,
      () => `SELECT ${this.expression(depth)}`,
      () => `SELECT ${this.expression(depth)} FROM t WHERE ${this.expression(depth)}`,
      () => `INSERT INTO ${this.#pick(["o", "k", "t", "w"])} ${q()}${this.#conflict()}`,
      () =>
        `EXPLAIN ${this.#pick(["", "CHANGELOG_MODE", "PLAN_ADVICE", "JSON_EXECUTION_PLAN"])} ${q()}`,
      () => `CREATE TEMPORARY VIEW v${this.#next(1000)} AS ${q()}`,
      () => this.#definition(depth),
    );
  }

  query(depth: number): string {
    const inner = () => this.query(depth - 1);
    if (depth <= 0)
      return this.#pick([
        "SELECT 1 AS a",
        "SELECT a, s FROM t",
        "VALUES (1, 'x')",
        "SELECT * FROM u",
      ]);
    return this.#one(
      () => this.#select(depth),
      () => this.#select(depth),
      () => this.#select(depth),
      () => this.#aggregate(depth),
      () => this.#windowed(depth),
      () => this.#ranked(depth),
      () =>
        `(${inner()}) ${this.#pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT ALL"])} (${inner()})`,
      () => `WITH x AS (${inner()}) SELECT * FROM x JOIN x AS y ON ${this.expression(depth - 1)}`,
      () => `${this.#select(depth)} ORDER BY ${this.#pick(COLUMNS)} LIMIT ${this.#next(5)}`,
      () =>
        `VALUES (${this.#list(() => this.expression(depth - 1))}), (${this.#list(() => this.expression(depth - 1))})`,
      () => this.#pattern(),
    );
  }

  expression(depth: number): string {
    if (depth <= 0) return this.#next(2) === 0 ? this.#pick(LITERALS) : this.#pick(COLUMNS);
    const e = () => this.expression(depth - 1);
    return this.#one(
      e,
      () => `${e()} ${this.#pick(OPERATORS)} ${e()}`,
      () => `(${e()} ${this.#pick(OPERATORS)} ${e()})`,
      () => `${this.#pick(this.#functions)}(${this.#list(e, 4)})`,
      () => `${this.#pick(this.#functions)}(${this.#list(e, 4)})`,
      () => `${this.#pick(["CAST", "TRY_CAST"])}(${e()} AS ${this.#pick(TYPES)})`,
      () => `CASE WHEN ${e()} THEN ${e()} ELSE ${e()} END`,
      () => `CASE ${e()} WHEN ${e()} THEN ${e()} END`,
      () => `${this.#pick(["NOT", "-", "+"])} ${e()}`,
      () => `${e()} IS ${this.#pick(["NULL", "NOT NULL", "TRUE", "NOT UNKNOWN", "JSON OBJECT"])}`,
      () => `${e()} ${this.#pick(["BETWEEN", "NOT BETWEEN SYMMETRIC"])} ${e()} AND ${e()}`,
      () => `${e()} ${this.#pick(["LIKE", "SIMILAR TO"])} ${e()}`,
      () => `${e()} IN (${this.#list(e)})`,
      () => `${e()} IN (${this.query(depth - 1)})`,
      () => `EXISTS (${this.query(depth - 1)})`,
      () => `(${this.query(depth - 1)})`,
      () => `ARRAY[${this.#list(e)}][${e()}]`,
      () => `MAP[${e()}, ${e()}]`,
      () => `ROW(${this.#list(e)})`,
      () => `EXTRACT(${this.#pick(UNITS)} FROM ${e()})`,
      () => `FLOOR(${e()} TO ${this.#pick(UNITS)})`,
      () => `TIMESTAMPADD(${this.#pick(UNITS)}, ${e()}, ${e()})`,
      () => `JSON_VALUE(${e()}, '$.a' RETURNING ${this.#pick(TYPES)})`,
      () => `JSON_OBJECT(KEY ${e()} VALUE ${e()})`,
      () =>
        `${this.#pick(AGGREGATES)}(${e()}) OVER (PARTITION BY ${e()} ORDER BY ${this.#pick(["ts", "p", "a"])})`,
      () => `${this.#pick(AGGREGATES)}(${this.#pick(["", "DISTINCT "])}${e()})`,
    );
  }

  #select(depth: number): string {
    const e = () => this.expression(depth - 1);
    const items = this.#list(() => (this.#next(3) === 0 ? `${e()} AS x` : e()));
    const where = this.#maybe(() => `WHERE ${e()}`);
    return `SELECT ${this.#pick(["", "DISTINCT "])}${this.#next(4) === 0 ? "*" : items} FROM ${this.#relation(depth - 1)}${where}`;
  }

  #aggregate(depth: number): string {
    const e = () => this.expression(depth - 1);
    const keys = this.#one(
      () => this.#list(e),
      () => `GROUPING SETS ((a), (s), ())`,
      () => `ROLLUP(a, s)`,
      () => `CUBE(${this.#list(e, 2)})`,
      () => `TUMBLE(ts, INTERVAL '1' MINUTE)`,
    );
    const having = this.#maybe(() => `HAVING ${e()}`);
    const call = () =>
      `${this.#pick(AGGREGATES)}(${this.#pick(["", "DISTINCT "])}${e()})${this.#maybe(() => `FILTER (WHERE ${e()})`)}`;
    return `SELECT ${this.#list(call)} FROM ${this.#relation(depth - 1)} GROUP BY ${keys}${having}`;
  }

  #windowed(depth: number): string {
    const size = "INTERVAL '1' MINUTE";
    const call = this.#pick([
      `TUMBLE(TABLE t, DESCRIPTOR(ts), ${size})`,
      `HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, ${size})`,
      `CUMULATE(TABLE t, DESCRIPTOR(p), INTERVAL '10' SECOND, ${size}, INTERVAL '3' SECOND)`,
      `SESSION(TABLE t PARTITION BY a, DESCRIPTOR(ts), ${size})`,
      `TUMBLE(DATA => TABLE u, TIMECOL => DESCRIPTOR(ts), SIZE => ${size})`,
      `TUMBLE(TABLE t, DESCRIPTOR(a), INTERVAL '0' SECOND)`,
    ]);
    const keys = this.#pick([
      "window_start, window_end",
      "window_start, window_end, a",
      "a",
      "window_time",
    ]);
    return `SELECT ${keys}, ${this.#pick(AGGREGATES)}(${this.expression(depth - 1)}) FROM TABLE(${call}) GROUP BY ${keys}`;
  }

  #ranked(depth: number): string {
    const by = this.#pick(["ts", "p", "a DESC", "s, a"]);
    const rank = this.#pick(["ROW_NUMBER", "RANK", "DENSE_RANK"]);
    const limit = this.#pick(["= 1", "<= 3", "< a", "BETWEEN 2 AND 4", "> 1"]);
    return `SELECT a, s FROM (SELECT *, ${rank}() OVER (PARTITION BY ${this.#pick(["a", "s", "a, s"])} ORDER BY ${by}) AS rn FROM ${this.#relation(depth - 1)}) WHERE rn ${limit}`;
  }

  #pattern(): string {
    return `SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY a ORDER BY ${this.#pick(["ts", "a"])} MEASURES A.b AS x, LAST(B.f) AS y ${this.#pick(["ONE ROW PER MATCH", ""])} AFTER MATCH SKIP ${this.#pick(["PAST LAST ROW", "TO NEXT ROW", "TO LAST A"])} PATTERN (A ${this.#pick(["B+", "B*?", "B{2,3}", "C"])}) DEFINE B AS ${this.expression(2)})`;
  }

  #relation(depth: number): string {
    if (depth <= 0)
      return this.#pick([
        "t",
        "u",
        "w",
        "dim",
        "t AS u",
        "default_catalog.default_database.t",
        "nosuch",
      ]);
    const r = () => this.#relation(depth - 1);
    const e = () => this.expression(depth - 1);
    return this.#one(
      r,
      r,
      () => `(${this.query(depth - 1)}) AS s`,
      () => `${r()} ${this.#pick(["", "LEFT", "RIGHT", "FULL"])} JOIN ${r()} ON ${e()}`,
      () => `t JOIN u ON t.a = u.a AND t.ts BETWEEN u.ts - INTERVAL '1' HOUR AND u.ts`,
      () => `t JOIN dim FOR SYSTEM_TIME AS OF t.p ON t.a = dim.a`,
      () => `t LEFT JOIN u FOR SYSTEM_TIME AS OF t.ts ON t.a = u.a`,
      () => `${r()} CROSS JOIN UNNEST(${e()}) AS x (v)`,
      () => `${r()}, LATERAL (SELECT ${e()})`,
      () => `${r()} /*+ OPTIONS('a' = 'b') */`,
    );
  }

  #definition(depth: number): string {
    const e = () => this.expression(depth - 1);
    const name = `n${this.#next(50)}`;
    return this.#one(
      () =>
        `CREATE TEMPORARY TABLE ${name} (a ${this.#pick(TYPES)}, b ${this.#pick(TYPES)}, c AS ${e()}) WITH ('connector' = 'datagen')`,
      () =>
        `CREATE TABLE IF NOT EXISTS ${name} (a ${this.#pick(TYPES)} NOT NULL, ts TIMESTAMP(3), WATERMARK FOR ts AS ${e()}, PRIMARY KEY (a) NOT ENFORCED) PARTITIONED BY (a) WITH ('connector' = 'print')`,
      () => `CREATE TABLE ${name} WITH ('connector' = 'print') AS ${this.query(depth - 1)}`,
      () =>
        `CREATE TABLE ${name} (z AS ${e()}) LIKE t (${this.#pick(["INCLUDING ALL", "EXCLUDING WATERMARKS", "OVERWRITING OPTIONS"])})`,
      () => `ALTER TABLE ${name} ADD (x${this.#next(3)} AS ${e()} FIRST)`,
      () =>
        `ALTER TABLE ${name} ${this.#pick(["DROP a", "RENAME a TO b", "MODIFY a STRING", "RESET ('x')", "DROP WATERMARK"])}`,
      () => `DROP TABLE IF EXISTS ${name}`,
      () =>
        `SHOW ${this.#pick(["TABLES", "FUNCTIONS", "COLUMNS FROM t", "VIEWS"])} LIKE '%${this.#pick(["a", "_", "%"])}%'`,
      () =>
        `DESCRIBE ${this.#pick(["t", "w", "FUNCTION EXTENDED ABS", "CATALOG default_catalog", name])}`,
    );
  }

  #conflict(): string {
    return this.#pick(["", "", " ON CONFLICT DO NOTHING", " ON CONFLICT DO DEDUPLICATE"]);
  }
  #pick<T>(items: readonly T[]): T {
    return items[this.#next(items.length)]!;
  }
  #one(...choices: readonly (() => string)[]): string {
    return this.#pick(choices)();
  }
  #list(item: () => string, most = 3): string {
    return Array.from({ length: 1 + this.#next(most) }, item).join(", ");
  }
  #maybe(text: () => string): string {
    return this.#next(3) === 0 ? ` ${text()}` : "";
  }
}

const PIECES =
  "( ) , ; . ' ` \" /* */ /*+ -- [ ] < > = != + * % || 1 1.5 1e3 a SELECT FROM WHERE AND OR NOT NULL IN CASE END AS ON BY ROW INTERVAL \\ \n \t é 😀 \u0000 \ud800".split(
    " ",
  );

/** One to four edits: cut, insert a piece, change a character, repeat a part. */
export function mutated(next: Random, text: string): string {
  let result = text;
  for (let edits = 1 + next(4); edits > 0; edits--) {
    const at = next(result.length + 1);
    const length = next(12);
    const piece = PIECES[next(PIECES.length)]!;
    switch (next(4)) {
      case 0:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 1:
        result = `${result.slice(0, at)} ${piece} ${result.slice(at)}`;
        break;
      case 2:
        result = result.slice(0, at) + String.fromCharCode(next(0x300)) + result.slice(at + 1);
        break;
      default:
        result = result.slice(0, at + length) + result.slice(at);
    }
  }
  return result;
}
