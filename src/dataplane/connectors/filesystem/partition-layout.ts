/**
 * Which columns of a PARTITIONED BY table lie in its files, and which in the names of its folders.
 *
 * Layout:  <path>/<key 1>=<value>/<key 2>=<value>/…/<files>; files hold the other columns, in the table's order.
 * Source:  Flink's filesystem connector ("Partition Files"); only files within folders of all keys belong to the table.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { SinkContext } from "../../contract/sink.ts";
import { checkPartitionType, escapeName, unescapeName } from "./partition-value.ts";

type TableSpec = SinkContext["node"]["table"];

export interface PartitionKey {
  readonly name: string;
  readonly type: LogicalType;
  /** Field of the table. */
  readonly field: number;
}

export interface PartitionLayout {
  readonly keys: readonly PartitionKey[];
  /** The columns in the files. */
  readonly fileSchema: Schema;
  /** Field of the table → field of fileSchema, -1 for keys. */
  readonly fileFields: readonly number[];
  readonly defaultName: string;
}

export const DEFAULT_PARTITION = "__DEFAULT_PARTITION__";

/** Undefined for a table without PARTITIONED BY. */
export function partitionLayout(table: TableSpec): PartitionLayout | undefined {
  const { partitionKeys = [], schema } = table;
  if (partitionKeys.length === 0) return undefined;
  const keys = partitionKeys.map((field) => ({ ...schema.fields[field]!, field }));
  let next = 0;
  const fileFields = schema.fields.map((_, i) => (partitionKeys.includes(i) ? -1 : next++));
  return {
    keys,
    fileSchema: { fields: schema.fields.filter((_, i) => fileFields[i]! >= 0) },
    fileFields,
    defaultName: table.options["partition.default-name"] ?? DEFAULT_PARTITION,
  };
}

export function checkPartitionKeys({ keys }: PartitionLayout): void {
  for (const { name, type } of keys) checkPartitionType(name, type);
}

/** Undefined in `texts`: NULL. */
export function partitionFolder(
  { keys, defaultName }: PartitionLayout,
  texts: readonly (string | undefined)[],
): string {
  return keys
    .map(({ name }, i) => `${escapeName(name)}=${escapeName(texts[i] ?? defaultName)}`)
    .join("/");
}

/** What the name of one folder says of one key; undefined when the folder is no partition by it, null for NULL. */
export function folderText(
  { keys, defaultName }: PartitionLayout,
  level: number,
  folder: string,
): string | null | undefined {
  const at = folder.indexOf("=");
  if (at < 0 || unescapeName(folder.slice(0, at)) !== keys[level]!.name) return undefined;
  const text = unescapeName(folder.slice(at + 1));
  return text === defaultName ? null : text;
}

/** The texts of a file's folders, from its path. */
export function textsOfPath(
  layout: PartitionLayout,
  root: string,
  path: string,
): (string | null)[] {
  const below = path.slice(root.endsWith("/") ? root.length : root.length + 1);
  const folders = below.split("/");
  return layout.keys.map((_, level) => folderText(layout, level, folders[level] ?? "") ?? null);
}
