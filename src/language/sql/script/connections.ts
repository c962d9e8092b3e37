/**
 * CREATE, ALTER, DROP, DESCRIBE and SHOW CREATE CONNECTION. Secrets are masked wherever options are shown.
 *
 * Source: Flink's connections (FLIP-529).
 */
import { isSecretName, maskUrlPasswords, SECRET_MASK } from "../../../foundation/base/secrets.ts";
import { identifierSummary } from "../catalog/catalog-objects.ts";
import type { CatalogConnection } from "../catalog/connection-store.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterObjectNode,
  CreateConnectionNode,
  DropNode,
  IdentifierNode,
} from "../parser/ast.ts";
import { quoteString } from "../parser/unparse-types.ts";
import { stringRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };

function idOf({ catalog }: SessionContext, name: IdentifierNode) {
  return catalog.qualify(name.parts.map((part) => part.name));
}

export function createConnection(
  session: SessionContext,
  node: CreateConnectionNode,
): StatementResult {
  const { temporary, system, ifNotExists } = node;
  const connection: CatalogConnection = {
    identifier: idOf(session, node.name),
    temporary,
    system,
    ...(node.comment === undefined ? {} : { comment: node.comment }),
    options: optionsOf(node.options),
  };
  session.catalog.database(connection.identifier.catalog, connection.identifier.database);
  session.catalog.connections.create(connection, ifNotExists);
  return OK;
}

export function alterConnection(session: SessionContext, node: AlterObjectNode): StatementResult {
  const { connections } = session.catalog;
  const id = idOf(session, node.name);
  if (node.ifExists && connections.find(id) === undefined) return OK;
  const known = connections.get(id);
  const { action } = node;
  switch (action.action) {
    case "setOptions":
      connections.replace({
        ...known,
        options: { ...known.options, ...optionsOf(action.options) },
      });
      return OK;
    case "resetOptions": {
      if (action.keys.length === 0)
        throw validateErrors.STATEMENT_INVALID(
          { message: "ALTER CONNECTION RESET does not support empty key", remedy: "Name the key." },
          { at: node.span },
        );
      const kept = Object.entries(known.options).filter(([key]) => !action.keys.includes(key));
      connections.replace({ ...known, options: Object.fromEntries(kept) });
      return OK;
    }
    case "setComment":
      connections.replace({ ...known, comment: action.comment });
      return OK;
    default: {
      const { temporary, system } = known;
      const parts = action.to.parts.map((part) => part.name);
      connections.create(
        { ...known, identifier: session.catalog.qualify(parts, known.identifier) },
        false,
      );
      connections.drop(known.identifier, { temporary, system, ifExists: false });
      return OK;
    }
  }
}

export function dropConnection(session: SessionContext, node: DropNode): StatementResult {
  const { temporary, system, ifExists } = node;
  session.catalog.connections.drop(idOf(session, node.name), { temporary, system, ifExists });
  return OK;
}

export function describeConnection(session: SessionContext, name: IdentifierNode): StatementResult {
  const {
    identifier,
    comment = "",
    options,
  } = session.catalog.connections.get(idOf(session, name));
  const rows: [string, string][] = [
    ["name", identifier.object],
    ["comment", comment],
  ];
  for (const [key, value] of shownOptions(options)) rows.push([`option:${key}`, value]);
  return stringRows(["info name", "info value"], rows);
}

export function showCreateConnection(
  session: SessionContext,
  name: IdentifierNode,
): StatementResult {
  const known = session.catalog.connections.get(idOf(session, name));
  const options = shownOptions(known.options).map(
    ([key, value]) => `  ${quoteString(key)} = ${quoteString(value)}`,
  );
  const scope = known.system ? "TEMPORARY SYSTEM " : known.temporary ? "TEMPORARY " : "";
  const lines = [
    `CREATE ${scope}CONNECTION ${identifierSummary(known.identifier)}`,
    ...(known.comment === undefined ? [] : [`COMMENT ${quoteString(known.comment)}`]),
    `WITH (\n${options.join(",\n")}\n)`,
  ];
  return stringRows(["result"], [[`${lines.join("\n")}\n`]]);
}

function shownOptions(options: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, isSecretName(key) ? SECRET_MASK : maskUrlPasswords(value)]);
}
