/**
 * functions.json: the built-in functions by signature. One counts as built when a sample call of it over columns
 * (function-samples.json) is planned and runs.
 */
import { readFileSync } from "node:fs";
import { Engine } from "../engine.ts";
import { failed, type Outcome, passed, type Suite, uniqueIds } from "../suite.ts";

interface FunctionRecord {
  readonly category: string;
  readonly sql: string;
}

const samples = JSON.parse(
  readFileSync(new URL("../function-samples.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;

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

export const functionsSuite: Suite = {
  file: "functions.json",
  load: (text) => {
    const idOf = uniqueIds();
    return (JSON.parse(text) as FunctionRecord[]).map(({ category, sql }) => {
      const signature = sql.split(/\s+/).join(" ").trim();
      return {
        id: idOf(`${category} ${signature}`),
        text: signature,
        run: () => check(signature, samples[signature]),
      };
    });
  },
};

async function check(signature: string, sample: string | undefined): Promise<Outcome> {
  if (sample === undefined) return failed(`a sample call of ${signature}`, "none");
  const engine = new Engine();
  for (const name of ["T", "U"]) {
    engine.execute(`CREATE TABLE ${name} (${COLUMNS}) WITH ('connector' = 'values')`);
    engine.store.register(name, [{ row: ROW }]);
  }
  await engine.query(sample.startsWith("SELECT ") ? sample : `SELECT ${sample} FROM T`);
  return passed;
}
