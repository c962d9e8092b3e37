/**
 * Runs a statement and prints its result as Flink's SQL Client or the tests of its SQL Gateway do.
 *
 * Tables:  right-aligned grids. Gateway: columns as wide as their data. Client: SELECT takes widths from the types, at most
 *          table.display.max-column-width; SHOW and DESCRIBE from the data. Streaming SELECTs have an `op` column.
 * Source:  Flink TableauStyle, CliStrings, the scripts of statements.jsonl.
 */
import type { LogicalType } from "../../src/foundation/columnar/logical-type.ts";
import { ROW_KIND_TEXT } from "../../src/foundation/columnar/row-kind.ts";
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { StatementResult } from "../../src/language/sql/script/session-types.ts";
import type { Engine } from "./engine.ts";
import { sqlText } from "./value-compare.ts";

export type Printer = "client" | "gateway";

const DEFAULT_MAX_WIDTH = 30;
const NULL_TEXT = "<NULL>";

export async function printStatement(
  engine: Engine,
  sql: string,
  printer: Printer,
): Promise<string> {
  const result = engine.execute(sql);
  switch (result.kind) {
    case "ok":
      return printer === "client" ? "[INFO] Execute statement succeeded." : OK_TABLE;
    case "rows":
      return printRows(result, printer, /^\s*(?:--.*\n\s*)*show\s+create\b/i.test(sql));
    case "insert":
      await engine.run(result);
      return insertText(engine, printer);
    case "job":
      return "no jobs here";
    case "analyze":
      await engine.run(result);
      return printer === "client" ? "[INFO] Execute statement succeeded." : OK_TABLE;
    case "query":
      return printQuery(engine, result, printer, sql);
  }
}

const OK_TABLE = grid([["result"], ["OK"]], [6]) + footer(1);

function insertText(engine: Engine, printer: Printer): string {
  if (printer === "gateway") return "Job ID:";
  const sync = engine.session.context.config.get("table.dml-sync") === "true";
  if (sync) return "[INFO] Complete execution of the SQL update statement.";
  return [
    "[INFO] Submitting SQL update statement to the cluster...",
    "[INFO] SQL update statement has been successfully submitted to the cluster:",
    "Job ID:",
  ].join("\n");
}

/** Answers of SHOW and DESCRIBE: NULLs are blank. */
function printRows(
  { schema, rows }: Extract<StatementResult, { kind: "rows" }>,
  printer: Printer,
  isCreate: boolean,
): string {
  if (rows.length === 0) return "Empty set";
  if (isCreate && printer === "gateway") return String(rows[0]![0]);
  const texts = rows.map((row) =>
    row.map((value) =>
      value === null
        ? ""
        : typeof value === "boolean"
          ? String(value).toUpperCase()
          : String(value),
    ),
  );
  const lines = [schema.fields.map(({ name }) => name), ...texts];
  return grid(lines, widthsOf(lines)) + footer(rows.length);
}

async function printQuery(
  engine: Engine,
  result: Extract<StatementResult, { kind: "query" }>,
  printer: Printer,
  sql: string,
): Promise<string> {
  const { rows, schema } = await engine.run(result);
  const { context } = engine.session;
  // EXECUTE of a query is a statement to the gateway: its rows are printed without their kinds.
  const isStatement = printer === "gateway" && /^\s*execute\b/i.test(sql);
  const streaming = !context.batch && !isStatement;
  const head = schema.fields.map(({ name }) => name);
  const texts = rows.map(({ kind, values }) => [
    ...(streaming ? [ROW_KIND_TEXT[kind]!] : []),
    ...values.map((value, i) =>
      value === null ? NULL_TEXT : sqlText(value, schema.fields[i]!.type, context.timeZone),
    ),
  ]);
  const lines = [streaming ? ["op", ...head] : head, ...texts];
  const most = Number(
    context.config.get("table.display.max-column-width") ??
      context.config.get("sql-client.display.max-column-width") ??
      DEFAULT_MAX_WIDTH,
  );
  const byType = printer === "client" && streaming;
  const contents = widthsOf(lines);
  const cut = printer === "client" ? contents.map((size) => Math.min(size, most)) : contents;
  const widths = byType ? [2, ...typeWidths(schema, most)] : cut;
  if (rows.length === 0) return byType ? `Received a total of 0 row` : "Empty set";
  const end = byType ? `Received a total of ${count(rows.length)}` : footer(rows.length);
  return grid(lines, widths) + end;
}

function widthsOf(lines: readonly (readonly string[])[]): number[] {
  return lines[0]!.map((_, i) => Math.max(...lines.map((line) => width(line[i]!))));
}

/** Wide characters take two columns. */
function width(text: string): number {
  let total = 0;
  for (const char of text) total += /[\u1100-\u115f\u2e80-\uffe6]/.test(char) ? 2 : 1;
  return total;
}

function typeWidths({ fields }: Schema, most: number): number[] {
  return fields.map(({ name, type }) => {
    const own = Math.max(typeWidth(type, most), type.nullable ? NULL_TEXT.length : 0);
    return Math.max(width(name), own);
  });
}

const NUMBER_WIDTHS: Readonly<Record<string, number>> = {
  TINYINT: 4,
  SMALLINT: 6,
  INTEGER: 11,
  BIGINT: 20,
  BOOLEAN: 5,
  DATE: 10,
};

function typeWidth(type: LogicalType, most: number): number {
  const known = NUMBER_WIDTHS[type.kind];
  if (known !== undefined) return known;
  switch (type.kind) {
    case "DECIMAL":
      return type.precision + 2;
    case "TIME":
      return type.precision === 0 ? 8 : type.precision + 9;
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return type.precision === 0 ? 19 : type.precision + 20;
    default:
      return most;
  }
}

function grid(lines: readonly (readonly string[])[], widths: readonly number[]): string {
  const border = `+${widths.map((size) => "-".repeat(size + 2)).join("+")}+\n`;
  const body = lines.map(
    (line) => `|${line.map((text, i) => ` ${cell(text, widths[i]!)} `).join("|")}|\n`,
  );
  return border + body[0] + border + body.slice(1).join("") + border;
}

function cell(text: string, size: number): string {
  if (width(text) <= size) return " ".repeat(size - width(text)) + text;
  return `${text.slice(0, size - 3)}...`;
}

function footer(rows: number): string {
  return `${count(rows)} in set`;
}

function count(rows: number): string {
  return `${rows} ${rows === 1 ? "row" : "rows"}`;
}
