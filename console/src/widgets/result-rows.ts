/** The present contents of a changing result: applies changes by upsert key, or by whole row. */
import type { ResultMessage } from "../api-client/calls.ts";

/** Rows kept; beyond it the oldest go, and the table says so. */
export const MAX_ROWS = 10_000;

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
  dropped = 0;

  apply(message: Extract<ResultMessage, { type: "schema" | "rows" }>): void {
    if (message.type === "schema") {
      this.columns = message.columns;
      this.#upsertKey = message.upsertKey;
      this.#rows.clear();
      this.received = 0;
      return;
    }
    for (const { kind, row } of message.changes) {
      this.received++;
      const key = JSON.stringify(
        this.#upsertKey.length > 0 ? this.#upsertKey.map((index) => row[index]) : row,
      );
      if (kind === "+I" || kind === "+U") this.#add(key, row);
      else if (this.#upsertKey.length === 0 || kind === "-D") this.#remove(key);
    }
  }

  rows(): Row[] {
    return [...this.#rows.values()].flat();
  }

  #add(key: string, row: Row): void {
    const same = this.#rows.get(key);
    if (same !== undefined && this.#upsertKey.length === 0) same.push(row);
    else this.#rows.set(key, [row]);
    if (this.#rows.size > MAX_ROWS) {
      this.#rows.delete(this.#rows.keys().next().value!);
      this.dropped++;
    }
  }

  #remove(key: string): void {
    const same = this.#rows.get(key);
    if (same === undefined) return;
    same.pop();
    if (same.length === 0) this.#rows.delete(key);
  }
}
