/**
 * What people type first, against DuckDB on the same files: in batch mode, and streaming mode's final result.
 *
 * Flow:    one process a mode runs all queries; a marker row stands before each. Rows are compared as multisets.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import { FIRST_QUERIES, type FirstQuery } from "./first-queries.ts";
import { cli } from "./spawn-cli.ts";

const ORDERS = 200;
const CUSTOMERS = 15;
const ITEMS = ["apple", "Banana", "cherry pie", "date", '"elder,berry"', "fig"];
const NOTES = ["ok", "late", "a%b", "xyz_1", ""];

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

function ordersCsv(): string {
  const random = generator(7);
  const lines = ["id,cust,item,qty,price,ts,day,note"];
  for (let id = 1; id <= ORDERS; id++) {
    const at = new Date(Date.UTC(2024, 0, 1) + id * 18_000_000 + random(3000) * 1000).toISOString();
    const cust = random(5) === 0 ? "" : String(random(20));
    const price = (random(10_000) / 100).toFixed(2);
    const cells = [id, cust, ITEMS[random(ITEMS.length)], random(10), price];
    cells.push(at.slice(0, 19).replace("T", " "), at.slice(0, 10), NOTES[random(NOTES.length)]);
    lines.push(cells.join(","));
  }
  return `${lines.join("\n")}\n`;
}

function customersCsv(): string {
  const lines = ["cust,name,city,vip"];
  for (let i = 0; i < CUSTOMERS; i++)
    lines.push([i, `Cust ${i}`, ["Rome", "Oslo", "Kyiv"][i % 3], i % 4 === 0].join(","));
  return `${lines.join("\n")}\n`;
}

/** One spelling for a value of either side. */
function normal(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  const text = String(value);
  if (/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return Number(text).toPrecision(10);
  return text.replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.0+$/, "$1");
}

const rowText = (values: readonly unknown[]) => values.map(normal).join(" | ");

/** The rows behind each marker, changes applied. */
function resultsOf(ndjson: string): Map<number, string[]> {
  const results = new Map<number, string[]>();
  let rows: string[] = [];
  for (const line of ndjson.split("\n")) {
    if (line === "") continue;
    const { op = "+I", ...row } = JSON.parse(line) as Record<string, unknown>;
    if (typeof row.marker === "string") {
      rows = [];
      results.set(Number(row.marker.slice(1)), rows);
    } else if (op === "+I" || op === "+U") rows.push(rowText(Object.values(row)));
    else {
      const at = rows.indexOf(rowText(Object.values(row)));
      assert.ok(at >= 0, `a row is taken back that was never given: ${line}`);
      rows.splice(at, 1);
    }
  }
  for (const list of results.values()) list.sort();
  return results;
}

const fill = (text: string, o: string, c: string) =>
  text.replaceAll("{o}", o).replaceAll("{c}", c).replaceAll("{w}", "watched");

async function expectedRows(folder: string): Promise<Map<number, string[]>> {
  const instance = await DuckDBInstance.create();
  const db = await instance.connect();
  for (const name of ["orders", "customers"])
    await db.run(
      `CREATE VIEW ${name} AS SELECT * FROM read_csv('${join(folder, name)}.csv', header = true)`,
    );
  const results = new Map<number, string[]>();
  for (const [index, { sql, duck }] of FIRST_QUERIES.entries()) {
    const reader = await db.runAndReadAll(fill(duck ?? sql, "orders", "customers"));
    results.set(index, reader.getRowsJson().map(rowText).sort());
  }
  db.closeSync();
  instance.closeSync();
  return results;
}

function script(folder: string, mode: "batch" | "streaming"): string {
  const o = `'${join(folder, "orders.csv")}'`;
  const c = `'${join(folder, "customers.csv")}'`;
  const wanted = (query: FirstQuery) => mode === "batch" || query.batchOnly !== true;
  const statements = FIRST_QUERIES.flatMap((query, index) =>
    wanted(query) ? [`SELECT '#${index}' AS marker`, fill(query.sql, o, c)] : [],
  );
  return [
    `SET 'execution.runtime-mode' = '${mode}'`,
    "SET 'table.exec.mini-batch.enabled' = 'false'",
    `CREATE TABLE watched (id BIGINT, cust BIGINT, item STRING, qty BIGINT, price DOUBLE, ts TIMESTAMP(3),
       \`day\` DATE, note STRING, WATERMARK FOR ts AS ts - INTERVAL '1' HOUR) WITH ('connector' = 'filesystem',
       'path' = ${o}, 'format' = 'csv', 'csv.header' = 'true', 'csv.null-literal' = '')`,
    ...statements,
    "",
  ].join(";\n");
}

test("what people type first gives DuckDB's rows, in batch and in streaming mode", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-first-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "orders.csv"), ordersCsv());
  writeFileSync(join(folder, "customers.csv"), customersCsv());
  const expected = await expectedRows(folder);
  await Promise.all(
    (["batch", "streaming"] as const).map(async (mode) => {
      const run = await cli(["sql", "-o", "ndjson", "-f", "-"], { input: script(folder, mode) });
      const results = resultsOf(run.stdout);
      assert.equal(run.status, 0, `${mode}, query ${results.size - 1}: ${run.stderr.slice(-600)}`);
      const different: unknown[] = [];
      let compared = 0;
      for (const [index, query] of FIRST_QUERIES.entries()) {
        if (mode === "streaming" && query.batchOnly === true) continue;
        const [rows, duck] = [results.get(index) ?? [], expected.get(index)!];
        if (rows.join("\n") !== duck.join("\n"))
          different.push({
            mode,
            sql: query.sql,
            missing: duck.filter((row) => !rows.includes(row)).slice(0, 3),
            unexpected: rows.filter((row) => !duck.includes(row)).slice(0, 3),
          });
        compared++;
      }
      assert.deepEqual(different, []);
      assert.ok(compared >= FIRST_QUERIES.length - 1);
    }),
  );
});
