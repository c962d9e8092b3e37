/** The statements that the platform writes itself for materialized tables. Flow: materialized-tables.ts → here. */
import type { ResolvedTable } from "../../language/sql/catalog/catalog-objects.ts";
import { formatTime } from "../../language/sql/script/partition-formats.ts";
import type { MaterializedTableTable as Row } from "../store/store.ts";

/** The definition, and the options that RESUME gave. */
export function resumed({ id, definition, options }: Row): string {
  const given = Object.entries(JSON.parse(options) as Record<string, string>);
  if (given.length === 0) return definition;
  const list = given.map(([key, value]) => `${quotedText(key)} = ${quotedText(value)}`).join(", ");
  return `${definition};\nALTER MATERIALIZED TABLE ${quotedId(id)} RESUME WITH (${list})`;
}

/** What its deployment runs. */
export function jobScript(row: Row, full: boolean): string {
  const script = resumed(row);
  return full ? `${script};\nALTER MATERIALIZED TABLE ${quotedId(row.id)} REFRESH` : script;
}

const quotedText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export function quotedId(id: string): string {
  return id
    .split(".")
    .map((part) => `\`${part.replaceAll("`", "``")}\``)
    .join(".");
}

/**
 * The PARTITION clause of a refresh by the clock, where partition columns have patterns: the partition of the time that the refresh
 * is for less the freshness, as Flink has it.
 */
export function duePartition(table: ResolvedTable | undefined, nowMs: number): string {
  const { partitionFormats, timeZone = "UTC", periodMs = 0 } = table?.materialized ?? {};
  if (partitionFormats === undefined || periodMs === 0) return "";
  const atMs = Math.floor(nowMs / periodMs) * periodMs - periodMs;
  const values = Object.entries(partitionFormats).map(([column, pattern]) => {
    const value = formatTime(pattern, atMs, timeZone);
    return `\`${column.replaceAll("`", "``")}\` = ${quotedText(value)}`;
  });
  return ` PARTITION (${values.join(", ")})`;
}
