/** Parses command lines: names first, then --option value, --option=value or --flag; unknown ones are refused. */
import { benchErrors } from "./errors.ts";

/** A "list" may be given several times; its values are joined with commas. */
export type OptionKinds = Readonly<Record<string, "value" | "list" | "flag">>;

export interface ParsedArguments {
  readonly names: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

export function parseArguments(argv: readonly string[], kinds: OptionKinds): ParsedArguments {
  const names: string[] = [];
  const options = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (!word.startsWith("--")) {
      names.push(word);
      continue;
    }
    const [name, inline] = splitOption(word);
    const kind = kinds[name];
    if (kind === undefined)
      throw benchErrors.USAGE({ what: `unknown option --${name}; known: ${known(kinds)}` });
    if (kind === "flag" && inline !== undefined)
      throw benchErrors.USAGE({ what: `--${name} takes no value` });
    const value = kind === "flag" ? "true" : (inline ?? argv[++i]);
    if (value === undefined) throw benchErrors.USAGE({ what: `--${name} wants a value` });
    const earlier = kind === "list" ? options.get(name) : undefined;
    options.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return { names, options };
}

export function wholeNumber(
  options: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
  smallest = 1,
): number {
  const text = options.get(name);
  if (text === undefined) return fallback;
  const value = Number(text.replace(/_/g, ""));
  if (!Number.isSafeInteger(value) || value < smallest)
    throw benchErrors.USAGE({
      what: `--${name} wants a whole number from ${smallest}, not ${text}`,
    });
  return value;
}

export function positiveNumber(
  options: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
): number {
  const text = options.get(name);
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw benchErrors.USAGE({ what: `--${name} wants a number above 0, not ${text}` });
  return value;
}

/** The values of a list, each one of `choices`. */
export function someOf<const T extends string>(
  options: ReadonlyMap<string, string>,
  name: string,
  choices: readonly T[],
): ReadonlySet<T> {
  const values = options.get(name)?.split(",") ?? [];
  return new Set(values.map((value) => oneOf(new Map([[name, value]]), name, choices)!));
}

export function oneOf<const T extends string>(
  options: ReadonlyMap<string, string>,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const choice = choices.find((c) => c === text);
  if (choice === undefined)
    throw benchErrors.USAGE({ what: `--${name} is one of ${choices.join(", ")}, not ${text}` });
  return choice;
}

function splitOption(word: string): [string, string | undefined] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word.slice(2), undefined] : [word.slice(2, equals), word.slice(equals + 1)];
}

function known(kinds: OptionKinds): string {
  return Object.keys(kinds)
    .map((name) => `--${name}`)
    .join(" ");
}
