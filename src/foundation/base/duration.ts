/**
 * Durations as Flink's options write them: `10 s`, `1min`, `500 ms`, ISO forms such as `PT1M`; a bare number is milliseconds.
 *
 * Errors:  none here: whoever asked for the text knows the option and the place to name.
 * Source:  Flink TimeUtils.parseDuration.
 */
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ...units(86_400_000, "d", "day", "days"),
  ...units(3_600_000, "h", "hour", "hours"),
  ...units(60_000, "m", "min", "mins", "minute", "minutes"),
  ...units(1000, "s", "sec", "secs", "second", "seconds"),
  ...units(1, "", "ms", "milli", "millis", "millisecond", "milliseconds"),
  ...units(1e-3, "us", "µs", "micro", "micros", "microsecond", "microseconds"),
  ...units(1e-6, "ns", "nano", "nanos", "nanosecond", "nanoseconds"),
]);

const ISO = /^P(?=T?\d)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/**
 * Milliseconds; undefined when `text` is no duration.
 *
 * ```ts
 * parseDuration("1 min"); // 60000
 * parseDuration("PT1M30S"); // 90000
 * parseDuration("soon"); // undefined
 * ```
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  const [, count, unit] = /^(\d+)\s*([a-zµ]*)$/i.exec(trimmed) ?? [];
  const unitMs = unit === undefined ? undefined : UNITS_MS.get(unit.toLowerCase());
  if (unitMs !== undefined) return Number(count) * unitMs;
  const iso = ISO.exec(trimmed.toUpperCase());
  if (iso === null) return undefined;
  const [days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
  return ((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1000;
}

function units(ms: number, ...names: readonly string[]): [string, number][] {
  return names.map((name) => [name, ms]);
}
