/** Constants: numbers become immediates, texts and bytes go to the module's data. */
import { assert } from "../../../foundation/base/errors.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { physicalOf, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Literal, LiteralValue } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { Part, Value } from "../value.ts";

const MASK64 = (1n << 64n) - 1n;

export function literalValue(context: ExpressionContext, { value, type }: Literal): Value {
  if (value === null) return context.nullValue(type);
  return {
    type,
    physical: physicalOf(type),
    parts: literalParts(context, type, value),
    isNull: "never",
  };
}

function literalParts(
  context: ExpressionContext,
  type: LogicalType,
  value: LiteralValue,
): readonly Part[] {
  switch (type.kind) {
    case "BOOLEAN":
      return [{ kind: "i32", value: value === true ? 1 : 0 }];
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "DATE":
    case "TIME":
      return [{ kind: "i32", value: Number(value) }];
    case "BIGINT":
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      return [{ kind: "i64", value: BigInt(value as string | number) }];
    case "FLOAT":
      return [{ kind: "f32", value: Number(value) }];
    case "DOUBLE":
      return [{ kind: "f64", value: Number(value) }];
    case "DECIMAL": {
      const unscaled = unscaledDecimal(String(value), type.scale);
      return type.precision <= 18
        ? [{ kind: "i64", value: unscaled }]
        : [
            { kind: "i64", value: BigInt.asIntN(64, unscaled & MASK64) },
            { kind: "i64", value: unscaled >> 64n },
          ];
    }
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ": {
      const { millis, nanos } = value as { millis: number; nanos: number };
      const first: Part = { kind: "i64", value: BigInt(millis) };
      return type.precision <= 3 ? [first] : [first, { kind: "i64", value: BigInt(nanos) }];
    }
    case "CHAR":
    case "VARCHAR":
      return [context.constantView(new TextEncoder().encode(String(value)))];
    case "BINARY":
    case "VARBINARY":
      return [context.constantView(hexBytes(String(value)))];
    default:
      throw codegenErrors.TYPE_UNSUPPORTED({ type: typeToString(type), where: "a literal" });
  }
}

/** "12.5" with scale 2 → 1250; digits beyond the scale must be zeros (the planner has rounded). */
export function unscaledDecimal(text: string, scale: number): bigint {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
  assert(match !== null, `'${text}' is no decimal literal`);
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = BigInt(`${whole}${fraction}` || "0");
  const shift = scale - fraction.length + Number(exponent);
  const magnitude = shift >= 0 ? digits * 10n ** BigInt(shift) : divideExactly(digits, -shift);
  return sign === "-" ? -magnitude : magnitude;
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16),
  );
}

function divideExactly(digits: bigint, places: number): bigint {
  const divisor = 10n ** BigInt(places);
  assert(digits % divisor === 0n, `decimal literal has more than the type's digits`);
  return digits / divisor;
}
