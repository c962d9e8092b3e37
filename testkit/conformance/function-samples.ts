/**
 * Sample calls of the built-in functions and what each gives: function-samples.json (signature → call, or a whole query,
 * with BATCH in front for bounded mode) and function-results.json (signature → rows as text).
 *
 * Results: "~" and a regular expression for what differs from run to run. `UPDATE=1` with the test beside this file writes
 *          results anew; read the difference as if a stranger had written it.
 */
import { readFileSync } from "node:fs";
import { Engine } from "./engine.ts";
import { rowText } from "./row-compare.ts";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as Readonly<
    Record<string, string>
  >;

export const functionSamples = read("function-samples.json");
export const resultsUrl = new URL("function-results.json", import.meta.url);
export const functionResults = read("function-results.json");

const COLUMNS = `i INT, l BIGINT, d DOUBLE, s STRING, b BOOLEAN, dt DATE, ts TIMESTAMP(3), y BYTES,
  j STRING, r ROW<x INT, y STRING>, WATERMARK FOR ts AS ts`;
const ROW = [
  3,
  { $long: "1000" },
  0.5,
  "abc",
  true,
  { $date: "2020-01-01" },
  { $timestamp: "2020-01-01 00:00:00" },
  { $bytes: "616263" },
  '{"a": 1}',
  { $row: [1, "x"] },
];

/** The rows of a sample over one row of each type. */
export async function runSample(sample: string): Promise<string> {
  const batch = sample.startsWith("BATCH ");
  const call = batch ? sample.slice("BATCH ".length) : sample;
  const engine = new Engine({ batch });
  for (const name of ["T", "U"]) {
    engine.execute(`CREATE TABLE ${name} (${COLUMNS}) WITH ('connector' = 'values')`);
    engine.store.register(name, [{ row: ROW }]);
  }
  const answer = await engine.query(call.startsWith("SELECT ") ? call : `SELECT ${call} FROM T`);
  return answer.rows.map((row) => rowText(row, "row")).join(" ");
}

/** Whether rows are those that are written down. */
export function isResult(expected: string | undefined, got: string): boolean {
  if (expected === undefined) return false;
  return expected.startsWith("~") ? new RegExp(expected.slice(1)).test(got) : expected === got;
}
