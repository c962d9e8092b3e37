/**
 * CREATE DATABASE d WITH (…) AS DATABASE s INCLUDING … EXCLUDING …: a table in d for each table of s, and one job that
 * copies them all.
 *
 * Options: WITH is what the tables of d have in common; of files each table has a folder of its own below 'path'. OPTIONS
 *          hints are those of the sources. Names are regular expressions over whole names.
 * Limits:  columns and keys are those that the tables have now; what is created in s later is not followed. Views are left
 *          out, as are tables of d that are there already.
 * Source:  Alibaba Realtime Compute's CREATE DATABASE AS DATABASE (CDAS).
 */
import { identifierText } from "../catalog/catalog-objects.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  CreateDatabaseNode,
  CreateTableNode,
  IdentifierNode,
  OptionNode,
} from "../parser/ast.ts";
import { databaseOf } from "./containers.ts";
import { tableCreation, type TableCreation } from "./create-table.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { planRels } from "./statement-planner.ts";
import { planWarnings } from "./warnings.ts";

type Source = NonNullable<CreateDatabaseNode["source"]>;

export function copyDatabase(
  session: SessionContext,
  node: CreateDatabaseNode,
  source: Source,
): StatementResult {
  const { catalog } = session;
  const from = placeOf(session, source.name);
  databaseOf(session, source.name);
  const to = placeOf(session, node.name);
  const names = wanted(catalog.list(from.catalog, from.database, "table"), source);
  if (names.length === 0)
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `No table of ${from.catalog}.${from.database} is among those that INCLUDING and EXCLUDING name.`,
        remedy: "SHOW TABLES lists what there is.",
      },
      { at: source.name.span },
    );
  const isNew = !catalog.databases(to.catalog).includes(to.database);
  if (isNew || !node.ifNotExists) {
    const made = catalog.createDatabase(to.catalog, to.database, optionsOf(node.options));
    if (node.comment !== undefined) made.comment = node.comment;
  }
  try {
    return fillTables(
      session,
      names.map((name) => tableNode(node, source, { from, to, name })),
    );
  } catch (error) {
    if (isNew) catalog.dropDatabase(to.catalog, to.database, true);
    throw error;
  }
}

function fillTables(session: SessionContext, nodes: readonly CreateTableNode[]): StatementResult {
  const creations = nodes
    .map((table) => tableCreation(session, table))
    .filter((creation): creation is TableCreation => creation !== undefined);
  const fills = creations.flatMap(({ fill }) => (fill === undefined ? [] : [fill]));
  if (fills.length === 0) return { kind: "ok" };
  const planned = planRels(session, fills);
  for (const { table } of creations) session.catalog.create(table, false);
  return {
    kind: "insert",
    plan: planned.plan,
    sinks: fills.map(({ table }) => identifierText(table.identifier)),
    warnings: planWarnings(planned, session),
  };
}

interface Place {
  readonly catalog: string;
  readonly database: string;
}

function placeOf({ catalog }: SessionContext, name: IdentifierNode): Place {
  const parts = name.parts.map((part) => part.name);
  return {
    catalog: parts.length > 1 ? parts[0]! : catalog.currentCatalog,
    database: parts.at(-1)!,
  };
}

function wanted(names: readonly string[], { including, excluding, name }: Source): string[] {
  const patterns = (list: readonly string[]) =>
    list.map((text) => {
      try {
        return new RegExp(`^(?:${text})$`, "u");
      } catch (cause) {
        throw validateErrors.STATEMENT_INVALID(
          {
            message: `'${text}' is no regular expression.`,
            remedy: "Name tables by their names, or by patterns such as 'orders_.*'.",
          },
          { at: name.span, cause },
        );
      }
    });
  const [included, excluded] = [including && patterns(including), patterns(excluding)];
  return names.filter(
    (each) =>
      (included === undefined || included.some((pattern) => pattern.test(each))) &&
      !excluded.some((pattern) => pattern.test(each)),
  );
}

function tableNode(
  { options, ifNotExists, span }: CreateDatabaseNode,
  { hints }: Source,
  { from, to, name }: { readonly from: Place; readonly to: Place; readonly name: string },
): CreateTableNode {
  const path = (place: Place): IdentifierNode => ({
    kind: "identifier",
    parts: [place.catalog, place.database, name].map((part) => ({
      name: part,
      quoted: true,
      span,
    })),
    span,
  });
  const files = optionsOf(options).connector === "filesystem";
  const own = options.map(
    (option): OptionNode =>
      files && option.key === "path"
        ? { ...option, value: `${option.value.replace(/\/+$/, "")}/${name}` }
        : option,
  );
  return {
    kind: "createTable",
    verb: "CREATE",
    temporary: false,
    ifNotExists,
    name: path(to),
    elements: [],
    partitionedBy: [],
    options: own,
    sourceTable: { name: path(from), hints, addColumns: [] },
    span,
  };
}
