/**
 * The session's zone in generated code: UTC and fixed offsets are constants; other zones are a table of transitions in
 * the module's data, searched by kernels (cast-time.as.ts).
 *
 * Table:   u32 count, u32 0, then per transition i64 epoch milliseconds and i64 offset from UTC in milliseconds from then on;
 *          the first entry is the beginning of time. Years 1900 to 2100, found by bisection with Intl.
 * Local → UTC follows java.time (ZonedDateTime.ofLocal): in a gap the time moves forward by the gap, in an overlap the
 *          earlier offset holds.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { ExpressionContext } from "../expression-context.ts";

const FIRST = Date.UTC(1900, 0, 1);
const LAST = Date.UTC(2100, 0, 1);
/** No zone changes its offset twice within this. */
const STEP = 7 * 86_400_000;

interface Transition {
  readonly at: number;
  readonly offset: number;
}

const known = new Map<string, readonly Transition[]>();

/** Offsets of a zone by time, oldest first. */
export function zoneTransitions(timeZone: string): readonly Transition[] {
  let transitions = known.get(timeZone);
  if (transitions === undefined) {
    transitions = findTransitions(timeZone);
    known.set(timeZone, transitions);
  }
  return transitions;
}

/** Epoch milliseconds (i64) on the stack → local milliseconds. */
export function pushUtcToLocal(context: ExpressionContext): void {
  push(context, "zoneUtcToLocal", "i64.add");
}

/** Local milliseconds (i64) on the stack → epoch milliseconds. */
export function pushLocalToUtc(context: ExpressionContext): void {
  push(context, "zoneLocalToUtc", "i64.sub");
}

function push(
  context: ExpressionContext,
  kernel: "zoneUtcToLocal" | "zoneLocalToUtc",
  operation: "i64.add" | "i64.sub",
): void {
  const transitions = zoneTransitions(context.environment.timeZone);
  const { f } = context;
  if (transitions.length === 1) {
    const { offset } = transitions[0]!;
    if (offset !== 0) f.i64(offset).op(operation);
    return;
  }
  f.get(context.constantPtr(zoneTable(transitions)));
  f.call(context.kernel(kernel));
}

export function zoneTable(transitions: readonly Transition[]): Uint8Array {
  const bytes = new Uint8Array(8 + transitions.length * 16);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, transitions.length, true);
  transitions.forEach(({ at, offset }, index) => {
    data.setBigInt64(8 + index * 16, index === 0 ? -(2n ** 62n) : BigInt(at), true);
    data.setBigInt64(16 + index * 16, BigInt(offset), true);
  });
  return bytes;
}

function findTransitions(timeZone: string): Transition[] {
  const fixed = /^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/.exec(timeZone);
  if (fixed !== null) {
    const [, sign, hours = "0", minutes = "0", seconds = "0"] = fixed;
    const offset = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return [{ at: FIRST, offset: sign === "-" ? -offset : offset }];
  }
  if (timeZone === "UTC" || timeZone === "GMT" || timeZone === "Z")
    return [{ at: FIRST, offset: 0 }];
  const offsetAt = offsets(timeZone);
  const transitions: Transition[] = [{ at: FIRST, offset: offsetAt(FIRST) }];
  for (let from = FIRST; from < LAST; from += STEP) {
    const before = transitions.at(-1)!.offset;
    if (offsetAt(from + STEP) === before) continue;
    let low = from;
    let high = from + STEP;
    while (high - low > 1000) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    transitions.push({ at: high, offset: offsetAt(high) });
  }
  return transitions;
}

/** Milliseconds to add to UTC, by what Intl prints for the zone. */
function offsets(timeZone: string): (at: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (error) {
    throw baseErrors.OPTION_INVALID(
      {
        key: "table.local-time-zone",
        value: timeZone,
        expected: "an IANA zone such as Europe/Paris, or an offset such as +08:00",
      },
      { cause: error },
    );
  }
  return (at) => {
    const parts = Object.fromEntries(
      format.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
    ) as Record<string, number>;
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - at;
  };
}
