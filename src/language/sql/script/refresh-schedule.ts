/**
 * When a materialized table that is refreshed in full is due: its freshness as a period that divides the next larger unit.
 *
 * Source: Flink IntervalFreshnessUtils.convertFreshnessToCron and its messages; MaterializedTableConfigOptions for the defaults.
 */
import { validateErrors } from "../errors.ts";
import type { ExpressionNode } from "../parser/ast.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import type { SessionContext } from "./session-context.ts";
import { intervalMs } from "./statement-planner.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DEFAULT_FULL_KEY = "materialized-table.default-freshness.full";
const DEFAULT_CONTINUOUS_KEY = "materialized-table.default-freshness.continuous";
const DEFAULT_FULL_MS = HOUR_MS;
const DEFAULT_CONTINUOUS_MS = 3 * MINUTE_MS;
const THRESHOLD_KEY = "materialized-table.refresh-mode.freshness-threshold";
const DEFAULT_THRESHOLD_MS = 30 * MINUTE_MS;

const UNITS: Readonly<Record<string, { readonly ms: number; readonly bound: number }>> = {
  SECOND: { ms: SECOND_MS, bound: 60 },
  MINUTE: { ms: MINUTE_MS, bound: 60 },
  HOUR: { ms: HOUR_MS, bound: 24 },
  DAY: { ms: DAY_MS, bound: 1 },
};

/** The mode of a table that says none: continuous below the threshold. */
export function derivedMode(
  session: SessionContext,
  freshness: ExpressionNode | undefined,
): "FULL" | "CONTINUOUS" {
  if (freshness === undefined) return "CONTINUOUS";
  const given = session.config.get(THRESHOLD_KEY);
  const threshold =
    (given === undefined ? undefined : parseDuration(given)) ?? DEFAULT_THRESHOLD_MS;
  return intervalMs(session, freshness) < threshold ? "CONTINUOUS" : "FULL";
}

/** The interval of a continuous table's checkpoints. */
export function continuousPeriodMs(
  session: SessionContext,
  freshness: ExpressionNode | undefined,
): number {
  if (freshness !== undefined) return intervalMs(session, freshness);
  return duration(session, DEFAULT_CONTINUOUS_KEY) ?? DEFAULT_CONTINUOUS_MS;
}

function duration({ config }: SessionContext, key: string): number | undefined {
  const given = config.get(key);
  return given === undefined ? undefined : parseDuration(given);
}

/** A default is a duration: it has to be so many of the largest unit that it is a multiple of. */
function checkedPeriod(ms: number): number {
  const unit = ["DAY", "HOUR", "MINUTE", "SECOND"].find((each) => ms % UNITS[each]!.ms === 0);
  const known = unit === undefined ? undefined : UNITS[unit]!;
  const count = known === undefined ? 0 : ms / known.ms;
  const fits = known !== undefined && (unit === "DAY" ? count === 1 : known.bound % count === 0);
  if (fits && count > 0) return ms;
  throw validateErrors.OPTION_VALUE({
    key: DEFAULT_FULL_KEY,
    value: `${ms} ms`,
    expected: "seconds or minutes that divide 60, hours that divide 24, or one day",
  });
}

/** Milliseconds from one refresh in full to the next, which falls on a multiple of them since midnight, UTC. */
export function refreshPeriodMs(
  session: SessionContext,
  freshness: ExpressionNode | undefined,
): number {
  if (freshness === undefined)
    return checkedPeriod(duration(session, DEFAULT_FULL_KEY) ?? DEFAULT_FULL_MS);
  const ms = intervalMs(session, freshness);
  const unit = / ([A-Z]+)(?:\(\d+\))?$/.exec(unparseExpression(freshness))?.[1] ?? "";
  const invalid = (message: string) =>
    validateErrors.STATEMENT_INVALID(
      { message, remedy: "Write FRESHNESS = INTERVAL '10' MINUTE, or another part of the unit." },
      { at: freshness.span },
    );
  const known = UNITS[unit];
  if (known === undefined || ms % known.ms !== 0)
    throw invalid(
      "Materialized table freshness only support SECOND, MINUTE, HOUR, DAY as the time unit.",
    );
  const count = ms / known.ms;
  if (unit === "DAY") {
    if (count > 1)
      throw invalid("In full refresh mode, freshness must be 1 when the time unit is DAY.");
    return ms;
  }
  if (count >= known.bound)
    throw invalid(
      `In full refresh mode, freshness must be less than ${known.bound} when the time unit is ${unit}.`,
    );
  if (known.bound % count !== 0)
    throw invalid(
      `In full refresh mode, only freshness that are factors of ${known.bound} are currently supported when the time unit is ${unit}.`,
    );
  return ms;
}
