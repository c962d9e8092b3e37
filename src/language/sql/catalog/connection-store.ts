/**
 * Connections: options by name that tables share with USING CONNECTION.
 *
 * Rules:   a temporary one hides a permanent one of its name; a temporary system one has no path and is found last. What a
 *          table says itself counts more than its connection; changes of a connection show in its tables at once.
 * Errors:  MR2122 exists already, MR2123 does not exist.
 * Source:  Flink's CREATE CONNECTION (FLIP-529).
 */
import { validateErrors } from "../errors.ts";
import {
  type CatalogEntry,
  identifierText,
  type ObjectIdentifier,
  type ResolvedTable,
} from "./catalog-objects.ts";

export interface CatalogConnection {
  readonly identifier: ObjectIdentifier;
  readonly temporary: boolean;
  /** Without a path. */
  readonly system: boolean;
  readonly comment?: string;
  readonly options: Readonly<Record<string, string>>;
}

type Scope = "permanent" | "temporary" | "system";

const scopeOf = ({ temporary, system }: Pick<CatalogConnection, "temporary" | "system">): Scope =>
  system ? "system" : temporary ? "temporary" : "permanent";

function keyOf(scope: Scope, { catalog, database, object }: ObjectIdentifier): string {
  return JSON.stringify(scope === "system" ? [scope, object] : [scope, catalog, database, object]);
}

export class ConnectionStore {
  readonly #connections = new Map<string, CatalogConnection>();

  find(id: ObjectIdentifier): CatalogConnection | undefined {
    const scopes: readonly Scope[] = ["temporary", "permanent", "system"];
    for (const scope of scopes) {
      const found = this.#connections.get(keyOf(scope, id));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The connection, or the error that there is none. */
  get(id: ObjectIdentifier): CatalogConnection {
    const found = this.find(id);
    if (found === undefined) throw missing(id);
    return found;
  }

  create(connection: CatalogConnection, ifNotExists: boolean): void {
    const key = keyOf(scopeOf(connection), connection.identifier);
    if (!this.#connections.has(key)) this.#connections.set(key, connection);
    else if (!ifNotExists)
      throw validateErrors.OBJECT_EXISTS({
        object: "Connection",
        name: `'${identifierText(connection.identifier)}'`,
      });
  }

  replace(connection: CatalogConnection): void {
    this.#connections.set(keyOf(scopeOf(connection), connection.identifier), connection);
  }

  drop(
    id: ObjectIdentifier,
    options: { readonly temporary: boolean; readonly system: boolean; readonly ifExists: boolean },
  ): void {
    if (!this.#connections.delete(keyOf(scopeOf(options), id)) && !options.ifExists)
      throw missing(id);
  }

  /** What is no longer there when a catalog, or one database of it, has gone. */
  forget(catalog: string, database?: string): void {
    for (const [key, { identifier: id, temporary }] of this.#connections)
      if (!temporary && id.catalog === catalog && (database ?? id.database) === id.database)
        this.#connections.delete(key);
  }

  names(catalog: string, database: string): string[] {
    const here = [...this.#connections.values()].filter(
      ({ identifier: id, system }) =>
        system || (id.catalog === catalog && id.database === database),
    );
    return [...new Set(here.map(({ identifier }) => identifier.object))].sort();
  }

  /** A table with the options of its connection. */
  resolve<E extends CatalogEntry>(entry: E): E | ResolvedTable {
    if (entry.kind !== "table" || entry.connection === undefined) return entry;
    const { options } = this.get(entry.connection);
    return { ...entry, options: { ...options, ...entry.options } };
  }
}

function missing(id: ObjectIdentifier): Error {
  return validateErrors.OBJECT_NOT_FOUND({
    object: "Connection with identifier",
    name: `'${identifierText(id)}'`,
  });
}
