/** Why a JSON record is bad, in words; codes as in kernels/json.as.ts. Never the record's values. */
import { typeToString, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { FieldNode } from "../field-tree.ts";

const SYNTAX: Readonly<Record<number, string>> = {
  1: "expected a value",
  2: 'expected a key in quotes or "}"',
  3: 'expected ":" after the key',
  4: 'expected "," or the closing bracket',
  5: "the number is not valid JSON",
  6: "expected true, false or null",
  7: "the line ends or a control character stands within a string",
  8: "unknown escape sequence in a string",
  9: "the string is not valid UTF-8",
  10: "something follows the record on its line",
  11: "nested deeper than 1000 levels",
  12: "expected an object",
};
const FOUND = ["a value", "STRING", "NUMBER", "BOOLEAN", "OBJECT", "ARRAY"] as const;

export function jsonReason(code: number, field: FieldNode | undefined, found: number): string {
  if (field === undefined) return SYNTAX[code] ?? `unknown reason ${code}`;
  const name = `field "${field.path.join(".")}"`;
  if (code === 16) return `${name} is missing`;
  const type = typeToString(withNullable(field.type, true));
  const value = FOUND[found] ?? FOUND[0];
  if (code === 14) return `${name}: the ${value} is out of the range of ${type}`;
  if (code === 15) return `${name}: expected ${type}, the ${value} is none`;
  return `${name}: expected ${type}, found ${value}`;
}
