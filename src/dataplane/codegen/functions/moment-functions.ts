/**
 * Functions of moments as column functions: TO_TIMESTAMP_LTZ, UNIX_TIMESTAMP, CONVERT_TZ, CURRENT_WATERMARK, and the
 * session's local date and time.
 *
 * Zones:  TO_TIMESTAMP_LTZ of text reads UTC unless it names a zone; UNIX_TIMESTAMP reads the session's zone.
 * Source: Flink ToTimestampLtzFunction, DateTimeUtils; results outside the years 0 to 9999 are NULL.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ColumnReader, ColumnWriter } from "../column-access.ts";
import { codegenErrors } from "../errors.ts";
import { eachRow, rowFunction } from "./column-rows.ts";
import {
  isZone,
  localOfUtc,
  type Moment,
  type MomentParser,
  momentParser,
  parseSqlMoment,
  utcOfLocal,
} from "./moment-pattern.ts";
import { type ColumnFunction, FIRST_WATERMARK, type FunctionTable } from "./registry.ts";

const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;
const DAY_MS = 86_400_000;
/** What Flink's UNIX_TIMESTAMP gives for a text that is no time. */
const NO_TIME = -(2n ** 63n);

const isText = (type: LogicalType | undefined) => type?.kind === "CHAR" || type?.kind === "VARCHAR";

/** Parsers by pattern, for patterns that come in columns. */
function patterns(): (pattern: string) => MomentParser | undefined {
  const known = new Map<string, MomentParser | undefined>();
  return (pattern) => {
    if (!known.has(pattern)) known.set(pattern, momentParser(pattern));
    return known.get(pattern);
  };
}

function setInstant(out: ColumnWriter, row: number, millis: number, nanos: number): void {
  if (!(millis >= FIRST_MS && millis <= LAST_MS)) out.setNull(row);
  else out.setTimestamp(row, millis, nanos);
}

const instantOfNumber: ColumnFunction = {
  kind: "column",
  accepts: ({ args }) => !isText(args[0]?.type) && args.length <= 2,
  prepare: (call) =>
    eachRow(({ args: [value, precision], out }, row) => {
      const digits = precision === undefined ? 3 : precision.number(row);
      if (digits < 0 || digits > 9) throw precisionError(call, digits);
      const { millis, nanos } = scaled(value!, row, digits);
      setInstant(out, row, millis, nanos);
    }),
};

function precisionError(call: Call, digits: number) {
  return codegenErrors.ARGUMENT_INVALID({
    function: call.function,
    reason: `Precision for TO_TIMESTAMP_LTZ must be between 0 and 9 but was ${digits}.`,
    where: "precision",
  });
}

