/**
 * SHOW CREATE TABLE and VIEW: the definition as a statement again, in Flink's layout. Values of options whose name says
 * that they are secret, and passwords within URLs, are masked: who runs the statement again fills them in.
 */
import { isSecretName, maskUrlPasswords, SECRET_MASK } from "../../../foundation/base/secrets.ts";
import {
  type LogicalType,
  MAX_LENGTH,
  withoutTimeAttribute,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import {
  type CatalogEntry,
  type ResolvedTable,
  type TableColumn,
  identifierSummary,
} from "./catalog-objects.ts";

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const name = (text: string): string => `\`${text.replaceAll("`", "``")}\``;

export function showCreate(entry: CatalogEntry): string {
  const temporary = entry.temporary ? "TEMPORARY " : "";
  const id = identifierSummary(entry.identifier);
  if (entry.kind === "view") {
    const columns = entry.columnNames.map((column) => `  ${name(column)}`).join(",\n");
    const comment = entry.comment === undefined ? "" : `\nCOMMENT ${quote(entry.comment)}`;
    return `CREATE ${temporary}VIEW ${id} (\n${columns}\n)${comment}\nAS ${entry.text}\n`;
  }
  const lines = entry.columns.map(columnLine);
  if (entry.watermark !== undefined)
    lines.push(
      `WATERMARK FOR ${name(entry.columns[entry.watermark.column]!.name)} AS ${entry.watermark.text}`,
    );
  if (entry.primaryKey !== undefined)
    lines.push(
      `CONSTRAINT ${name(entry.primaryKey.name)} PRIMARY KEY (${entry.primaryKey.columns.map(name).join(", ")}) NOT ENFORCED`,
    );
  const body = lines.map((line) => `  ${line}`).join(",\n");
  const { materialized } = entry;
  if (materialized === undefined)
    return `CREATE ${temporary}TABLE ${id} (\n${body}\n)${tail(entry)}\n`;
  const freshness =
    materialized.freshness === undefined ? "" : `\nFRESHNESS = ${materialized.freshness}`;
  const startMode =
    materialized.startMode === undefined ? "" : `\nSTART_MODE = ${materialized.startMode}`;
  const formats = Object.entries(materialized.partitionFormats ?? {}).map(
    ([column, pattern]) => [`partition.fields.${column}.date-formatter`, pattern] as const,
  );
  const options = { ...entry.options, ...Object.fromEntries(formats) };
  const mode = `\nREFRESH_MODE = ${materialized.refreshMode}`;
  const observed = (materialized.observed ?? []).map(([key, value]) => `-- ${key}: ${value}\n`);
  return `CREATE MATERIALIZED TABLE ${id} (\n${body}\n)${tail({ ...entry, options })}${startMode}${freshness}${mode}\nAS ${materialized.text}\n${observed.join("")}`;
}

function tail(table: ResolvedTable): string {
  const parts: string[] = [];
  if (table.comment !== undefined) parts.push(`COMMENT ${quote(table.comment)}`);
  if (table.distribution !== undefined) {
    const { method, columns, buckets } = table.distribution;
    const by = columns.length === 0 ? "" : ` BY ${method ?? ""}(${columns.map(name).join(", ")})`;
    parts.push(`DISTRIBUTED${by}${buckets === undefined ? "" : ` INTO ${buckets} BUCKETS`}`);
  }
  if (table.partitionKeys.length > 0)
    parts.push(`PARTITIONED BY (${table.partitionKeys.map(name).join(", ")})`);
  if (table.connection !== undefined)
    parts.push(`USING CONNECTION ${identifierSummary(table.connection)}`);
  const options = Object.entries(table.options).sort(([a], [b]) => (a < b ? -1 : 1));
  if (options.length > 0)
    parts.push(
      `WITH (\n${options.map(([key, value]) => `  ${quote(key)} = ${quote(shown(key, value))}`).join(",\n")}\n)`,
    );
  return parts.length === 0 ? "" : `\n${parts.join("\n")}`;
}

function shown(key: string, value: string): string {
  return isSecretName(key) ? SECRET_MASK : maskUrlPasswords(value);
}

function columnLine(column: TableColumn): string {
  const comment = column.comment === undefined ? "" : ` COMMENT ${quote(column.comment)}`;
  const id = name(column.name);
  switch (column.kind) {
    case "computed":
      return `${id} AS ${column.text}${comment}`;
    case "metadata": {
      const from = column.metadataKey === undefined ? "" : ` FROM ${quote(column.metadataKey)}`;
      const virtual = column.virtual ? " VIRTUAL" : "";
      return `${id} ${ddlType(column.type)} METADATA${from}${virtual}${comment}`;
    }
    default:
      return `${id} ${ddlType(column.type)}${comment}`;
  }
}

/** STRING is printed as the type that it abbreviates, as Flink does. */
function ddlType(type: LogicalType): string {
  const plain = withoutTimeAttribute(type);
  const suffix = plain.nullable ? "" : " NOT NULL";
  if (plain.kind === "VARCHAR" && plain.length === MAX_LENGTH)
    return `VARCHAR(${MAX_LENGTH})${suffix}`;
  if (plain.kind === "VARBINARY" && plain.length === MAX_LENGTH)
    return `VARBINARY(${MAX_LENGTH})${suffix}`;
  if (plain.kind === "TIMESTAMP_LTZ")
    return `TIMESTAMP(${plain.precision}) WITH LOCAL TIME ZONE${suffix}`;
  return typeToString(plain);
}
