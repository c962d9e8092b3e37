/**
 * Statements that change the catalog: CREATE, ALTER, DROP, USE.
 *
 * Flow: SqlSession.execute → here. Each returns "ok"; what this engine has no meaning for is refused (MR2130).
 */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { CatalogFunction, ResolvedView } from "../catalog/catalog-objects.ts";
import { defineTable, optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterViewNode,
  CreateFunctionNode,
  CreateTableNode,
  CreateViewNode,
  DropNode,
  IdentifierNode,
  StatementNode,
  UseNode,
} from "../parser/ast.ts";
import { fieldRefs } from "../rel/expressions.ts";
import { project } from "../rel/rel-builder.ts";
import { alterTable } from "./alter-table.ts";
import { type SessionContext, throwFirst } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { planRels, queryRel } from "./statement-planner.ts";

const OK: StatementResult = { kind: "ok" };
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

export function executeDefinition(session: SessionContext, node: StatementNode): StatementResult {
  const { catalog } = session;
  switch (node.kind) {
    case "createTable":
      return createTable(session, node);
    case "createView":
      return createView(session, node);
    case "alterView":
      return alterView(session, node);
    case "alterTable":
      return alterTable(session, node);
    case "createCatalog": {
      const name = namesOf(node.name)[0]!;
      if (!(node.ifNotExists && catalog.hasCatalog(name)))
        catalog.createCatalog(name, optionsOf(node.options));
      return OK;
    }
    case "createDatabase": {
      const parts = namesOf(node.name);
      const owner = parts.length > 1 ? parts[0]! : catalog.currentCatalog;
      const exists = catalog.databases(owner).includes(parts.at(-1)!);
      if (exists && node.ifNotExists) return OK;
      const database = catalog.createDatabase(owner, parts.at(-1)!, optionsOf(node.options));
      if (node.comment !== undefined) database.comment = node.comment;
      return OK;
    }
    case "createFunction":
      catalog.createFunction(functionOf(session, node), node.ifNotExists);
      return OK;
    case "drop":
      return drop(session, node);
    case "use":
      return use(session, node);
    default:
      throw validateErrors.NOT_SUPPORTED(
        { what: `Statement ${node.kind}`, remedy: "Leave it out." },
        { at: node.span },
      );
  }
}

function use(session: SessionContext, node: UseNode): StatementResult {
  const parts = namesOf(node.name);
  if (node.object === "CATALOG") session.catalog.setCurrentCatalog(parts[0]!);
  else session.catalog.setCurrentDatabase(parts);
  return OK;
}

function createTable(session: SessionContext, node: CreateTableNode): StatementResult {
  if (node.sourceTable !== undefined)
    throw validateErrors.NOT_SUPPORTED(
      { what: "CREATE TABLE … AS TABLE", remedy: "Use CREATE TABLE … AS SELECT." },
      { at: node.span },
    );
  const errors: MillraceError[] = [];
  const identifier = session.catalog.qualify(namesOf(node.name));
  const exists = session.catalog.lookup(namesOf(node.name)) !== undefined;
  if (exists && node.ifNotExists) return OK;
  const query = node.query === undefined ? undefined : queryRel(session, node.query);
  const fields = query?.schema.fields.map((field) => ({
    name: field.name,
    type: withoutTimeAttribute(field.type),
  }));
  const table = defineTable(session.plannerContext(errors), node, identifier, fields);
  throwFirst(errors);
  if (node.verb === "CREATE") session.catalog.create(table, node.ifNotExists);
  else session.catalog.replace(table);
  if (query === undefined) return OK;
  const refs = fieldRefs(query.schema);
  const planned = planRels(session, [
    {
      kind: "sink",
      input: project(
        query,
        refs,
        query.schema.fields.map((field) => field.name),
      ),
      schema: query.schema,
      table,
      dynamicOptions: {},
      overwrite: false,
      staticPartition: {},
    },
  ]);
  const { catalog, database, object } = identifier;
  return {
    kind: "insert",
    plan: planned.plan,
    sinks: [`${catalog}.${database}.${object}`],
    warnings: [],
  };
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
    text: session.text.slice(node.query.span.start, node.query.span.end),
    columnNames,
    schema: { fields: fields.map((field, i) => ({ name: columnNames[i]!, type: field.type })) },
    path: { catalog: catalog.currentCatalog, database: catalog.currentDatabase },
  };
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

function functionOf(session: SessionContext, node: CreateFunctionNode): CatalogFunction {
  const parts = namesOf(node.name);
  return {
    name: parts.at(-1)!,
    ...(node.system ? {} : { identifier: session.catalog.qualify(parts) }),
    temporary: node.temporary,
    system: node.system,
    className: node.className,
    language: node.language ?? "JAVA",
    resources: node.resources,
  };
}

function drop(session: SessionContext, node: DropNode): StatementResult {
  const { catalog } = session;
  const parts = namesOf(node.name);
  const { temporary, ifExists } = node;
  switch (node.object) {
    case "TABLE":
      catalog.drop(catalog.qualify(parts), "table", { temporary, ifExists });
      return OK;
    case "VIEW":
      catalog.drop(catalog.qualify(parts), "view", { temporary, ifExists });
      return OK;
    case "CATALOG":
      if (!ifExists || catalog.hasCatalog(parts[0]!)) catalog.dropCatalog(parts[0]!);
      return OK;
    case "DATABASE": {
      const owner = parts.length > 1 ? parts[0]! : catalog.currentCatalog;
      const exists = catalog.databases(owner).includes(parts.at(-1)!);
      if (exists || !ifExists)
        catalog.dropDatabase(owner, parts.at(-1)!, node.behavior === "CASCADE");
      return OK;
    }
    case "FUNCTION":
      catalog.dropFunction(
        {
          name: parts.at(-1)!,
          ...(node.system ? {} : { identifier: catalog.qualify(parts) }),
          temporary,
          system: node.system,
          className: "",
          language: "JAVA",
          resources: [],
        },
        ifExists,
      );
      return OK;
    default:
      throw validateErrors.NOT_SUPPORTED(
        { what: `DROP ${node.object}`, remedy: "Leave it out." },
        { at: node.span },
      );
  }
}
