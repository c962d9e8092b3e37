/**
 * Rows of tables in another order of arrival: each is delayed by less than the bound of its watermark, so that none comes late.
 *
 * Limits:  insert-only tables with `WATERMARK FOR c AS c - INTERVAL 'n' SECOND` where c is a column of the table.
 */
import type { ProgramTable } from "../../testkit/conformance/suites/program-record.ts";
import type { TypedJson } from "../../testkit/conformance/typed-json.ts";

/** At least 0, below 1. */
export type Random = () => number;

const LATE = "the input has late rows already";
/** TO_TIMESTAMP(c), and times of a BIGINT in seconds or milliseconds. */
const FROM_COLUMN = "TO_TIMESTAMP(?:_LTZ)?\\((?:FROM_UNIXTIME\\()?(\\w+)(?:\\)|, ?3)?\\)";
const WATERMARK = /^WATERMARK FOR `?(\w+)`? AS `?(\w+)`?( - INTERVAL '(\d+)' SECOND)?$/i;

/** The tables, or why they have no other order. */
export function shuffledTables(
  tables: readonly ProgramTable[],
  random: Random,
): readonly ProgramTable[] | string {
  const shuffled: ProgramTable[] = [];
  for (const table of tables) {
    const other = shuffledTable(table, random);
    if (typeof other === "string") return other;
    shuffled.push(other);
  }
  return shuffled;
}

function shuffledTable(table: ProgramTable, random: Random): ProgramTable | string {
  const found = table.schema.map((part) => WATERMARK.exec(part)).find((match) => match !== null);
  if (found === undefined || found === null) return "a table without a watermark of some seconds";
  const boundMs = Number(found[4] ?? 0) * 1000;
  const column = physicalColumn(table.schema, found[1]!);
  if (column === undefined) return "the event time is computed from another type";
  const rows = table.rows ?? [];
  if (rows.some(({ kind = "+I" }) => kind !== "+I")) return "the input changes its rows";
  let latest = Number.NEGATIVE_INFINITY;
  const delayed: { readonly row: (typeof rows)[number]; readonly at: number }[] = [];
  for (const row of rows) {
    const time = timeOf(row.row?.[column]);
    if (Number.isNaN(time)) return "a row without an event time";
    if (time < latest && time <= latest - boundMs) return LATE;
    latest = Math.max(latest, time);
    delayed.push({ row, at: time + random() * boundMs });
  }
  delayed.sort((a, b) => a.at - b.at);
  return { ...table, rows: delayed.map(({ row }) => row) };
}

/** A row comes behind its watermark in some table. */
export function hasLateRows(tables: readonly ProgramTable[]): boolean {
  return tables.some((table) => shuffledTable(table, () => 0) === LATE);
}

/** The place of a column, or of the text that TO_TIMESTAMP reads it from, among those that rows have. */
function physicalColumn(schema: readonly string[], name: string): number | undefined {
  const plain = (part: string) => part.replaceAll("`", "");
  const computed = schema
    .map((part) => new RegExp(`^${name} AS ${FROM_COLUMN}$`, "i").exec(plain(part)))
    .find((match) => match !== null);
  const wanted = computed?.[1] ?? name;
  const physical = schema.filter((part) => !/^(\S+ AS |WATERMARK |PRIMARY KEY)/i.test(part));
  const index = physical.findIndex((part) => plain(part).startsWith(`${wanted} `));
  return index < 0 ? undefined : index;
}

function timeOf(value: TypedJson | undefined): number {
  if (typeof value === "number") return value * 1000;
  if (typeof value === "string") return Date.parse(`${value.replace(" ", "T")}Z`);
  if (typeof value !== "object" || value === null) return Number.NaN;
  const [text] = Object.values(value) as unknown[];
  return typeof text === "string" ? Date.parse(`${text.replace(/Z$/, "")}Z`) : Number.NaN;
}
