/**
 * ALTER TABLE: rename, options, distribution and partitions here, the schema in alter-schema.ts. Changes the catalog's
 * definition only; the connector's data stays as it is.
 *
 * Source: Flink AlterSchemaConverter and its messages.
 */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import { identifierSummary, type ResolvedTable } from "../catalog/catalog-objects.ts";
import { distributionOf, optionsOf } from "../catalog/table-definition.ts";
import { draftOf, resolveDraft, type TableDraft } from "../catalog/table-draft.ts";
import { validateErrors } from "../errors.ts";
import type { AlterTableAction, AlterTableNode, IdentifierNode } from "../parser/ast.ts";
import { addElements, modifyElements, withoutColumns, withRenamedColumn } from "./alter-schema.ts";
import { addPartitions, dropPartitions } from "./partitions.ts";
import { type SessionContext, throwFirst } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);
type DistributionAction = Extract<AlterTableAction, { action: `${string}Distribution` }>;
type SchemaAction = Exclude<
  AlterTableAction,
  | { action: "renameTable" | "setOptions" | "resetOptions" | "addPartitions" | "dropPartitions" }
  | DistributionAction
>;
/** Every refusal of ALTER TABLE begins so. */
const failed = (statement: string) => `Failed to execute ${statement} statement.\n`;

export function alterTable(
  session: SessionContext,
  node: AlterTableNode,
  statement = "ALTER TABLE",
): StatementResult {
  const { catalog } = session;
  const parts = namesOf(node.name);
  const table = catalog.lookup(parts);
  if (table?.kind !== "table") {
    if (node.ifExists) return OK;
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `Table ${identifierSummary(catalog.qualify(parts))} doesn't exist or is a temporary table.`,
        remedy: "SHOW TABLES lists what there is.",
      },
      { at: node.name.span },
    );
  }
  const { action } = node;
  if (action.action === "renameTable") {
    const to = catalog.qualify(namesOf(action.to), table.identifier);
    catalog.create({ ...table, identifier: to }, false);
    catalog.drop(table.identifier, "table", { temporary: table.temporary, ifExists: false });
    return OK;
  }
  catalog.replace(alteredTable(session, table, { action, node, statement }));
  return OK;
}

function alteredTable(
  session: SessionContext,
  table: ResolvedTable,
  {
    action,
    node,
    statement,
  }: {
    readonly action: Exclude<AlterTableAction, { action: "renameTable" }>;
    readonly node: AlterTableNode;
    readonly statement: string;
  },
): ResolvedTable {
  switch (action.action) {
    case "setOptions":
      return { ...table, options: { ...table.options, ...optionsOf(action.options) } };
    case "resetOptions":
      return withoutOptions(table, action.keys, node);
    case "addDistribution":
    case "modifyDistribution":
    case "dropDistribution":
      return withDistribution(table, action, { node, statement });
    case "addPartitions":
      return addPartitions(session, table, action);
    case "dropPartitions":
      return dropPartitions(session, table, action);
    default:
      return withSchema(session, table, action, { node, statement });
  }
}

function withoutOptions(
  table: ResolvedTable,
  keys: readonly string[],
  node: AlterTableNode,
): ResolvedTable {
  const refuse = (message: string) =>
    validateErrors.STATEMENT_INVALID({ message, remedy: "Name the option." }, { at: node.span });
  if (keys.length === 0) throw refuse("ALTER TABLE RESET does not support empty key");
  if (keys.includes("connector"))
    throw refuse("ALTER TABLE RESET does not support changing 'connector'");
  const options = Object.fromEntries(
    Object.entries(table.options).filter(([key]) => !keys.includes(key)),
  );
  return { ...table, options };
}

function withDistribution(
  table: ResolvedTable,
  action: DistributionAction,
  { node, statement }: { readonly node: AlterTableNode; readonly statement: string },
): ResolvedTable {
  const { distribution, ...rest } = table;
  const refuse = (message: string) =>
    validateErrors.TABLE_DEFINITION(
      { message: failed(statement) + message, remedy: "SHOW CREATE TABLE shows the distribution." },
      { at: node.span },
    );
  if (action.action === "addDistribution" && distribution !== undefined)
    throw refuse(
      "The base table has already defined a distribution. You can modify it or drop it before adding a new one.",
    );
  if (action.action !== "addDistribution" && distribution === undefined)
    throw refuse(
      "The base table does not define any distribution. You might want to add a new one.",
    );
  if (action.action === "dropDistribution") return rest;
  const made = distributionOf(action.distribution)!;
  for (const name of made.columns)
    if (!table.columns.some((column) => column.kind === "physical" && column.name === name))
      throw refuse(
        `Invalid bucket key '${name}'. A bucket key must reference a physical column in the schema.`,
      );
  return { ...table, distribution: made };
}

function withSchema(
  session: SessionContext,
  table: ResolvedTable,
  action: SchemaAction,
  { node, statement }: { readonly node: AlterTableNode; readonly statement: string },
): ResolvedTable {
  const draft = draftOf(table);
  const fail = (message: string): never => {
    throw validateErrors.TABLE_DEFINITION(
      { message: failed(statement) + message, remedy: "DESCRIBE shows the table's schema." },
      { at: node.span },
    );
  };
  switch (action.action) {
    case "add":
      return resolved(session, table, addElements(draft, action.elements, fail), node);
    case "modify":
      return resolved(session, table, modifyElements(draft, action.elements, fail), node);
    case "dropColumns": {
      const names = action.columns.map((column) => namesOf(column).join("."));
      return resolved(session, table, withoutColumns(draft, table, names, fail), node);
    }
    case "renameColumn":
      return withRenamedColumn(
        table,
        (changed) => resolved(session, table, changed, node),
        { from: namesOf(action.from).join("."), to: namesOf(action.to).join(".") },
        fail,
      );
    case "dropWatermark": {
      const { watermark, ...rest } = draft;
      if (watermark === undefined) fail("The base table does not define any watermark strategy.");
      return resolved(session, table, rest, node);
    }
    default: {
      const { primaryKey, ...rest } = draft;
      if (primaryKey === undefined) return fail("The base table does not define any primary key.");
      const name = action.action === "dropConstraint" ? action.name.name : primaryKey.name;
      if (name !== primaryKey.name)
        fail(
          `The base table does not define a primary key constraint named '${name}'. Available constraint name: ['${primaryKey.name}'].`,
        );
      return resolved(session, table, rest, node);
    }
  }
}

function resolved(
  session: SessionContext,
  table: ResolvedTable,
  draft: TableDraft,
  node: AlterTableNode,
): ResolvedTable {
  const errors: MillraceError[] = [];
  const schema = resolveDraft(session.plannerContext(errors), draft, node.span);
  throwFirst(errors);
  const { columns: _columns, watermark: _watermark, primaryKey: _key, ...rest } = table;
  return { ...rest, ...schema };
}
