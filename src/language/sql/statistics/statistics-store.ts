/**
 * What ANALYZE TABLE has found, by table; of partitioned tables by partition, so that a later statement may renew one of them.
 *
 * Flow: script/analyze-table.ts → here → the planner's options. Lives as long as the catalog; dropping a table forgets it.
 */
import type { ColumnStatistics, TableStatistics } from "./table-statistics.ts";

export interface PartStatistics {
  /** Text that tells partitions apart; "" of a table without. */
  readonly partition: string;
  readonly statistics: TableStatistics;
}

export class StatisticsStore {
  readonly #tables = new Map<string, Map<string, TableStatistics>>();

  /** Columns that this analysis did not look at keep what is known of them. */
  keep(table: string, parts: readonly PartStatistics[]): void {
    const known = this.#tables.get(table) ?? new Map<string, TableStatistics>();
    for (const { partition, statistics } of parts) {
      const columns = { ...known.get(partition)?.columns, ...statistics.columns };
      known.set(partition, { ...statistics, columns });
    }
    this.#tables.set(table, known);
  }

  forget(table: string): void {
    this.#tables.delete(table);
  }

  of(table: string): TableStatistics | undefined {
    const parts = this.#tables.get(table);
    if (parts === undefined || parts.size === 0) return undefined;
    return merged([...parts.values()]);
  }
}

/** Of all partitions: sums, extremes; of distinct counts the largest, since partitions may hold the same values. */
export function merged(parts: readonly TableStatistics[]): TableStatistics {
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
