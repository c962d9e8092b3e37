/**
 * Log: structured lines, one JSON object each, to a sink that is given: a file, stderr, a test's
 *      array.
 *
 *     {"at":"2026-01-31T12:00:00.000Z","level":"WARN","message":"checkpoint
 *     failed","jobId":"…","checkpoint":7,"error":{…}}
 *
 * Rules:   messages are fixed texts, what varies is in fields. Fields whose name says that they are
 *          secret are masked, and so are passwords within URLs; row values are never logged.
 * Limits:  texts beyond MAX_TEXT characters are cut, nesting beyond MAX_DEPTH is left out.
 */
import { MillraceError } from "../base/errors.ts";
import { isSecretName, maskUrlPasswords, SECRET_MASK } from "../base/secrets.ts";
import type { Clock } from "./env.ts";

export const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

export interface LogOptions {
  readonly clock: Clock;
  /** The least level that is written. */
  readonly level: LogLevel;
  /** Takes one line, without its line end. */
  readonly write: (line: string) => void;
}

const MAX_TEXT = 4096;
const MAX_DEPTH = 4;

export function createLogger(options: LogOptions, fields: LogFields = {}): Logger {
  const least = LOG_LEVELS.indexOf(options.level);
  const at = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < least) return () => {};
    return (message: string, more: LogFields = {}) => {
      const line = {
        at: new Date(options.clock.nowMs()).toISOString(),
        level,
        message: maskText(message),
        ...(masked({ ...fields, ...more }, 0) as object),
      };
      options.write(JSON.stringify(line));
    };
  };
  return {
    debug: at("DEBUG"),
    info: at("INFO"),
    warn: at("WARN"),
    error: at("ERROR"),
    with: (more) => createLogger(options, { ...fields, ...more }),
  };
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
};

function masked(value: unknown, depth: number): unknown {
  if (typeof value === "string") return maskText(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof MillraceError) return masked(value.toObject(), depth);
  if (value instanceof Error) return { message: maskText(value.message) };
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "…";
  if (Array.isArray(value)) return value.map((item) => masked(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecretName(key) ? SECRET_MASK : masked(item, depth + 1),
    ]),
  );
}

function maskText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return maskUrlPasswords(cut);
}
