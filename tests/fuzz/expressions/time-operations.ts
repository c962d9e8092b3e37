/** Operations over DATE, TIME, TIMESTAMP and intervals: arithmetic, EXTRACT, FLOOR and CEIL to a unit, casts, formats. */
import { type Kind, type Peer, simple, timestamp } from "./fuzz-expression.ts";
import type { Operation, Texts } from "./generator.ts";

const TS3 = timestamp(3);

function fixed(
  name: string,
  kind: Kind,
  args: readonly Kind[],
  text: string | Texts,
  peers?: readonly Peer[],
): Operation {
  return {
    name,
    kinds: [kind],
    ...(peers === undefined ? {} : { peers }),
    make: (draw, _kind, depth) => {
      const made = args.map((arg) => draw.expr(arg, depth));
      const stamp = made.find(({ type }) => type.kind === "TIMESTAMP");
      const type = kind === "TIMESTAMP" ? (stamp?.type ?? TS3) : simple(kind);
      return draw.build(name, type, made, text);
    },
  };
}

const inPeers = (flink: string, peer: string): Texts => ({ flink, duckdb: peer, postgres: peer });

const intervals: readonly Operation[] = ["+", "-"].flatMap((sign) => [
  fixed(
    `TIMESTAMP ${sign} DAY_INTERVAL`,
    "TIMESTAMP",
    ["TIMESTAMP", "DAY_INTERVAL"],
    `($1 ${sign} $2)`,
  ),
  fixed(
    `TIMESTAMP ${sign} MONTH_INTERVAL`,
    "TIMESTAMP",
    ["TIMESTAMP", "MONTH_INTERVAL"],
    `($1 ${sign} $2)`,
  ),
  fixed(
    `DATE ${sign} MONTH_INTERVAL`,
    "DATE",
    ["DATE", "MONTH_INTERVAL"],
    inPeers(`($1 ${sign} $2)`, `CAST(($1 ${sign} $2) AS DATE)`),
  ),
  fixed(
    `DATE ${sign} DAYS`,
    "DATE",
    ["DATE"],
    inPeers(`($1 ${sign} INTERVAL '40' DAY)`, `CAST(($1 ${sign} INTERVAL '40' DAY) AS DATE)`),
  ),
  fixed(`TIME ${sign} HOURS`, "TIME", ["TIME"], `($1 ${sign} INTERVAL '5' HOUR)`),
  fixed(`TIME ${sign} MINUTES`, "TIME", ["TIME"], `($1 ${sign} INTERVAL '95' MINUTE)`),
]);

const FIELDS = ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOY"];
const SINCE_MIDNIGHT = ["HOUR", "MINUTE", "SECOND"];
const ERAS = ["DECADE", "CENTURY", "MILLENNIUM", "ISODOW", "ISOYEAR"];

function extract(field: string, from: "DATE" | "TIMESTAMP" | "TIME"): Operation {
  const flink = `EXTRACT(${field} FROM $1)`;
  const peer = field === "SECOND" ? `FLOOR(${flink})` : flink;
  const shifted = field === "DOW" ? `(${flink} + 1)` : peer;
  const texts = inPeers(flink, `CAST(${shifted} AS BIGINT)`);
  return fixed(`EXTRACT ${field} ${from}`, "BIGINT", [from], texts);
}

const extracts: readonly Operation[] = [
  ...[...FIELDS, ...ERAS, "DOW"].flatMap((field) => [
    extract(field, "DATE"),
    extract(field, "TIMESTAMP"),
  ]),
  ...SINCE_MIDNIGHT.flatMap((field) => [extract(field, "TIMESTAMP"), extract(field, "TIME")]),
  ...["YEAR", "MONTH", "QUARTER", "HOUR", "MINUTE"].map((field) =>
    fixed(
      `${field}()`,
      "BIGINT",
      ["TIMESTAMP"],
      inPeers(`${field}($1)`, `CAST(EXTRACT(${field} FROM $1) AS BIGINT)`),
    ),
  ),
  fixed(
    "DAYOFMONTH",
    "BIGINT",
    ["DATE"],
    inPeers("DAYOFMONTH($1)", "CAST(EXTRACT(DAY FROM $1) AS BIGINT)"),
  ),
  fixed(
    "DAYOFWEEK",
    "BIGINT",
    ["DATE"],
    inPeers("DAYOFWEEK($1)", "CAST(EXTRACT(DOW FROM $1) + 1 AS BIGINT)"),
  ),
];

const units = ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"];

