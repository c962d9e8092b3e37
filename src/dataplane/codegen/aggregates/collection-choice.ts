/**
 * The aggregates of collections.ts and welford.ts by name, with their slots; undefined for every other function.
 *
 * NULL:    countsNulls() says which take rows whose argument is NULL; the others never see them.
 */
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import type { AccumulatorLayout } from "./accumulator-layout.ts";
import type { AggregateCode } from "./aggregate-code.ts";
import {
  bitmapBuildCode,
  bitmapCode,
  bitmapFoldCode,
  collectCode,
  listedCode,
  percentileCode,
} from "./collections.ts";
import { isUserAggregate, userAggregateCode } from "./user-aggregates.ts";
import { welfordCode } from "./welford.ts";

export { countsNulls } from "../../../foundation/plan/value-sets.ts";

export const WELFORD_M2 = "$WELFORD_M2$1";

export interface CollectionContext {
  readonly layout: AccumulatorLayout;
  readonly retract: boolean;
  /** Offset of the counter of the call's rows; kept when it is asked for. */
  readonly counter: () => number;
  readonly argType: (index: number) => LogicalType;
}

export function collectionCode(
  call: AggregateCall,
  { layout, retract, counter, argType }: CollectionContext,
): AggregateCode | undefined {
  const { type, name } = call;
  if (isUserAggregate(call)) return userAggregateCode(call, layout.handle(name));
  const block = (): number => {
    const argument = argType(0);
    if (physicalOf(argument) === "row")
      throw codegenErrors.TYPE_UNSUPPORTED({
        type: typeToString(argument),
        where: call.function,
      });
    return layout.handle(name);
  };
  switch (call.function) {
    case "ARRAY_AGG":
    case "ARRAY_AGG_IGNORE_NULLS":
      return listedCode({ type, offset: block(), result: "array" });
    case "SINGLE_VALUE":
      return listedCode({ type, offset: block(), result: "single" });
    case "JSON_ARRAYAGG_NULL_ON_NULL":
    case "JSON_ARRAYAGG_ABSENT_ON_NULL":
      return listedCode({ type, offset: block(), result: "json" });
    case "JSON_OBJECTAGG_NULL_ON_NULL":
    case "JSON_OBJECTAGG_ABSENT_ON_NULL": {
      const absent = call.function === "JSON_OBJECTAGG_ABSENT_ON_NULL";
      return listedCode({ type, offset: block(), result: "jsonObject", absent });
    }
    case "COLLECT":
      return collectCode({ type, element: argType(0), offset: block() });
    case "PERCENTILE": {
      const offset = block();
      const label = `${name} percentage`;
      const percentage = type.kind === "ARRAY" ? layout.handle(label) : layout.slot(label, 8, type);
      return percentileCode({ type, offset, percentage });
    }
    case WELFORD_M2: {
      const mean = layout.slot(`${name} mean`, 8, type);
      const m2 = layout.slot(name, 8, type);
      return welfordCode({ type, mean, m2, counter: counter() });
    }
    default:
      return bitmapAggregate(call, { layout, retract, counter, argType });
  }
}

function bitmapAggregate(
  { function: name, type, name: label }: AggregateCall,
  { layout, retract, counter }: CollectionContext,
): AggregateCode | undefined {
  const match = /^BITMAP_(AND|OR|XOR|BUILD)_(?:CARDINALITY_)?AGG$/.exec(name);
  if (match === null) return undefined;
  const spec = { type, offset: layout.handle(label) };
  switch (match[1]) {
    case "BUILD":
      return bitmapBuildCode(spec);
    case "XOR":
      return bitmapCode(spec, "bitmapXor", retract ? counter() : undefined);
    case "AND":
      return retract ? bitmapFoldCode(spec, "bitmapAndAll") : bitmapCode(spec, "bitmapAnd");
    default:
      return retract ? bitmapFoldCode(spec, "bitmapOrAll") : bitmapCode(spec, "bitmapOr");
  }
}
