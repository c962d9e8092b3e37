/**
 * CatalogManager: catalogs, databases, tables, views, functions and models in memory, and which of them a name means.
 *
 * Flow:    script/ changes it; PlannerContext reads it. Temporary objects hide permanent ones of the same name.
 * Rules:   one to three parts: object, database.object, catalog.database.object, completed by the current path. Names of
 *          tables are case-sensitive, those of functions are not.
 * Errors:  MR2122 exists already, MR2123 does not exist.
 */
import { validateErrors } from "../errors.ts";
import { StatisticsStore } from "../statistics/statistics-store.ts";
import { ConnectionStore } from "./connection-store.ts";
import { ModuleManager } from "./module-manager.ts";
import {
  type CatalogEntry,
  type CatalogFunction,
  type CatalogModel,
  type ObjectIdentifier,
  identifierSummary,
  identifierText,
} from "./catalog-objects.ts";

export const DEFAULT_CATALOG = "default_catalog";
export const DEFAULT_DATABASE = "default_database";

export interface Database {
  readonly name: string;
  comment?: string;
  options: Readonly<Record<string, string>>;
  readonly tables: Map<string, CatalogEntry>;
  readonly functions: Map<string, CatalogFunction>;
  readonly models: Map<string, CatalogModel>;
}
export interface Catalog {
  readonly name: string;
  comment?: string;
  options: Readonly<Record<string, string>>;
  readonly databases: Map<string, Database>;
}

function newDatabase(name: string): Database {
  return { name, options: {}, tables: new Map(), functions: new Map(), models: new Map() };
}

export class CatalogManager {
  /** What ANALYZE TABLE has found. */
  readonly statistics = new StatisticsStore();
  readonly connections = new ConnectionStore();
  readonly #catalogs = new Map<string, Catalog>();
  readonly #temporary = new Map<string, CatalogEntry>();
  readonly #temporaryFunctions = new Map<string, CatalogFunction>();
  readonly #systemFunctions = new Map<string, CatalogFunction>();
  readonly #temporaryModels = new Map<string, CatalogModel>();
  readonly modules = new ModuleManager();
  #catalog = DEFAULT_CATALOG;
  #database = DEFAULT_DATABASE;

  constructor() {
    this.createCatalog(DEFAULT_CATALOG, { type: "generic_in_memory" });
    this.createDatabase(DEFAULT_CATALOG, DEFAULT_DATABASE, {});
  }

  get currentCatalog(): string {
    return this.#catalog;
  }
  get currentDatabase(): string {
    return this.#database;
  }

  // ---------------------------------------------------------------------------------------- containers