const truncations: readonly Operation[] = [
  ...units
    .filter((unit) => unit !== "WEEK")
    .map((unit) =>
      fixed(
        `FLOOR TO ${unit}`,
        "TIMESTAMP",
        ["TIMESTAMP"],
        inPeers(`FLOOR($1 TO ${unit})`, `DATE_TRUNC('${unit}', $1)`),
      ),
    ),
  ...["YEAR", "QUARTER", "MONTH"].map((unit) =>
    fixed(
      `FLOOR DATE TO ${unit}`,
      "DATE",
      ["DATE"],
      inPeers(`FLOOR($1 TO ${unit})`, `CAST(DATE_TRUNC('${unit}', $1) AS DATE)`),
    ),
  ),
  ...["YEAR", "MONTH", "DAY", "HOUR", "MINUTE"].map((unit) => {
    // Flink looks at whole milliseconds, and for years and months at whole days.
    const seen = unit === "YEAR" || unit === "MONTH" ? "DAY" : "MILLISECOND";
    return fixed(
      `CEIL TO ${unit}`,
      "TIMESTAMP",
      ["TIMESTAMP"],
      inPeers(
        `CEIL($1 TO ${unit})`,
        `(CASE WHEN DATE_TRUNC('${unit}', $1) = DATE_TRUNC('${seen}', $1) ` +
          `THEN DATE_TRUNC('${unit}', $1) ELSE DATE_TRUNC('${unit}', $1) + INTERVAL '1' ${unit} END)`,
      ),
    );
  }),
];

const differences: readonly Operation[] = [
  ...["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"].map((unit) =>
    fixed(
      `TIMESTAMPDIFF ${unit}`,
      "INT",
      ["TIMESTAMP", "TIMESTAMP"],
      { flink: `TIMESTAMPDIFF(${unit}, $1, $2)`, duckdb: `DATE_SUB('${unit}', $1, $2)` },
      ["duckdb"],
    ),
  ),
  fixed(
    "TIMESTAMPDIFF DAY DATE",
    "INT",
    ["DATE", "DATE"],
    inPeers("TIMESTAMPDIFF(DAY, $1, $2)", "CAST(($2 - $1) AS INT)"),
  ),
  ...["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"].map((unit) =>
    fixed(
      `TIMESTAMPADD ${unit}`,
      "TIMESTAMP",
      ["TIMESTAMP"],
      inPeers(`TIMESTAMPADD(${unit}, 17, $1)`, `($1 + 17 * INTERVAL '1' ${unit})`),
    ),
  ),
];

const casts: readonly Operation[] = [
  fixed("CAST DATE AS TIMESTAMP", "TIMESTAMP", ["DATE"], "CAST($1 AS TIMESTAMP(3))"),
  fixed("CAST TIMESTAMP AS DATE", "DATE", ["TIMESTAMP"], "CAST($1 AS DATE)"),
  fixed(
    "CAST TIMESTAMP AS TIME",
    "TIME",
    ["TIMESTAMP"],
    inPeers("CAST($1 AS TIME)", "CAST(DATE_TRUNC('SECOND', $1) AS TIME)"),
  ),
  fixed(
    "CAST VARCHAR AS DATE",
    "DATE",
    ["DATE"],
    inPeers("CAST(CAST($1 AS STRING) AS DATE)", "CAST(CAST($1 AS VARCHAR) AS DATE)"),
  ),
  fixed(
    "CAST VARCHAR AS TIME",
    "TIME",
    ["TIME"],
    inPeers("CAST(CAST($1 AS STRING) AS TIME)", "CAST(CAST($1 AS VARCHAR) AS TIME)"),
  ),
  fixed("TRY_CAST VARCHAR AS DATE", "DATE", ["VARCHAR"], "TRY_CAST($1 AS DATE)", ["duckdb"]),
  {
    name: "CAST AS TIMESTAMP(p)",
    kinds: ["TIMESTAMP"],
    peers: ["duckdb"],
    make: (draw, _kind, depth) =>
      draw.build("CAST AS TIMESTAMP(6)", timestamp(6), [draw.expr("TIMESTAMP", depth)], {
        flink: "CAST($1 AS TIMESTAMP(6))",
        duckdb: "$1",
      }),
  },
];

const formats: readonly Operation[] = [
  ["yyyy-MM-dd", "%Y-%m-%d", "YYYY-MM-DD"],
  ["yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S", "YYYY-MM-DD HH24:MI:SS"],
  ["HH:mm", "%H:%M", "HH24:MI"],
  ["yyyyMMdd", "%Y%m%d", "YYYYMMDD"],
  ["dd/MM/yy", "%d/%m/%y", "DD/MM/YY"],
  ["DDD", "%j", "DDD"],
].map(([flink, duckdb, postgres]) =>
  fixed("DATE_FORMAT", "VARCHAR", ["TIMESTAMP"], {
    flink: `DATE_FORMAT($1, '${flink}')`,
    duckdb: `STRFTIME($1, '${duckdb}')`,
    postgres: `TO_CHAR($1, '${postgres}')`,
  }),
);

export const timeOperations: readonly Operation[] = [
  ...intervals,
  ...extracts,
  ...truncations,
  ...differences,
  ...casts,
  ...formats,
];
