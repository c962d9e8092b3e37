/**
 * SQL/JSON paths: [lax|strict] $.key['key'][0][*].*, as Flink's functions take them.
 *
 * lax:    a missing part gives nothing. strict: a missing part, or an index into no array, is an error.
 * Source: SQL:2016 and Calcite JsonFunctions (json-path with its default options); filters and methods are refused.
 */
import { codegenErrors } from "../errors.ts";

export type Json = null | boolean | number | string | JsonNumber | Json[] | { [key: string]: Json };

/** A number that a double does not hold as it is written: 1.0, or more digits than it has. */
export class JsonNumber {
  readonly text: string;

  constructor(source: string) {
    this.text = bigDecimalText(source);
  }

  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }
}

/** BigDecimal.toString of a JSON number; integers keep their digits. */
function bigDecimalText(source: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source);
  if (match === null) return source;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+(?=\d)/, "");
  const scale = fraction.length - Number(exponent);
  const adjusted = digits.length - 1 - scale;
  if (scale === 0) return `${sign}${digits}`;
  if (scale > 0 && adjusted >= -6) {
    const padded = digits.padStart(scale + 1, "0");
    return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  }
  const rest = digits.slice(1);
  const power = adjusted < 0 ? `E${adjusted}` : `E+${adjusted}`;
  return `${sign}${digits[0]}${rest === "" ? "" : `.${rest}`}${power}`;
}

type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "any" }
  | { readonly kind: "deep"; readonly key: string | undefined };

export interface JsonPath {
  readonly strict: boolean;
  readonly steps: readonly Step[];
  /** True when it can give several values. */
  readonly many: boolean;
}

/** What a path finds; `failed` when the text is no JSON or a strict path does not fit. */
export type PathResult =
  | { readonly failed: true }
  | { readonly failed: false; readonly values: Json[] };

const STEP =
  /^(?:\.\.([A-Za-z_$][\w$-]*|\*)|\.([A-Za-z_$][\w$-]*|\d[\w-]*)|\.(\*)|\[\s*(\*)\s*\]|\[\s*(-?\d+)\s*\]|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\."((?:[^"\\]|\\.)*)")/;

export function parseJsonPath(text: string, functionName: string): JsonPath {
  const match = /^\s*(?:(lax|strict)\s+)?\$\s*/i.exec(text);
  if (match === null) throw invalid(text, functionName);
  const steps: Step[] = [];
  let rest = text.slice(match[0].length).trimEnd();
  while (rest !== "") {
    const step = STEP.exec(rest);
    if (step === null) throw invalid(text, functionName);
    steps.push(toStep(step));
    rest = rest.slice(step[0].length);
  }
  const many = steps.some((step) => step.kind === "any" || step.kind === "deep");
  return { strict: match[1]?.toLowerCase() === "strict", steps, many };
}

function toStep(match: RegExpExecArray): Step {
  const [, deep, name, star, anyIndex, index, single, double, dotted] = match;
  if (deep !== undefined) return { kind: "deep", key: deep === "*" ? undefined : deep };
  if (star !== undefined || anyIndex !== undefined) return { kind: "any" };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  const quoted = single ?? double ?? dotted;
  return { kind: "key", key: name ?? quoted!.replace(/\\(.)/gs, "$1") };
}

function invalid(text: string, functionName: string) {
  return codegenErrors.ARGUMENT_INVALID(
    { function: functionName, reason: "not a JSON path", where: "path" },
    { value: text },
  );
}

/** The third argument of JSON.parse's callback. */
interface Source {
  readonly source?: string;
}

function exactNumber(_key: string, value: unknown, context?: Source): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return new JsonNumber(source);
}

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text, exactNumber) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function evaluatePath(path: JsonPath, text: string): PathResult {
  const root = parseJson(text);
  if (root === undefined) return { failed: true };
  let values: Json[] = [root];
  for (const step of path.steps) {
    const next: Json[] = [];
    for (const value of values) {
      if (!apply(step, value, next) && path.strict) return { failed: true };
    }
    values = next;
  }
  return { failed: false, values };
}

/** False when the step does not fit the value. */
function apply(step: Step, value: Json, out: Json[]): boolean {
  switch (step.kind) {
    case "key":
      if (!isObject(value) || !Object.hasOwn(value, step.key)) return false;
      out.push(value[step.key]!);
      return true;
    case "index": {
      const at = Array.isArray(value) && step.index < 0 ? value.length + step.index : step.index;
      if (!Array.isArray(value) || at < 0 || at >= value.length) return false;
      out.push(value[at]!);
      return true;
    }
    case "any":
      if (Array.isArray(value)) out.push(...value);
      else if (isObject(value)) out.push(...Object.values(value));
      else return false;
      return true;
    case "deep":
      descend(value, step.key, out);
      return true;
  }
}

function descend(value: Json, key: string | undefined, out: Json[]): void {
  const parts = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  if (isObject(value)) {
    for (const [name, part] of Object.entries(value)) {
      if (key === undefined || name === key) out.push(part);
    }
  } else if (key === undefined) out.push(...parts);
  for (const part of parts) descend(part, key, out);
}

export function isObject(value: Json): value is { [key: string]: Json } {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonNumber)
  );
}

/** Keys in order, as Flink's mapper prints them. */
export function printJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
  if (value instanceof JsonNumber) return value.text;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${printJson(part)}`).join(",")}}`;
}
