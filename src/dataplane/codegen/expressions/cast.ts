/**
 * CAST and TRY_CAST: dispatch by the two types.
 *
 * Failure: CAST reports CAST_FAILED for text that is no value of the target; TRY_CAST gives NULL. A DECIMAL that does not
 *          fit is NULL in both, as in Flink.
 * Errors:  CAST_UNSUPPORTED for pairs that Flink does not cast, or that we do not.
 * Source:  Flink's cast rules (legacy-cast-behaviour disabled).
 */
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import type { ExpressionContext } from "../expression-context.ts";
import { castsNested } from "../functions/nested-cast-functions.ts";
import type { FunctionTable } from "../functions/registry.ts";
import type { Value } from "../value.ts";
import { castNumeric, isNumeric } from "./cast-numeric.ts";
import { castFromText, castToText, isText } from "./cast-text.ts";
import { castTime, isTime } from "./cast-time.ts";

function emitCast(safe: boolean) {
  return (context: ExpressionContext, call: Call): Value => {
    const value = context.compile(call.args[0]!);
    const result = cast(context, value, call, safe);
    if (result === undefined)
      throw codegenErrors.CAST_UNSUPPORTED({
        from: typeToString(value.type),
        to: typeToString(call.type),
      });
    return result;
  };
}

function cast(
  context: ExpressionContext,
  value: Value,
  call: Call,
  safe: boolean,
): Value | undefined {
  const to = call.type;
  if (value.type.kind === "NULL" || value.isNull === "always") return context.nullValue(to);
  if (isNumeric(value.type) && isNumeric(to)) return castNumeric(context, value, to, call, safe);
  if (isText(to)) return castToText(context, value, to);
  if (isText(value.type)) return castFromText(context, value, to, call, safe);
  if (isTime(value.type) && isTime(to)) return castTime(context, value, to);
  if (sameConstructed(value.type, to)) return { ...value, type: to };
  return undefined;
}

/** ARRAY, MAP and the like keep their encoding when only nullability differs. */
function sameConstructed(from: LogicalType, to: LogicalType): boolean {
  return physicalOf(from) === "view" && stripNullability(from) === stripNullability(to);
}

function stripNullability(type: LogicalType): string {
  return typeToString(type).replaceAll(" NOT NULL", "");
}

/** Collections and rows that must be taken apart are a column function's: functions/nested-cast-functions.ts. */
function keepsEncoding({ args: [from], type }: Call): boolean {
  return from === undefined || !castsNested(from.type, type);
}

export const castFunctions: FunctionTable = {
  CAST: { kind: "compiled", accepts: keepsEncoding, emit: emitCast(false) },
  TRY_CAST: { kind: "compiled", accepts: keepsEncoding, emit: emitCast(true) },
};
