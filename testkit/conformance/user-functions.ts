/**
 * Twins in TypeScript of the scalar, table and aggregate functions that Flink's tests use: exported under the names of their classes,
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
  UserAggregateFunction,
  UserAsyncScalarFunction,
  UserAsyncTableFunction,
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

/** The same, answered later. */
const later = (own: UserScalarFunction): UserAsyncScalarFunction => ({
  ...own,
  kind: "async-scalar",
  eval: async (...args) => own.eval(...args),
});
export const AsyncJavaFunc0 = later(JavaFunc0);
export const AsyncJavaFunc1 = later(JavaFunc1);
export const AsyncJavaFunc2 = later(JavaFunc2);
export const AsyncJavaFunc5 = later(JavaFunc5);
export const AsyncUdfWithOpen = later(UdfWithOpen);

/** Fails for a 2 every other time: once before the restore, not after it. */
let twos = 0;
export const TwosFailFunction: UserAsyncScalarFunction = {
  kind: "async-scalar",
  signatures: [{ args: ["INT"], returns: "INT" }],
  eval: async (number: number | null) => {
    if (number === 2 && ++twos % 2 === 1) throw new Error("a 2 fails at first");
    return number;
  },
};

/** Splits by # behind a prefix; fails for what begins with hello every other time, as TwosFailFunction does. */
let hellos = 0;
export const FailureThenSucceedSplit: UserAsyncTableFunction = {
  kind: "async-table",
  signatures: [{ args: ["STRING", "STRING"], returns: "STRING" }],
  eval: async (text: string | null, prefix: string | null) => {
    if (text?.startsWith("hello") === true && ++hellos % 2 === 1)
      throw new Error("hello fails at first");
    return text === null ? [] : text.split("#").map((part) => `${prefix}${part}`);
  },
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

export const JavaUserDefinedAggFunctions_LargerThanCount: UserAggregateFunction = {
  kind: "aggregate",
  signatures: [{ args: ["BIGINT", "BIGINT"], returns: "BIGINT" }],
  accumulator: "BIGINT",
  create: () => 0n,
  accumulate: (count: bigint, a: bigint | null, b: bigint | null) =>
    a !== null && b !== null && a > b ? count + 1n : count,
  retract: (count: bigint, a: bigint | null, b: bigint | null) =>
    a !== null && b !== null && a > b ? count - 1n : count,
  value: (count: bigint) => count,
};

const total = (args: readonly (number | null)[]) =>
  args.reduce((sum: bigint, x) => sum + BigInt(x ?? 0), 0n);

export const VarSum1AggFunction: UserAggregateFunction = {
  kind: "aggregate",
  signatures: [{ args: ["INT..."], returns: "BIGINT" }],
  accumulator: "BIGINT",
  create: () => 0n,
  accumulate: (sum: bigint, ...args: (number | null)[]) => sum + total(args),
  value: (sum: bigint) => sum,
};

/** Flink's adds to its parameter, so that its accumulator stays as it was created. */
export const VarSum2AggFunction: UserAggregateFunction = {
  ...VarSum1AggFunction,
  accumulate: () => undefined,
};

export const WeightedAvgWithoutMerge: UserAggregateFunction = {
  kind: "aggregate",
  signatures: [
    { args: ["BIGINT", "INT"], returns: "BIGINT" },
    { args: ["BIGINT", "BIGINT"], returns: "BIGINT" },
  ],
  accumulator: "ROW<total BIGINT, weights BIGINT>",
  create: () => [0n, 0n],
  accumulate: (
    [sum, n]: readonly [bigint, bigint],
    value: bigint | null,
    weight: number | bigint | null,
  ) =>
    value === null || weight === null
      ? undefined
      : [sum + value * BigInt(weight), n + BigInt(weight)],
  value: ([sum, n]: readonly [bigint, bigint]) => (n === 0n ? null : sum / n),
};

export const WeightedAvg: UserAggregateFunction = {
  ...WeightedAvgWithoutMerge,
  merge: ([sum, n]: readonly [bigint, bigint], [otherSum, otherN]: readonly [bigint, bigint]) => [
    sum + otherSum,
    n + otherN,
  ],
};

export const MyUdaf: UserAggregateFunction = {
  kind: "aggregate",
  signatures: [{ args: ["BITMAP"], returns: "BIGINT" }],
  accumulator: "BIGINT",
  create: () => 0n,
  accumulate: (sum: bigint, bytes: Uint8Array | null) =>
    bytes === null ? sum : sum + BigInt(cardinality(decodeBitmap(bytes))),
  value: (sum: bigint) => sum,
};

export { countChar as com_github_nexmark_flink_udf_CountChar } from "../../bench/nexmark/count-char.ts";
