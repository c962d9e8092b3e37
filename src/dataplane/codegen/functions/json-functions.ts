/**
 * JSON functions, as column functions over JSON.parse: JSON_EXISTS, JSON_VALUE, JSON_QUERY, IS_JSON, JSON_QUOTE,
 * JSON_UNQUOTE. Argument forms: language/sql/validator/json-calls.ts.
 *
 * Source: SQL:2016; Flink SqlJsonUtils. JSON_VALUE with RETURNING converts scalars only; JSON_QUERY prints keys in order.
 */
import type { Call } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import type { ColumnReader, ColumnWriter } from "../column-access.ts";
import { writeValue } from "./column-values.ts";
import { eachRow, everyRow, rowFunction } from "./column-rows.ts";
import {
  evaluatePath,
  isObject,
  type Json,
  JsonNumber,
  type JsonPath,
  parseJson,
  parseJsonPath,
  printJson,
} from "./json-path.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

function literalText(call: Call, index: number): string | undefined {
  const arg = call.args[index];
  return arg?.kind === "literal" && typeof arg.value === "string" ? arg.value : undefined;
}

const pathOf = (call: Call): JsonPath => parseJsonPath(literalText(call, 1) ?? "", call.function);
const hasPath = (call: Call) => literalText(call, 1) !== undefined;

const exists: ColumnFunction = {
  kind: "column",
  accepts: hasPath,
  prepare: (call) => {
    const path = pathOf(call);
    const onError = literalText(call, 2);
    return eachRow(({ args: [input], out }, row) => {
      const result = evaluatePath(path, input!.string(row));
      if (!result.failed) out.setBoolean(row, result.values.length > 0);
      else if (onError === "ERROR")
        throw failure(call, "no JSON, or a strict path that does not fit");
      else if (onError === "UNKNOWN") out.setNull(row);
      else out.setBoolean(row, onError === "TRUE");
    });
  },
};

const valueKinds: ReadonlySet<string> = new Set([
  "BOOLEAN",
  "INTEGER",
  "DOUBLE",
  "CHAR",
  "VARCHAR",
]);

const value: ColumnFunction = {
  kind: "column",
  accepts: (call) => hasPath(call) && valueKinds.has(call.type.kind),
  prepare: (call) => {
    const path = pathOf(call);
    const [onEmpty, onError] = [literalText(call, 2), literalText(call, 4)];
    return everyRow(({ args, out }, row) => {
      const [input, , , emptyDefault, , errorDefault] = args;
      if (input!.isNull(row)) {
        out.setNull(row);
        return;
      }
      const result = evaluatePath(path, input!.string(row));
      const single = result.failed || path.many ? undefined : result.values[0];
      if (!result.failed && (result.values.length === 0 || (single === null && !path.many))) {
        handle(call, "empty", onEmpty, emptyDefault, out, row);
      } else if (single === undefined || isComposite(single) || !write(out, row, single)) {
        handle(call, "error", onError, errorDefault, out, row);
      }
    });
  },
};

function handle(
  call: Call,
  what: "empty" | "error",
  behaviour: string | undefined,
  fallback: ColumnReader | undefined,
  out: ColumnWriter,
  row: number,
): void {
  if (behaviour === "ERROR") {
    throw failure(call, what === "empty" ? "the path finds nothing" : "the path finds no scalar");
  }
  if (behaviour !== "DEFAULT" || fallback === undefined || fallback.isNull(row)) out.setNull(row);
  else copy(fallback, out, row);
}

function copy(from: ColumnReader, out: ColumnWriter, row: number): void {
  if (out.physical === "view") out.setBytes(row, from.bytes(row).slice());
  else if (out.physical === "bool") out.setBoolean(row, from.boolean(row));
  else out.setNumber(row, from.number(row));
}

/** NULL counts as one: it is no scalar that could be written. */
function isComposite(json: Json): json is null | Json[] | { [key: string]: Json } {
  return json === null || Array.isArray(json) || isObject(json);
}

/** False when a scalar does not convert to the type that is returned. */
function write(
  out: ColumnWriter,
  row: number,
  scalar: boolean | number | string | JsonNumber,
): boolean {
  switch (out.type.kind) {
    case "BOOLEAN":
      if (typeof scalar !== "boolean") return false;
      out.setBoolean(row, scalar);
      return true;
    case "INTEGER":
      if (!Number.isInteger(scalar instanceof JsonNumber ? Number.NaN : scalar)) return false;
      out.setNumber(row, scalar as number);
      return true;
    case "DOUBLE":
      if (typeof scalar !== "number" && !(scalar instanceof JsonNumber)) return false;
      out.setNumber(row, Number(scalar));
      return true;
    default:
      out.setString(row, String(scalar));
      return true;
  }
}

