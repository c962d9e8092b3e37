/** What consoles and completion show of a catalog: names, connectors, columns with their types as text. */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { CatalogManager } from "./catalog-manager.ts";
import { type CatalogEntry, tableSchema } from "./catalog-objects.ts";

export interface TableSummary {
  readonly name: string;
  readonly kind: "TABLE" | "VIEW";
  /** Null of views. */
  readonly connector: string | null;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Tables and views of the current database, by name. */
export function tableSummaries(catalog: CatalogManager): TableSummary[] {
  const names = catalog.list(catalog.currentCatalog, catalog.currentDatabase);
  return names.flatMap((name) => {
    const entry = catalog.lookup([name]);
    return entry === undefined ? [] : [tableSummary(entry)];
  });
}

function tableSummary(entry: CatalogEntry): TableSummary {
  const isView = entry.kind === "view";
  const schema = isView ? entry.schema : tableSchema(entry);
  return {
    name: entry.identifier.object,
    kind: isView ? "VIEW" : "TABLE",
    connector: isView ? null : (entry.options.connector ?? null),
    columns: schema.fields.map(({ name, type }) => ({ name, type: typeToString(type) })),
  };
}
