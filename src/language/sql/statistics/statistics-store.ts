/**
 * What ANALYZE TABLE has found, by table; of partitioned tables by partition, so that a later statement may renew one of them.
 *
 * Flow: script/analyze-table.ts → here → the planner's options. Lives as long as the catalog; dropping a table forgets it.
 */
import type { ColumnStatistics, TableStatistics } from "./table-statistics.ts";

export interface PartStatistics {
  /** Values of the partition keys; none of a table without. */
  readonly partition: readonly string[];
  readonly statistics: TableStatistics;
}

interface KnownTable {
  readonly keys: readonly string[];
  /** By the values of the keys. */
  readonly parts: ReadonlyMap<string, PartStatistics>;
}

export class StatisticsStore {
  readonly #tables = new Map<string, KnownTable>();

  /** Columns that this analysis did not look at keep what is known of them. */
  keep(table: string, found: readonly PartStatistics[], keys: readonly string[] = []): void {
    const parts = new Map(this.#tables.get(table)?.parts);
    for (const { partition, statistics } of found) {
      const text = JSON.stringify(partition);
      const columns = { ...parts.get(text)?.statistics.columns, ...statistics.columns };
      parts.set(text, { partition, statistics: { ...statistics, columns } });
    }
    this.#tables.set(table, { keys, parts });
  }

  forget(table: string): void {
    this.#tables.delete(table);
  }

  /** All that is known of a table, as keep() takes it. */
  parts(table: string): readonly PartStatistics[] {
    return [...(this.#tables.get(table)?.parts.values() ?? [])];
  }

  of(table: string): TableStatistics | undefined {
    const known = this.#tables.get(table);
    if (known === undefined || known.parts.size === 0) return undefined;
    const parts = [...known.parts.values()];
    const { rowCount = 0, columns } = merged(parts.map(({ statistics }) => statistics));
    const keys = known.keys.map((key, i) => {
      const distinctCount = new Set(parts.map(({ partition }) => partition[i])).size;
      return [key, { ...columns[key], distinctCount }] as const;
    });
    return { rowCount, columns: { ...columns, ...Object.fromEntries(keys) } };
  }
}

/** Of all partitions: sums, extremes; of distinct counts the largest, since partitions may hold the same values. */
function merged(parts: readonly TableStatistics[]): TableStatistics {
  const [first, ...others] = parts;
  return others.reduce(mergedPair, first!);
}

function mergedPair(a: TableStatistics, b: TableStatistics): TableStatistics {
  const rowsOf = (part: TableStatistics) => part.rowCount ?? 0;
  const columns: Record<string, ColumnStatistics> = {};
  for (const name of Object.keys(a.columns)) {
    const [x, y] = [a.columns[name]!, b.columns[name]];
    if (y !== undefined) columns[name] = mergedColumn(x, y, rowsOf(a), rowsOf(b));
  }
  return { rowCount: rowsOf(a) + rowsOf(b), columns };
}

function mergedColumn(
  x: ColumnStatistics,
  y: ColumnStatistics,
  xRows: number,
  yRows: number,
): ColumnStatistics {
  const both = (
    key: keyof ColumnStatistics,
    of: (a: number, b: number) => number,
  ): Partial<ColumnStatistics> => {
    const [a, b] = [x[key], y[key]];
    const value = a === undefined ? b : b === undefined ? a : of(a, b);
    return value === undefined ? {} : { [key]: value };
  };
  const rows = Math.max(1, xRows + yRows);
  return {
    ...both("distinctCount", Math.max),
    ...both("nullCount", (a, b) => a + b),
    ...both("min", Math.min),
    ...both("max", Math.max),
    ...both("averageLength", (a, b) => (a * xRows + b * yRows) / rows),
    ...both("maxLength", Math.max),
  };
}
