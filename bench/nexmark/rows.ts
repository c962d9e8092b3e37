/**
 * Results as multisets of rows, to compare what different engines computed.
 *
 * Flow:    JSON lines that a filesystem sink (or DuckDB) wrote → here → nexmark/check.
 * Shapes:  a row's key is its columns by name, in order, nulls left out; timestamps without trailing zeros, so
 *          that 10:00:00 and 10:00:00.000 are one. Numbers compare as doubles (exact below 2^53).
 *          debezium-json lines are applied: before is taken away, after is added; with an upsert key,
 *          after replaces the row of its key.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { linesOf } from "./lines.ts";

export type RowCounts = Map<string, number>;

export interface Difference {
  readonly rows: number;
  /** At most EXAMPLES, with the side that has more of each. */
  readonly examples: readonly string[];
}

export type Row = Readonly<Record<string, unknown>>;

interface Change {
  readonly before: Row | null;
  readonly after: Row | null;
}

const EXAMPLES = 4;
const EXAMPLE_LENGTH = 200;
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d*?)0*)?Z?$/;

/** What is compared of a row; everything when empty. */
export interface RowView {
  readonly columns?: readonly string[];
  /** The table is the last row of each key: for changes that lack their −U. */
  readonly key?: readonly string[];
}

/** Reads every visible file below the folder and applies its changes. */
export function readRows(folder: string, view: RowView = {}): RowCounts {
  const counts: RowCounts = new Map();
  const latest = new Map<string, Row>();
  for (const file of visibleFiles(folder)) {
    const partition = partitionOf(file);
    for (const text of linesOf(file)) {
      if (text === "") continue;
      const line = JSON.parse(text) as Row;
      const change = isChange(line) ? line : { before: null, after: { ...partition, ...line } };
      if (view.key !== undefined) upsert(latest, change, view.key);
      else applyChange(counts, change, view.columns);
    }
  }
  for (const row of latest.values()) add(counts, row, view.columns, 1);
  for (const [key, count] of counts) if (count === 0) counts.delete(key);
  return counts;
}

export function countsOf(rows: Iterable<Row>): RowCounts {
  const counts: RowCounts = new Map();
  for (const row of rows) add(counts, row, undefined, 1);
  return counts;
}

export function countRows(counts: RowCounts): number {
  return counts.values().reduce((sum, count) => sum + count, 0);
}

export function compareRows(left: RowCounts, right: RowCounts): Difference {
  let rows = 0;
  const examples: string[] = [];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const surplus = (left.get(key) ?? 0) - (right.get(key) ?? 0);
    if (surplus === 0) continue;
    rows += Math.abs(surplus);
    if (examples.length < EXAMPLES)
      examples.push(
        `${surplus > 0 ? "left" : "right"} has ${Math.abs(surplus)} more of ${shortened(key)}`,
      );
  }
  return { rows, examples };
}

function shortened(text: string): string {
  return text.length <= EXAMPLE_LENGTH ? text : `${text.slice(0, EXAMPLE_LENGTH)}…`;
}

function upsert(latest: Map<string, Row>, change: Change, key: readonly string[]): void {
  if (change.before !== null) latest.delete(rowKey(change.before, key));
  if (change.after !== null) latest.set(rowKey(change.after, key), change.after);
}

function applyChange(
  counts: RowCounts,
  change: Change,
  columns: readonly string[] | undefined,
): void {
  if (change.before !== null) add(counts, change.before, columns, -1);
  if (change.after !== null) add(counts, change.after, columns, 1);
}

function isChange(line: Row | Change): line is Change {
  return "op" in line && "before" in line && "after" in line;
}

function add(
  counts: RowCounts,
  row: Row,
  columns: readonly string[] | undefined,
  change: number,
): void {
  const key = rowKey(row, columns);
  counts.set(key, (counts.get(key) ?? 0) + change);
}

function rowKey(row: Row, columns: readonly string[] | undefined): string {
  const names = columns ?? Object.keys(row).sort();
  const present = names.filter((name) => row[name] !== null && row[name] !== undefined);
  return JSON.stringify(present.map((name) => [name, canonical(row[name])]));
}

function canonical(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const match = TIMESTAMP.exec(value);
  if (match === null) return value;
  const fraction = match[3] ?? "";
  return `${match[1]} ${match[2]}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The columns that a partition's folders tell: `…/dt=2026-01-01/hm=00%3A01/part-…`. */
function partitionOf(file: string): Row {
  const named = file.split("/").filter((folder) => /^\w+=/.test(folder));
  return Object.fromEntries(
    named.map((folder) => {
      const at = folder.indexOf("=");
      return [folder.slice(0, at), decodeURIComponent(folder.slice(at + 1))];
    }),
  );
}

/** Flink's hidden files (_SUCCESS, .part-…inprogress) do not count. */
function visibleFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && !name.startsWith("_"))
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? visibleFiles(path) : [path];
    });
}
