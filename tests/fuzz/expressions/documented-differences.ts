/**
 * Where Flink's rule and the peer's differ, each with its reason. Anything else that differs is a bug of one side.
 *
 * An entry explains a case that holds one of its operations (and reads one of its columns, where it names some). `--judge flink`
 * asks a real Flink about cases that are explained here, too, so that an entry cannot hide a bug for long.
 *
 * Not in the list, since the peers' texts already say it Flink's way: integer division and casts of fractions to integers (towards
 * zero), text of booleans, DOW from 1, GREATEST and LEAST with NULL, SPLIT_INDEX of the empty text, CEIL by whole days, OVERLAY
 * FOR 0. Left out of the peers' data: moments before 1970 (Flink counts their days towards 1970) and days before 1582 (FLOOR and
 * CEIL take them for Julian ones); `--peer flink` has them.
 */
import type { RowDifference } from "./compare-answers.ts";
import type { FuzzCase, Peer } from "./fuzz-expression.ts";

export interface DocumentedDifference {
  readonly name: string;
  readonly peers: readonly Peer[];
  /** Flink's rule; for the peer flink the other text is ours. */
  readonly flink: string;
  readonly peer: string;
  readonly operations: RegExp;
  readonly columns?: RegExp;
}

const BOTH: readonly Peer[] = ["duckdb", "postgres"];
const SPECIAL = /^[df][12]$/;

