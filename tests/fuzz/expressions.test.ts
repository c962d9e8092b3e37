/**
 * A short run of the expression fuzzer against DuckDB, and the answers that a real Flink 2.3.0 gave to corner cases
 * (expressions/flink-answers.jsonl: `{value:TYPE}` stands for a column of text cast to the type, so that nothing is folded).
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Engine } from "../../testkit/conformance/engine.ts";
import { runCampaign } from "./expressions/campaign.ts";

const COUNT = 60;

test("random expressions: what DuckDB answers, or a documented difference", async (context) => {
  const seed = Number(process.env.MILLRACE_SEED ?? 1);
  context.diagnostic(`npm run fuzz-expressions -- --count ${COUNT} --seed ${seed}`);
  const { outcomes, compared } = await runCampaign({ count: COUNT, seed, peer: "duckdb" });
  const different = outcomes.filter(({ status }) => status === "different");
  assert.deepEqual(
    different.map((outcome) => [outcome.case.flink, outcome.differing[0]]),
    [],
  );
  assert.ok(compared > COUNT, `${compared} values`);
});

interface FlinkAnswer {
  readonly sql: string;
  readonly answer?: string | null;
  readonly fails?: true;
}

const folder = new URL("./expressions/", import.meta.url);
const answers = readFileSync(new URL("flink-answers.jsonl", folder), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as FlinkAnswer);

/** The cells of the one row, and the expressions over its columns. */
function asColumns(all: readonly FlinkAnswer[]) {
  const cells: (string | null)[] = [];
  const expressions = all.map(({ sql }) =>
    sql.replaceAll(/\{([^{}]*):([^{}:]*)\}/g, (_, value: string, type: string) => {
      cells.push(value === "NULL" ? null : value);
      return `CAST(s${cells.length - 1} AS ${type})`;
    }),
  );
  return { cells, expressions };
}

function tableOf(cells: readonly (string | null)[]): Engine {
  const engine = new Engine({ batch: true });
  const columns = cells.map((_, i) => `s${i} STRING`).join(", ");
  engine.execute(`CREATE TABLE t (${columns}) WITH ('connector' = 'values', 'bounded' = 'true')`);
  engine.store.register("t", [{ row: cells }]);
  return engine;
}

test("corner cases: what a real Flink answered", async () => {
  const answered = answers.filter(({ fails }) => fails !== true);
  const { cells, expressions } = asColumns(answered);
  const texts = expressions.map((text) => `CAST(${text} AS STRING)`);
  const { rows } = await tableOf(cells).query(`SELECT ${texts.join(", ")} FROM t`);
  const got = answered.map(({ sql }, i) => [sql, rows[0]!.values[i]]);
  assert.deepEqual(
    got,
    answered.map(({ sql, answer }) => [sql, answer]),
  );
});

for (const one of answers.filter(({ fails }) => fails === true))
  test(`fails, as in Flink: ${one.sql}`, async () => {
    const { cells, expressions } = asColumns([one]);
    const engine = tableOf(cells.length === 0 ? ["a"] : cells);
    await assert.rejects(async () =>
      engine.query(`SELECT CAST(${expressions[0]} AS STRING) FROM t`),
    );
  });
