/**
 * Twins in TypeScript of the scalar and table functions that Flink's tests use: exported under the names of their classes,
 * loaded as a user's module is.
 *
 * Source:  behaviour of Flink's JavaUserDefinedScalarFunctions, TableFunc1, StringSplit, BitmapSemanticTest,
 *          VariantSemanticTest; Nexmark's CountChar.
 */
import {
  cardinality,
  bitmapValues,
  decodeBitmap,
} from "../../src/foundation/columnar/bitmap-value.ts";
import { decodeVariant } from "../../src/foundation/columnar/variant-value.ts";
import type { TimestampValue } from "../../src/foundation/columnar/value-reader.ts";
import type {
  UserScalarFunction,
  UserTableFunction,
} from "../../src/foundation/plan/user-function.ts";

export const JavaFunc0: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["BIGINT"], returns: "BIGINT" }],
  eval: (a: bigint | null) => (a === null ? null : a + 1n),
};

export const JavaFunc1: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["INT", "INT", "TIMESTAMP(3)"], returns: "STRING" }],
  eval: (a: number | null, b: number | null, c: TimestampValue | null) =>
    `${a} and ${b} and ${c === null ? null : c.millis}`,
};

export const JavaFunc2: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["STRING", "INT"], returns: "STRING" }],
  eval: (text: string | null, number: number | null) => `${text}${number}`,
};

export const JavaFunc5: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["TIMESTAMP(3)", "INT"], returns: "TIMESTAMP(3)" }],
  eval: (time: TimestampValue | null, offset: number | null) =>
    time === null || offset === null ? null : { millis: time.millis - offset, nanos: 0 },
};

let prefix = "";
export const UdfWithOpen: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["STRING"], returns: "STRING" }],
  open: () => {
    prefix = "$";
  },
  eval: (text: string | null) => `${prefix}${text}`,
};

/** Java's generator of random numbers with the seed 42: one sequence for each job. */
const JAVA_SEED = (42n ^ 0x5deece66dn) & ((1n << 48n) - 1n);
let javaState = JAVA_SEED;
function nextInt(): number {
  javaState = (javaState * 0x5deece66dn + 0xbn) & ((1n << 48n) - 1n);
  return Number(BigInt.asIntN(32, javaState >> 16n));
}

export const JavaUserDefinedScalarFunctions_NonDeterministicUdf: UserScalarFunction = {
  kind: "scalar",
  deterministic: false,
  signatures: [{ args: ["STRING"], returns: "STRING" }],
  open: () => {
    javaState = JAVA_SEED;
  },
  eval: (text: string | null) => `${text}-${nextInt()}`,
};

export const TableFunc1: UserTableFunction = {
  kind: "table",
  signatures: [
    { args: ["STRING"], returns: "STRING" },
    { args: ["STRING", "STRING"], returns: "STRING" },
  ],
  *eval(text: string | null, before: string = "") {
    if (!text?.includes("#")) return;
    for (const part of text.split("#")) yield `${before}${part}`;
  },
};

export const StringSplit: UserTableFunction = {
  kind: "table",
  signatures: [{ args: ["STRING", "STRING"], returns: "STRING" }],
  eval: (text: string | null, separator: string | null) =>
    text === null || separator === null ? [] : text.split(separator),
};

export const MyUdf: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["VARIANT"], returns: "INT" }],
  eval: (bytes: Uint8Array | null) => {
    const value = bytes === null ? null : decodeVariant(bytes);
    if (!(value instanceof Map)) return null;
    return value.get("k") ?? null;
  },
};

export const BitmapSemanticTest_MyUdf: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["BITMAP"], returns: "INT" }],
  eval: (bytes: Uint8Array | null) => (bytes === null ? null : cardinality(decodeBitmap(bytes))),
};

export const MyUdtf: UserTableFunction = {
  kind: "table",
  signatures: [{ args: ["BITMAP"], returns: "INT" }],
  eval: (bytes: Uint8Array | null) => (bytes === null ? [] : bitmapValues(decodeBitmap(bytes))),
};

export { countChar as com_github_nexmark_flink_udf_CountChar } from "../../bench/nexmark/count-char.ts";