const query: ColumnFunction = {
  kind: "column",
  accepts: (call) => hasPath(call) && ["VARCHAR", "CHAR", "ARRAY"].includes(call.type.kind),
  prepare: (call) => {
    const path = pathOf(call);
    const [wrapper = "", onEmpty, onError] = [2, 3, 4].map((index) => literalText(call, index));
    return eachRow(({ args: [input], out }, row) => {
      const result = evaluatePath(path, input!.string(row));
      const found = result.failed ? undefined : wrapped(result.values, path.many, wrapper);
      const empty = !result.failed && result.values.length === 0;
      const isArray = out.type.kind === "ARRAY";
      if (found === undefined || empty || (isArray && !Array.isArray(found))) {
        const [first] = result.failed ? [] : result.values;
        const given = typeof first === "string" ? first : printJson(first ?? null);
        const behaviour = empty ? onEmpty : onError;
        writeBehaviour({ call, what: empty ? "empty" : "error", behaviour, given }, out, row);
      } else if (isArray) writeValue(out, row, (found as Json[]).map(elementText));
      else out.setString(row, printJson(found));
    });
  },
};

/** An element of RETURNING ARRAY<STRING>: text as it is, anything else as JSON. */
function elementText(json: Json): string | null {
  return json === null || typeof json === "string" ? json : printJson(json);
}

/** The array or object that JSON_QUERY returns; undefined when there is none. */
function wrapped(values: Json[], many: boolean, wrapper: string): Json | undefined {
  const [first] = values;
  const one = many ? values : first;
  if (one === undefined) return undefined;
  if (wrapper.startsWith("WITH UNCONDITIONAL") || wrapper === "UNCONDITIONAL ARRAY") {
    return many ? values : [one];
  }
  if (wrapper.startsWith("WITH CONDITIONAL") || wrapper === "CONDITIONAL ARRAY") {
    return Array.isArray(one) ? one : [one];
  }
  return Array.isArray(one) || isObject(one) ? one : undefined;
}

interface Fallback {
  readonly call: Call;
  readonly what: "empty" | "error";
  readonly behaviour: string | undefined;
  /** What the path found, for an error's value. */
  readonly given: string;
}

function writeBehaviour(
  { call, what, behaviour, given }: Fallback,
  out: ColumnWriter,
  row: number,
): void {
  if (behaviour === "ERROR" && what === "empty")
    throw failure(call, "Empty result of JSON_QUERY function is not allowed");
  if (behaviour === "ERROR")
    throw codegenErrors.JSON_NOT_STRICT({ function: call.function }, { value: `''${given}''` });
  if (behaviour === "EMPTY ARRAY" && out.type.kind === "ARRAY") writeValue(out, row, []);
  else if (behaviour === "EMPTY ARRAY") out.setString(row, "[]");
  else if (behaviour === "EMPTY OBJECT") out.setString(row, "{}");
  else out.setNull(row);
}

const isJson: ColumnFunction = {
  kind: "column",
  prepare: (call) => {
    const item = literalText(call, 1) ?? "VALUE";
    return eachRow(({ args: [input], out }, row) => {
      const json = parseJson(input!.string(row));
      out.setBoolean(row, json !== undefined && isItem(json, item));
    });
  },
};

function isItem(json: Json, item: string): boolean {
  if (item === "ARRAY") return Array.isArray(json);
  if (item === "OBJECT") return isObject(json);
  return item === "VALUE" || !(Array.isArray(json) || isObject(json));
}

function failure(call: Call, text: string) {
  return codegenErrors.EXPRESSION_FAILED({ function: call.function, reason: text, where: "a row" });
}

/** As Flink writes it: the slash and everything beyond ASCII are escaped too. */
function quoted(text: string): string {
  const unicode = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text)
    .replaceAll("/", "\\/")
    .replaceAll(/[\u007f-\uffff]/g, unicode);
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  "/": "/",
};

/** Without the quotes around it, and its escapes undone, whether or not the whole is valid JSON. */
function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  const inner = text.slice(1, -1);
  let valid = true;
  const plain = inner.replaceAll(
    /\\(u[0-9a-fA-F]{4}|[\s\S])|\\$/g,
    (_, escaped: string | undefined) => {
      if (escaped?.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
      const char = ESCAPES[escaped ?? ""];
      if (char === undefined) valid = false;
      return char ?? "";
    },
  );
  return valid ? plain : text;
}

export const jsonFunctions: FunctionTable = {
  JSON_EXISTS: exists,
  JSON_VALUE: value,
  JSON_QUERY: query,
  IS_JSON: isJson,
  JSON_QUOTE: rowFunction(({ args: [text], out }, row) =>
    out.setString(row, quoted(text!.string(row))),
  ),
  JSON_UNQUOTE: rowFunction(({ args: [text], out }, row) =>
    out.setString(row, unquoted(text!.string(row))),
  ),
};
