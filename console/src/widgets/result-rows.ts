/** The present contents of a changing result: applies changes by upsert key, or by whole row. */
import type { ResultMessage } from "../api-client/calls.ts";

/** Rows kept; beyond it the oldest go, and the table says so. */
export const MAX_ROWS = 10_000;

const ORDER = new Intl.Collator("en", { numeric: true });

export type Row = readonly unknown[];
export interface ResultColumn {
  readonly name: string;
  readonly type: string;
}

export class ResultRows {
  columns: readonly ResultColumn[] = [];
  #upsertKey: readonly number[] = [];
  readonly #rows = new Map<string, Row[]>();
  received = 0;
  /** Rows that are not shown: beyond MAX_ROWS, or never sent. */
  missed = 0;

  apply(message: Extract<ResultMessage, { type: "schema" | "rows" }>): void {
    if (message.type === "schema") {
      this.columns = message.columns;
      this.#upsertKey = message.upsertKey;
      this.#rows.clear();
      this.missed = 0;
      return;
    }
    this.missed += message.missed;
    for (const { kind, row } of message.changes) {
      if (!message.snapshot) this.received++;
      const key = JSON.stringify(
        this.#upsertKey.length > 0 ? this.#upsertKey.map((index) => row[index]) : row,
      );
      if (kind === "+I" || kind === "+U") this.#add(key, row);
      else if (this.#upsertKey.length === 0 || kind === "-D") this.#remove(key);
    }
  }

  /** By key when there is one, else the newest first. */
  rows(): Row[] {
    const rows = [...this.#rows.values()].flat();
    const key = this.#upsertKey;
    if (key.length === 0) return rows.reverse();
    return rows.sort((a, b) => {
      for (const index of key) {
        const order = ORDER.compare(String(a[index]), String(b[index]));
        if (order !== 0) return order;
      }
      return 0;
    });
  }

  #add(key: string, row: Row): void {
    const same = this.#rows.get(key);
    if (same !== undefined && this.#upsertKey.length === 0) same.push(row);
    else this.#rows.set(key, [row]);
    if (this.#rows.size > MAX_ROWS) {
      this.#rows.delete(this.#rows.keys().next().value!);
      this.missed++;
    }
  }

  #remove(key: string): void {
    const same = this.#rows.get(key);
    if (same === undefined) return;
    same.pop();
    if (same.length === 0) this.#rows.delete(key);
  }
}
