/**
 * What is known of the name at an offset: a column's type, a function's signature and sentence, a table's columns, an option's
 * meaning.
 *
 * Flow:   editor-service.ts → here → places.ts.
 * Shapes: lines of plain text; `code` is SQL, to be shown as such. At most MAX_COLUMNS of a table.
 */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import { type CatalogEntry, tableSchema } from "../catalog/catalog-objects.ts";
import { defaultText } from "./option-completion.ts";
import { type OptionInfo, valuesOf } from "./option-info.ts";
import { type Place, type PlaceContext, placeAt } from "./places.ts";
import { fromText, type ScopedColumn } from "./scope-columns.ts";

export interface Hover {
  readonly from: number;
  readonly to: number;
  readonly code: string;
  readonly text: string;
}

const MAX_COLUMNS = 30;

export function hoverAt(offset: number, context: PlaceContext): Hover | undefined {
  const place = placeAt(offset, context);
  if (place === undefined) return undefined;
  const { code, text } = describe(place, context);
  return { from: place.from, to: place.to, code, text };
}

function describe(place: Place, context: PlaceContext): { code: string; text: string } {
  switch (place.kind) {
    case "option":
      return describeOption(place.key, place.option);
    case "function": {
      const type = callType(place, context);
      const code = `${place.info.label}${type === undefined ? "" : ` → ${type}`}`;
      return { code, text: place.info.description };
    }
    case "table":
      return describeTable(place.path.join("."), place.entry);
    case "with":
      return {
        code: columnLines(place.item.name, place.table?.columns ?? []),
        text: "A query of WITH.",
      };
    case "alias": {
      const { name, path, columns } = place.table;
      const what = path.length > 0 ? `${name} stands for ${path.join(".")}.` : "A part of FROM.";
      return { code: columnLines(name ?? "", columns), text: what };
    }
    case "column": {
      const owner = place.table.path.at(-1) ?? place.table.name;
      const comment = commentOf(place, context);
      const what = `${place.isColumn ? "Column" : "Field of a column"}${owner === undefined ? "" : ` of ${owner}`}.`;
      return {
        code: `${place.name} ${typeToString(place.type)}`,
        text: comment === undefined ? what : `${what} ${comment}`,
      };
    }
  }
}

function describeOption(key: string, option: OptionInfo): { code: string; text: string } {
  const values = valuesOf(option);
  const facts = [
    option.description,
    option.required === true ? "Required." : "",
    values.length > 0 ? `One of ${values.join(", ")}.` : "",
    option.default === undefined ? "" : `${defaultText(option).replace("default", "Default:")}.`,
  ];
  return { code: `'${key}'  ${option.type}`, text: facts.filter((fact) => fact !== "").join(" ") };
}

function describeTable(name: string, entry: CatalogEntry): { code: string; text: string } {
  const fields = entry.kind === "view" ? entry.schema.fields : tableSchema(entry).fields;
  const lines = columnLines(name, fields);
  if (entry.kind === "view") return { code: lines, text: entry.comment ?? "A view." };
  const { primaryKey, watermark, options, comment } = entry;
  const facts = [
    comment ?? "",
    options.connector === undefined ? "" : `Connector ${options.connector}.`,
    primaryKey === undefined ? "" : `Primary key ${primaryKey.columns.join(", ")}.`,
    watermark === undefined
      ? ""
      : `Watermark of ${entry.columns[watermark.column]?.name ?? "?"}: ${watermark.text}.`,
  ];
  return { code: lines, text: facts.filter((fact) => fact !== "").join(" ") };
}

function columnLines(name: string, columns: readonly ScopedColumn[]): string {
  const shown = columns
    .slice(0, MAX_COLUMNS)
    .map((column) => `  ${column.name} ${typeToString(column.type)}`);
  if (columns.length > MAX_COLUMNS) shown.push(`  … ${columns.length - MAX_COLUMNS} more`);
  return shown.length === 0 ? name : `${name} (\n${shown.join(",\n")}\n)`;
}

/** The type of a call's result, by the validator; undefined: it cannot stand alone. */
function callType(
  { call, scope, from }: Extract<Place, { kind: "function" }>,
  { text, session, editor }: PlaceContext,
): string | undefined {
  if (call === undefined) return undefined;
  const inFrom = scope.tables.some(({ start, end }) => start <= from && from < end);
  if (inFrom) return undefined;
  const relation = fromText(text, scope.tables);
  const source = relation === undefined ? "" : ` FROM ${relation}`;
  const sql = `${scope.withText}SELECT ${text.slice(call.from, call.to)}${source}`;
  const [field] = editor.fields(session, sql) ?? [];
  return field === undefined ? undefined : typeToString(field.type);
}

/** COMMENT of a table's column. */
function commentOf(
  { name, table }: Extract<Place, { kind: "column" }>,
  { session }: PlaceContext,
): string | undefined {
  if (table.path.length === 0) return undefined;
  const entry = session.context.catalog.lookup(table.path);
  if (entry?.kind !== "table") return undefined;
  return entry.columns.find((column) => column.name === name)?.comment;
}
