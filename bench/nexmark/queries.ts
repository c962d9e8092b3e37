/**
 * The Nexmark queries as scripts that both engines run: the same text, only the source and the sink are chosen.
 *
 * Flow:    nexmark-queries of the shared folder (unchanged upstream files) → here → bench commands.
 * Changes: placeholders filled; JSON files instead of the nexmark source; q14's Java function written in SQL
 *          unless asked for; q23's dateTime in backquotes (Flink's parser demands them); q6's filter by rank around the query
 *          that numbers the rows, where the number is known, and its seller a BIGINT (upstream's text runs nowhere, Flink runs neither);
 *          q10 without sink.rolling-policy.*, which Millrace has not.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchErrors } from "../errors.ts";
import { cacheFolder, sharedPath } from "../paths.ts";
import { cepQueryText, isCepQuery } from "./cep-queries.ts";

export type QueryInput =
  | { readonly kind: "json"; readonly folder: string }
  | { readonly kind: "generator"; readonly events: number; readonly rate: number };

export type QuerySink =
  | { readonly kind: "blackhole" }
  /** Rows as JSON lines; an updating query's as debezium-json. */
  | { readonly kind: "files"; readonly folder: string };

export interface ScriptRequest {
  readonly query: string;
  readonly input: QueryInput;
  readonly sink: QuerySink;
  /** q14 calls nexmark's Java function instead of its SQL twin. */
  readonly countCharFunction?: boolean;
  /** So that the result is determined: windows of processing time go by event time, q6 orders what came at one time. */
  readonly eventTime?: boolean;
}

/** Those whose results change afterwards; the others only insert. */
const UPDATING = new Set(["q4", "q6", "q9", "q15", "q16", "q17", "q18", "q19"]);

const COUNT_CHAR = /count_char\(\s*(\w+)\s*,\s*('[^']*')\s*\)/g;

export function isUpdating(query: string): boolean {
  return UPDATING.has(query);
}

export function requireQuery(query: string): void {
  if (isCepQuery(query)) return;
  if (!/^q\d+$/.test(query)) throw benchErrors.USAGE({ what: `${query} is no Nexmark query` });
  sharedPath("bench", "nexmark-queries", `${query}.sql`);
}

export function nexmarkScript(request: ScriptRequest): string {
  requireQuery(request.query);
  const views = readQueryFile("ddl_views.sql").replaceAll("${NEXMARK_TABLE}", "datagen");
  return [sourceTable(request.input), views, queryText(request)].join("\n\n");
}

function sourceTable(input: QueryInput): string {
  const table = readQueryFile("ddl_gen.sql");
  if (input.kind === "json")
    return table.replace(
      /\) WITH \([\s\S]*$/,
      () => `) WITH (${filesOptions(input.folder, "json")});`,
    );
  const values: Record<string, string | number> = {
    TPS: input.rate,
    EVENTS_NUM: input.events,
    PERSON_PROPORTION: 1,
    AUCTION_PROPORTION: 3,
    BID_PROPORTION: 46,
  };
  return table.replace(/\$\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function queryText({ query, sink, countCharFunction, eventTime }: ScriptRequest): string {
  let text = isCepQuery(query) ? cepQueryText(query) : readQueryFile(`${query}.sql`);
  if (countCharFunction !== true)
    text = text
      .replace(/CREATE FUNCTION count_char[^;]*;/, "")
      .replace(COUNT_CHAR, "CHAR_LENGTH($1) - CHAR_LENGTH(REPLACE($1, $2, ''))");
  if (query === "q6") text = rankedOutside(text, eventTime === true);
  if (query === "q10") text = logFiles(text, sink);
  if (query === "q13") text = sideInput(text);
  if (query === "q23") text = text.replace(/\b([ABP])\.dateTime\b/g, "$1.`dateTime`");
  if (eventTime === true) text = text.replaceAll("DESCRIPTOR(p_time)", "DESCRIPTOR(`dateTime`)");
  if (sink.kind === "blackhole") return text;
  const format = isUpdating(query) ? "debezium-json" : "json";
  return text.replace(/'connector'\s*=\s*'blackhole'/, () => filesOptions(sink.folder, format));
}

/** SELECT *, ROW_NUMBER() … FROM (x) WHERE rownum <= 1 → SELECT * FROM (SELECT *, ROW_NUMBER() … FROM (x)) WHERE rownum <= 1. */
function rankedOutside(text: string, determined: boolean): string {
  const ranked = text
    .replace(/\bseller\s+VARCHAR/, "seller BIGINT")
    .replace("SELECT *, ROW_NUMBER()", "SELECT * FROM (SELECT *, ROW_NUMBER()")
    .replace(
      "PARTITION BY A.id, A.seller ORDER BY B.price",
      "PARTITION BY id, seller ORDER BY price",
    )
    .replace("WHERE rownum <= 1", ") WHERE rownum <= 1");
  if (!determined) return ranked;
  return ranked
    .replace("ORDER BY price DESC", "ORDER BY price DESC, `dateTime`")
    .replace("ORDER BY Q.`dateTime`", "ORDER BY Q.`dateTime`, Q.id");
}

/** q10 writes partitioned files of its own, a part at a checkpoint or the end; as JSON lines where they are read again. */
function logFiles(query: string, sink: QuerySink): string {
  const text = query.replace(/,\s*'sink\.rolling-policy\.[\w.-]+' = '[^']*'/g, "");
  if (sink.kind === "files")
    return text
      .replace(/'path' = '[^']*'/, () => `'path' = 'file://${sink.folder}'`)
      .replace("'format' = 'csv'", "'format' = 'json'");
  return text
    .replaceAll("${NEXMARK_DIR}", cacheFolder("bench", "q10"))
    .replaceAll("${SUBMIT_TIME}", String(Date.now()));
}

function filesOptions(folder: string, format: string): string {
  return `\n  'connector' = 'filesystem',\n  'path' = 'file://${folder}',\n  'format' = '${format}'\n`;
}

/** q13 with the keys that its side table's options have had since Flink 1.11. */
function sideInput(query: string): string {
  return query
    .replace("'connector.type'", "'connector'")
    .replace("'connector.path'", "'path'")
    .replace("'format.type'", "'format'")
    .replaceAll("${FLINK_HOME}", sideInputFolder());
}

/** q13's side table: 10,000 lines `i,i`. */
function sideInputFolder(): string {
  const folder = cacheFolder("bench", "q13");
  mkdirSync(join(folder, "data"), { recursive: true });
  const lines = Array.from({ length: 10_000 }, (_, i) => `${i},${i}\n`);
  writeFileSync(join(folder, "data", "side_input.txt"), lines.join(""));
  return folder;
}

function readQueryFile(name: string): string {
  return readFileSync(sharedPath("bench", "nexmark-queries", name), "utf8");
}
