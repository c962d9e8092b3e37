/**
 * Functions of text, bytes and numbers that are seldom hot, as column functions: hashes, encodings, addresses, URLs.
 *
 * Source: Flink SqlFunctionUtils, BuiltInFunctionDefinitions.
 */
import { physicalOf, types, typeToString } from "../../../foundation/columnar/logical-type.ts";
import { type Call, literal } from "../../../foundation/plan/expression.ts";
import { everyRow, rowFunction, textFunction } from "./column-rows.ts";
import { parseUrl, urlDecode, urlEncode } from "./url.ts";
import type {
  ColumnFunction,
  FunctionEnvironment,
  FunctionTable,
  ScalarFunction,
} from "./registry.ts";

const isBinary = (call: Call, index = 0) =>
  call.args[index]?.type.kind === "BINARY" || call.args[index]?.type.kind === "VARBINARY";
const isText = (call: Call, index = 0) =>
  call.args[index]?.type.kind === "CHAR" || call.args[index]?.type.kind === "VARCHAR";

const digest = (algorithm: string): ColumnFunction =>
  rowFunction(({ args: [value], out }, row) =>
    out.setString(
      row,
      process
        .getBuiltinModule("node:crypto")
        .createHash(algorithm)
        .update(value!.bytes(row))
        .digest("hex"),
    ),
  );

const SHA2_BITS: ReadonlySet<number> = new Set([224, 256, 384, 512]);

const sha2 = rowFunction(({ args: [value, bits], out }, row) => {
  const size = bits!.number(row);
  if (!SHA2_BITS.has(size)) out.setNull(row);
  else
    out.setString(
      row,
      process
        .getBuiltinModule("node:crypto")
        .createHash(`sha${size}`)
        .update(value!.bytes(row))
        .digest("hex"),
    );
});

const hex: readonly ScalarFunction[] = [
  rowFunction(
    ({ args: [value], out }, row) =>
      out.setString(row, Buffer.from(value!.bytes(row)).toString("hex").toUpperCase()),
    { accepts: (call) => isText(call) || isBinary(call) },
  ),
  rowFunction(({ args: [value], out }, row) =>
    out.setString(row, BigInt.asUintN(64, value!.bigint(row)).toString(16).toUpperCase()),
  ),
];

const unhex = rowFunction(({ args: [value], out }, row) => {
  const text = value!.string(row);
  if (!/^[0-9a-fA-F]*$/.test(text)) out.setNull(row);
  // Of an odd number of digits Flink drops the first, and leaves a zero byte in its place.
  else out.setBytes(row, Buffer.from(text.length % 2 === 0 ? text : `00${text.slice(1)}`, "hex"));
});

const fromBase64 = rowFunction(({ args: [value], out }, row) => {
  const text = value!.string(row);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) out.setNull(row);
  else out.setString(row, Buffer.from(text, "base64").toString("utf8"));
});

/** CONCAT_WS skips NULLs; a NULL separator makes the result NULL. */
const concatWs: ColumnFunction = {
  kind: "column",
  prepare: () =>
    everyRow(({ args: [separator, ...texts], out }, row) => {
      if (separator!.isNull(row)) out.setNull(row);
      else {
        const present = texts.filter((text) => !text.isNull(row)).map((text) => text.string(row));
        out.setString(row, present.join(separator!.string(row)));
      }
    }),
};

/** ELT(index, a, b, …): only the chosen one must be present. */
const elt: ColumnFunction = {
  kind: "column",
  prepare: () =>
    everyRow(({ args: [index, ...values], out }, row) => {
      const chosen = index!.isNull(row) ? undefined : values[index!.number(row) - 1];
      if (chosen === undefined || chosen.isNull(row)) out.setNull(row);
      else out.setBytes(row, chosen.bytes(row).slice());
    }),
};

const test = (pattern: RegExp): ColumnFunction => ({
  kind: "column",
  prepare: () =>
    everyRow(({ args: [value], out }, row) =>
      out.setBoolean(row, !value!.isNull(row) && pattern.test(value!.string(row))),
    ),
});

const decode = rowFunction(({ args: [value, charset], out }, row) => {
  const bytes = value!.bytes(row);
  const name = charset!.string(row).toUpperCase();
  if (name === "ISO-8859-1") out.setString(row, Buffer.from(bytes).toString("latin1"));
  else if (name === "US-ASCII") {
    out.setString(
      row,
      Buffer.from(bytes)
        .toString("latin1")
        .replace(/[\x80-\xff]/g, "\ufffd"),
    );
  } else out.setString(row, new TextDecoder(name).decode(bytes));
});