const DOCUMENTED: readonly DocumentedDifference[] = [
  {
    name: "text with a fraction as an integer",
    peers: ["duckdb"],
    flink: "TRY_CAST('1.5' AS INT) is 1: what follows the point is cut off",
    peer: "rounds it to 2",
    operations: /^TRY_CAST VARCHAR AS (TINYINT|SMALLINT|INT|BIGINT)$/,
    columns: /^s[123]$/,
  },
  {
    name: "text as a decimal",
    peers: ["duckdb"],
    flink:
      "one character behind the digits is passed over ('a' is 0), zeros in front count as digits",
    peer: "NULL where anything but a number stands",
    operations: /^TRY_CAST VARCHAR AS DECIMAL$/,
  },
  {
    name: "text as a date",
    peers: ["duckdb"],
    flink: "a year alone is its first day, month and day may have one digit",
    peer: "NULL unless year, month and day are there",
    operations: /^TRY_CAST VARCHAR AS DATE$/,
  },
  {
    name: "text as a float",
    peers: ["duckdb"],
    flink: "Java's parser: inf and nan are no numbers, the suffixes f and d are taken",
    peer: "takes inf and nan",
    operations: /^TRY_CAST VARCHAR AS (FLOAT|DOUBLE)$/,
  },
  {
    name: "TIMESTAMPDIFF",
    peers: BOTH,
    flink: "milliseconds count, seconds and weeks wrap as an INT, months look at days first",
    peer: "microseconds count in a BIGINT",
    operations: /^TIMESTAMPDIFF/,
  },
  {
    name: "float as a decimal",
    peers: BOTH,
    flink: "by the shortest decimal text of the float, HALF_UP",
    peer: "DuckDB multiplies the float, PostgreSQL takes 6 or 15 digits",
    operations: /^(CAST (FLOAT|DOUBLE) AS DECIMAL)$/,
  },
  {
    name: "NaN in comparisons",
    peers: BOTH,
    flink: "as Java: NaN equals nothing and is not above anything; MIN and MAX keep the first",
    peer: "NaN equals NaN and is the largest",
    operations:
      /^(=|<|>|IS (NOT )?DISTINCT|BETWEEN|NOT BETWEEN|IN|NOT IN|NULLIF|CASE|MIN|MAX|SIGN|COUNT|LOG|LN|SQRT)/,
    columns: SPECIAL,
  },
  {
    name: "infinities and NaN",
    peers: BOTH,
    flink: "IEEE 754 to the end: Infinity, NaN and -0.0 are results as any other",
    peer: "NULL, 0 or an error for some of them",
    operations:
      /^(\/ (DOUBLE|FLOAT)|SIGN|ROUND DOUBLE|TRUNCATE DOUBLE|POWER|ATAN2|CBRT|RADIANS|DEGREES|STDDEV|VAR|SUM|AVG|CAST (FLOAT|DOUBLE))/,
    columns: SPECIAL,
  },
  {
    name: "integers beyond their type",
    peers: BOTH,
    flink: "casts wrap, sums and products too; a float saturates first",
    peer: "an error, or a wider type",
    operations:
      /TINYINT|^(SUM (SMALLINT|INT|BIGINT)|AVG (SMALLINT|INT|BIGINT)|CAST (INT|BIGINT|DECIMAL|FLOAT|DOUBLE|SMALLINT) AS (SMALLINT|INT))/,
  },
  {
    name: "type of a remainder",
    peers: BOTH,
    flink: "MOD has the type of its divisor",
    peer: "the wider of both",
    operations: /^MOD$/,
  },
  {
    name: "-0.0 as a key",
    peers: BOTH,
    flink: "DISTINCT and GROUP BY tell -0.0 from 0.0",
    peer: "they are one",
    operations: /^COUNT (FLOAT|DOUBLE)$/,
  },
  {
    name: "first byte of a text",
    peers: BOTH,
    flink: "ASCII is the first byte of UTF-8, negative beyond ASCII",
    peer: "the code point",
    operations: /^ASCII$/,
  },
  {
    name: "ROUND of the largest integers",
    peers: BOTH,
    flink: "wraps",
    peer: "truncates or fails",
    operations: /^(ROUND|TRUNCATE) (INT|BIGINT)$/,
  },
  {
    name: "decimals of more than 38 digits side by side",
    peers: BOTH,
    flink: "= <> NULLIF and CASE round both to their common type; < > IN IS DISTINCT are exact",
    peer: "exact",
    operations: /^(=|<>|NULLIF|CASE value|COUNT DECIMAL)/,
    columns: /^m[34]$/,
  },
  {
    name: "years beyond four digits",
    peers: ["flink"],
    flink: "prints four characters whatever the year",
    peer: "ours prints ISO: +10000-01-01, -0001-12-01",
    operations: /^(DATE|TIMESTAMP|FLOOR|CEIL|CAST)/,
    columns: /^[yp]\d$/,
  },
  {
    name: "AVG of short integers in batch mode",
    peers: ["flink"],
    flink: "adds up in the short type in two phases, in a BIGINT in one (streaming)",
    peer: "ours adds up in a BIGINT",
    operations: /^AVG (TINYINT|SMALLINT|INT)$/,
  },
  {
    name: "FLOAT beside DOUBLE",
    peers: BOTH,
    flink: "the type of the first: FLOAT + DOUBLE is a FLOAT, so are CASE and NULLIF of the two",
    peer: "DOUBLE",
    operations: /FLOAT|DOUBLE|^CASE/,
  },
  {
    name: "characters of two UTF-16 units",
    peers: ["flink"],
    flink: "LPAD, RPAD and OVERLAY count units, and cut such a character in two",
    peer: "ours counts characters",
    operations: /^(LPAD|RPAD|OVERLAY)/,
    columns: /^s2$/,
  },
  {
    name: "rounding of doubles",
    peers: BOTH,
    flink: "ROUND and TRUNCATE by the decimal text of the double",
    peer: "by multiplying it, or by 15 digits",
    operations: /^(ROUND|TRUNCATE) DOUBLE$/,
  },
  {
    name: "letters beyond ASCII",
    peers: BOTH,
    flink: "UPPER of ß is SS, INITCAP knows ASCII only",
    peer: "by the locale",
    operations: /^(UPPER|LOWER|INITCAP)$/,
  },
  {
    name: "BIN of a negative number",
    peers: ["duckdb"],
    flink: "the 64 bits of a BIGINT",
    peer: "the 32 bits of an INTEGER",
    operations: /^BIN$/,
  },
  {
    name: "decimals as text",
    peers: BOTH,
    flink: "with as many digits as the scale of Flink's result type",
    peer: "with the digits of its own result type",
    operations: /^CAST DECIMAL AS VARCHAR$/,
  },
  {
    name: "digits of a decimal result",
    peers: BOTH,
    flink: "beyond 38 digits the scale gives way, down to 6; the result is HALF_UP at once",
    peer: "PostgreSQL keeps every digit, DuckDB computes in DOUBLE",
    operations: /^([*/+-] DECIMAL|CAST .* AS DECIMAL|SUM DECIMAL|AVG DECIMAL)$/,
  },
  {
    name: "characters that URLs keep",
    peers: ["duckdb"],
    flink: "URL_ENCODE is Java's: * stays, ~ does not",
    peer: "RFC 3986",
    operations: /^URL_ENCODE$/,
  },
  {
    name: "patterns without escape",
    peers: ["postgres"],
    flink: "a backslash in LIKE is itself unless ESCAPE names it",
    peer: "escapes the next character",
    operations: /^LIKE column$/,
  },
  {
    name: "prefix of nothing",
    peers: ["duckdb"],
    flink: "the empty pattern of REGEXP is found nowhere",
    peer: "everywhere",
    operations: /^REGEXP$/,
  },
];

/** The first that explains every row. */
export function explanationOf(
  one: FuzzCase,
  differing: readonly RowDifference[],
  peer: Peer,
): DocumentedDifference | undefined {
  const special = differing.some(({ ours, theirs }) => isSpecial(ours) || isSpecial(theirs));
  const odd = differing.every(({ ours }) => /^[+-]\d/.test(ours ?? ""));
  return DOCUMENTED.find(
    ({ peers, operations, columns, name }) =>
      peers.includes(peer) &&
      (name !== "FLOAT beside DOUBLE" || differing.every(isClose)) &&
      (name !== "infinities and NaN" || special || one.type.kind !== "DOUBLE") &&
      [...one.operations].some((operation) => operations.test(operation)) &&
      (peer !== "flink" || !name.startsWith("years") || odd) &&
      (columns === undefined || [...one.columns].some((column) => columns.test(column))),
  );
}

/** To the digits of a FLOAT. */
function isClose({ ours, theirs }: RowDifference): boolean {
  const [a, b] = [Number(ours), Number(theirs)];
  return Math.abs(a - b) <= FLOAT_DIGITS * Math.max(Math.abs(a), Math.abs(b));
}

const FLOAT_DIGITS = 1e-5;
const isSpecial = (text: string | null) => text === null || /nan|inf/i.test(text);
