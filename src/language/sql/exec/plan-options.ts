/** What the physical planner must know besides the query: mode, session options, and what connectors can do. */
import type { ExecNodeType } from "../../../foundation/plan/exec-node.ts";
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";

export interface SourceTraits {
  readonly changelogMode: "insert-only" | "retract" | "upsert";
  readonly bounded: boolean;
  /** Deletions hold the primary key, the other columns are NULL. */
  readonly keyOnlyDeletes?: boolean;
  /** The connector can be asked for rows by key. */
  readonly lookup?: boolean;
}
export interface SinkTraits {
  /** It takes deletions whose columns beside the primary key are NULL. */
  readonly keyOnlyDeletes?: boolean;
  /** `insert-only` takes +I, `upsert` all but -U, `retract` everything. */
  readonly changelogMode: "insert-only" | "retract" | "upsert";
}
export interface PlanOptions {
  readonly mode: "streaming" | "batch";
  readonly timeZone: string;
  readonly option: (key: string) => string | undefined;
  readonly config: Readonly<Record<string, string>>;
  /** Whether the engine has an operator for nodes of this type. */
  readonly hasNode: (type: ExecNodeType) => boolean;
  /** table.exec.state.ttl; undefined = for ever. */
  readonly stateTtlMs?: number;
  /** What is known of tables' rows; absent: nothing. */
  readonly statistics?: StatisticsLookup;
  readonly source: (table: ResolvedTable) => SourceTraits;
  /** `query` tells whether the query only inserts: some sinks then take plain inserts. */
  readonly sink: (table: ResolvedTable, query: { readonly insertOnly: boolean }) => SinkTraits;
}
