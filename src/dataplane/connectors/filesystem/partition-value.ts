/**
 * Values of partition columns as the names of folders: `dt=2024-01-01/hour=3`.
 *
 * Shapes:  text = the value as java.time and Java print it; NULL and the empty text = the table's partition.default-name;
 *          characters that Hive escapes are %XX in the folder's name.
 * Errors:  MR3011 a type that no folder can hold, MR3020 a folder whose name is no value of its column.
 * Source:  Flink PartitionPathUtils (escapePathName, generatePartitionPath, convertStringToInternalValue).
 */
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { TimestampValue, Value } from "../../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";
import { connectorErrors } from "../errors.ts";

const KINDS: ReadonlySet<string> = new Set([
  ..."CHAR VARCHAR BOOLEAN TINYINT SMALLINT INTEGER BIGINT FLOAT DOUBLE".split(" "),
  ..."DECIMAL DATE TIME TIMESTAMP TIMESTAMP_LTZ".split(" "),
]);

export function checkPartitionType(column: string, type: LogicalType): void {
  if (KINDS.has(type.kind)) return;
  throw connectorErrors.COLUMN_TYPE({
    identifier: "filesystem",
    action: "partition by",
    column,
    type: typeToString(type),
    remedy: "Partition by a column of texts, numbers, BOOLEAN, DATE, TIME or TIMESTAMP.",
  });
}

/** Undefined: the folder of the default name. */
export function partitionText(value: Value, type: LogicalType): string | undefined {
  if (value === null) return undefined;
  const text = formatValue(value, type);
  return text === "" ? undefined : text;
}

/** Hive's list: control characters, and what means something in a path, a URI or a shell. */
const ESCAPED = new Set(["\x7f", ..."\"#%'*/:=?\\{[]^"]);

export function escapeName(text: string): string {
  let out = "";
  for (const c of text)
    out +=
      c < " " || ESCAPED.has(c)
        ? `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
        : c;
  return out;
}

export function unescapeName(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The value that a folder's text stands for. */
export function parsePartitionText(text: string, type: LogicalType, column: string): Value {
  const value = parsed(text, type);
  if (value !== undefined) return value;
  throw connectorErrors.PARTITION_VALUE({ column, type: typeToString(type) });
}

function parsed(text: string, type: LogicalType): Value | undefined {
  switch (type.kind) {
    case "BOOLEAN":
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined;
    case "TINYINT":
      return integer(text, 8);
    case "SMALLINT":
      return integer(text, 16);
    case "INTEGER":
      return integer(text, 32);
    case "BIGINT":
      return whole(text, 64);
    case "FLOAT":
    case "DOUBLE":
      return double(text);
    case "DECIMAL":
      return decimal(text, type.precision, type.scale);
    case "DATE": {
      const millis = /^[+-]?\d{4,}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
      return Number.isNaN(millis) ? undefined : millis / 86_400_000;
    }
    case "TIME":
      return clock(text)?.millis;
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return timestamp(text);
    default:
      return text;
  }
}

function whole(text: string, bits: number): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(bits, value) === value ? value : undefined;
}

function integer(text: string, bits: number): number | undefined {
  const value = whole(text, bits);
  return value === undefined ? undefined : Number(value);
}

function double(text: string): number | undefined {
  if (/^(-?Infinity|NaN)$/.test(text)) return Number(text);
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function decimal(text: string, precision: number, scale: number): Value | undefined {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,3}))?$/i.exec(text);
  if (match === null || match[2]! + match[3]! === "") return undefined;
  const places = match[3]!.length - Number(match[4] ?? 0);
  const digits = BigInt(match[2]! + match[3]!);
  const divisor = places > scale ? 10n ** BigInt(places - scale) : 1n;
  if (digits % divisor !== 0n) return undefined;
  const size = places > scale ? digits / divisor : digits * 10n ** BigInt(scale - places);
  if (size >= 10n ** BigInt(precision)) return undefined;
  return { unscaled: match[1] === "-" ? -size : size, scale };
}

function clock(text: string): TimestampValue | undefined {
  const match = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fraction = (match[4] ?? "").padEnd(9, "0");
  return {
    millis: ((hour * 60 + minute) * 60 + second) * 1000 + Number(fraction.slice(0, 3)),
    nanos: Number(fraction.slice(3)),
  };
}

function timestamp(text: string): TimestampValue | undefined {
  const match = /^([+-]?\d{4,}-\d\d-\d\d)(?:[T ]([\d:.]+))?Z?$/.exec(text);
  const day = match === null ? Number.NaN : Date.parse(match[1]!);
  const time = match?.[2] === undefined ? { millis: 0, nanos: 0 } : clock(match[2]);
  if (Number.isNaN(day) || time === undefined) return undefined;
  return { millis: day + time.millis, nanos: time.nanos };
}
