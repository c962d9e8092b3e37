/**
 * nexmark.jsonl: the Nexmark queries over three fixed streams: the rows of the result, or of the final table, as the SQL
 * Gateway's PLAIN_TEXT prints them, sorted by bytes and hashed.
 *
 * The record's base time is ours to set (upstream has no option): it goes into the WITH clause of the generator.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { types } from "../../../src/foundation/columnar/logical-type.ts";
import { parseScript } from "../../../src/language/sql/parser/parser.ts";
import { temporaryFolder } from "../../temporary-folder.ts";
import { Engine, type QueryAnswer } from "../engine.ts";
import { retracted } from "../row-compare.ts";
import { failed, jsonLines, type Outcome, passed, type Suite } from "../suite.ts";
import { sqlText } from "../value-compare.ts";

interface NexmarkRecord {
  readonly query: string;
  readonly config: { readonly name: string; readonly baseTime: number };
  readonly sql: string;
  readonly kind: "append" | "updating";
  readonly columns: readonly string[];
  readonly rows: number;
  readonly sha256: string;
  readonly lines: readonly string[];
}

const LIMIT_MS = 30_000;

export const nexmarkSuite: Suite = {
  file: "nexmark.jsonl",
  load: (text) =>
    jsonLines<NexmarkRecord>(text).map((record) => ({
      id: `${record.query} ${record.config.name}`,
      text: record.sql,
      limitMs: LIMIT_MS,
      run: () => check(record),
    })),
};

async function check(record: NexmarkRecord): Promise<Outcome> {
  const { baseTime } = record.config;
  const sql = withSideInput(
    record.sql.replace(
      "'connector' = 'nexmark'",
      `'connector' = 'nexmark', 'base-time' = '${baseTime}'`,
    ),
  );
  const engine = new Engine({ config: { "table.exec.mini-batch.enabled": "true" } });
  const { statements, errors } = parseScript(sql);
  if (errors[0] !== undefined) throw errors[0];
  let answer: QueryAnswer | undefined;
  for (const statement of statements)
    answer = await engine.run(engine.session.execute(statement, sql));
  return judge(record, answer ?? { rows: [], schema: { fields: [] } });
}

const SIDE_INPUT_ROWS = 10_000;
let sideInput: string | undefined;

/** The side input of q13 (each key with itself as value) as a file, and its options by today's names. */
function withSideInput(sql: string): string {
  if (!sql.includes("side_input.txt")) return sql;
  if (sideInput === undefined) {
    const folder = temporaryFolder("nexmark");
    sideInput = join(folder, "side_input.txt");
    const lines = Array.from({ length: SIDE_INPUT_ROWS }, (_, key) => `${key},${key}\n`);
    writeFileSync(sideInput, lines.join(""));
  }
  return sql
    .replace("'connector.type'", "'connector'")
    .replace("'format.type'", "'format'")
    .replace(/'connector\.path' = '[^']*'/, `'path' = '${sideInput}'`);
}

function judge(record: NexmarkRecord, { rows, schema }: QueryAnswer): Outcome {
  const columns = schema.fields.map(({ name }) => name);
  const wanted = record.columns.map((column) => column.split(" ")[0]!.replaceAll("`", ""));
  if (columns.join() !== wanted.join()) return failed(wanted.join(", "), columns.join(", "));
  const left = record.kind === "append" ? rows : retracted(rows);
  const lines = left
    .map(({ values }) =>
      values
        .map((value, i) => sqlText(value, schema.fields[i]?.type ?? types.string(), "UTC"))
        .join("|"),
    )
    .map((line) => Buffer.from(line))
    .sort(Buffer.compare)
    .map((line) => line.toString());
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  if (hash.digest("hex") === record.sha256) return passed;
  const at = record.lines.findIndex((line, i) => line !== lines[i]);
  return failed(
    `${record.rows} rows, line ${at + 1}: ${record.lines[at]}`,
    `${lines.length} rows, ${lines[at]}`,
  );
}
