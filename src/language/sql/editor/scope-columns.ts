/**
 * The columns that may be named at a cursor, each with its type and its table: the validator says them, one SELECT * for a table.
 *
 * Flow: completion, hover, definition → here → relations.ts (which tables), editor-session.ts (their columns).
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { SqlSession } from "../script/sql-session.ts";
import type { Cursor } from "./cursor.ts";
import type { EditorSession } from "./editor-session.ts";
import { type InScope, type NamedTable, tablesInScope } from "./relations.ts";

export interface ScopedColumn {
  readonly name: string;
  readonly type: LogicalType;
}

export interface ScopedTable extends NamedTable {
  readonly columns: readonly ScopedColumn[];
}

export interface CursorScope extends InScope {
  readonly tables: readonly ScopedTable[];
  /** `WITH a AS (…) `, or empty: what a query needs before it to be validated by itself. */
  readonly withText: string;
}

export function scopeAt(cursor: Cursor, session: SqlSession, editor: EditorSession): CursorScope {
  const { tables, withItems } = tablesInScope(cursor);
  const { text } = cursor;
  const withText = textOfWith(text, withItems);
  const scoped = tables.map((table): ScopedTable => {
    const alone = `${withText}SELECT * FROM ${factorText(text, table)}`;
    const fields =
      editor.fields(session, alone) ??
      // LATERAL and its like need the tables before it.
      (table.name === undefined
        ? undefined
        : editor.fields(
            session,
            `${withText}SELECT \`${table.name}\`.* FROM ${text.slice(table.listStart, table.end)}`,
          ));
    return { ...table, columns: fields ?? [] };
  });
  return { tables: scoped, withItems, withText };
}

export function textOfWith(text: string, items: InScope["withItems"]): string {
  if (items.length === 0) return "";
  return `WITH ${items.map(({ start, end }) => text.slice(start, end)).join(", ")} `;
}

function factorText(text: string, { start, end, systemTime }: NamedTable): string {
  if (systemTime === undefined) return text.slice(start, end);
  return `${text.slice(start, systemTime.start)} ${text.slice(systemTime.end, end)}`;
}

/** Of FROM as a whole, for expressions over all its tables; undefined: there is none. */
export function fromText(text: string, tables: readonly ScopedTable[]): string | undefined {
  const own = tables.filter(({ level }) => level === tables[0]?.level);
  const last = own.at(-1);
  return last === undefined ? undefined : text.slice(last.listStart, last.end);
}
