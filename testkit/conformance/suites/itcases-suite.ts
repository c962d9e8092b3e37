/**
 * itcases.jsonl: tables with rows, a query, what comes out; bounded (batch) or a changelog (stream).
 *
 * Rules:   watermark assigners of the tests become WATERMARK clauses: Row3- and Row4WatermarkExtractor ts − 1 ms after every
 *          row, TimestampAndWatermarkWithOffset(o) ts − o; RowtimeExtractor gives none before the end. In streams every row is
 *          a batch of its own.
 */
import { type Engine, Engine as SqlEngine, type QueryAnswer } from "../engine.ts";
import {
  expectedRowText,
  formOf,
  type RowForm,
  retracted,
  rowText,
  sameRows,
  upserted,
} from "../row-compare.ts";
import {
  type ConformanceCase,
  errorText,
  failed,
  jsonLines,
  type Outcome,
  passed,
  type Suite,
  uniqueIds,
} from "../suite.ts";
import type { TypedJson } from "../typed-json.ts";
import { declareTable, type InputTable, toEvents } from "./input-table.ts";

interface ItcaseRecord {
  readonly test: string;
  readonly mode: "batch" | "stream";
  readonly tables: readonly InputTable[];
  readonly ddl?: readonly string[];
  readonly ddlData?: Readonly<Record<string, readonly TypedJson[]>>;
  readonly ddlDataIncomplete?: unknown;
  readonly sql: string;
  readonly expected: readonly (string | { readonly row: readonly TypedJson[] })[];
  readonly compare: string;
  readonly configScala?: readonly string[];
  readonly opaque?: unknown;
  readonly needs?: readonly string[];
  readonly expectError?: string;
  readonly flink23: string | { readonly got?: readonly string[] };
}

export const itcasesSuite: Suite = {
  file: "itcases.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<ItcaseRecord>(text).map((record): ConformanceCase => {
      const notRun = reasonNotToRun(record);
      return {
        id: idOf(`${record.test} (${record.mode})`),
        text: record.sql,
        ...(notRun === undefined ? {} : { notRun }),
        run: () => check(record),
      };
    });
  },
};

function reasonNotToRun(record: ItcaseRecord): string | undefined {
  if (record.opaque !== undefined) return "opaque: code of Java or Scala in the record";
  if (record.needs !== undefined) return `needs ${record.needs.join(", ")}`;
  return record.ddlDataIncomplete === undefined ? undefined : "data is incomplete";
}

const SETTINGS: readonly (readonly [RegExp, (match: RegExpExecArray) => [string, string]])[] = [
  [/ZoneId\.of\("([^"]+)"\)/, (m) => ["table.local-time-zone", m[1]!]],
  [/NON_TEMPORAL_SORT_ENABLED.*true/, () => ["__table.exec.sort.non-temporal.enabled__", "true"]],
  [
    /DISTINCT_AGG_SPLIT_ENABLED.*true/,
    () => ["table.optimizer.distinct-agg.split.enabled", "true"],
  ],
  [
    /DEDUPLICATE_MINIBATCH_COMPACT_CHANGES_ENABLED.*true/,
    () => ["table.exec.deduplicate.mini-batch.compact-changes-enabled", "true"],
  ],
  [/MULTI_JOIN_ENABLED.*true/, () => ["table.optimizer.multi-join.enabled", "true"]],
  [/MINIBATCH_ENABLED, true/, () => ["table.exec.mini-batch.enabled", "true"]],
  [/MINIBATCH_ALLOW_LATENCY, (.*)/, (m) => ["table.exec.mini-batch.allow-latency", m[1]!]],
  [/MINIBATCH_SIZE, (\d+)/, (m) => ["table.exec.mini-batch.size", m[1]!]],
];

function configOf({ configScala = [] }: ItcaseRecord): Record<string, string> {
  const config: Record<string, string> = {};
  for (const line of configScala)
    for (const [pattern, setting] of SETTINGS) {
      const match = pattern.exec(line);
      if (match === null) continue;
      const [key, value] = setting(match);
      config[key] = value;
    }
  return config;
}

async function check(record: ItcaseRecord): Promise<Outcome> {
  const engine = new SqlEngine({ batch: record.mode === "batch", config: configOf(record) });
  let answer: QueryAnswer;
  try {
    prepare(engine, record);
    answer = await engine.query(record.sql);
  } catch (error) {
    return judgeError(record, error);
  }
  if (record.expectError !== undefined)
    return failed(`error ${record.expectError}`, `${answer.rows.length} rows`);
  const outcome = judge(record, record.expected, answer);
  if (outcome.passed || typeof record.flink23 === "string") return outcome;
  const other = record.flink23.got;
  return other !== undefined && judge(record, other, answer).passed ? passed : outcome;
}

/** Tables and everything of `ddl` but the INSERT that equals `sql`. */
function prepare(engine: Engine, record: ItcaseRecord): void {
  const rowByRow = record.mode === "stream";
  for (const table of record.tables) {
    const { statement, events } = declareTable(table, record.mode === "batch");
    engine.execute(statement);
    engine.store.register(table.name, events, { rowByRow });
  }
  for (const [id, rows] of Object.entries(record.ddlData ?? {}))
    engine.store.register(id, toEvents(rows), { rowByRow });
  for (const statement of record.ddl ?? [])
    if (!/^\s*insert\b/i.test(statement)) engine.execute(statement);
}

function judgeError({ expectError, expected }: ItcaseRecord, error: unknown): Outcome {
  const got = errorText(error);
  if (expectError === undefined) return failed(`${expected.length} rows`, got);
  return got.includes(expectError) ? passed : failed(`error ${expectError}`, got);
}

function judge(
  record: ItcaseRecord,
  expected: ItcaseRecord["expected"],
  { rows, schema }: QueryAnswer,
): Outcome {
  const texts = expected.filter((row) => typeof row === "string");
  const form: RowForm = texts.length > 0 ? formOf(texts) : "row";
  const wanted = expected.map((row) =>
    typeof row === "string" ? row : expectedRowText(row.row, schema, form),
  );
  const key = rows[0]?.key ?? [];
  switch (record.compare) {
    case "append":
    case "changelog-strings":
      return sameRows(
        wanted,
        rows.map((row) => rowText(row, form)),
      );
    default: {
      const left = key.length > 0 ? upserted(rows, key) : retracted(rows);
      const inserts = left.map((row) => rowText({ ...pick(row), kind: 0 }, form));
      return sameRows(wanted, inserts);
    }
  }
}

function pick({ values, schema }: QueryAnswer["rows"][number]) {
  return { values, schema };
}
