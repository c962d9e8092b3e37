/**
 * Command-line arguments: a command declares its flags, this reads them; help and "did you mean" come from the same
 * declaration.
 *
 * Rules: `--name value`, `--name=value`, `-n value`; booleans take no value, `--no-name` turns one off; `--` ends flags.
 */
import { nearest } from "../foundation/base/text.ts";
import { parseDuration } from "../foundation/base/duration.ts";
import { cliErrors } from "./errors.ts";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
  readonly repeat?: boolean;
}

export interface ParsedArgs {
  readonly positional: readonly string[];
  has(name: string): boolean;
  text(name: string): string | undefined;
  all(name: string): readonly string[];
  integer(name: string, range: { readonly min: number; readonly max: number }): number | undefined;
  /** Milliseconds. */
  duration(name: string): number | undefined;
}

export function parseArgs(
  command: string,
  argv: readonly string[],
  flags: readonly Flag[],
): ParsedArgs {
  const values = new Map<string, string[]>();
  const positional: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === "--") {
      positional.push(...argv.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      positional.push(arg);
      continue;
    }
    const [given, inline] = splitFlag(arg);
    const flag = flags.find(({ name, short }) => given === `--${name}` || given === `-${short}`);
    if (flag === undefined) throw unknownFlag(command, given, flags);
    if (flag.value === undefined) {
      if (inline !== undefined) throw usage(command, `${given} takes no value`);
      values.set(flag.name, ["true"]);
      continue;
    }
    const value = inline ?? argv[++i];
    if (value === undefined) throw usage(command, `${given} needs a value: ${flag.value}`);
    const before = flag.repeat ? (values.get(flag.name) ?? []) : [];
    values.set(flag.name, [...before, value]);
  }
  return {
    positional,
    has: (name) => values.has(name),
    text: (name) => values.get(name)?.at(-1),
    all: (name) => values.get(name) ?? [],
    integer: (name, { min, max }) => {
      const text = values.get(name)?.at(-1);
      if (text === undefined) return undefined;
      const number = Number(text);
      if (Number.isInteger(number) && number >= min && number <= max) return number;
      throw usage(command, `--${name} takes a whole number from ${min} to ${max}, not '${text}'`);
    },
    duration: (name) => {
      const text = values.get(name)?.at(-1);
      const ms = text === undefined ? undefined : parseDuration(text);
      if (text === undefined || ms !== undefined) return ms;
      throw usage(command, `'${text}' is no duration such as 500ms, 30s, 5m`);
    },
  };
}

export function flagHelp(flags: readonly Flag[]): string {
  const left = flags.map(
    ({ name, short, value }) =>
      `  ${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
  );
  const width = Math.max(...left.map((text) => text.length)) + 2;
  return flags.map((flag, i) => `${left[i]!.padEnd(width)}${flag.help}`).join("\n");
}

function splitFlag(arg: string): [string, string | undefined] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function unknownFlag(command: string, given: string, flags: readonly Flag[]) {
  const didYouMean = nearest(
    given.replace(/^-+/, ""),
    flags.map((flag) => flag.name),
  ).map((name) => `--${name}`);
  return cliErrors.USAGE({ problem: `unknown option ${given}`, command }, { didYouMean });
}

function usage(command: string, problem: string) {
  return cliErrors.USAGE({ problem, command });
}
