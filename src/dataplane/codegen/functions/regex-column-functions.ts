/**
 * Regular expressions that come in columns, and REGEXP_EXTRACT_ALL, whose result is a collection: column functions over
 * JavaScript's expressions. Literal patterns of the other functions are compiled to the linear engine (regex-functions.ts).
 *
 * Limits: patterns are Java's as far as JavaScript knows them; one that it does not know makes the result NULL, as does one
 *         that is no expression. KEPT patterns are kept compiled.
 */
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import { everyRow } from "./column-rows.ts";
import { readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

const KEPT = 64;

/** Undefined for a pattern that is no expression. */
function patternCache(): (pattern: string) => RegExp | undefined {
  const known = new Map<string, RegExp | undefined>();
  return (pattern) => {
    if (!known.has(pattern)) {
      if (known.size >= KEPT) known.clear();
      known.set(pattern, compiled(pattern));
    }
    return known.get(pattern);
  };
}

function compiled(pattern: string): RegExp | undefined {
  const own = pattern.replaceAll("\\A", "^").replaceAll(/\\[zZ]/g, "$");
  try {
    return new RegExp(own, "gu");
  } catch {
    try {
      return new RegExp(own, "g");
    } catch {
      return undefined;
    }
  }
}

type Compute = (text: string, pattern: RegExp, rest: readonly Value[]) => Value;

function overPattern(compute: Compute): ColumnFunction {
  return {
    kind: "column",
    prepare: () => {
      const patternOf = patternCache();
      return everyRow(({ args, out }, row) => {
        const values = args.map((arg) => readValue(arg, row));
        const [text, pattern, ...rest] = values;
        const regex = values.includes(null) ? undefined : patternOf(String(pattern));
        if (regex === undefined) return out.setNull(row);
        regex.lastIndex = 0;
        writeValue(out, row, compute(String(text), regex, rest));
      });
    },
  };
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)];

const extractAll: Compute = (text, pattern, [group = 1]) => {
  const index = Number(group);
  const groups = new RegExp(`${pattern.source}|`, pattern.flags).exec("")!.length - 1;
  if (index < 0 || index > groups) return null;
  return matches(text, pattern).map((match) => match[index] ?? null);
};

const replace: Compute = (text, pattern, [replacement]) => {
  const own = String(replacement).replaceAll(/\\(.)/g, (_, char: string) =>
    char === "$" ? "$$" : char,
  );
  return text.replaceAll(pattern, own.replaceAll("$0", "$&"));
};

const first = (text: string, pattern: RegExp) => matches(text, pattern)[0];
const notNullLiteral = ({ args }: Call) => args.length >= 2;

function table(entries: Readonly<Record<string, Compute>>): FunctionTable {
  return Object.fromEntries(
    Object.entries(entries).map(([name, compute]) => [
      name,
      { ...overPattern(compute), accepts: notNullLiteral },
    ]),
  );
}

export const regexColumnFunctions: FunctionTable = table({
  REGEXP_EXTRACT_ALL: extractAll,
  REGEXP: (text, pattern) => first(text, pattern) !== undefined,
  REGEXP_COUNT: (text, pattern) => matches(text, pattern).length,
  REGEXP_INSTR: (text, pattern) => {
    const index = first(text, pattern)?.index;
    return index === undefined ? 0 : [...text.slice(0, index)].length + 1;
  },
  REGEXP_SUBSTR: (text, pattern) => first(text, pattern)?.[0] ?? null,
  REGEXP_EXTRACT: (text, pattern, [group = 0]) => first(text, pattern)?.[Number(group)] ?? null,
  REGEXP_REPLACE: replace,
});
