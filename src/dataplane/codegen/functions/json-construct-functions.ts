/**
 * JSON from values: JSON_STRING, JSON_OBJECT, JSON_ARRAY, and JSON(text) within them.
 *
 * Forms:  JSON_OBJECT(onNull, key, value, …), JSON_ARRAY(onNull, value, …): language/sql/validator/json-calls.ts. Values that are
 *         JSON already (JSON(…), nested JSON_OBJECT and JSON_ARRAY) go in as they are.
 * Source: Flink SqlJsonUtils, JsonStringFunction: bytes in base 64, times in ISO form, DECIMAL with all its digits.
 */
import { isNested } from "../../../foundation/columnar/binary-value.ts";
import { formatDouble, formatFloat } from "../../../foundation/columnar/double-text.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";
import { decodeVariant, variantText } from "../../../foundation/columnar/variant-value.ts";
import type { Call, Expression } from "../../../foundation/plan/expression.ts";
import type { ColumnReader } from "../column-access.ts";
import { codegenErrors } from "../errors.ts";
import { eachRow, everyRow } from "./column-rows.ts";
import { readValue } from "./column-values.ts";
import { parseJson, printJson } from "./json-path.ts";
import type { ColumnFunction, CompiledFunction, FunctionTable } from "./registry.ts";

/** A value as JSON text. */
function jsonText(value: Value, type: LogicalType): string {
  if (value === null) return "null";
  switch (type.kind) {
    case "FLOAT":
      return numberText(formatFloat(value as number));
    case "DOUBLE":
      return numberText(formatDouble(value as number));
    case "BOOLEAN":
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
      return String(value);
    case "DECIMAL":
      return formatValue(value, type, { style: "sql" });
    case "VARIANT":
      return variantText(decodeVariant(value as Uint8Array));
    case "BINARY":
    case "VARBINARY":
      return JSON.stringify(base64(value as Uint8Array));
    case "ROW":
    case "STRUCTURED": {
      const fields = type.fields.map(
        (field, i) =>
          `${JSON.stringify(field.name)}:${jsonText((value as Value[])[i]!, field.type)}`,
      );
      return `{${fields.join(",")}}`;
    }
    default:
      return isNested(type)
        ? nestedText(value as readonly Value[], type)
        : JSON.stringify(formatValue(value, type));
  }
}

function nestedText(values: readonly Value[], type: LogicalType): string {
  if (type.kind === "ARRAY")
    return `[${values.map((value) => jsonText(value, type.element)).join(",")}]`;
  const valueType = type.kind === "MAP" ? type.value : types.int(false);
  const keyType = type.kind === "MAP" ? type.key : (type as { element: LogicalType }).element;
  const entries = (values as readonly (readonly Value[])[]).map(
    ([key, value]) =>
      `${JSON.stringify(formatValue(key!, keyType))}:${jsonText(value!, valueType)}`,
  );
  return `{${entries.join(",")}}`;
}

function numberText(text: string): string {
  return /^-?\d/.test(text) ? text : JSON.stringify(text);
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function isRaw(arg: Expression | undefined): boolean {
  return arg?.kind === "call" && /^JSON(_OBJECT|_ARRAY)?$/.test(arg.function);
}

/** The text of an argument, or undefined when it is NULL and left out. */
function part(call: Call, index: number, args: readonly ColumnReader[], row: number) {
  const reader = args[index]!;
  const value = readValue(reader, row);
  if (value === null) return absentOnNull(call) ? undefined : "null";
  if (!isRaw(call.args[index])) return jsonText(value, reader.type);
  if (String(value).trim() === "") return absentOnNull(call) ? undefined : "null";
  const json = parseJson(String(value));
  if (json === undefined)
    throw codegenErrors.EXPRESSION_FAILED({
      function: "JSON",
      reason: `Invalid JSON string in JSON(value) function, ${jsonErrorPlace(String(value))}`,
      where: "a row",
    });
  return printJson(json);
}

/** Where a text stops being JSON: at the bracket that is never closed, else where the parser stopped. */
function jsonErrorPlace(text: string): string {
  const open: number[] = [];
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{}\]]/g)) {
    if (token === "{" || token === "[") open.push(index);
    else if (token === "}" || token === "]") open.pop();
  }
  const before = text.slice(0, open.at(-1) ?? stopOf(text)).split("\n");
  return `line: ${before.length}, column: ${before.at(-1)!.length + 1}`;
}

function stopOf(text: string): number {
  try {
    JSON.parse(text);
    return text.length;
  } catch (error) {
    return Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? text.length);
  }
}

function absentOnNull(call: Call): boolean {
  const [word] = call.args;
  return word?.kind === "literal" && word.value === "ABSENT";
}

const object: ColumnFunction = {
  kind: "column",
  prepare: (call) =>
    everyRow(({ args, out }, row) => {
      const fields = new Map<string, string>();
      for (let i = 1; i + 1 < args.length; i += 2) {
        const text = part(call, i + 1, args, row);
        if (text !== undefined) fields.set(args[i]!.string(row), text);
      }
      const entries = [...fields].map(([key, text]) => `${JSON.stringify(key)}:${text}`);
      out.setString(row, `{${entries.join(",")}}`);
    }),
};

const array: ColumnFunction = {
  kind: "column",
  prepare: (call) =>
    everyRow(({ args, out }, row) => {
      const texts = args.slice(1).map((_, i) => part(call, i + 1, args, row));
      out.setString(row, `[${texts.filter((text) => text !== undefined).join(",")}]`);
    }),
};

const string: ColumnFunction = {
  kind: "column",
  prepare: (call) =>
    eachRow(({ args: [value], out }, row) => {
      if (isRaw(call.args[0])) out.setString(row, value!.string(row));
      else out.setString(row, jsonText(readValue(value!, row), value!.type));
    }),
};

/** The text itself: JSON_OBJECT and JSON_ARRAY know by its name that it is JSON. */
const raw: CompiledFunction = {
  kind: "compiled",
  emit: (context, call) => context.compile(call.args[0]!),
};

export const jsonConstructFunctions: FunctionTable = {
  JSON: raw,
  JSON_STRING: string,
  JSON_OBJECT: object,
  JSON_ARRAY: array,
};
