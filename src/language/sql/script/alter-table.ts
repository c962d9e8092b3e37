/** ALTER TABLE: rename, options, columns, keys, watermark. Changes the catalog's definition only. */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { ResolvedTable, TableColumn } from "../catalog/catalog-objects.ts";
import { expressionText, optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type { AlterTableNode, TableElementNode } from "../parser/ast.ts";
import { ExpressionConverter } from "../validator/expression-converter.ts";
import { Scope } from "../validator/scope.ts";
import { toLogicalType } from "../validator/data-type.ts";
import { type SessionContext, throwFirst } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };

export function alterTable(session: SessionContext, node: AlterTableNode): StatementResult {
  const parts = node.name.parts.map((part) => part.name);
  const table = session.catalog.lookup(parts);
  if (table?.kind !== "table") {
    if (node.ifExists) return OK;
    throw validateErrors.OBJECT_NOT_FOUND(
      { object: "Table", name: parts.join(".") },
      { at: node.name.span },
    );
  }
  const { action } = node;
  switch (action.action) {
    case "renameTable": {
      const to = session.catalog.qualify(
        action.to.parts.map((part) => part.name),
        table.identifier,
      );
      session.catalog.create({ ...table, identifier: to }, false);
      const { temporary } = table;
      session.catalog.drop(table.identifier, "table", { temporary, ifExists: false });
      return OK;
    }
    case "setOptions":
      session.catalog.replace({
        ...table,
        options: { ...table.options, ...optionsOf(action.options) },
      });
      return OK;
    case "resetOptions":
      session.catalog.replace({
        ...table,
        options: Object.fromEntries(
          Object.entries(table.options).filter(([key]) => !action.keys.includes(key)),
        ),
      });
      return OK;
    case "add":
    case "modify":
      session.catalog.replace(changed(session, table, action.action, action.elements));
      return OK;
    case "dropColumns":
      session.catalog.replace(
        withoutColumns(
          table,
          action.columns.map((c) => c.parts.map((p) => p.name).join(".")),
        ),
      );
      return OK;
    case "renameColumn":
      session.catalog.replace(renamed(table, action.from.parts[0]!.name, action.to.parts[0]!.name));
      return OK;
    case "dropPrimaryKey":
    case "dropConstraint": {
      const { primaryKey: _, ...rest } = table;
      session.catalog.replace(rest);
      return OK;
    }
    case "dropWatermark":
      session.catalog.replace(withoutWatermark(table));
      return OK;
    default:
      throw validateErrors.NOT_SUPPORTED(
        { what: `ALTER TABLE (${action.action})`, remedy: "Create the table again." },
        { at: node.span },
      );
  }
}

function withoutWatermark(table: ResolvedTable): ResolvedTable {
  const { watermark, ...rest } = table;
  if (watermark === undefined) return table;
  const columns = table.columns.map((column, i) =>
    i === watermark.column ? { ...column, type: withoutTimeAttribute(column.type) } : column,
  );
  return { ...rest, columns };
}

function withoutColumns(table: ResolvedTable, names: readonly string[]): ResolvedTable {
  for (const name of names) {
    const used = table.columns[table.watermark?.column ?? -1]?.name === name;
    if (used || table.primaryKey?.columns.includes(name))
      throw validateErrors.TABLE_DEFINITION({
        message: `Failed to execute ALTER TABLE statement. The column \`${name}\` is used by the watermark or primary key.`,
        remedy: "Drop the watermark or key first.",
      });
    if (!table.columns.some((column) => column.name === name))
      throw validateErrors.COLUMN_NOT_IN_TABLE({
        column: name,
        table: table.identifier.object,
        known: table.columns.map((column) => column.name).join(", "),
      });
  }
  const kept = table.columns.filter((column) => !names.includes(column.name));
  return withColumns(table, kept);
}

function renamed(table: ResolvedTable, from: string, to: string): ResolvedTable {
  const columns = table.columns.map((column) =>
    column.name === from ? { ...column, name: to } : column,
  );
  const key = table.primaryKey && {
    ...table.primaryKey,
    columns: table.primaryKey.columns.map((name) => (name === from ? to : name)),
  };
  const partitionKeys = table.partitionKeys.map((name) => (name === from ? to : name));
  return { ...table, columns, partitionKeys, ...(key === undefined ? {} : { primaryKey: key }) };
}

