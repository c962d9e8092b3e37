/**
 * ALTER TABLE ADD, MODIFY, DROP and RENAME of columns, keys and watermark, as changes of a draft. Pure: the caller resolves the
 * draft and puts it into the catalog.
 *
 * Source: Flink AlterSchemaConverter, SchemaReferencesManager; `fail` adds the beginning that their messages share.
 */
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import {
  type ColumnElement,
  columnOf,
  primaryKeyOf,
  watermarkOf,
} from "../catalog/table-definition.ts";
import {
  columnsRead,
  draftOf,
  type DraftColumn,
  expressionText,
  type TableDraft,
} from "../catalog/table-draft.ts";
import type { ColumnPosition, TableElementNode } from "../parser/ast.ts";

type Fail = (message: string) => never;

export function addElements(
  draft: TableDraft,
  elements: readonly TableElementNode[],
  fail: Fail,
): TableDraft {
  let columns = [...draft.columns];
  for (const element of columnElements(elements)) {
    const made = columnOf(element);
    if (columns.some((column) => column.name === made.name))
      fail(`Column \`${made.name}\` already exists in the table.`);
    columns = placed(columns, made, element.position, fail);
  }
  const key = primaryKeyOf(elements, columns);
  if (key !== undefined && draft.primaryKey !== undefined)
    fail(
      `The base table has already defined the primary key constraint [${quoted(draft.primaryKey.columns)}]. You might want to drop it before adding a new one.`,
    );
  const watermark = watermarkOf(elements);
  if (watermark !== undefined && draft.watermark !== undefined)
    fail(
      `The base table has already defined the watermark strategy \`${draft.watermark.column}\` AS ${expressionText(draft.watermark.node)}. You might want to drop it before adding a new one.`,
    );
  return withParts({ ...draft, columns }, key, watermark);
}

export function modifyElements(
  draft: TableDraft,
  elements: readonly TableElementNode[],
  fail: Fail,
): TableDraft {
  let columns = [...draft.columns];
  for (const element of columnElements(elements)) {
    const made = columnOf(element);
    const at = columns.findIndex((column) => column.name === made.name);
    if (at < 0) fail(`Column \`${made.name}\` does not exist in the table.`);
    columns =
      element.position === undefined
        ? columns.with(at, made)
        : placed(columns.toSpliced(at, 1), made, element.position, fail);
  }
  const key = primaryKeyOf(elements, columns);
  if (key !== undefined && draft.primaryKey === undefined)
    fail(
      "The base table does not define any primary key constraint. You might want to add a new one.",
    );
  const watermark = watermarkOf(elements);
  if (watermark !== undefined && draft.watermark === undefined)
    fail("The base table does not define any watermark. You might want to add a new one.");
  return withParts({ ...draft, columns }, key, watermark);
}

function withParts(
  draft: TableDraft,
  primaryKey: TableDraft["primaryKey"],
  watermark: TableDraft["watermark"],
): TableDraft {
  return {
    ...draft,
    ...(primaryKey === undefined ? {} : { primaryKey }),
    ...(watermark === undefined ? {} : { watermark }),
  };
}

export function withoutColumns(
  draft: TableDraft,
  table: ResolvedTable,
  names: readonly string[],
  fail: Fail,
): TableDraft {
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) fail(`Duplicate column \`${name}\`.`);
    if (!draft.columns.some((column) => column.name === name))
      fail(`The column \`${name}\` does not exist in the base table.`);
    const user = userOf(draft, table, name, (column) => !names.includes(column));
    if (user !== undefined) fail(`The column \`${name}\` is ${user}.`);
  }
  return { ...draft, columns: draft.columns.filter((column) => !names.includes(column.name)) };
}

export function withRenamedColumn(
  table: ResolvedTable,
  resolve: (draft: TableDraft) => ResolvedTable,
  { from, to }: { readonly from: string; readonly to: string },
  fail: Fail,
): ResolvedTable {
  const draft = draftOf(table);
  if (!draft.columns.some((column) => column.name === from))
    fail(`The column \`${from}\` does not exist in the base table.`);
  if (draft.columns.some((column) => column.name === to))
    fail(`The column \`${to}\` already existed in table schema.`);
  const { primaryKey: _key, ...withoutKey } = draft;
  const unkeyed = { ...table, partitionKeys: [], primaryKey: undefined, distribution: undefined };
  const user = userOf(withoutKey, unkeyed as unknown as ResolvedTable, from, () => true);
  if (user !== undefined) fail(`The column \`${from}\` is ${user}.`);
  const name = (column: string) => (column === from ? to : column);
  const { primaryKey, distribution } = table;
  const renamed = resolve({
    ...draft,
    columns: draft.columns.map((column) => ({ ...column, name: name(column.name) })),
    ...(primaryKey === undefined
      ? {}
      : { primaryKey: { ...primaryKey, columns: primaryKey.columns.map(name) } }),
  });
  return {
    ...renamed,
    partitionKeys: table.partitionKeys.map(name),
    ...(distribution === undefined
      ? {}
      : { distribution: { ...distribution, columns: distribution.columns.map(name) } }),
  };
}

/** What keeps a column from going away, in words behind "is"; `stays` tells which columns remain. */
function userOf(
  draft: TableDraft,
  table: Pick<ResolvedTable, "partitionKeys" | "distribution">,
  name: string,
  stays: (column: string) => boolean,
): string | undefined {
  const reader = draft.columns.find(
    (column) =>
      column.kind === "computed" && stays(column.name) && columnsRead(column.node).has(name),
  );
  if (reader !== undefined) return `referenced by computed column \`${reader.name}\``;
  const { watermark, primaryKey } = draft;
  if (watermark?.column === name || (watermark && columnsRead(watermark.node).has(name)))
    return "referenced by watermark expression";
  if (table.partitionKeys.includes(name)) return "used as the partition keys";
  if (table.distribution?.columns.includes(name)) return "used as a distribution key";
  return primaryKey?.columns.includes(name) ? "used as the primary key" : undefined;
}

function placed(
  columns: readonly DraftColumn[],
  made: DraftColumn,
  position: ColumnPosition | undefined,
  fail: Fail,
): DraftColumn[] {
  if (position === undefined) return [...columns, made];
  if ("first" in position) return [made, ...columns];
  const name = position.after.parts.map((part) => part.name).join(".");
  const after = columns.findIndex((column) => column.name === name);
  if (after < 0) fail(`Referenced column \`${name}\` by 'AFTER' does not exist in the table.`);
  return columns.toSpliced(after + 1, 0, made);
}

function columnElements(elements: readonly TableElementNode[]): ColumnElement[] {
  return elements.filter(
    (element): element is ColumnElement =>
      element.kind !== "constraint" && element.kind !== "watermark",
  );
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
