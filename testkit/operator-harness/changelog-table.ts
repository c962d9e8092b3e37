/** ChangelogTable: what a changelog of row texts adds up to; a row that is taken back must be there. */
import assert from "node:assert/strict";

export class ChangelogTable {
  readonly #rows = new Map<string, number>();

  apply(changes: readonly string[], where: string): void {
    for (const change of changes) {
      if (change.startsWith("watermark ")) continue;
      const kind = change.slice(0, 2);
      const row = change.slice(2);
      const count = this.#rows.get(row) ?? 0;
      if (kind === "+I" || kind === "+U") this.#rows.set(row, count + 1);
      else {
        assert.ok(count > 0, `${where}: ${change} takes back what is not there`);
        if (count === 1) this.#rows.delete(row);
        else this.#rows.set(row, count - 1);
      }
    }
  }

  /** Rows with their numbers, sorted. */
  contents(): string[] {
    return [...this.#rows].flatMap(([row, count]) => Array<string>(count).fill(row)).sort();
  }
}

/** A seeded generator of numbers in [0, n). */
export function seededRandom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * n);
  };
}

/** The seed of a random test: MILLRACE_SEED or the day's own; printed by the test. */
export function testSeed(): number {
  return Number(process.env["MILLRACE_SEED"] ?? Math.floor(Date.now() % 1_000_000));
}