const encode = rowFunction(({ args: [value, charset], out }, row) => {
  const text = value!.string(row);
  const name = charset!.string(row).toUpperCase();
  if (name === "UTF-16BE" || name === "UTF-16") {
    const bytes = Buffer.from(text, "utf16le").swap16();
    out.setBytes(
      row,
      name === "UTF-16" ? Buffer.concat([Buffer.from([0xfe, 0xff]), bytes]) : bytes,
    );
  } else if (name === "UTF-16LE") out.setBytes(row, Buffer.from(text, "utf16le"));
  else if (name === "UTF-8") out.setBytes(row, Buffer.from(text, "utf8"));
  else {
    const limit = name === "US-ASCII" ? 0x7f : 0xff;
    const bytes = [...text].map((char) => {
      const code = char.codePointAt(0)!;
      return code > limit ? 0x3f : code;
    });
    out.setBytes(row, Uint8Array.from(bytes));
  }
});

function inetAton(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length > 4 || !parts.every((part) => /^\d{1,10}$/.test(part))) return null;
  const numbers = parts.map(BigInt);
  if (numbers.some((part) => part > 255n)) return null;
  const last = numbers.pop()!;
  return numbers.reduce((sum, part, index) => sum + part * 256n ** BigInt(3 - index), last);
}

const uuid: ColumnFunction = {
  kind: "column",
  deterministic: false,
  prepare: (_call, environment) =>
    everyRow(({ out }, row) => out.setString(row, randomUuid(environment))),
};

/** Version 4, from the environment's randomness so that a simulation repeats it. */
function randomUuid(environment: FunctionEnvironment): string {
  const bytes = Uint8Array.from({ length: 16 }, () => Math.floor(environment.random() * 256));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = Buffer.from(bytes).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** TYPEOF(value[, force serializable]) is known when compiling. */
const typeOf: ScalarFunction = {
  kind: "compiled",
  emit: (context, call) => {
    const text = typeToString(call.args[0]!.type);
    return context.compile(literal(text, types.char(text.length, false)));
  },
};

/** With the code of a separator from 1 to 255. */
const splitAtCode = rowFunction(
  ({ args: [text, code, index], out }, row) => {
    const separator = code!.number(row);
    const at = index!.number(row);
    const parts = text!.string(row).split(String.fromCharCode(separator));
    const part = separator < 1 || separator > 255 || at < 0 ? undefined : parts[at];
    if (part === undefined) out.setNull(row);
    else out.setString(row, part);
  },
  { accepts: ({ args }) => physicalOf(args[1]!.type) === "i32" },
);

export const miscFunctions: FunctionTable = {
  SPLIT_INDEX: splitAtCode,
  MD5: digest("md5"),
  SHA1: digest("sha1"),
  SHA224: digest("sha224"),
  SHA256: digest("sha256"),
  SHA384: digest("sha384"),
  SHA512: digest("sha512"),
  SHA2: sha2,
  HEX: hex,
  UNHEX: unhex,
  BIN: rowFunction(({ args: [value], out }, row) =>
    out.setString(row, BigInt.asUintN(64, value!.bigint(row)).toString(2)),
  ),
  TO_BASE64: rowFunction(({ args: [value], out }, row) =>
    out.setString(row, Buffer.from(value!.bytes(row)).toString("base64")),
  ),
  FROM_BASE64: fromBase64,
  CONCAT_WS: concatWs,
  ELT: elt,
  IS_ALPHA: test(/^\p{L}+$/u),
  IS_DIGIT: test(/^\p{Nd}+$/u),
  IS_DECIMAL: test(/^[+-]?(\d+\.?\d*|\.\d+)$/),
  OCTET_LENGTH: rowFunction(({ args: [value], out }, row) =>
    out.setNumber(row, value!.bytes(row).length),
  ),
  DECODE: decode,
  ENCODE: encode,
  URL_ENCODE: textFunction(([text]) => urlEncode(text!)),
  URL_DECODE: textFunction(([text]) => urlDecode(text!)),
  PARSE_URL: textFunction(([url, part, key]) => parseUrl(url!, part!, key)),
  INET_ATON: rowFunction(({ args: [value], out }, row) => {
    const address = inetAton(value!.string(row));
    if (address === null) out.setNull(row);
    else out.setBigint(row, address);
  }),
  INET_NTOA: rowFunction(({ args: [value], out }, row) => {
    const address = value!.bigint(row);
    if (address < 0n || address > 0xffffffffn) out.setNull(row);
    else out.setString(row, [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join("."));
  }),
  UUID: uuid,
  TYPEOF: typeOf,
};