/** A count of 10^-digits seconds. */
function scaled(value: ColumnReader, row: number, digits: number): Omit<Moment, "offsetMs"> {
  const { kind } = value.type;
  if (kind === "FLOAT" || kind === "DOUBLE") {
    const millis = value.number(row) * 10 ** (3 - digits);
    return { millis: Math.floor(millis), nanos: 0 };
  }
  if (kind === "DECIMAL") {
    const millis = Number(value.decimal(row)) * 10 ** (3 - digits);
    return { millis: Math.floor(millis), nanos: 0 };
  }
  const nanos = value.bigint(row) * 10n ** BigInt(9 - digits);
  const rest = ((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { millis: Number((nanos - rest) / 1_000_000n), nanos: Number(rest) };
}

const instantOfText: ColumnFunction = {
  kind: "column",
  accepts: ({ args }) => args.every((arg) => isText(arg.type)),
  prepare: (call) => {
    const parserOf = patterns();
    checkZone(call);
    return eachRow(({ args: [text, pattern, zone], out }, row) => {
      const timeZone = zone?.string(row) ?? "UTC";
      const parse = pattern === undefined ? parseSqlMoment : parserOf(pattern.string(row));
      const moment = parse?.(text!.string(row));
      if (moment === undefined || !isZone(timeZone)) return out.setNull(row);
      const { millis, nanos, offsetMs } = moment;
      const utc = offsetMs === undefined ? utcOfLocal(millis, timeZone) : millis - offsetMs;
      setInstant(out, row, utc, nanos);
    });
  },
};

/** A zone that is written out is looked at when the query is compiled. */
function checkZone(call: Call): void {
  const zone = call.args[2];
  if (zone?.kind !== "literal" || typeof zone.value !== "string" || isZone(zone.value)) return;
  throw codegenErrors.ARGUMENT_INVALID({
    function: call.function,
    reason:
      "Invalid timezone for parsing TIMESTAMP_LTZ: Invalid ID for region-based ZoneId, " +
      `invalid format: ${zone.value}`,
    where: "zone",
  });
}

const unixTimestamp: ColumnFunction = {
  kind: "column",
  deterministic: false,
  prepare: (call, environment) => {
    const parserOf = patterns();
    if (call.args.length === 0)
      return ({ rows, out }) => {
        const seconds = BigInt(Math.floor(environment.now() / 1000));
        for (let row = 0; row < rows; row++) out.setBigint(row, seconds);
      };
    return eachRow(({ args: [text, pattern], out }, row) => {
      const parse = pattern === undefined ? parseSqlMoment : parserOf(pattern.string(row));
      const moment = parse?.(text!.string(row));
      if (moment === undefined) return out.setBigint(row, NO_TIME);
      const { millis, offsetMs } = moment;
      const utc =
        offsetMs === undefined ? utcOfLocal(millis, environment.timeZone) : millis - offsetMs;
      out.setBigint(row, BigInt(Math.floor(utc / 1000)));
    });
  },
};

const convertZone = rowFunction(({ args: [text, from, to], out }, row) => {
  const [source, target] = [from!.string(row), to!.string(row)];
  const moment = parseSqlMoment(text!.string(row));
  if (moment === undefined || !isZone(source) || !isZone(target)) return out.setNull(row);
  const local = localOfUtc(utcOfLocal(moment.millis, source), target);
  out.setString(row, new Date(local).toISOString().slice(0, 19).replace("T", " "));
});

const PARTS_OF_SECOND: Readonly<Record<string, number>> = {
  MILLISECOND: 3,
  MICROSECOND: 6,
  NANOSECOND: 9,
};

function partOfSecond({ args: [unit, from] }: Call): number | undefined {
  if (unit?.kind !== "literal" || from === undefined) return undefined;
  const isTime = /^TIME/.test(from.type.kind);
  return isTime ? PARTS_OF_SECOND[String(unit.value)] : undefined;
}

/** EXTRACT of what lies within the second. */
const extractPart: ColumnFunction = {
  kind: "column",
  accepts: (call) => partOfSecond(call) !== undefined,
  prepare: (call) => {
    const digits = partOfSecond(call) ?? 3;
    return eachRow(({ args: [, from], out }, row) => {
      const isClock = from!.type.kind === "TIME";
      const millis = isClock ? from!.number(row) : from!.millis(row);
      const nanos = isClock ? 0 : from!.nanos(row);
      const within = (millis % 1000) * 1_000_000 + nanos;
      out.setBigint(row, BigInt(Math.floor(within / 10 ** (9 - digits))));
    });
  },
};

/** The session's wall clock, read once a batch. */
function wallClock(write: (out: ColumnWriter, row: number, localMs: number) => void) {
  const clock: ColumnFunction = {
    kind: "column",
    deterministic: false,
    accepts: ({ args }) => args.every((arg) => arg.kind === "literal"),
    prepare:
      (_call, environment) =>
      ({ rows, out }) => {
        const local = localOfUtc(environment.now(), environment.timeZone);
        if (rows === 0) return;
        write(out, 0, local);
        out.repeatFirst(rows);
      },
  };
  return clock;
}

/** CURRENT_WATERMARK(rowtime): NULL before the first one. */
const currentWatermark: ColumnFunction = {
  kind: "column",
  deterministic: false,
  prepare:
    (_call, environment) =>
    ({ rows, out }) => {
      const watermark = environment.watermark();
      for (let row = 0; row < rows; row++) {
        if (watermark < FIRST_WATERMARK) out.setNull(row);
        else out.setTimestamp(row, watermark, 0);
      }
    },
};

const ofDay = (localMs: number) => ((localMs % DAY_MS) + DAY_MS) % DAY_MS;
const timeOfDay = wallClock((out, row, local) => out.setNumber(row, ofDay(local)));

export const momentFunctions: FunctionTable = {
  TO_TIMESTAMP_LTZ: [instantOfText, instantOfNumber],
  UNIX_TIMESTAMP: unixTimestamp,
  CONVERT_TZ: convertZone,
  EXTRACT: extractPart,
  CURRENT_WATERMARK: currentWatermark,
  CURRENT_DATE: wallClock((out, row, local) => out.setNumber(row, Math.floor(local / DAY_MS))),
  CURRENT_TIME: timeOfDay,
  LOCALTIME: timeOfDay,
  LOCALTIMESTAMP: wallClock((out, row, local) => out.setTimestamp(row, local, 0)),
};
