/** Durations on the command line: 500ms, 30s, 5m, 2h. */
import { cliErrors } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match !== null) return Number(match[1]) * UNITS[match[2]!]!;
  throw cliErrors.USAGE({
    problem: `'${text}' is no duration such as 500ms, 30s, 5m`,
    command: "sql",
  });
}
