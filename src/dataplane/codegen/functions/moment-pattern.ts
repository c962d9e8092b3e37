/**
 * Moments from text by a pattern of DateTimeFormatter, for functions whose pattern or zone is not known when the module is
 * compiled, and for patterns with offsets (X, Z), which the kernels' programs do not have.
 *
 * Source: java.time.format.DateTimeFormatter; Flink DateTimeUtils.parseTimestampData: what a pattern lacks is the beginning
 *         (hour 0, minute 0 …); without a date there is no moment.
 */
import { zoneTransitions } from "../expressions/time-zone.ts";

export interface Moment {
  /** Local milliseconds since the epoch, or UTC when `offsetMs` is given. */
  readonly millis: number;
  /** Within the millisecond. */
  readonly nanos: number;
  /** Offset that the text names. */
  readonly offsetMs?: number;
}

export type MomentParser = (text: string) => Moment | undefined;

const DIGITS: Readonly<Record<string, string>> = {
  y: "year",
  u: "year",
  M: "month",
  L: "month",
  d: "day",
  H: "hour",
  m: "minute",
  s: "second",
  S: "fraction",
};

/** Undefined when the pattern has letters that are not supported. */
export function momentParser(pattern: string): MomentParser | undefined {
  const names = new Set<string>();
  let regex = "";
  for (let i = 0; i < pattern.length; ) {
    const char = pattern[i]!;
    if (char === "'") {
      const end = pattern.indexOf("'", i + 1);
      if (end < 0) return undefined;
      regex += escaped(end === i + 1 ? "'" : pattern.slice(i + 1, end));
      i = end + 1;
      continue;
    }
    let end = i + 1;
    while (pattern[end] === char) end++;
    const width = end - i;
    if (!/[A-Za-z]/.test(char)) regex += escaped(pattern.slice(i, end));
    else if (char === "X" || char === "Z") {
      names.add("offset");
      regex += "(?<offset>Z|[+-]\\d\\d(?::?\\d\\d)?)";
    } else {
      const name = DIGITS[char];
      if (name === undefined || names.has(name)) return undefined;
      names.add(name);
      regex += `(?<${name}>${digits(char, width)})`;
    }
    i = end;
  }
  const compiled = new RegExp(`^${regex}$`);
  return (text) => momentOf(compiled.exec(text)?.groups);
}

function digits(char: string, width: number): string {
  if (char === "S") return `\\d{${width}}`;
  if (width === 1) return "\\d{1,2}";
  return char === "y" || char === "u" ? `\\d{${width}}` : `\\d{${width}}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function momentOf(groups: Readonly<Record<string, string | undefined>> | undefined) {
  if (groups?.year === undefined) return undefined;
  const part = (name: string, fallback: number) => Number(groups[name] ?? fallback);
  const short = groups.year.length === 2;
  const year = part("year", 0) + (short ? 2000 : 0);
  const [month, day] = [part("month", 1), part("day", 1)];
  const [hour, minute, second] = [part("hour", 0), part("minute", 0), part("second", 0)];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined;
  const fraction = (groups.fraction ?? "").padEnd(9, "0").slice(0, 9);
  const clock = ((hour * 60 + minute) * 60 + second) * 1000 + Number(fraction.slice(0, 3));
  const moment = { millis: date.getTime() + clock, nanos: Number(fraction.slice(3)) };
  const offset = groups.offset;
  return offset === undefined ? moment : { ...moment, offsetMs: offsetMs(offset) };
}

function offsetMs(text: string): number {
  if (text === "Z") return 0;
  const sign = text.startsWith("-") ? -1 : 1;
  const [hours, minutes = "0"] = [text.slice(1, 3), text.slice(3).replace(":", "") || "0"];
  return sign * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** `2020-01-01 10:00:00.123`, the time or its fraction left out; T for the blank. */
export function parseSqlMoment(text: string): Moment | undefined {
  const match =
    /^\s*(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s*$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [year, month, day, hour = "0", minute = "0", second = "0", fraction = ""] = match.slice(1);
  return momentOf({
    year: year!.padStart(4, "0"),
    month: month!,
    day: day!,
    hour,
    minute,
    second,
    fraction,
  });
}

/** Undefined when there is no such zone. */
export function isZone(timeZone: string): boolean {
  try {
    zoneTransitions(timeZone);
    return true;
  } catch {
    return false;
  }
}

export function utcOfLocal(localMs: number, timeZone: string): number {
  const transitions = zoneTransitions(timeZone);
  let { offset } = transitions[0]!;
  for (const transition of transitions) {
    // In a gap the offset before it holds, in an overlap the earlier one.
    if (localMs < transition.at + Math.max(transition.offset, offset)) break;
    offset = transition.offset;
  }
  return localMs - offset;
}

export function localOfUtc(millis: number, timeZone: string): number {
  let offset = 0;
  for (const transition of zoneTransitions(timeZone)) {
    if (transition.at > millis) break;
    offset = transition.offset;
  }
  return millis + offset;
}
