/**
 * Catalogs and databases: CREATE, ALTER, DROP, USE, DESCRIBE, SHOW CREATE.
 *
 * Source: Flink CatalogManager and the operations of catalogs, with their messages. Catalogs live in this session's memory
 *         (`'type' = 'generic_in_memory'`); another type would pretend to read somebody else's tables, so it is refused.
 */
import type { Catalog, Database } from "../catalog/catalog-manager.ts";
import { isSecretName, SECRET_MASK } from "../../../foundation/base/secrets.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterObjectNode,
  CreateCatalogNode,
  CreateDatabaseNode,
  DescribeNode,
  DropNode,
  IdentifierNode,
  UseNode,
} from "../parser/ast.ts";
import { quoteName, quoteString } from "../parser/unparse-types.ts";
import { stringRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };
const IN_MEMORY = "generic_in_memory";
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

export function createCatalog(
  { catalog: manager }: SessionContext,
  node: CreateCatalogNode,
): StatementResult {
  const name = namesOf(node.name)[0]!;
  if (node.ifNotExists && manager.hasCatalog(name)) return OK;
  const options = optionsOf(node.options);
  if (options.type !== IN_MEMORY)
    throw validateErrors.STATEMENT_INVALID(
      {
        message:
          options.type === undefined
            ? "'type' is required to create a catalog: the catalog's options have none."
            : `Could not find any factory for identifier '${options.type}' that implements 'org.apache.flink.table.factories.CatalogFactory' in the classpath.\n\nAvailable factory identifiers are:\n\n${IN_MEMORY}`,
        remedy: `Use 'type' = '${IN_MEMORY}' and create the tables in it.`,
      },
      { at: node.span },
    );
  const made = manager.createCatalog(name, options);
  if (node.comment !== undefined) made.comment = node.comment;
  return OK;
}

export function createDatabase(
  { catalog: manager }: SessionContext,
  node: CreateDatabaseNode,
): StatementResult {
  const parts = namesOf(node.name);
  const owner = parts.length > 1 ? parts[0]! : manager.currentCatalog;
  const name = parts.at(-1)!;
  if (node.ifNotExists && manager.databases(owner).includes(name)) return OK;
  const made = manager.createDatabase(owner, name, optionsOf(node.options));
  if (node.comment !== undefined) made.comment = node.comment;
  return OK;
}

export function use({ catalog: manager }: SessionContext, node: UseNode): StatementResult {
  const parts = namesOf(node.name);
  if (node.object === "CATALOG") manager.setCurrentCatalog(parts[0]!);
  else manager.setCurrentDatabase(parts);
  return OK;
}

export function dropContainer(
  { catalog: manager }: SessionContext,
  node: DropNode,
): StatementResult {
  const parts = namesOf(node.name);
  if (node.object === "CATALOG") {
    if (!node.ifExists || manager.hasCatalog(parts[0]!)) manager.dropCatalog(parts[0]!);
    return OK;
  }
  const owner = parts.length > 1 ? parts[0]! : manager.currentCatalog;
  const exists = manager.databases(owner).includes(parts.at(-1)!);
  if (exists || !node.ifExists)
    manager.dropDatabase(owner, parts.at(-1)!, node.behavior === "CASCADE");
  return OK;
}

/** ALTER CATALOG and ALTER DATABASE. */
export function alterContainer(session: SessionContext, node: AlterObjectNode): StatementResult {
  const { action } = node;
  const target: Catalog | Database =
    node.object === "CATALOG"
      ? session.catalog.catalog(namesOf(node.name)[0]!)
      : databaseOf(session, node.name);
  switch (action.action) {
    case "setOptions": {
      const options = optionsOf(action.options);
      if (node.object === "CATALOG" && options.type !== undefined)
        throw refused("ALTER CATALOG SET does not support changing 'type'", node);
      target.options = { ...target.options, ...options };
      return OK;
    }
    case "resetOptions":
      if (action.keys.length === 0)
        throw refused(`ALTER ${node.object} RESET does not support empty key`, node);
      if (node.object === "CATALOG" && action.keys.includes("type"))
        throw refused("ALTER CATALOG RESET does not support changing 'type'", node);
      target.options = Object.fromEntries(
        Object.entries(target.options).filter(([key]) => !action.keys.includes(key)),
      );
      return OK;
    case "setComment":
      target.comment = action.comment;
      return OK;
    default:
      throw refused(`ALTER ${node.object} cannot rename`, node);
  }
}

function refused(message: string, node: AlterObjectNode): Error {
  return validateErrors.STATEMENT_INVALID(
    { message, remedy: "Create it again with other options." },
    { at: node.span },
  );
}

export function databaseOf({ catalog: manager }: SessionContext, name: IdentifierNode): Database {
  const parts = namesOf(name);
  return manager.database(parts.length > 1 ? parts[0]! : manager.currentCatalog, parts.at(-1)!);
}

export function describeContainer(session: SessionContext, node: DescribeNode): StatementResult {
  const rows: [string, string][] = [];
  let options: Readonly<Record<string, string>>;
  if (node.object === "CATALOG") {
    const { name, comment, options: all } = session.catalog.catalog(namesOf(node.name)[0]!);
    const { type = "", ...rest } = all;
    rows.push(["name", name], ["type", type], ["comment", comment ?? ""]);
    options = rest;
  } else {
    const { name, comment, options: all } = databaseOf(session, node.name);
    const parts = namesOf(node.name);
    const owner = parts.length > 1 ? parts[0]! : session.catalog.currentCatalog;
    rows.push(["catalog name", owner], ["database name", name], ["comment", comment ?? ""]);
    options = all;
  }
  if (node.extended)
    for (const [key, value] of sorted(options)) rows.push([`option:${key}`, shown(key, value)]);
  return stringRows(["info name", "info value"], rows);
}

export function showCreateCatalog(session: SessionContext, name: IdentifierNode): StatementResult {
  const catalog = session.catalog.catalog(namesOf(name)[0]!);
  const comment = catalog.comment ? `COMMENT ${quoteString(catalog.comment)}\n` : "";
  const options = sorted(catalog.options)
    .map(([key, value]) => `  ${quoteString(key)} = ${quoteString(shown(key, value))}`)
    .join(",\n");
  const text = `CREATE CATALOG ${quoteName(catalog.name)}\n${comment}WITH (\n${options}\n)\n`;
  return stringRows(["result"], [[text]]);
}

function sorted(options: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
}

function shown(key: string, value: string): string {
  return isSecretName(key) ? SECRET_MASK : value;
}
