/**
 * What is known of a table's rows: from ANALYZE TABLE, or from a connector that knows it cheaply. Plain data.
 *
 * Flow:    catalog (ANALYZE TABLE), connectors → **here** → plan-estimates.ts, rel-estimates.ts → join order, EXPLAIN.
 * Source:  Flink CatalogTableStatistics, CatalogColumnStatistics, TableStats.
 */

/** What the planner asks about: a table as its connector knows it. */
export interface StatisticsSubject {
  /** catalog.database.table */
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface ColumnStatistics {
  readonly distinctCount?: number;
  readonly nullCount?: number;
  /** Numbers as they are; DATE epoch days; TIME, TIMESTAMP milliseconds. Absent for other types. */
  readonly min?: number;
  readonly max?: number;
  /** Of texts and bytes. */
  readonly averageLength?: number;
  readonly maxLength?: number;
}

export interface TableStatistics {
  readonly rowCount?: number;
  readonly columns: Readonly<Record<string, ColumnStatistics>>;
}

/** Statistics of a table; undefined = nothing is known. */
export type StatisticsLookup = (table: StatisticsSubject) => TableStatistics | undefined;
