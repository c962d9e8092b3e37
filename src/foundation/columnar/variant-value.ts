/**
 * VARIANT: a value that carries its own type, mostly from JSON. In batches and state it is the encoding below; equal
 * values are equal bytes, so that COUNT(DISTINCT v) and keys work on it.
 *
 * Format:  u8 tag, then
 *          0 NULL · 1 TRUE · 2 FALSE · 3 integer i64 · 4 decimal: u8 scale, i64 low, i64 high · 5 DOUBLE · 6 text: bytes
 *          7 array: u32 count, per element u32 length and its encoding
 *          8 object: u32 count, per field in the order of the keys (UTF-16) u32 length, key, u32 length, encoding
 * Numbers: of JSON without exponent are integers or decimals of at most 38 digits without trailing zeros, all others DOUBLE.
 * Errors:  VariantFormatError for text that is no JSON, with a doubled key, or nested deeper than MAX_DEPTH.
 * Source:  Flink BinaryVariantInternalBuilder (our own bytes, its rules for numbers and its order of keys).
 */
import { formatDouble } from "./double-text.ts";

export interface VariantDecimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

/** bigint = integer, number = DOUBLE. */
export type Variant =
  | null
  | boolean
  | bigint
  | number
  | string
  | VariantDecimal
  | readonly Variant[]
  | ReadonlyMap<string, Variant>;

export class VariantFormatError extends Error {}

const MAX_DEPTH = 1000;
const MAX_DIGITS = 38;
const TAG = {
  null: 0,
  true: 1,
  false: 2,
  integer: 3,
  decimal: 4,
  double: 5,
  text: 6,
  array: 7,
} as const;
const OBJECT = 8;
const MIN_I64 = -(1n << 63n);
const MAX_I64 = (1n << 63n) - 1n;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// ------------------------------------------------------------------------------------------------ bytes

export function encodeVariant(value: Variant): Uint8Array {
  if (value === null) return Uint8Array.of(TAG.null);
  if (typeof value === "boolean") return Uint8Array.of(value ? TAG.true : TAG.false);
  if (typeof value === "bigint")
    return tagged(TAG.integer, 8, (to) => to.setBigInt64(1, value, true));
  if (typeof value === "number")
    return tagged(TAG.double, 8, (to) => to.setFloat64(1, value, true));
  if (typeof value === "string") return joined(TAG.text, [encoder.encode(value)]);
  if (value instanceof Map) {
    const parts: Uint8Array[] = [word(value.size)];
    for (const [key, part] of [...value].sort(([a], [b]) => (a < b ? -1 : 1)))
      parts.push(...measured(encoder.encode(key)), ...measured(encodeVariant(part)));
    return joined(OBJECT, parts);
  }
  if (Array.isArray(value))
    return joined(TAG.array, [
      word(value.length),
      ...value.flatMap((part: Variant) => measured(encodeVariant(part))),
    ]);
  const { unscaled, scale } = value as VariantDecimal;
  return tagged(TAG.decimal, 17, (to) => {
    to.setUint8(1, scale);
    to.setBigInt64(2, BigInt.asIntN(64, unscaled), true);
    to.setBigInt64(10, unscaled >> 64n, true);
  });
}

function tagged(tag: number, length: number, fill: (to: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(1 + length);
  bytes[0] = tag;
  fill(new DataView(bytes.buffer));
  return bytes;
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);
}

const measured = (bytes: Uint8Array): Uint8Array[] => [word(bytes.length), bytes];

function joined(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 1));
  bytes[0] = tag;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function decodeVariant(bytes: Uint8Array): Variant {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes[0]) {
    case TAG.null:
      return null;
    case TAG.true:
    case TAG.false:
      return bytes[0] === TAG.true;
    case TAG.integer:
      return data.getBigInt64(1, true);
    case TAG.decimal: {
      const unscaled = (data.getBigInt64(10, true) << 64n) | data.getBigUint64(2, true);
      return { unscaled, scale: data.getUint8(1) };
    }
    case TAG.double:
      return data.getFloat64(1, true);
    case TAG.text:
      return decoder.decode(bytes.subarray(1));
    default:
      return decodeParts(bytes, data);
  }
}

