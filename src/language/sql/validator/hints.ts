/** Hints of SELECT and of tables: OPTIONS, STATE_TTL, LOOKUP. Others change nothing that a plan says. */
import { validateErrors } from "../errors.ts";
import type { HintNode } from "../parser/ast.ts";

const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(ms|milli|millis|millisecond|milliseconds)$/, 1],
  [/^(|s|sec|secs|second|seconds)$/, 1000],
  [/^(m|min|minute|minutes)$/, 60_000],
  [/^(h|hour|hours)$/, 3_600_000],
  [/^(d|day|days)$/, 86_400_000],
];

/** Flink's durations: `10 s`, `1d`, `500ms`; a bare number is milliseconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*(\d+)\s*([a-zA-Zµ]*)\s*$/.exec(text);
  if (match === null) return undefined;
  const unit = match[2]!.toLowerCase();
  if (unit === "") return Number(match[1]);
  const factor = UNITS.find(([pattern]) => pattern.test(unit))?.[1];
  return factor === undefined ? undefined : Number(match[1]) * factor;
}

export function stateTtlHints(
  hints: readonly HintNode[],
  inherited: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const own = hints.filter((hint) => hint.name.name.toUpperCase() === "STATE_TTL");
  if (own.length === 0) return inherited;
  const result = new Map(inherited);
  for (const hint of own)
    for (const option of hint.options) {
      const ttl = parseDuration(option.value);
      if (option.key === undefined || ttl === undefined)
        throw validateErrors.HINT_INVALID(
          { hint: "STATE_TTL", message: `'${option.value}' is no duration` },
          { at: hint.span },
        );
      result.set(option.key, ttl);
    }
  return result;
}

/** Options of `t OPTIONS(…)`. */
export function dynamicOptions(hints: readonly HintNode[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const hint of hints) {
    if (hint.name.name.toUpperCase() !== "OPTIONS") continue;
    for (const option of hint.options) if (option.key) options[option.key] = option.value;
  }
  return options;
}
