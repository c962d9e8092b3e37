/**
 * Runs TPC-H's queries on DuckDB over the CSV files, in this process: expected results, and the peer's cost.
 *
 * Measure: CPU time of this process and wall time, from the query to its last row. A fresh instance for each query;
 *          loading the library and making the views is not counted, in DuckDB's favour.
 * Shapes:  values come as text, as CAST(… AS VARCHAR) prints them.
 */
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Cost, watchOthers } from "../cpu.ts";
import type { Engine } from "../engine.ts";
import { duckDbViews } from "./tables.ts";

export interface TextTable {
  readonly columns: readonly string[];
  /** True where DuckDB computed a DOUBLE: compared with a tolerance. */
  readonly inexact: readonly boolean[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export class DuckDbEngine implements Engine {
  readonly name = "DuckDB";
  private readonly folder: string;
  private readonly version: string;
  private readonly threads: number;

  private constructor(folder: string, threads: number, version: string) {
    this.folder = folder;
    this.threads = threads;
    this.version = version;
  }

  static async start(folder: string, threads: number): Promise<DuckDbEngine> {
    const { version } = await import("@duckdb/node-api");
    return new DuckDbEngine(folder, threads, version());
  }

  describe(): string {
    return `DuckDB ${this.version}, ${this.threads} threads, views over the same CSV files, a fresh instance a query`;
  }

  /** `sql`: one query, without DDL. */
  async run(sql: string): Promise<Cost> {
    return this.withConnection(async (connection) => {
      const others = watchOthers();
      const before = process.cpuUsage();
      const begun = performance.now();
      await (await connection.run(sql)).getRows();
      const wallSeconds = (performance.now() - begun) / 1000;
      const { user, system } = process.cpuUsage(before);
      return { cpuSeconds: (user + system) / 1e6, wallSeconds, othersCores: others(0) };
    });
  }

  /** The result of a query, as text. */
  async answer(sql: string): Promise<TextTable> {
    return this.withConnection(async (connection) => {
      await connection.run(`CREATE TEMP TABLE answer AS ${sql}`);
      const described = await connection.runAndReadAll("DESCRIBE answer");
      const names = described.getRows().map((row) => String(row[0]));
      const inexact = described.getRows().map((row) => row[1] === "DOUBLE");
      const list = names.map((name) => `CAST("${name}" AS VARCHAR)`).join(", ");
      const read = await connection.runAndReadAll(`SELECT ${list} FROM answer ORDER BY rowid`);
      const rows = read.getRows().map((row) => row.map((v) => (v === null ? null : String(v))));
      return { columns: names, inexact, rows };
    });
  }

  async stop(): Promise<void> {}

  private async withConnection<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const { DuckDBInstance: Instance } = await import("@duckdb/node-api");
    const instance: DuckDBInstance = await Instance.create(":memory:", {
      threads: String(this.threads),
    });
    const connection = await instance.connect();
    try {
      await connection.run(duckDbViews(this.folder));
      return await use(connection);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
}
