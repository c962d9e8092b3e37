/**
 * KeptStatistics: what ANALYZE TABLE has found on this platform, for the plans of all its sessions.
 *
 * Flow:    preview runs the analysis → here → store; Workspace asks for every plan.
 * Rules:   by the table's whole name and its options: a table of the same name that reads something else has none.
 */
import { analysedParts, type TableAnalysis } from "../../language/sql/script/analyze-table.ts";
import {
  type PartStatistics,
  StatisticsStore,
} from "../../language/sql/statistics/statistics-store.ts";
import type {
  StatisticsSubject,
  TableStatistics,
} from "../../language/sql/statistics/table-statistics.ts";
import type { Store } from "../store/store.ts";

interface Stored {
  readonly keys: readonly string[];
  readonly parts: readonly PartStatistics[];
}

export class KeptStatistics {
  readonly #known = new StatisticsStore();
  /** Of the tables that were read, as text. */
  readonly #options = new Map<string, string>();

  of({ name, options }: StatisticsSubject): TableStatistics | undefined {
    return this.#options.get(name) === text(options) ? this.#known.of(name) : undefined;
  }

  async load(store: Store): Promise<void> {
    const rows = await store.db.selectFrom("table_statistics").selectAll().execute();
    for (const { id, options, statistics } of rows) {
      const { parts, keys } = JSON.parse(statistics) as Stored;
      this.#options.set(id, options);
      this.#known.keep(id, parts, keys);
    }
  }

  /** The rows that an analysis gave. Partitions and columns that it did not look at keep what is known of them. */
  async keep(
    store: Store,
    found: {
      readonly analysis: TableAnalysis;
      readonly options: Readonly<Record<string, string>>;
      readonly rows: readonly (readonly unknown[])[];
    },
  ): Promise<void> {
    const { table: id, partitionKeys: keys } = found.analysis;
    const options = text(found.options);
    if (this.#options.get(id) !== options) this.#known.forget(id);
    this.#options.set(id, options);
    this.#known.keep(id, analysedParts(found.analysis, found.rows), keys);
    const stored: Stored = { keys, parts: this.#known.parts(id) };
    const statistics = JSON.stringify(stored);
    await store.db
      .insertInto("table_statistics")
      .values({ id, options, statistics })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ options, statistics }))
      .execute();
  }
}

function text(options: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}
