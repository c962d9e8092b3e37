/**
 * TPC-H's eight tables in small, made by DuckDB from hashes of row numbers: few enough rows for a test, values chosen so that
 * every one of the 22 queries has an answer.
 *
 * Files: <folder>/<table>.csv as bench/tpch/tables.ts reads them. The same at every run.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFile } from "../../bench/tpch/tables.ts";

/** A number below n for a row, different for every `salt`. */
const pick = (row: string, salt: number, n: number): string =>
  `(hash(${row} * 1000 + ${salt}) % (${n}))`;
const one = (row: string, salt: number, words: readonly string[]): string =>
  `list_extract([${words.map((word) => `'${word}'`).join(", ")}], CAST(1 + ${pick(row, salt, words.length)} AS INT))`;
const money = (row: string, salt: number, n: number): string =>
  `CAST(${pick(row, salt, n)} / 100.0 AS DECIMAL(15, 2))`;
const day = (row: string, salt: number, from: string, days: number): string =>
  `(DATE '${from}' + CAST(${pick(row, salt, days)} AS INT))`;

const NATIONS = [
  ["ALGERIA", 0],
  ["ARGENTINA", 1],
  ["BRAZIL", 1],
  ["CANADA", 1],
  ["FRANCE", 3],
  ["GERMANY", 3],
  ["INDIA", 2],
  ["SAUDI ARABIA", 4],
] as const;
const REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"] as const;
const SUPPLIERS = 40;
const PARTS = 160;
const CUSTOMERS = 120;
/** The others never ordered anything. */
const BUYERS = 90;
const ORDERS = 900;
const LINES = 7;

const TABLES: Readonly<Record<string, string>> = {
  region: `SELECT i, list_extract([${REGIONS.map((name) => `'${name}'`).join(", ")}], CAST(i + 1 AS INT)), 'none' FROM range(5) t(i)`,
  nation: NATIONS.map(([name, region], i) => `SELECT ${i}, '${name}', ${region}, 'none'`).join(
    " UNION ALL ",
  ),
  supplier: `SELECT i, 'Supplier#' || i, 'street ' || i, ${pick("i", 1, NATIONS.length)}, '1' || i, ${money("i", 2, 900_000)},
    CASE WHEN i % 11 = 3 THEN 'the Customer has Complaints' ELSE 'fine' END FROM range(${SUPPLIERS}) t(i)`,
  customer: `SELECT i, 'Customer#' || i, 'road ' || i, ${pick("i", 1, NATIONS.length)},
    (10 + ${pick("i", 2, 25)}) || '-555', ${money("i", 3, 900_000)} - 900, ${one("i", 4, ["BUILDING", "MACHINERY"])}, 'none'
    FROM range(${CUSTOMERS}) t(i)`,
  part: `SELECT i, ${one("i", 1, ["forest", "green", "navy"])} || ' ' || ${one("i", 2, ["green", "linen"])}, 'Maker',
    ${one("i", 3, ["Brand#12", "Brand#23", "Brand#34", "Brand#45"])},
    ${one("i", 4, ["ECONOMY ANODIZED STEEL", "PROMO BRUSHED TIN", "LARGE PLATED BRASS", "MEDIUM POLISHED TIN"])},
    ${one("i", 5, ["3", "9", "14", "15", "19", "23", "36", "45", "49", "1"])},
    ${one("i", 6, ["SM CASE", "SM BOX", "MED BAG", "MED BOX", "LG CASE", "LG BOX"])}, ${money("i", 7, 200_000)}, 'none'
    FROM range(${PARTS}) t(i)`,
  partsupp: `SELECT p, (p * 7 + s * 11) % ${SUPPLIERS}, ${pick("p * 4 + s", 1, 9000)}, ${money("p * 4 + s", 2, 100_000)}, 'none'
    FROM range(${PARTS}) t(p), range(4) u(s)`,
  orders: `SELECT i, ${pick("i", 1, BUYERS)}, ${one("i", 2, ["F", "F", "O"])}, ${money("i", 3, 40_000_000)},
    ${day("i", 4, "1992-01-01", 2400)}, ${one("i", 5, ["1-URGENT", "2-HIGH", "3-MEDIUM", "5-LOW"])}, 'Clerk', 0,
    CASE WHEN i % 9 = 0 THEN 'some special words, some requests' ELSE 'none' END FROM range(${ORDERS}) t(i)`,
  lineitem: `SELECT o, p, (p * 7 + ${pick("r", 2, 4)} * 11) % ${SUPPLIERS}, l + 1, quantity, ${money("r", 3, 9_000_000)},
    CAST(${pick("r", 4, 11)} / 100.0 AS DECIMAL(15, 2)), CAST(${pick("r", 5, 9)} / 100.0 AS DECIMAL(15, 2)),
    ${one("r", 6, ["R", "A", "N"])}, ${one("r", 7, ["F", "O"])}, shipped, ${day("r", 8, "1992-02-01", 2400)},
    shipped + CAST(1 + ${pick("r", 9, 30)} AS INT), ${one("r", 10, ["DELIVER IN PERSON", "NONE"])},
    ${one("r", 11, ["AIR", "AIR REG", "MAIL", "SHIP"])}, 'none'
    FROM (SELECT o, l, r, ${pick("r", 1, PARTS)} AS p, ${day("r", 12, "1992-01-15", 2400)} AS shipped,
      CAST(CASE WHEN o % 90 = 0 THEN 50 ELSE 1 + ${pick("r", 13, 50)} END AS DECIMAL(15, 2)) AS quantity
      FROM (SELECT o, l, o * ${LINES} + l AS r FROM range(${ORDERS}) t(o), range(${LINES}) u(l))
      WHERE o % 90 = 0 OR l <= ${pick("o", 14, LINES)})`,
};

export async function makeSmallTpch(folder: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    for (const [table, query] of Object.entries(TABLES))
      await connection.run(
        `COPY (${query}) TO '${tableFile(folder, table)}' (FORMAT csv, HEADER false)`,
      );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
