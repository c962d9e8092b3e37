/** Whether a value is the expected one: both as text of one manner, so that 1.0 is not 1 and NaN is NaN. */
import { encodeNested, isNested } from "../../src/foundation/columnar/binary-value.ts";
import type { LogicalType } from "../../src/foundation/columnar/logical-type.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import { formatValue } from "../../src/foundation/columnar/value-text.ts";
import { jsonToValue, type TypedJson } from "./typed-json.ts";

/** As Flink's Row prints it. */
export function javaText(value: Value, type: LogicalType): string {
  return formatValue(value, type, { style: "java" });
}

/** As CAST(… AS STRING) gives it. */
export function sqlText(value: Value, type: LogicalType, timeZone: string): string {
  return formatValue(value, type, { style: "sql", timeZone });
}

/** The text that an expected value has if it is of this type. */
export function expectedText(json: TypedJson, type: LogicalType): string {
  if (isNested(type) && typeof json === "string") return json;
  // Flink compares rows by their texts: a NULL may be written as one.
  if (json === "null") return json;
  const value = jsonToValue(json, type);
  if (value === null || !isNested(type)) return javaText(value, type);
  return javaText(encodeNested(value as readonly Value[], type), type);
}