/** Expressions of computed columns and the watermark refer to columns by index: they must keep their meaning. */
function withColumns(table: ResolvedTable, columns: readonly TableColumn[]): ResolvedTable {
  const computed = columns.some((column) => column.kind === "computed");
  if (!computed && table.watermark === undefined) return { ...table, columns };
  const prefix = table.columns.every((column, i) => columns[i]?.name === column.name);
  if (prefix) return { ...table, columns };
  throw validateErrors.NOT_SUPPORTED({
    what: "changing columns before computed columns or a watermark",
    remedy: "Create the table again.",
  });
}

function changed(
  session: SessionContext,
  table: ResolvedTable,
  action: "add" | "modify",
  elements: readonly TableElementNode[],
): ResolvedTable {
  const errors: MillraceError[] = [];
  const context = session.plannerContext(errors);
  let result = table;
  for (const element of elements) {
    if (element.kind === "constraint") {
      const names = element.columns.map((column) => column.name);
      const name = element.name?.name ?? `PK_${names.join("_")}`;
      result = { ...result, primaryKey: { name, columns: names } };
      continue;
    }
    const fields = result.columns.map((c, index) => ({ name: c.name, type: c.type, index }));
    const scope = new Scope(0, [{ name: undefined, path: [], columns: fields }], undefined);
    const converter = new ExpressionConverter(context, scope, { clause: "ALTER TABLE" });
    if (element.kind === "watermark") {
      const column = fields.findIndex((f) => f.name === element.column.parts[0]!.name);
      const expression = converter.convert(element.expression);
      const text = expressionText(element.expression);
      const columns = withoutWatermark(result).columns.map((c, i) =>
        i === column && c.type.kind.startsWith("TIMESTAMP")
          ? ({ ...c, type: { ...c.type, timeAttribute: "ROWTIME" } } as TableColumn)
          : c,
      );
      result = { ...result, columns, watermark: { column, expression, text } };
      continue;
    }
    if (element.kind === "columnName") continue;
    result = withElement(result, action, element, converter);
  }
  throwFirst(errors);
  return result;
}

function withElement(
  table: ResolvedTable,
  action: "add" | "modify",
  element: Exclude<TableElementNode, { kind: "constraint" | "watermark" | "columnName" }>,
  converter: ExpressionConverter,
): ResolvedTable {
  const name = element.name.parts.map((part) => part.name).join(".");
  const at = table.columns.findIndex((column) => column.name === name);
  if (action === "add" ? at >= 0 : at < 0)
    throw validateErrors.TABLE_DEFINITION(
      {
        message:
          action === "add"
            ? `Try to add a column \`${name}\` which already exists in the table.`
            : `Try to modify a column \`${name}\` which does not exist in the table.`,
        remedy: "Check the column's name.",
      },
      { at: element.span },
    );
  const made = columnOf(element, name, converter);
  if (at >= 0) return { ...table, columns: table.columns.with(at, made) };
  return withColumns(table, placed(table.columns, made, element.position));
}

function columnOf(
  element: Exclude<TableElementNode, { kind: "constraint" | "watermark" | "columnName" }>,
  name: string,
  converter: ExpressionConverter,
): TableColumn {
  const comment = element.comment === undefined ? {} : { comment: element.comment };
  switch (element.kind) {
    case "physicalColumn":
      return { kind: "physical", name, type: toLogicalType(element.type), ...comment };
    case "metadataColumn":
      return {
        kind: "metadata",
        name,
        type: toLogicalType(element.type),
        virtual: element.virtual,
        ...(element.from === undefined ? {} : { metadataKey: element.from }),
        ...comment,
      };
    default: {
      const expression = converter.convert(element.expression);
      const text = expressionText(element.expression);
      return { kind: "computed", name, expression, type: expression.type, text, ...comment };
    }
  }
}

function placed(
  columns: readonly TableColumn[],
  made: TableColumn,
  position: { first: true } | { after: { parts: readonly { name: string }[] } } | undefined,
): TableColumn[] {
  if (position === undefined) return [...columns, made];
  if ("first" in position) return [made, ...columns];
  const after = columns.findIndex((column) => column.name === position.after.parts[0]!.name);
  return columns.toSpliced(after + 1, 0, made);
}
