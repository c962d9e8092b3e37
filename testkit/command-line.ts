/**
 * commandLine: the options of a command of the test kit, as parseArgs gives them. `--help` prints the usage; an unknown option
 * or a number that is none prints the mistake with it and ends with status 2, so that no campaign runs nothing and passes.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

export interface CommandLine<Config extends ParseArgsConfig> {
  readonly usage: string;
  readonly config: Config;
  /** Options that are whole numbers. */
  readonly numbers?: readonly string[];
}

/**
 * @example
 * const { values } = commandLine({ usage: "count -- [--to 3]", config: { options: { to: { type: "string" } } }, numbers: ["to"] });
 */
export function commandLine<const Config extends ParseArgsConfig>({
  usage,
  config,
  numbers = [],
}: CommandLine<Config>): ReturnType<typeof parseArgs<Config>> {
  const { args = process.argv.slice(2) } = config;
  if (args.includes("--help")) {
    process.stdout.write(`Usage: ${usage}\n`);
    process.exit(0);
  }
  try {
    const parsed = parseArgs(config);
    const values = parsed.values as Readonly<Record<string, unknown>>;
    for (const name of numbers) {
      const value = values[name];
      if (typeof value === "string" && !/^\d+$/.test(value))
        throw new TypeError(`--${name} wants a whole number, not '${value}'`);
    }
    return parsed;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}\nUsage: ${usage}\n`);
    process.exit(2);
  }
}
