/**
 * PRINTF with Java's format strings, and functions over bytes: STARTSWITH, ENDSWITH, IS_VALID_UTF8, MAKE_VALID_UTF8, HASH_CODE.
 *
 * PRINTF:  %[index$][flags][width][.precision]conversion with b, s, d, x, o, f, e, c, n, %; a format that does not fit its
 *          arguments makes the result NULL, as in Flink.
 */
import type { ColumnReader } from "../column-access.ts";
import { hashCode } from "./hash-code.ts";
import { everyRow, rowFunction } from "./column-rows.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

type Argument = null | boolean | number | bigint | string;

function argument(reader: ColumnReader, row: number): Argument {
  if (reader.isNull(row)) return null;
  switch (reader.type.kind) {
    case "BOOLEAN":
      return reader.boolean(row);
    case "FLOAT":
    case "DOUBLE":
      return reader.number(row);
    case "DECIMAL":
      return reader.decimal(row);
    case "CHAR":
    case "VARCHAR":
      return reader.string(row);
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return isoMoment(reader.millis(row), reader.nanos(row));
    default:
      return reader.bigint(row);
  }
}

/** LocalDateTime.toString. */
function isoMoment(millis: number, nanos: number): string {
  const text = new Date(millis).toISOString();
  const fraction = text.slice(20, 23) + String(nanos).padStart(6, "0");
  const digits = nanos % 1000 !== 0 ? 9 : nanos !== 0 ? 6 : fraction.startsWith("000") ? 0 : 3;
  const head = text.slice(0, 19);
  if (digits === 0) return head.endsWith(":00") ? head.slice(0, 16) : head;
  return `${head}.${fraction.slice(0, digits)}`;
}

const SPECIFIER = /%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

/** Undefined when the format does not fit its arguments. */
function javaFormat(format: string, args: readonly Argument[]): string | undefined {
  let next = 0;
  let fits = true;
  const text = format.replaceAll(
    SPECIFIER,
    (_, index: string | undefined, flags: string, width = "", precision, conversion: string) => {
      if (conversion === "%") return "%";
      if (conversion === "n") return "\n";
      const at = index === undefined ? next++ : Number(index) - 1;
      const body =
        at < args.length ? converted(args[at]!, conversion, flags, precision) : undefined;
      if (body === undefined) {
        fits = false;
        return "";
      }
      return padded(body, flags, Number(width || 0));
    },
  );
  return fits ? text : undefined;
}

function padded(body: string, flags: string, width: number): string {
  if (flags.includes("-")) return body.padEnd(width);
  if (!flags.includes("0")) return body.padStart(width);
  const sign = /^[+-]/.exec(body)?.[0] ?? "";
  return sign + body.slice(sign.length).padStart(width - sign.length, "0");
}

function converted(
  value: Argument,
  conversion: string,
  flags: string,
  precision: string | undefined,
): string | undefined {
  const text = conversion.toUpperCase() === conversion ? upper : same;
  switch (conversion.toLowerCase()) {
    case "b":
      return text(typeof value === "boolean" ? String(value) : String(value !== null));
    case "s":
      return text(String(value).slice(0, precision === undefined ? undefined : Number(precision)));
  }
  if (value === null) return text("null");
  switch (conversion.toLowerCase()) {
    case "d":
      return typeof value === "bigint" ? signed(grouped(String(value), flags), flags) : undefined;
    case "x":
      return typeof value === "bigint" ? text(BigInt.asUintN(64, value).toString(16)) : undefined;
    case "o":
      return typeof value === "bigint" ? BigInt.asUintN(64, value).toString(8) : undefined;
    case "c":
      return typeof value === "bigint" ? text(String.fromCodePoint(Number(value))) : undefined;
    case "f":
      return fixed(value, precision, flags);
    case "e":
      return typeof value === "number"
        ? text(value.toExponential(Number(precision ?? 6)).replace(/e([+-])(\d)$/, "e$10$2"))
        : undefined;
    default:
      return undefined;
  }
}

const same = (text: string) => text;
const upper = (text: string) => text.toUpperCase();

function fixed(value: Argument, precision: string | undefined, flags: string): string | undefined {
  const isDecimal = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
  if (typeof value !== "number" && !isDecimal) return undefined;
  return signed(grouped(Number(value).toFixed(Number(precision ?? 6)), flags), flags);
}

function grouped(text: string, flags: string): string {
  if (!flags.includes(",")) return text;
  const [whole = "", fraction] = text.split(".");
  const spaced = whole.replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

function signed(text: string, flags: string): string {
  if (text.startsWith("-")) return flags.includes("(") ? `(${text.slice(1)})` : text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

const printf: ColumnFunction = {
  kind: "column",
  prepare: () =>
    everyRow(({ args: [format, ...rest], out }, row) => {
      if (format!.isNull(row)) return out.setNull(row);
      const values = rest.map((reader) => argument(reader, row));
      const text = javaFormat(format!.string(row), values);
      if (text === undefined) out.setNull(row);
      else out.setString(row, text);
    }),
};

const areBytes: { readonly accepts: NonNullable<ColumnFunction["accepts"]> } = {
  accepts: ({ args }) => args.every(({ type }) => type.kind.endsWith("BINARY")),
};

const hasAt = (whole: Uint8Array, part: Uint8Array, from: number) =>
  from >= 0 && part.every((byte, i) => whole[from + i] === byte);

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const REPLACEMENT = [0xef, 0xbf, 0xbd];

/** Half of a surrogate pair written in three bytes is one mistake to Java, three to the decoder here. */
function withoutSurrogates(bytes: Uint8Array): Uint8Array {
  let copy: Uint8Array | undefined;
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] !== 0xed || bytes[i + 1]! < 0xa0 || bytes[i + 1]! > 0xbf) continue;
    if ((bytes[i + 2]! & 0xc0) !== 0x80) continue;
    copy ??= bytes.slice();
    copy.set(REPLACEMENT, i);
  }
  return copy ?? bytes;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

export const formatFunctions: FunctionTable = {
  PRINTF: printf,
  STARTSWITH: rowFunction(({ args: [whole, start], out }, row) => {
    out.setBoolean(row, hasAt(whole!.bytes(row), start!.bytes(row), 0));
  }, areBytes),
  ENDSWITH: rowFunction(({ args: [whole, end], out }, row) => {
    const [bytes, tail] = [whole!.bytes(row), end!.bytes(row)];
    out.setBoolean(row, hasAt(bytes, tail, bytes.length - tail.length));
  }, areBytes),
  IS_VALID_UTF8: rowFunction(({ args: [bytes], out }, row) => {
    out.setBoolean(row, isUtf8(bytes!.bytes(row)));
  }),
  MAKE_VALID_UTF8: rowFunction(({ args: [bytes], out }, row) => {
    out.setString(row, lenient.decode(withoutSurrogates(bytes!.bytes(row))));
  }),
  HASH_CODE: hashCode,
};
