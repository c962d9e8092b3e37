/** Arrays and maps of a value out of their bytes, wherever they are in it. */
import { decodeNested, isNested } from "../../../foundation/columnar/binary-value.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";

export function decodedValue(value: Value, type: LogicalType): Value {
  if (value === null) return null;
  if (type.kind === "ROW" || type.kind === "STRUCTURED")
    return (value as readonly Value[]).map((field, i) => decodedValue(field, type.fields[i]!.type));
  return isNested(type) && value instanceof Uint8Array ? decodeNested(value, type) : value;
}