function decodeParts(bytes: Uint8Array, data: DataView): Variant {
  const count = data.getUint32(1, true);
  let at = 5;
  const next = (): Uint8Array => {
    const from = at + 4;
    at = from + data.getUint32(at, true);
    return bytes.subarray(from, at);
  };
  if (bytes[0] === TAG.array) return Array.from({ length: count }, () => decodeVariant(next()));
  const fields = new Map<string, Variant>();
  for (let i = 0; i < count; i++) {
    const key = decoder.decode(next());
    fields.set(key, decodeVariant(next()));
  }
  return fields;
}

// ------------------------------------------------------------------------------------------------- text

/** As JSON; objects in the order of their keys. */
export function variantText(value: Variant): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (typeof value === "number")
    return Number.isFinite(value) ? formatDouble(value) : `"${formatDouble(value)}"`;
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Map) {
    const fields = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, part]) => `${JSON.stringify(key)}:${variantText(part)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map((part: Variant) => variantText(part)).join(",")}]`;
  return decimalText(value as VariantDecimal);
}

function decimalText({ unscaled, scale }: VariantDecimal): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return unscaled < 0n ? `-${text}` : text;
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORDS: readonly (readonly [string, Variant])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

/** `duplicates`: of equal keys the last counts; otherwise they are an error. */
export function parseVariant(text: string, duplicates = false): Variant {
  const parser = new JsonParser(text, duplicates);
  return parser.document();
}

class JsonParser {
  readonly #text: string;
  readonly #duplicates: boolean;
  #at = 0;

  constructor(text: string, duplicates: boolean) {
    this.#text = text;
    this.#duplicates = duplicates;
  }

  document(): Variant {
    this.#match(SPACE);
    const value = this.#value(0);
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  /** With the white space behind it. */
  #value(depth: number): Variant {
    if (depth > MAX_DEPTH) throw new VariantFormatError(`nested deeper than ${MAX_DEPTH}`);
    const first = this.#text[this.#at];
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"') return this.#string();
    const found = WORDS.find(([name]) => this.#text.startsWith(name, this.#at));
    if (found === undefined) return this.#number();
    this.#at += found[0].length;
    this.#match(SPACE);
    return found[1];
  }

  #object(depth: number): Variant {
    const fields = new Map<string, Variant>();
    this.#symbol("{");
    if (this.#takes("}")) return fields;
    do {
      if (this.#text[this.#at] !== '"') throw this.#unexpected();
      const key = this.#string();
      this.#symbol(":");
      if (fields.has(key) && !this.#duplicates) throw new VariantFormatError("a key occurs twice");
      fields.set(key, this.#value(depth + 1));
    } while (this.#takes(","));
    this.#symbol("}");
    return fields;
  }

  #array(depth: number): Variant {
    const values: Variant[] = [];
    this.#symbol("[");
    if (this.#takes("]")) return values;
    do values.push(this.#value(depth + 1));
    while (this.#takes(","));
    this.#symbol("]");
    return values;
  }

  #string(): string {
    const match = this.#match(STRING);
    if (match === undefined) throw this.#unexpected();
    this.#match(SPACE);
    return JSON.parse(match[0]) as string;
  }

  #number(): Variant {
    const match = this.#match(NUMBER);
    if (match === undefined) throw this.#unexpected();
    this.#match(SPACE);
    const [text, fraction, exponent] = match;
    if (exponent !== undefined) return Number(text);
    const scale = (fraction ?? ".").length - 1;
    const unscaled = BigInt(text.replace(".", ""));
    if (scale === 0 && unscaled >= MIN_I64 && unscaled <= MAX_I64) return unscaled;
    return shortDecimal(unscaled, scale) ?? Number(text);
  }

  #symbol(symbol: string): void {
    if (!this.#takes(symbol)) throw this.#unexpected();
  }

  #takes(symbol: string): boolean {
    if (this.#text[this.#at] !== symbol) return false;
    this.#at++;
    this.#match(SPACE);
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match !== undefined) this.#at += match[0].length;
    return match;
  }

  #unexpected(): VariantFormatError {
    const at = this.#at;
    return new VariantFormatError(
      at < this.#text.length ? `unexpected character at ${at + 1}` : "the text ends too early",
    );
  }
}

/** Without trailing zeros; undefined beyond 38 digits. */
function shortDecimal(unscaled: bigint, scale: number): VariantDecimal | undefined {
  let [digits, places] = [unscaled, scale];
  while (places > 0 && digits % 10n === 0n) {
    digits /= 10n;
    places--;
  }
  const size = (digits < 0n ? -digits : digits).toString().length;
  return Math.max(size, places) <= MAX_DIGITS ? { unscaled: digits, scale: places } : undefined;
}
