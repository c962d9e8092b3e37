/**
 * The Nexmark queries as scripts that both engines run: the same text, only the source and the sink are chosen.
 *
 * Flow:    nexmark-queries of the shared folder (unchanged upstream files) → here → bench commands.
 * Changes: placeholders filled; JSON files instead of the nexmark source; q14's Java function written in SQL
 *          unless asked for; q23's dateTime in backquotes (Flink's parser demands them).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchErrors } from "../errors.ts";
import { cacheFolder, sharedPath } from "../paths.ts";

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
  /** Processing-time windows become event-time windows, so that the result is determined. */
  readonly eventTime?: boolean;
}

/** Those whose results change afterwards; the others only insert. */
const UPDATING = new Set(["q4", "q9", "q15", "q16", "q17", "q18", "q19"]);

/** q6 does not validate in Flink. */
const REFUSED = new Map([["q6", "Flink cannot run it (an OVER window on a changing input)"]]);

const COUNT_CHAR = /count_char\(\s*(\w+)\s*,\s*('[^']*')\s*\)/g;

export function isUpdating(query: string): boolean {
  return UPDATING.has(query);
}

export function requireQuery(query: string): void {
  const reason = REFUSED.get(query);
  if (reason !== undefined) throw benchErrors.USAGE({ what: `${query}: ${reason}` });
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
  let text = readQueryFile(`${query}.sql`);
  if (countCharFunction !== true)
    text = text
      .replace(/CREATE FUNCTION count_char[^;]*;/, "")
      .replace(COUNT_CHAR, "CHAR_LENGTH($1) - CHAR_LENGTH(REPLACE($1, $2, ''))");
  if (query === "q10")
    text = text
      .replaceAll("${NEXMARK_DIR}", cacheFolder("bench", "q10"))
      .replaceAll("${SUBMIT_TIME}", String(Date.now()));
  if (query === "q13") text = text.replaceAll("${FLINK_HOME}", sideInputFolder());
  if (query === "q23") text = text.replace(/\b([ABP])\.dateTime\b/g, "$1.`dateTime`");
  if (eventTime === true) text = text.replaceAll("DESCRIPTOR(p_time)", "DESCRIPTOR(`dateTime`)");
  if (sink.kind === "blackhole") return text;
  const format = isUpdating(query) ? "debezium-json" : "json";
  return text.replace(/'connector'\s*=\s*'blackhole'/, () => filesOptions(sink.folder, format));
}

function filesOptions(folder: string, format: string): string {
  return `\n  'connector' = 'filesystem',\n  'path' = 'file://${folder}',\n  'format' = '${format}'\n`;
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
