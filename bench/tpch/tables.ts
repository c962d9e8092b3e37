/**
 * The eight tables of TPC-H as CSV files: their columns, and the DDL of each engine over them.
 *
 * Flow:    tpch/data (makes the files) → here → tpch/check, bench tpch.
 * Files:   <folder>/<table>.csv: no header, comma, quotes where they are needed, as DuckDB's COPY writes them.
 * Source:  TPC-H specification, clause 1.4 (identifiers as BIGINT; DECIMAL is DECIMAL(15, 2)).
 */
import { join } from "node:path";

/** Columns of each table in order, with Flink's types. */
const COLUMNS: Readonly<Record<string, string>> = {
  region: "r_regionkey INT, r_name STRING, r_comment STRING",
  nation: "n_nationkey INT, n_name STRING, n_regionkey INT, n_comment STRING",
  supplier:
    "s_suppkey BIGINT, s_name STRING, s_address STRING, s_nationkey INT, s_phone STRING, " +
    "s_acctbal DECIMAL(15, 2), s_comment STRING",
  customer:
    "c_custkey BIGINT, c_name STRING, c_address STRING, c_nationkey INT, c_phone STRING, " +
    "c_acctbal DECIMAL(15, 2), c_mktsegment STRING, c_comment STRING",
  part:
    "p_partkey BIGINT, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT, " +
    "p_container STRING, p_retailprice DECIMAL(15, 2), p_comment STRING",
  partsupp:
    "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INT, ps_supplycost DECIMAL(15, 2), ps_comment STRING",
  orders:
    "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus STRING, o_totalprice DECIMAL(15, 2), " +
    "o_orderdate DATE, o_orderpriority STRING, o_clerk STRING, o_shippriority INT, o_comment STRING",
  lineitem:
    "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INT, l_quantity DECIMAL(15, 2), " +
    "l_extendedprice DECIMAL(15, 2), l_discount DECIMAL(15, 2), l_tax DECIMAL(15, 2), l_returnflag STRING, " +
    "l_linestatus STRING, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct STRING, " +
    "l_shipmode STRING, l_comment STRING",
};

export const TPCH_TABLES: readonly string[] = Object.keys(COLUMNS);

export function tableFile(folder: string, table: string): string {
  return join(folder, `${table}.csv`);
}

/** For Millrace and Flink. */
export function flinkTables(folder: string): string {
  return TPCH_TABLES.map(
    (table) =>
      `CREATE TABLE ${table} (${COLUMNS[table]}) WITH ` +
      `('connector' = 'filesystem', 'path' = '${tableFile(folder, table)}', 'format' = 'csv');\n`,
  ).join("");
}

/** Views over the same files; types are given, so that nothing is guessed from a sample. */
export function duckDbViews(folder: string): string {
  return TPCH_TABLES.map((table) => {
    const columns = COLUMNS[table]!.split(/, (?![^(]*\))/).map((column) => {
      const [name, ...type] = column.split(" ");
      return `'${name}': '${type.join(" ").replace("STRING", "VARCHAR")}'`;
    });
    const options = `auto_detect = false, header = false, delim = ',', quote = '"', escape = '"'`;
    return (
      `CREATE VIEW ${table} AS SELECT * FROM read_csv('${tableFile(folder, table)}', ` +
      `${options}, columns = {${columns.join(", ")}});\n`
    );
  }).join("");
}
