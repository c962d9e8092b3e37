/**
 * The fuzzer's table: ROWS rows of every type with NULLs and extreme values, made from the seed, and its text in each dialect.
 *
 * Shapes:  k the row's number, g its group (GROUPS of them), then two columns or more of each type.
 */
import {
  type FuzzType,
  type Peer,
  decimal,
  simple,
  timestamp,
  typeText,
} from "./fuzz-expression.ts";

export const ROWS = 16;
export const GROUPS = 4;
const NULLS_IN = 6;

export interface FuzzColumn {
  readonly name: string;
  readonly type: FuzzType;
  readonly pool: readonly string[];
  /** For peers other than Flink; default: the same. */
  readonly modern?: readonly string[];
}

const WORDS = ["", "a", "abc", "Hello World", "  pad  ", "a_b%c", "xyzzy", "ABC", "foo.bar", "aaa"];
const UNICODE = ["é", "日本語", "naïve Café", "x😀y", "tab\tend", "Zürich", "a,b,,c", "0042", "-7"];
const NUMBERS = ["12", "-5", "0", " 42 ", "127", "128", "99999", "2147483648", "abc", "", "1.5"];
const DATES = ["1970-01-01", "2000-02-29", "2023-12-31", "2024-02-29", "1969-12-31", "0001-01-01"];
const LATE = ["9999-12-31", "2021-01-03", "1582-10-15", "2020-12-31", "1900-03-01", "2038-01-19"];
const TIMES = ["00:00:00", "23:59:59", "12:34:56", "06:00:01", "18:30:00"];
const INSTANTS = ["1970-01-01 00:00:00.000", "2024-02-29 23:59:59.999", "1969-12-31 23:59:59.001"];
const MORE = ["2000-01-01 12:00:00.500", "2023-03-31 10:20:30.123", "1850-06-15 01:02:03.004"];
const MICROS = ["2020-12-31 23:59:59.999999", "1999-01-01 00:00:00.000001", "2021-05-05 05:05:05"];
/** Of this and the next century: elsewhere the peers count days by other rules (documented-differences.ts). */
const MODERN = ["2012-02-29 10:20:30.500", "2050-01-01 00:00:00.000", "2023-03-31 23:59:59.999"];
const MODERN_MICROS = ["2020-12-31 23:59:59.999999", "2012-06-30 00:00:00.000001"];
const MODERN_DATES = ["2012-02-29", "2050-01-01", "2023-12-31", "2024-02-29", "2021-01-03"];
const SMALL = ["0", "1", "-1", "2", "3", "7", "-10", "100"];
const REAL = ["0", "1", "-1", "0.5", "-1.5", "3.25", "100", "-1000.125", "1e10", "0.0009765625"];
const SPECIAL = ["NaN", "Infinity", "-Infinity", "-0.0", "0", "1", "-2.5", "1e-30"];

const column = (name: string, type: FuzzType, ...pools: (readonly string[])[]): FuzzColumn => ({
  name,
  type,
  pool: pools.flat(),
});

const moment = (
  name: string,
  type: FuzzType,
  modern: readonly string[],
  ...pools: (readonly string[])[]
): FuzzColumn => ({ ...column(name, type, ...pools), modern });

export const COLUMNS: readonly FuzzColumn[] = [
  column("b1", simple("BOOLEAN"), ["true", "false"]),
  column("b2", simple("BOOLEAN"), ["true", "false"]),
  column("t1", simple("TINYINT"), SMALL, ["127", "-128"]),
  column("t2", simple("TINYINT"), SMALL),
  column("h1", simple("SMALLINT"), SMALL, ["32767", "-32768", "255"]),
  column("h2", simple("SMALLINT"), SMALL),
  column("i1", simple("INT"), SMALL, ["2147483647", "-2147483648", "65536"]),
  column("i2", simple("INT"), SMALL, ["12345"]),
  column("l1", simple("BIGINT"), SMALL, ["9223372036854775807", "-9223372036854775808"]),
  column("l2", simple("BIGINT"), SMALL, ["4294967296", "1000000007"]),
  column("f1", simple("FLOAT"), REAL),
  column("f2", simple("FLOAT"), REAL, SPECIAL),
  column("d1", simple("DOUBLE"), REAL, ["0.1", "123456.789"]),
  column("d2", simple("DOUBLE"), REAL, SPECIAL),
  column("m1", decimal(5, 2), ["0", "1.25", "-1.25", "999.99", "-0.01", "2.50", "10.05"]),
  column("m2", decimal(10, 0), ["0", "7", "-3", "9999999999", "100"]),
  column("m3", decimal(18, 6), ["0.000001", "-1.500000", "123456789012.345678", "2.5", "0"]),
  column("m4", decimal(38, 10), ["1", "-0.0000000001", "12345678901234567890.0123456789"]),
  column("s1", simple("VARCHAR"), WORDS),
  column("s2", simple("VARCHAR"), UNICODE, WORDS),
  column("s3", simple("VARCHAR"), NUMBERS),
  moment("y1", simple("DATE"), MODERN_DATES, DATES),
  moment("y2", simple("DATE"), MODERN_DATES, DATES, LATE),
  column("c1", simple("TIME"), TIMES),
  column("c2", simple("TIME"), TIMES),
  moment("p1", timestamp(3), MODERN, INSTANTS, MORE),
  moment("p2", timestamp(3), MODERN, MORE, INSTANTS),
  moment("p6", timestamp(6), MODERN_MICROS, MICROS),
];

export type FuzzRow = readonly (string | null)[];

/** The cells as texts, column by column in the order of COLUMNS. */
export function fuzzRows(next: (below: number) => number, peer: Peer): FuzzRow[] {
  return Array.from({ length: ROWS }, () =>
    COLUMNS.map(({ pool, modern = pool }) => {
      const cells = peer === "flink" ? pool : modern;
      return next(NULLS_IN) === 0 ? null : cells[next(cells.length)]!;
    }),
  );
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** CREATE TABLE t and its rows for a peer. */
export function peerTable(rows: readonly FuzzRow[], peer: Peer): string {
  const columns = COLUMNS.map(({ name, type }) => `${name} ${typeText(type, peer)}`);
  const cells = (row: FuzzRow) => row.map((cell) => (cell === null ? "NULL" : quoted(cell)));
  const values = rows.map((row, k) => `(${[k, k % GROUPS, ...cells(row)].join(", ")})`);
  return (
    `CREATE TABLE t (k INT, g INT, ${columns.join(", ")});\n` +
    `INSERT INTO t VALUES ${values.join(",\n")};\n`
  );
}

/** The columns of t as Flink declares them. */
export const flinkColumns: string = [
  "k INT",
  "g INT",
  ...COLUMNS.map(({ name, type }) => `${name} ${typeText(type, "flink")}`),
].join(", ");
