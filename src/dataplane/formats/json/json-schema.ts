/**
 * Guesses the columns of JSON lines from a sample of them.
 *
 * Types:   BOOLEAN, BIGINT, DOUBLE, DATE, TIMESTAMP(3), STRING, ROW for objects of one shape; whatever differs from line to
 *          line becomes STRING (as do arrays). A column is nullable; columns stand in the order in which they were first seen.
 * Errors:  MR3104 no line is an object.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { formatErrors } from "../errors.ts";
import { inferTextType } from "../infer-type.ts";

/** What a column's values were so far; undefined = only NULLs. */
type Guess = LogicalType | undefined;

export function inferJsonSchema(sample: Uint8Array): Schema {
  const text = new TextDecoder().decode(sample);
  const lines = text.split("\n");
  // The sample may end within a line.
  if (lines.length > 1) lines.pop();
  const guesses = new Map<string, Guess>();
  let objects = 0;
  for (const line of lines) {
    const value = parseLine(line);
    if (value === undefined) continue;
    objects++;
    mergeObject(guesses, value);
  }
  if (objects === 0)
    throw formatErrors.SCHEMA_UNKNOWN({
      format: "json",
      reason: "no line of the sample is an object",
    });
  if (guesses.size === 0)
    throw formatErrors.SCHEMA_UNKNOWN({ format: "json", reason: "the objects have no fields" });
  return { fields: [...guesses].map(([name, type]) => ({ name, type: type ?? types.string() })) };
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    // A bad line says nothing about the columns; reading the table will report it.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeObject(guesses: Map<string, Guess>, object: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(object))
    guesses.set(name, mergeTypes(guesses.get(name), typeOf(value)));
}

function typeOf(value: unknown): Guess {
  if (value === null) return undefined;
  if (typeof value === "boolean") return types.boolean();
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? types.bigint() : types.double();
  if (typeof value === "string") {
    const type = inferTextType(value);
    return type.kind === "DATE" || type.kind === "TIMESTAMP" ? type : types.string();
  }
  if (!isObject(value) || Object.keys(value).length === 0) return types.string();
  const fields = new Map<string, Guess>();
  mergeObject(fields, value);
  return types.row([...fields].map(([name, type]) => ({ name, type: type ?? types.string() })));
}

function mergeTypes(a: Guess, b: Guess): Guess {
  if (a === undefined) return b;
  if (b === undefined || a.kind === b.kind)
    return a.kind === "ROW" && b?.kind === "ROW" ? mergeRows(a, b) : a;
  const kinds = new Set([a.kind, b.kind]);
  if (kinds.has("BIGINT") && kinds.has("DOUBLE")) return types.double();
  return types.string();
}

function mergeRows(
  a: LogicalType & { kind: "ROW" },
  b: LogicalType & { kind: "ROW" },
): LogicalType {
  const fields = new Map<string, Guess>(a.fields.map(({ name, type }) => [name, type]));
  for (const { name, type } of b.fields) fields.set(name, mergeTypes(fields.get(name), type));
  return types.row([...fields].map(([name, type]) => ({ name, type: type ?? types.string() })));
}
