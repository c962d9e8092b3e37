/**
 * Compares an engine's answer to a TPC-H query, as CSV files, with DuckDB's.
 *
 * Flow:    Engine.run (INSERT into CSV files) → readAnswer → compareAnswers.
 * Rules:   the same multiset of rows; with ORDER BY also the same sequence of the columns that sort. Numbers compare by
 *          value, exactly, whatever zeros end them; columns that DuckDB computes as DOUBLE (averages, quotients) within
 *          half a unit of the sixth decimal, which is what Flink's types keep of them, or 1e-9 of the value.
 * Errors:  MR9980 names the query and up to three differences.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { benchErrors } from "../errors.ts";
import type { TextTable } from "./duckdb-engine.ts";
import type { TpchQuery } from "./queries.ts";

const ABSOLUTE = 0.5e-6;
const RELATIVE = 1e-9;
const EXAMPLES = 3;
/** Sign, digits before and behind the point, power of ten (Flink writes 3774200.00 as 3.7742E+6). */
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/;
const FIELD = /("(?:[^"]|"")*"|[^,\n]*)([,\n])/g;

type Row = readonly string[];

/** The rows of all CSV files below a folder, in the order of names. */
export function readAnswer(folder: string): Row[] {
  return visibleFiles(folder).flatMap((path) => parseCsv(readFileSync(path, "utf8")));
}

export function parseCsv(text: string): Row[] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, field, end] of text.matchAll(FIELD)) {
    row.push(field!.startsWith('"') ? field!.slice(1, -1).replaceAll('""', '"') : field!);
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Throws when the answers differ. */
export function compareAnswers(
  query: TpchQuery,
  engine: string,
  actual: readonly Row[],
  expected: TextTable,
): void {
  const { columns, inexact } = expected;
  const wanted = expected.rows.map((row) => row.map((value) => canonical(value ?? "")));
  const found = actual.map((row) => row.map(canonical));
  const differences: string[] = [];
  const note = (text: string) => differences.push(text);
  if (found.length !== wanted.length) note(`${found.length} rows instead of ${wanted.length}`);
  const same = (a: Row | undefined, b: Row | undefined, of: readonly number[]) =>
    a !== undefined && b !== undefined && of.every((i) => equal(a[i], b[i], inexact[i]!));
  const all = columns.map((_, index) => index);
  const sorting = query.orderedBy.map((name) => columns.indexOf(name));
  wanted.forEach((row, i) => {
    if (!same(found[i], row, sorting)) note(`row ${i}: order ${show(found[i])}, not ${show(row)}`);
  });
  const order = (a: Row, b: Row) => compareRows(a, b, inexact);
  const sortedFound = found.toSorted(order);
  wanted.toSorted(order).forEach((row, i) => {
    if (!same(sortedFound[i], row, all)) note(`${show(sortedFound[i])}, not ${show(row)}`);
  });
  if (differences.length === 0) return;
  throw benchErrors.RESULT_DIFFERS({
    query: query.name,
    left: engine,
    right: "DuckDB",
    rows: differences.length,
    examples: differences.slice(0, EXAMPLES).join("; "),
  });
}

/** Numbers with all their digits and without ending zeros; other texts as they are. */
function canonical(text: string): string {
  const [, sign, whole, fraction = "", power = "0"] = NUMBER.exec(text) ?? [];
  if (whole === undefined || !/[.E]/.test(text)) return text;
  const point = whole.length + Number(power);
  const digits = `${"0".repeat(Math.max(0, -point))}${whole}${fraction}`.padEnd(point, "0");
  const integer = digits.slice(0, Math.max(0, point)).replace(/^0+(?=\d)/, "");
  const rest = digits.slice(Math.max(0, point)).replace(/0+$/, "");
  return `${sign}${integer || "0"}${rest === "" ? "" : `.${rest}`}`;
}

function equal(a: string | undefined, b: string | undefined, inexact: boolean): boolean {
  if (a === b || a === undefined || b === undefined || !inexact) return a === b;
  const distance = Math.abs(Number(a) - Number(b));
  return distance <= ABSOLUTE * 1.001 || distance <= RELATIVE * Math.abs(Number(b));
}

/** Exact columns first, so that rounding does not change the order. */
function compareRows(a: Row, b: Row, inexact: readonly boolean[]): number {
  for (const rounded of [false, true])
    for (let i = 0; i < inexact.length; i++) {
      if (inexact[i] !== rounded || a[i] === b[i]) continue;
      if (rounded) return Number(a[i]) - Number(b[i]);
      return (a[i] ?? "") < (b[i] ?? "") ? -1 : 1;
    }
  return 0;
}

function show(row: Row | undefined): string {
  return row === undefined ? "nothing" : `(${row.join(", ")})`.slice(0, 160);
}

/** Hidden files (_SUCCESS, .part-…inprogress) do not count. */
function visibleFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && !name.startsWith("_"))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? visibleFiles(path) : [path];
    });
}
