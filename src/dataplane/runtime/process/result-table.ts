/**
 * ResultTable: what a sink's changelog amounts to so far, for a preview that is opened while the
 *              job runs: changes folded by the
 * upsert key, or by the whole row.
 *
 * Limits:  RESULT_ROWS rows; inserts beyond are counted as missed.
 */
import type { RenderedRow } from "../task/row-render.ts";

export const RESULT_ROWS = 10_000;

export class ResultTable {
  readonly #key: readonly number[];
  /** By key: the row and how often it is there (more than once without an upsert key only). */
  readonly #rows = new Map<string, { row: RenderedRow; count: number }>();
  #count = 0;
  #missed = 0;

  constructor(upsertKey: readonly number[]) {
    this.#key = upsertKey;
  }

  get missed(): number {
    return this.#missed;
  }

  clear(): void {
    this.#rows.clear();
    this.#count = 0;
    this.#missed = 0;
  }

  apply(rows: readonly RenderedRow[], skipped = 0): void {
    this.#missed += skipped;
    for (const row of rows) {
      // Kinds are +I 0, -U 1, +U 2, -D 3: odd ones take a row back.
      if ((row.kind & 1) === 0) this.#add(row);
      else this.#remove(row);
    }
  }

  /** All rows as inserts. */
  contents(): RenderedRow[] {
    const rows: RenderedRow[] = [];
    for (const { row, count } of this.#rows.values())
      for (let i = 0; i < count; i++) rows.push({ kind: 0, values: row.values });
    return rows;
  }

  #add(row: RenderedRow): void {
    const key = this.#keyOf(row);
    const found = this.#rows.get(key);
    if (found !== undefined && this.#key.length > 0) {
      found.row = row;
      return;
    }
    if (this.#count >= RESULT_ROWS) {
      this.#missed++;
      return;
    }
    this.#count++;
    if (found === undefined) this.#rows.set(key, { row, count: 1 });
    else found.count++;
  }

  #remove(row: RenderedRow): void {
    const key = this.#keyOf(row);
    const found = this.#rows.get(key);
    if (found === undefined) return;
    // With an upsert key the +U that follows a -U replaces the row in its place.
    if (row.kind === 1 && this.#key.length > 0) return;
    this.#count--;
    found.count--;
    if (found.count === 0) this.#rows.delete(key);
  }

  #keyOf({ values }: RenderedRow): string {
    return JSON.stringify(this.#key.length === 0 ? values : this.#key.map((i) => values[i]));
  }
}
