/** Casts between numbers and timestamps are refused with what to use instead. Source: Flink's CastRuleProvider checks. */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { validateErrors } from "../errors.ts";
import type { Node } from "../parser/ast.ts";
import { isNumeric } from "./type-system.ts";

const isMoment = (type: LogicalType) => type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ";

export function refuseTimeAsNumber(from: LogicalType, to: LogicalType, node: Node): void {
  const place = { at: node.span };
  if (isNumeric(from) && isMoment(to)) {
    const instead =
      to.kind === "TIMESTAMP"
        ? "TO_TIMESTAMP(FROM_UNIXTIME(numeric_col)) instead, note the numeric is in seconds"
        : "TO_TIMESTAMP_LTZ(numeric_col, precision) instead";
    throw validateErrors.CAST_TIME_NUMBER({ from: "NUMERIC", to: to.kind, instead }, place);
  }
  if (!isMoment(from) || !isNumeric(to)) return;
  const instead = "UNIX_TIMESTAMP(CAST(timestamp_col AS STRING)) instead";
  throw validateErrors.CAST_TIME_NUMBER({ from: from.kind, to: "NUMERIC", instead }, place);
}
