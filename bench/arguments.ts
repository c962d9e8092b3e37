/** Parses command lines: names first, then --option value, --option=value or --flag; unknown ones are refused. */
import { benchErrors } from "./errors.ts";

export type OptionKinds = Readonly<Record<string, "value" | "flag">>;

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
    options.set(name, value);
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
