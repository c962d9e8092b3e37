/**
 * What a catalog holds: tables, views, functions, models. Frozen data; CatalogManager keeps them.
 *
 * Flow: CREATE statements → table-definition.ts → these → scans, sinks, SHOW CREATE and DESCRIBE.
 */
import type { LogicalType, RowField } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { QueryNode } from "../parser/ast.ts";

/** catalog, database, object. */
export interface ObjectIdentifier {
  readonly catalog: string;
  readonly database: string;
  readonly object: string;
}

export function identifierText(id: ObjectIdentifier): string {
  return `${id.catalog}.${id.database}.${id.object}`;
}
export function identifierSummary(id: ObjectIdentifier): string {
  return `\`${id.catalog}\`.\`${id.database}\`.\`${id.object}\``;
}

export type TableColumn = { readonly name: string; readonly comment?: string } & (
  | { readonly kind: "physical"; readonly type: LogicalType }
  | {
      readonly kind: "metadata";
      readonly type: LogicalType;
      readonly metadataKey?: string;
      readonly virtual: boolean;
    }
  /** `expression` is over the source schema (physical and metadata columns); `text` is for SHOW CREATE. */
  | {
      readonly kind: "computed";
      readonly type: LogicalType;
      readonly expression: Expression;
      readonly text: string;
    }
);

export interface TableDistribution {
  readonly method?: "HASH" | "RANGE";
  readonly columns: readonly string[];
  readonly buckets?: number;
}

export interface CatalogPartition {
  /** By partition key. */
  readonly values: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** How a materialized table is filled. */
export interface MaterializedQuery {
  /** The query as written. */
  readonly text: string;
  /** With whole names. */
  readonly query: QueryNode;
  /** As SHOW CREATE prints it: `INTERVAL '30' SECOND`. */
  readonly freshness?: string;
  /** FULL: by ALTER … REFRESH, which the platform runs at every period. */
  readonly refreshMode: "CONTINUOUS" | "FULL";
  /** As SHOW CREATE prints it. */
  readonly startMode?: string;
  /** FULL: patterns of the time that a refresh by the clock is for, by partition column. */
  readonly partitionFormats?: Readonly<Record<string, string>>;
  /** That of the session, for them. */
  readonly timeZone?: string;
  /** CONTINUOUS: what the table was called when it was made: its job's state goes by that. */
  readonly stateName?: string;
  /** CONTINUOUS: the interval of the job's checkpoints; FULL: from one refresh to the next. */
  readonly periodMs?: number;
  /** Of ALTER … RESUME WITH: how its job writes, beyond the table's own options. */
  readonly dynamicOptions?: Readonly<Record<string, string>>;
  /** What the platform tells about its refreshes, for SHOW CREATE and DESCRIBE EXTENDED. */
  readonly observed?: readonly (readonly [name: string, value: string])[];
}

/** A table with everything resolved. */
export interface ResolvedTable {
  readonly kind: "table";
  readonly identifier: ObjectIdentifier;
  readonly temporary: boolean;
  readonly comment?: string;
  readonly columns: readonly TableColumn[];
  /** `expression` is over all columns. */
  readonly watermark?: {
    readonly column: number;
    readonly expression: Expression;
    readonly text: string;
  };
  readonly primaryKey?: { readonly name: string; readonly columns: readonly string[] };
  readonly partitionKeys: readonly string[];
  /** As ALTER TABLE ADD PARTITION said. */
  readonly partitions?: readonly CatalogPartition[];
  /** Kept up to date by a query. */
  readonly materialized?: MaterializedQuery;
  readonly distribution?: TableDistribution;
  /** Whose options it has too, where it does not say otherwise itself. */
  readonly connection?: ObjectIdentifier;
  readonly options: Readonly<Record<string, string>>;
  /** Anonymous: made for `FROM 'file'` or by the host; not listed. */
  readonly inline?: boolean;
}

export interface ResolvedView {
  readonly kind: "view";
  readonly identifier: ObjectIdentifier;
  readonly temporary: boolean;
  readonly comment?: string;
  readonly query: QueryNode;
  /** The query as written. */
  readonly text: string;
  readonly columnNames: readonly string[];
  readonly schema: Schema;
  /** Catalog and database in force when it was created: names in the query resolve there. */
  readonly path: { readonly catalog: string; readonly database: string };
}

export type CatalogEntry = ResolvedTable | ResolvedView;

/** A user's function; the host says what its class means. */
export interface CatalogFunction {
  readonly name: string;
  readonly identifier?: ObjectIdentifier;
  readonly temporary: boolean;
  readonly system: boolean;
  readonly className: string;
  readonly language: string;
  readonly resources: readonly { readonly type: "JAR" | "ARTIFACT"; readonly path: string }[];
}

export interface CatalogModel {
  readonly identifier: ObjectIdentifier;
  readonly temporary: boolean;
  readonly comment?: string;
  readonly input: readonly RowField[];
  readonly output: readonly RowField[];
  readonly options: Readonly<Record<string, string>>;
}

/** All columns as a query sees them; the watermark's column is a time attribute. */
export function tableSchema(table: ResolvedTable): Schema {
  let schema = schemas.get(table);
  if (schema === undefined) {
    schema = { fields: table.columns.map((column) => ({ name: column.name, type: column.type })) };
    schemas.set(table, schema);
  }
  return schema;
}
const schemas = new WeakMap<ResolvedTable, Schema>();

/** What the connector reads: physical and metadata columns. */
export function sourceColumns(table: ResolvedTable): readonly TableColumn[] {
  return table.columns.filter((column) => column.kind !== "computed");
}
/** What the connector is given: physical columns and metadata that is not VIRTUAL. */
export function sinkColumns(table: ResolvedTable): readonly TableColumn[] {
  return table.columns.filter(
    (column) => column.kind === "physical" || (column.kind === "metadata" && !column.virtual),
  );
}
