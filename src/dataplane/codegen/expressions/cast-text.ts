/**
 * Casts to and from CHAR, VARCHAR, BINARY, VARBINARY.
 *
 * To text:   numbers as Java prints them (Integer.toString, Double.toString with the shortest digits, DECIMAL plainly with
 *            its scale), TRUE / FALSE, dates and times as Flink prints them with their precision's digits.
 * Length:    VARCHAR(n) cuts after n characters, CHAR(n) cuts or pads with blanks; VARBINARY(n), BINARY(n) likewise in
 *            bytes, padded with zeros.
 * From text: surrounding blanks are skipped; what cannot be read is CAST_FAILED, or NULL for TRY_CAST.
 */
import {
  type LogicalType,
  MAX_LENGTH,
  type StringType,
} from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { Value } from "../value.ts";
import { narrow } from "./arithmetic.ts";
import { pushDecimalResult, pushI128, pushI64 } from "./decimal.ts";
import { pushLocalToUtc, pushUtcToLocal } from "./time-zone.ts";

const CHARACTERS = new Set(["CHAR", "VARCHAR"]);
const BYTES = new Set(["BINARY", "VARBINARY"]);

export const isText = (type: LogicalType): type is StringType =>
  CHARACTERS.has(type.kind) || BYTES.has(type.kind);

export function castToText(
  context: ExpressionContext,
  value: Value,
  to: StringType,
): Value | undefined {
  const from = value.type;
  if (!isText(from)) {
    if (!CHARACTERS.has(to.kind) || !prints(from)) return undefined;
    return context.strict(to, [value], { guard: true }, () => {
      pushText(context, value);
      fitLength(context, to);
    });
  }
  const repair = BYTES.has(from.kind) && CHARACTERS.has(to.kind);
  const sameUnit = CHARACTERS.has(from.kind) === CHARACTERS.has(to.kind);
  const fits =
    to.kind.startsWith("VAR") &&
    (to.length === MAX_LENGTH || (sameUnit && from.length <= to.length));
  const unchanged = fits || (from.kind === to.kind && from.length === to.length);
  if (unchanged && !repair) return { ...value, type: to };
  return context.strict(to, [value], { guard: true }, () => {
    context.push(value);
    if (repair) context.f.call(context.kernel("castBytesToText"));
    fitLength(context, to);
  });
}

function prints(type: LogicalType): boolean {
  switch (type.kind) {
    case "BOOLEAN":
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "FLOAT":
    case "DOUBLE":
    case "DECIMAL":
    case "DATE":
    case "TIME":
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      return true;
    default:
      return false;
  }
}

/** Pushes the value printed, as a view. */
function pushText(context: ExpressionContext, value: Value): void {
  const { f } = context;
  const { type } = value;
  const kernel = (name: KernelName) => f.call(context.kernel(name));
  switch (type.kind) {
    case "BOOLEAN": {
      const encode = (text: string) => context.constantView(new TextEncoder().encode(text));
      context.pushPart(encode("TRUE"));
      context.pushPart(encode("FALSE"));
      context.push(value).op("select");
      return;
    }
    case "FLOAT":
      context.push(value);
      kernel("castF32ToText");
      return;
    case "DOUBLE":
      context.push(value);
      kernel("castF64ToText");
      return;
    case "DECIMAL":
      pushI128(context, value);
      f.i32(type.scale);
      kernel("castDecimalToText");
      return;
    case "DATE":
      context.push(value);
      kernel("castDateToText");
      return;
    case "TIME":
      context.push(value).i32(type.precision);
      kernel("castTimeToText");
      return;
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      context.push(value);
      if (type.kind === "TIMESTAMP_LTZ") pushUtcToLocal(context);
      if (value.physical === "ts128") context.push(value, 1);
      else f.i64(0);
      f.i32(type.precision);
      kernel("castTimestampToText");
      return;
    case "INTERVAL_YEAR_MONTH":
      context.push(value);
      kernel("castMonthsToText");
      return;
    case "INTERVAL_DAY_TIME":
      context.push(value);
      kernel("castIntervalToText");
      return;
    default:
      pushI64(context, value);
      kernel("castI64ToText");
  }
}

/** The view on the stack, cut and padded to the type's length. */
function fitLength(context: ExpressionContext, to: StringType): void {
  const { f } = context;
  const kernels = {
    CHAR: "castPad",
    VARCHAR: "castTruncate",
    BINARY: "castPadBytes",
    VARBINARY: "castTruncateBytes",
  } as const;
  if (to.length === MAX_LENGTH) return;
  f.i32(to.length).call(context.kernel(kernels[to.kind]));
}

export function castFromText(
  context: ExpressionContext,
  value: Value,
  to: LogicalType,
  call: Call,
  safe: boolean,
): Value | undefined {
  if (!CHARACTERS.has(value.type.kind)) return undefined;
  const push = parser(context, to);
  if (push === undefined) return undefined;
  return context.strictNullable(to, [value], () => {
    const { f } = context;
    context.push(value);
    f.i32(safe ? 1 : 0);
    push(() => {
      if (!safe) context.checkFailed(call);
    });
  });
}

/**
 * Code behind the pushed view and `safe` flag: pushes the parts and the NULL word. `check` is called right behind the
 * kernel call.
 */
function parser(
  context: ExpressionContext,
  to: LogicalType,
): ((check: () => void) => void) | undefined {
  const { f } = context;
  const simple = (name: KernelName, extra: readonly number[] = [], after?: () => void) => {
    return (check: () => void) => {
      for (const constant of extra) f.i32(constant);
      f.call(context.kernel(name));
      check();
      after?.();
      context.pushKernelNull();
    };
  };
  const wrap = () => {
    f.op("i32.wrap_i64");
    narrow(context, to);
  };
  switch (to.kind) {
    case "BOOLEAN":
      return simple("castTextToBoolean");
    case "TINYINT":
      return simple("castTextToInteger", [8], () => wrap());
    case "SMALLINT":
      return simple("castTextToInteger", [16], () => wrap());
    case "INTEGER":
      return simple("castTextToInteger", [32], () => f.op("i32.wrap_i64"));
    case "BIGINT":
      return simple("castTextToInteger", [64]);
    case "FLOAT":
      return simple("castTextToF32");
    case "DOUBLE":
      return simple("castTextToF64");
    case "DECIMAL":
      return (check) => {
        f.i32(to.precision).i32(to.scale).call(context.kernel("castTextToDecimal"));
        check();
        pushDecimalResult(context, to);
      };
    case "DATE":
      return simple("castTextToDate");
    case "TIME":
      return simple("castTextToTime", [to.precision]);
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return (check) => {
        f.i32(to.precision).call(context.kernel("castTextToTimestamp"));
        check();
        f.globalGet(context.module.statusGlobal).load("i64.load", 32);
        if (to.kind === "TIMESTAMP_LTZ") pushLocalToUtc(context);
        if (to.precision > 3) f.globalGet(context.module.statusGlobal).load("i64.load", 40);
        context.pushKernelNull();
      };
    default:
      return undefined;
  }
}
