/**
 * Functions of the user over columns: called once per batch; JavaScript values are made for their arguments alone.
 *
 * Results: checked against the declared type before they are written: a number where BIGINT is declared becomes one, what
 *          does not fit is an error. undefined is NULL.
 * Errors:  MR4104 with the function's name and its message; never values.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import {
  parseReference,
  type UserFunction,
  type UserFunctionContext,
} from "../../../foundation/plan/user-function.ts";
import { codegenErrors } from "../errors.ts";
import { readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionEnvironment } from "./registry.ts";

const prepare: ColumnFunction["prepare"] = (call, environment) => {
  const own = openedFunction(call.function, "scalar", environment);
  return ({ rows, mask, args, out }) => {
    for (let row = 0; row < rows; row++) {
      if (mask !== undefined && mask[row] === 0) continue;
      const values = args.map((arg) => readValue(arg, row));
      const result = guarded(own.name, () => userValue(own.function.eval(...values), call.type));
      writeValue(out, row, result);
    }
  };
};
const STABLE: ColumnFunction = { kind: "column", prepare };
const VOLATILE: ColumnFunction = { kind: "column", deterministic: false, prepare };

export function userColumnFunction(deterministic: boolean): ColumnFunction {
  return deterministic ? STABLE : VOLATILE;
}

/** The function that a call refers to, opened for one place of the job. */
export function openedFunction<K extends UserFunction["kind"]>(
  reference: string,
  kind: K,
  environment: FunctionEnvironment,
): { readonly name: string; readonly function: Extract<UserFunction, { kind: K }> } {
  const parsed = parseReference(reference);
  const found = parsed && environment.userFunction?.(parsed);
  const name = parsed?.name ?? reference;
  if (found === undefined || found.kind !== kind)
    throw codegenErrors.EXPRESSION_FAILED({
      function: name,
      reason:
        found?.kind.startsWith("async") === true && !kind.startsWith("async")
          ? "it is asynchronous, and stands where results cannot be waited for"
          : `there is no ${kind} function for it here`,
      where: "user-defined function",
    });
  const context: UserFunctionContext = {
    timeZone: environment.timeZone,
    option: (key) => environment.config[key],
  };
  const own = found as Extract<UserFunction, { kind: K }>;
  guarded(name, () => own.open?.(context));
  return { name, function: own };
}

/** What the user's code throws, as an error of the job that names the function. */
export function guarded<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "it threw what is no Error";
    const where = "user-defined function";
    throw codegenErrors.EXPRESSION_FAILED({ function: name, reason, where }, { cause });
  }
}

const INTEGERS: Readonly<Record<string, number>> = {
  TINYINT: 2 ** 7,
  SMALLINT: 2 ** 15,
  INTEGER: 2 ** 31,
  DATE: 2 ** 31,
  TIME: 2 ** 31,
};

/** A result as a column of the type takes it. */
export function userValue(given: unknown, type: LogicalType): Value {
  const value = given ?? null;
  const wrong = () =>
    new TypeError(
      `its result (a ${Array.isArray(value) ? "list" : typeof value}) is no ${type.kind}`,
    );
  if (value === null) {
    if (!type.nullable) throw new TypeError(`its result is NULL, but ${type.kind} NOT NULL`);
    return null;
  }
  const limit = INTEGERS[type.kind];
  if (limit !== undefined) {
    const number = typeof value === "bigint" ? Number(value) : value;
    const fits = Number.isInteger(number) && (number as number) < limit;
    if (!fits || (number as number) < -limit) throw wrong();
    return number as number;
  }
  switch (type.kind) {
    case "BOOLEAN":
      if (typeof value !== "boolean") throw wrong();
      return value;
    case "FLOAT":
    case "DOUBLE":
      if (typeof value !== "number") throw wrong();
      return value;
    case "BIGINT":
    case "INTERVAL_DAY_TIME":
    case "INTERVAL_YEAR_MONTH":
      if (typeof value !== "bigint" && !Number.isSafeInteger(value)) throw wrong();
      if (BigInt.asIntN(64, BigInt(value as number)) !== BigInt(value as number)) throw wrong();
      return BigInt(value as number);
    case "CHAR":
    case "VARCHAR":
      if (typeof value !== "string") throw wrong();
      return value;
    case "DECIMAL":
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return partsOf(value, type, wrong);
    default:
      return nestedValue(value, type, wrong);
  }
}

function partsOf(value: unknown, type: LogicalType, wrong: () => Error): Value {
  const { unscaled, scale, millis, nanos } = value as Partial<Record<string, unknown>>;
  if (type.kind === "DECIMAL") {
    const fits = typeof unscaled === "bigint" && scale === type.scale;
    const bound = 10n ** BigInt(type.precision);
    if (!fits || unscaled >= bound || unscaled <= -bound) throw wrong();
    return { unscaled, scale };
  }
  if (!Number.isSafeInteger(millis) || !Number.isSafeInteger(nanos ?? 0)) throw wrong();
  return { millis: millis as number, nanos: (nanos ?? 0) as number };
}

function nestedValue(value: unknown, type: LogicalType, wrong: () => Error): Value {
  const isList = Array.isArray(value);
  const list = value as readonly unknown[];
  switch (type.kind) {
    case "ROW":
    case "STRUCTURED":
      if (!isList || list.length !== type.fields.length) throw wrong();
      return type.fields.map((field, i) => userValue(list[i], field.type));
    case "ARRAY":
      if (!isList) throw wrong();
      return list.map((element) => userValue(element, type.element));
    case "MAP":
      if (!isList || !list.every((entry) => Array.isArray(entry) && entry.length === 2))
        throw wrong();
      return (list as readonly (readonly [unknown, unknown])[]).map(
        ([key, own]): Value => [userValue(key, type.key), userValue(own, type.value)],
      );
    default:
      if (!(value instanceof Uint8Array)) throw wrong();
      return value;
  }
}
