/** The tables of the query fuzzer: few values, so that keys meet, NULLs among them; a history of changes, and what it ends in. */
import type { ValuesEvent } from "../../../testkit/values/values-store.ts";
import { BOUND, EVENT_COLUMNS, EVENT_TABLES } from "./event-queries.ts";
import type { Random } from "../sql-grammar.ts";
import { type Column, type ColumnType, TABLES } from "./query-generator.ts";

export type Cell = string | number | boolean | null;
export type Row = readonly Cell[];

export interface FuzzData {
  readonly name: string;
  readonly columns: readonly Column[];
  /** +I, -U and +U, -D. */
  readonly history: readonly ValuesEvent[];
  readonly final: readonly Row[];
  /** Behind its columns comes the time, ts; only inserts. */
  readonly timed?: boolean;
}

const CHANGES = 40;
const NULLS = 6;
const EVENTS = 30;
/** Flink's OVER takes no rows of 1970's first second and before. */
const EPOCH = Date.UTC(2024, 1, 28, 23, 59);

/** `hostile`: half of all values are NULL or one and the same, the others as great and small as they can be, or very long. */
export function fuzzData(next: Random, hostile = false): FuzzData[] {
  const draw = hostile ? hostileCell : friendlyCell;
  return [...plainData(next, draw), ...EVENT_TABLES.map((name) => eventData(name, next, draw))];
}

type Draw = (type: ColumnType, next: Random) => Cell;

const friendlyCell: Draw = (type, next) => (next(NULLS) === 0 ? null : cell(type, next));

/** Sums of them stay within a BIGINT, and within what the peer's DECIMAL holds. */
const HOSTILE: Readonly<Record<ColumnType, readonly Cell[]>> = {
  BIGINT: [4_503_599_627_370_495, -4_503_599_627_370_495, 0, -1, 2_147_483_648, -2_147_483_649],
  STRING: ["", " ", "x".repeat(70_000), "x".repeat(69_999), "ä😀", "\u0001", "\\\t%_"],
  DECIMAL: ["999999.99", "-999999.99", "0.00", "0.01", "-0.01"],
  BOOLEAN: [true, false],
};

const hostileCell: Draw = (type, next) => {
  if (next(4) === 0) return null;
  const values = HOSTILE[type];
  return next(3) === 0 ? values[0]! : values[next(values.length)]!;
};

function plainData(next: Random, draw: Draw): FuzzData[] {
  return Object.entries(TABLES).map(([name, columns]) => {
    const history: ValuesEvent[] = [];
    const final: Row[] = [];
    const row = () => columns.map(({ type }) => draw(type, next));
    for (let i = 0; i < CHANGES; i++) {
      const choice = final.length === 0 ? 0 : next(10);
      const at = final.length === 0 ? 0 : next(final.length);
      if (choice < 6) {
        const added = row();
        final.push(added);
        history.push({ kind: "+I", row: added });
      } else if (choice < 8) {
        history.push({ kind: "-D", row: final.splice(at, 1)[0]! });
      } else {
        const changed = row();
        history.push({ kind: "-U", row: final[at]! }, { kind: "+U", row: changed });
        final[at] = changed;
      }
    }
    return { name, columns, history, final };
  });
}

/** One row a second or less, BOUND - 1 seconds out of order at most. */
function eventData(name: string, next: Random, draw: Draw): FuzzData {
  const rows: Row[] = [];
  for (let at = 0; rows.length < EVENTS; at += 1 + next(4)) {
    const time = new Date(EPOCH + at * 1000).toISOString().slice(0, 19).replace("T", " ");
    rows.push([...EVENT_COLUMNS.map(({ type }) => draw(type, next)), time]);
  }
  const arrival = rows.map((row, i) => ({ row, at: timeOf(row) + next(BOUND), i }));
  arrival.sort((a, b) => a.at - b.at || a.i - b.i);
  const history = arrival.map(({ row }) => ({ kind: "+I", row }));
  return { name, columns: EVENT_COLUMNS, history, final: rows, timed: true };
}

function timeOf(row: Row): number {
  return Date.parse(`${String(row.at(-1)).replace(" ", "T")}Z`) / 1000;
}

function cell(type: ColumnType, next: Random): Cell {
  switch (type) {
    case "BIGINT":
      return next(7) - 2;
    case "STRING":
      return ["a", "b", "", "C", "ab"][next(5)]!;
    case "DECIMAL":
      return `${next(4) - 1}.${["00", "25", "50"][next(3)]}`;
    case "BOOLEAN":
      return next(2) === 0;
  }
}

export const SQL_TYPE: Readonly<Record<ColumnType, string>> = {
  BIGINT: "BIGINT",
  STRING: "STRING",
  DECIMAL: "DECIMAL(8, 2)",
  BOOLEAN: "BOOLEAN",
};

/** A table's columns as DDL has them; with its watermark, where the peer knows one. */
export function ddlOf(
  { name, columns, timed = false }: Pick<FuzzData, "name" | "columns" | "timed">,
  watermark: boolean,
): string {
  const parts = columns.map((one) => `${one.name} ${SQL_TYPE[one.type]}`);
  if (timed) parts.push(watermark ? "ts TIMESTAMP(3)" : "ts TIMESTAMP");
  if (timed && watermark) parts.push(`WATERMARK FOR ts AS ts - INTERVAL '${BOUND}' SECOND`);
  return `CREATE TABLE ${name} (${parts.join(", ")})`;
}

export function literal(value: Cell): string {
  return typeof value === "string" ? `'${value}'` : String(value).toUpperCase();
}