  catalogs(): readonly string[] {
    return [...this.#catalogs.keys()].sort();
  }
  catalog(name: string): Catalog {
    const found = this.#catalogs.get(name);
    if (found === undefined) throw validateErrors.OBJECT_NOT_FOUND({ object: "Catalog", name });
    return found;
  }
  hasCatalog(name: string): boolean {
    return this.#catalogs.has(name);
  }

  createCatalog(name: string, options: Readonly<Record<string, string>>): Catalog {
    if (this.#catalogs.has(name)) throw validateErrors.OBJECT_EXISTS({ object: "Catalog", name });
    const catalog: Catalog = { name, options, databases: new Map() };
    this.#catalogs.set(name, catalog);
    if (name !== DEFAULT_CATALOG) {
      const database = options["default-database"] ?? "default";
      catalog.databases.set(database, newDatabase(database));
    }
    return catalog;
  }

  dropCatalog(name: string): void {
    this.catalog(name);
    if (name === this.#catalog)
      throw validateErrors.STATEMENT_INVALID({
        message: "Cannot drop a catalog which is currently in use.",
        remedy: "Use another catalog first.",
      });
    this.#catalogs.delete(name);
    this.connections.forget(name);
  }

  databases(catalog = this.#catalog): readonly string[] {
    return [...this.catalog(catalog).databases.keys()].sort();
  }
  database(catalog: string, name: string): Database {
    const found = this.catalog(catalog).databases.get(name);
    if (found === undefined) throw validateErrors.DATABASE_NOT_FOUND({ name, catalog });
    return found;
  }

  createDatabase(
    catalog: string,
    name: string,
    options: Readonly<Record<string, string>>,
  ): Database {
    const { databases } = this.catalog(catalog);
    if (databases.has(name))
      throw validateErrors.OBJECT_EXISTS({ object: "Database", name: `${catalog}.${name}` });
    const database = { ...newDatabase(name), options };
    databases.set(name, database);
    return database;
  }

  dropDatabase(catalog: string, name: string, cascade: boolean): void {
    const database = this.database(catalog, name);
    if (catalog === this.#catalog && name === this.#database)
      throw validateErrors.STATEMENT_INVALID({
        message: "Cannot drop a database which is currently in use.",
        remedy: "Use another database first.",
      });
    if (!cascade && database.tables.size + database.functions.size > 0)
      throw validateErrors.STATEMENT_INVALID({
        message: `Database ${name} in catalog ${catalog} is not empty.`,
        remedy: "Drop its objects first, or use CASCADE.",
      });
    this.catalog(catalog).databases.delete(name);
    this.connections.forget(catalog, name);
  }

  setCurrentCatalog(name: string): void {
    const catalog = this.#catalogs.get(name);
    if (catalog === undefined)
      throw validateErrors.OBJECT_NOT_FOUND({ object: "A catalog with name", name: `[${name}]` });
    this.#catalog = name;
    const initial = catalog.options["default-database"];
    this.#database = initial ?? [...catalog.databases.keys()][0] ?? DEFAULT_DATABASE;
  }
  setCurrentDatabase(parts: readonly string[]): void {
    const catalog = parts.length > 1 ? parts[0]! : this.#catalog;
    this.database(catalog, parts.at(-1)!);
    this.#catalog = catalog;
    this.#database = parts.at(-1)!;
  }

  // ------------------------------------------------------------------------------------------- objects

  qualify(
    parts: readonly string[],
    path = { catalog: this.#catalog, database: this.#database },
  ): ObjectIdentifier {
    const [a, b, c] = parts;
    if (parts.length === 1) return { ...path, object: a! };
    if (parts.length === 2) return { catalog: path.catalog, database: a!, object: b! };
    if (parts.length === 3) return { catalog: a!, database: b!, object: c! };
    throw validateErrors.STATEMENT_INVALID({
      message: `An identifier has at most three parts: ${parts.join(".")}`,
      remedy: "Write catalog.database.object.",
    });
  }

  lookup(
    parts: readonly string[],
    path?: { catalog: string; database: string },
  ): CatalogEntry | undefined {
    if (parts.length > 3) return undefined;
    const id = this.qualify(parts, path);
    return this.#temporary.get(key(id)) ?? this.permanent(id);
  }
  permanent(id: ObjectIdentifier): CatalogEntry | undefined {
    return this.#catalogs.get(id.catalog)?.databases.get(id.database)?.tables.get(id.object);
  }
  temporary(id: ObjectIdentifier): CatalogEntry | undefined {
    return this.#temporary.get(key(id));
  }

  /** False when it is there already and `ifNotExists` says to leave it. */
  create(entry: CatalogEntry, ifNotExists: boolean): boolean {
    const { identifier: id } = entry;
    const { tables } = this.database(id.catalog, id.database);
    const exists = entry.temporary ? this.#temporary.has(key(id)) : tables.has(id.object);
    if (exists) {
      if (ifNotExists) return false;
      throw entry.temporary
        ? validateErrors.OBJECT_EXISTS({
            object: "Temporary table",
            name: `'${identifierSummary(id)}'`,
          })
        : validateErrors.TABLE_EXISTS(id);
    }
    this.statistics.forget(identifierText(id));
    this.replace(entry);
    return true;
  }
  replace(entry: CatalogEntry): void {
    const { identifier: id } = entry;
    if (entry.temporary) this.#temporary.set(key(id), entry);
    else this.database(id.catalog, id.database).tables.set(id.object, entry);
  }

  drop(
    id: ObjectIdentifier,
    kind: "table" | "view",
    options: { readonly temporary: boolean; readonly ifExists: boolean },
  ): boolean {
    const temporary = this.#temporary.get(key(id));
    const found = options.temporary ? temporary : this.permanent(id);
    if (!options.temporary && temporary?.kind === kind)
      throw validateErrors.STATEMENT_INVALID({
        message: `Temporary ${kind} with identifier '${identifierSummary(id)}' exists. Drop it first before removing the permanent ${kind}.`,
        remedy: `Use DROP TEMPORARY ${kind.toUpperCase()}.`,
      });
    if (found?.kind !== kind) {
      if (options.ifExists) return false;
      const word = kind === "table" ? "Table" : "View";
      const object = options.temporary ? `Temporary ${kind}` : word;
      throw validateErrors.OBJECT_NOT_FOUND({
        object: `${object} with identifier`,
        name: `'${identifierText(id)}'`,
      });
    }
    if (options.temporary) this.#temporary.delete(key(id));
    else this.database(id.catalog, id.database).tables.delete(id.object);
    this.statistics.forget(identifierText(id));
    return true;
  }

  /** Names of tables and views of a database; temporary ones included. */
  list(catalog: string, database: string, kind?: "table" | "view"): string[] {
    const names = new Set<string>();
    for (const [name, entry] of this.database(catalog, database).tables)
      if (kind === undefined || entry.kind === kind) names.add(name);
    for (const entry of this.#temporary.values()) {
      const { identifier: id } = entry;
      const here = id.catalog === catalog && id.database === database;
      if (here && (kind === undefined || entry.kind === kind)) names.add(id.object);
    }
    return [...names].sort();
  }

  // ----------------------------------------------------------------------------------------- functions

  systemFunction(name: string): CatalogFunction | undefined {
    return this.#systemFunctions.get(name.toLowerCase());
  }
  function(
    parts: readonly string[],
    path?: { catalog: string; database: string },
  ): CatalogFunction | undefined {
    const id = this.qualify(
      parts.map((part, i) => (i === parts.length - 1 ? part.toLowerCase() : part)),
      path,
    );
    const database = this.#catalogs.get(id.catalog)?.databases.get(id.database);
    return this.#temporaryFunctions.get(key(id)) ?? database?.functions.get(id.object);
  }

  createFunction(definition: CatalogFunction, ifNotExists: boolean): boolean {
    const store = this.#functionStore(definition);
    const name = this.#functionKey(definition);
    if (store.has(name)) {
      if (ifNotExists) return false;
      throw validateErrors.OBJECT_EXISTS({ object: "Function", name: definition.name });
    }
    store.set(name, definition);
    return true;
  }
  replaceFunction(definition: CatalogFunction): void {
    this.#functionStore(definition).set(this.#functionKey(definition), definition);
  }
  dropFunction(definition: CatalogFunction, ifExists: boolean): boolean {
    const done = this.#functionStore(definition).delete(this.#functionKey(definition));
    if (!done && !ifExists)
      throw validateErrors.OBJECT_NOT_FOUND({ object: "Function", name: definition.name });
    return done;
  }
  /** Functions of users: the system's of this session, and those of a database. */
  functionNames(catalog = this.#catalog, database = this.#database): string[] {
    const temporary = [...this.#temporaryFunctions.values()].filter(
      ({ identifier: id }) => id?.catalog === catalog && id.database === database,
    );
    const own = this.database(catalog, database).functions.keys();
    const all = [
      ...this.#systemFunctions.keys(),
      ...temporary.map((f) => f.name.toLowerCase()),
      ...own,
    ];
    return [...new Set(all)].sort();
  }

  // -------------------------------------------------------------------------------------------- models

  model(parts: readonly string[]): CatalogModel | undefined {
    const id = this.qualify(parts);
    return this.#temporaryModels.get(key(id)) ?? this.#models(id)?.get(id.object);
  }
  /** False when it is there already and `ifNotExists` says to leave it. */
  createModel(model: CatalogModel, ifNotExists: boolean): boolean {
    const { identifier: id } = model;
    const exists = model.temporary
      ? this.#temporaryModels.has(key(id))
      : this.database(id.catalog, id.database).models.has(id.object);
    if (exists && ifNotExists) return false;
    if (exists)
      throw validateErrors.OBJECT_EXISTS({
        object: model.temporary ? "Temporary model" : "Model",
        name: `'${identifierText(id)}'`,
      });
    this.replaceModel(model);
    return true;
  }
  replaceModel(model: CatalogModel): void {
    const { identifier: id } = model;
    if (model.temporary) this.#temporaryModels.set(key(id), model);
    else this.database(id.catalog, id.database).models.set(id.object, model);
  }
  dropModel(
    id: ObjectIdentifier,
    options: { readonly temporary: boolean; readonly ifExists: boolean },
  ): void {
    const gone = options.temporary
      ? this.#temporaryModels.delete(key(id))
      : (this.#models(id)?.delete(id.object) ?? false);
    if (gone || options.ifExists) return;
    const object = `${options.temporary ? "Temporary model" : "Model"} with identifier`;
    throw validateErrors.OBJECT_NOT_FOUND({ object, name: `'${identifierText(id)}'` });
  }
  modelNames(catalog: string, database: string): string[] {
    const temporary = [...this.#temporaryModels.values()].map((model) => model.identifier);
    const here = temporary.filter((id) => id.catalog === catalog && id.database === database);
    const own = this.database(catalog, database).models.keys();
    return [...new Set([...own, ...here.map((id) => id.object)])].sort();
  }

  #models(id: ObjectIdentifier): Map<string, CatalogModel> | undefined {
    return this.#catalogs.get(id.catalog)?.databases.get(id.database)?.models;
  }
  #functionStore(definition: CatalogFunction): Map<string, CatalogFunction> {
    if (definition.system) return this.#systemFunctions;
    if (definition.temporary) return this.#temporaryFunctions;
    const id = definition.identifier!;
    return this.database(id.catalog, id.database).functions;
  }
  #functionKey(definition: CatalogFunction): string {
    if (definition.system) return definition.name.toLowerCase();
    const id = definition.identifier!;
    const lower = { ...id, object: id.object.toLowerCase() };
    return definition.temporary ? key(lower) : lower.object;
  }
}

const key = (id: ObjectIdentifier): string => JSON.stringify([id.catalog, id.database, id.object]);
