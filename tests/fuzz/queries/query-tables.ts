/** The tables of the query fuzzer: few values, so that keys meet, NULLs among them; a history of changes, and what it ends in. */
import type { ValuesEvent } from "../../../testkit/values/values-store.ts";
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
}

const CHANGES = 40;
const NULLS = 6;

export function fuzzData(next: Random): FuzzData[] {
  return Object.entries(TABLES).map(([name, columns]) => {
    const history: ValuesEvent[] = [];
    const final: Row[] = [];
    const row = () => columns.map(({ type }) => (next(NULLS) === 0 ? null : cell(type, next)));
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

/** A table's columns as DDL has them. */
export function ddlOf({ name, columns }: Pick<FuzzData, "name" | "columns">): string {
  return `CREATE TABLE ${name} (${columns.map((one) => `${one.name} ${SQL_TYPE[one.type]}`).join(", ")})`;
}

export function literal(value: Cell): string {
  return typeof value === "string" ? `'${value}'` : String(value).toUpperCase();
}
