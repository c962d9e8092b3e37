/**
 * Statements that change the catalog: CREATE, ALTER, DROP, USE, modules. Each kind of object has a file of its own; views are here.
 *
 * Flow: SqlSession.execute → here. Most return "ok", those that fill a table a plan; what has no meaning here is refused.
 */
import { identifierText, type ResolvedView } from "../catalog/catalog-objects.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterViewNode,
  CreateViewNode,
  DropNode,
  IdentifierNode,
  QueryNode,
  StatementNode,
} from "../parser/ast.ts";
import { unparseQuery } from "../parser/unparse-queries.ts";
import { alterTable } from "./alter-table.ts";
import { alterConnection, createConnection, dropConnection } from "./connections.ts";
import { alterContainer, createCatalog, createDatabase, dropContainer, use } from "./containers.ts";
import { materializedCreation, type TableCreation, tableCreation } from "./create-table.ts";
import { copyDatabase } from "./copy-database.ts";
import { expandedQuery } from "./expand-query.ts";
import { alterFunction, createFunction, dropFunction } from "./functions.ts";
import { alterMaterialized } from "./materialized.ts";
import { alterModel, createModel } from "./models.ts";
import { refusal } from "./refusals.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { planRels, queryRel } from "./statement-planner.ts";
import { planWarnings } from "./warnings.ts";

const OK: StatementResult = { kind: "ok" };
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

export function executeDefinition(session: SessionContext, node: StatementNode): StatementResult {
  const { catalog } = session;
  switch (node.kind) {
    case "createTable": {
      const creation = tableCreation(session, node);
      return creation === undefined ? OK : createTable(session, creation);
    }
    case "createView":
      return createView(session, node);
    case "alterView":
      return alterView(session, node);
    case "alterTable":
      return alterTable(session, node);
    case "createCatalog":
      return createCatalog(session, node);
    case "createDatabase":
      return node.source === undefined
        ? createDatabase(session, node)
        : copyDatabase(session, node, node.source);
    case "createFunction":
      return createFunction(session, node);
    case "alterFunction":
      return alterFunction(session, node);
    case "createConnection":
      return createConnection(session, node);
    case "createModel":
      return createModel(session, node);
    case "alterObject":
      if (node.object === "CONNECTION") return alterConnection(session, node);
      return node.object === "MODEL" ? alterModel(session, node) : alterContainer(session, node);
    case "loadModule":
      catalog.modules.load(node.name.name, optionsOf(node.options));
      return OK;
    case "unloadModule":
      catalog.modules.unload(node.name.name);
      return OK;
    case "useModules":
      catalog.modules.use(node.names.map((name) => name.name));
      return OK;
    case "createMaterializedTable": {
      const creation = materializedCreation(session, node);
      return creation === undefined ? OK : createTable(session, creation);
    }
    case "alterMaterializedTable":
      return alterMaterialized(session, node);
    case "drop":
      return drop(session, node);
    case "use":
      return use(session, node);
    default:
      throw refusal(session, node);
  }
}

/** Plans what fills the table, then puts the table into the catalog. */
export function createTable(session: SessionContext, creation: TableCreation): StatementResult {
  const { table, fill, jobConfig } = creation;
  const planned = fill === undefined ? undefined : planRels(session, [fill]);
  keepTable(session, creation);
  if (planned === undefined) return OK;
  const { plan } = planned;
  return {
    kind: "insert",
    plan: { ...plan, config: { ...jobConfig, ...plan.config } },
    sinks: [identifierText(table.identifier)],
    warnings: planWarnings(planned, session),
  };
}

export function keepTable(session: SessionContext, { table, replaces }: TableCreation): void {
  if (replaces) session.catalog.replace(table);
  else session.catalog.create(table, false);
}

function createView(session: SessionContext, node: CreateViewNode): StatementResult {
  const identifier = session.catalog.qualify(namesOf(node.name));
  session.catalog.create(viewOf(session, node, identifier), node.ifNotExists);
  return OK;
}

function viewOf(
  session: SessionContext,
  node: Pick<CreateViewNode, "query" | "columns" | "comment" | "temporary" | "span">,
  identifier: ResolvedView["identifier"],
): ResolvedView {
  const rel = queryRel(session, node.query);
  const names = node.columns.map((column) => column.name);
  const { fields } = rel.schema;
  if (names.length > 0 && names.length !== fields.length)
    throw validateErrors.COLUMN_COUNT(
      { where: "the view's column list", expected: fields.length, given: names.length },
      { at: node.span },
    );
  const columnNames = names.length > 0 ? names : fields.map((field) => field.name);
  const { catalog } = session;
  return {
    kind: "view",
    identifier,
    temporary: node.temporary,
    ...(node.comment === undefined ? {} : { comment: node.comment }),
    query: node.query,
    text: viewText(session, node.query),
    columnNames,
    schema: { fields: fields.map((field, i) => ({ name: columnNames[i]!, type: field.type })) },
    path: { catalog: catalog.currentCatalog, database: catalog.currentDatabase },
  };
}

function viewText(session: SessionContext, query: QueryNode): string {
  const whole = expandedQuery(query, (parts) => session.catalog.lookup(parts));
  return whole === undefined
    ? session.text.slice(query.span.start, query.span.end)
    : unparseQuery(whole);
}

function alterView(session: SessionContext, node: AlterViewNode): StatementResult {
  const { catalog } = session;
  const view = catalog.lookup(namesOf(node.name));
  if (view?.kind !== "view")
    throw validateErrors.OBJECT_NOT_FOUND(
      { object: "View", name: namesOf(node.name).join(".") },
      { at: node.span },
    );
  const { action } = node;
  if (action.action === "asQuery") {
    const { temporary } = view;
    const changed = { query: action.query, columns: [], temporary, span: node.span };
    catalog.replace(viewOf(session, changed, view.identifier));
    return OK;
  }
  if (action.action === "rename") {
    const to = catalog.qualify(namesOf(action.to), view.identifier);
    const { temporary } = view;
    catalog.create({ ...view, identifier: to }, false);
    catalog.drop(view.identifier, "view", { temporary, ifExists: false });
    return OK;
  }
  throw validateErrors.NOT_SUPPORTED(
    { what: "ALTER VIEW … SET", remedy: "Create the view again." },
    { at: node.span },
  );
}

function drop(session: SessionContext, node: DropNode): StatementResult {
  const { catalog } = session;
  const parts = namesOf(node.name);
  const { temporary, ifExists } = node;
  switch (node.object) {
    case "TABLE":
    case "MATERIALIZED TABLE": {
      const found = catalog.lookup(parts);
      const materialized = found?.kind === "table" && found.materialized !== undefined;
      const wanted = node.object === "MATERIALIZED TABLE";
      if (found?.kind === "table" && materialized !== wanted)
        throw validateErrors.STATEMENT_INVALID(
          {
            message: `${identifierText(found.identifier)} is ${materialized ? "a materialized" : "an ordinary"} table.`,
            remedy: `Use DROP ${materialized ? "MATERIALIZED TABLE" : "TABLE"}.`,
          },
          { at: node.span },
        );
      catalog.drop(catalog.qualify(parts), "table", { temporary, ifExists });
      return OK;
    }
    case "VIEW":
      catalog.drop(catalog.qualify(parts), "view", { temporary, ifExists });
      return OK;
    case "CATALOG":
    case "DATABASE":
      return dropContainer(session, node);
    case "FUNCTION":
      return dropFunction(session, node);
    case "MODEL":
      catalog.dropModel(catalog.qualify(parts), { temporary, ifExists });
      return OK;
    case "CONNECTION":
      return dropConnection(session, node);
  }
}
