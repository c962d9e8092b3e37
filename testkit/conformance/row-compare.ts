/**
 * Rows against expected rows: multisets of texts in the form in which the expectation is written.
 *
 * Forms:   `+I[a, b]` as Flink's Row prints it · `+I(a,b)` · `(true,a,b)` · `a,b`, all with Java's texts of the values.
 */
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import { ROW_KIND_TEXT } from "../../src/foundation/columnar/row-kind.ts";
import type { SinkRow } from "../values/values-store.ts";
import { failed, type Outcome, passed } from "./suite.ts";
import type { TypedJson } from "./typed-json.ts";
import { expectedText, javaText } from "./value-compare.ts";

export type RowForm = "row" | "tuple" | "flagged" | "plain";

export function formOf(expected: readonly string[]): RowForm {
  const first = expected[0] ?? "";
  if (/^[+-][IUD]\[/.test(first)) return "row";
  if (/^[+-][IUD]\(/.test(first)) return "tuple";
  return /^\((true|false),/.test(first) ? "flagged" : "plain";
}

export function rowText(row: Pick<SinkRow, "kind" | "values" | "schema">, form: RowForm): string {
  const fields = row.values.map((value, i) => javaText(value, row.schema.fields[i]!.type));
  return joined(row.kind, fields, form);
}

function joined(kind: number, fields: readonly string[], form: RowForm): string {
  switch (form) {
    case "row":
      return `${ROW_KIND_TEXT[kind]}[${fields.join(", ")}]`;
    case "tuple":
      return `${ROW_KIND_TEXT[kind]}(${fields.join(",")})`;
    case "flagged":
      return `(${kind === 0 || kind === 2},${fields.join(",")})`;
    case "plain":
      return fields.join(",");
  }
}

/** The text of a row of typed JSON, if its values have the types of the schema. */
export function expectedRowText(row: readonly TypedJson[], schema: Schema, form: RowForm): string {
  if (row.length === 1 && schema.fields.length > 1 && typeof row[0] === "string")
    return `+I[${row[0]}]`;
  const fields = row.map((value, i) => {
    const field = schema.fields[i];
    return field === undefined ? "(no such column)" : expectedText(value, field.type);
  });
  return joined(0, fields, form);
}

/** What remains when every -U and -D takes a row of its values away. */
export function retracted(rows: readonly SinkRow[]): SinkRow[] {
  if (rows.every(({ kind }) => kind === 0)) return [...rows];
  const table = new Map<string, SinkRow[]>();
  for (const row of rows) {
    const text = rowText(row, "plain");
    const same = table.get(text) ?? [];
    if (row.kind === 0 || row.kind === 2) same.push(row);
    else same.pop();
    table.set(text, same);
  }
  return [...table.values()].flat();
}

/** The last row of each key. */
export function upserted(rows: readonly SinkRow[], key: readonly number[]): SinkRow[] {
  const table = new Map<string, SinkRow>();
  for (const row of rows) {
    const text = keyText(row, key);
    if (row.kind === 0 || row.kind === 2) {
      table.delete(text);
      table.set(text, row);
    } else if (row.kind === 3) table.delete(text);
  }
  return [...table.values()];
}

function keyText(row: SinkRow, key: readonly number[]): string {
  return JSON.stringify(
    key.map((index) => javaText(row.values[index]!, row.schema.fields[index]!.type)),
  );
}

/** All the same rows, in any order. */
export function sameRows(expected: readonly string[], got: readonly string[]): Outcome {
  const missing = difference(expected, got);
  const extra = difference(got, expected);
  if (missing.length === 0 && extra.length === 0) return passed;
  if (missing.length > 0)
    return failed(
      `${expected.length} rows with ${list(missing)}`,
      `${got.length} rows with ${list(extra)}`,
    );
  return failed(`${expected.length} rows`, `${got.length} rows, too many: ${list(extra)}`);
}

function difference(from: readonly string[], without: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of without) counts.set(text, (counts.get(text) ?? 0) + 1);
  return from.filter((text) => {
    const count = counts.get(text) ?? 0;
    counts.set(text, count - 1);
    return count <= 0;
  });
}

const SHOWN_ROWS = 4;

function list(rows: readonly string[]): string {
  const rest = rows.length - SHOWN_ROWS;
  return rows.slice(0, SHOWN_ROWS).join(" ") + (rest > 0 ? ` and ${rest} more` : "");
}
