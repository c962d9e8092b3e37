/**
 * `millrace sql`: statements from -c, -f, an argument or standard input, or typed into the shell; rows to stdout.
 *
 * Flow:    here → SqlSession → engine in this thread → render/rows.
 * Output:  a table on a terminal, NDJSON elsewhere, or what -o says.
 */
import { dirname } from "node:path";
import { parseScript } from "../../language/sql/parser/parser.ts";
import type { StatementNode } from "../../language/sql/parser/ast.ts";
import { type MillraceError, toMillraceError } from "../../foundation/base/errors.ts";
import { type Flag, flagHelp, parseArgs, type ParsedArgs } from "../args.ts";
import { cliErrors } from "../errors.ts";
import type { Command } from "../main.ts";
import { readText } from "../read-input.ts";
import { renderError } from "../render/error.ts";
import type { OutputFormat } from "../render/rows.ts";
import { StatementRunner } from "../statement-runner.ts";
import type { Terminal } from "../terminal.ts";

const FORMATS: readonly OutputFormat[] = ["table", "changelog", "ndjson", "csv"];

const FLAGS: readonly Flag[] = [
  { name: "command", short: "c", value: "SQL", help: "statements to run", repeat: true },
  {
    name: "file",
    short: "f",
    value: "FILE",
    help: "a script to run; - is standard input",
    repeat: true,
  },
  { name: "init", short: "i", value: "FILE", help: "a script to run first, silently" },
  { name: "option", short: "p", value: "KEY=VALUE", help: "an option, as SET", repeat: true },
  { name: "output", short: "o", value: "FORMAT", help: FORMATS.join(", ") },
  { name: "limit", value: "N", help: "stop a query after N changes" },
  {
    name: "data",
    value: "DIR",
    help: "the platform's folder, for the state of its jobs (default .millrace)",
  },
  { name: "for", value: "DURATION", help: "stop a query after this time, for example 30s" },
];

export const sqlCommand: Command = {
  usage: "millrace sql [SQL | -c SQL | -f FILE] [options]",
  help: `  millrace sql -c "SELECT 1"
  cat x.ndjson | millrace sql "SELECT user_id, COUNT(*) FROM stdin GROUP BY user_id"

Files are tables: SELECT … FROM 'data/*.csv'. Without SQL, a shell.

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("sql", argv, FLAGS);
    const runner = new StatementRunner({
      terminal,
      platform: args.text("data") ?? ".millrace",
      folder: dirname(args.all("file")[0] ?? "."),
      format: outputFormat(args, terminal),
      limit: args.integer("limit", { min: 1, max: Number.MAX_SAFE_INTEGER }),
      timeoutMs: args.duration("for"),
      config: configOf(args),
    });
    const init = args.text("init");
    if (init !== undefined && !(await runScript(runner, terminal, init, readText(init)))) return 1;
    const texts = scripts(args, terminal);
    if (texts === undefined) {
      const { shell } = await import("../shell.ts");
      return shell(runner, terminal);
    }
    for (const { name, text } of texts) {
      if (!(await runScript(runner, terminal, name, text))) return 1;
    }
    try {
      runner.session.finish();
    } catch (error) {
      terminal.say(renderError(toMillraceError(error), terminal.palette, texts.at(-1)));
      return 1;
    }
    return runner.interrupted ? 130 : 0;
  },
};

/** Runs a script statement by statement; false at the first error, which has been told. */
export async function runScript(
  runner: StatementRunner,
  terminal: Terminal,
  name: string,
  text: string,
): Promise<boolean> {
  const { statements, errors } = parseScript(text);
  if (errors.length > 0) {
    for (const error of errors) terminal.say(renderError(error, terminal.palette, { name, text }));
    return false;
  }
  for (const statement of statements) {
    if (!(await runOne(runner, terminal, statement, { name, text }))) return false;
    if (runner.interrupted) return true;
  }
  return true;
}

async function runOne(
  runner: StatementRunner,
  terminal: Terminal,
  statement: StatementNode,
  source: { readonly name: string; readonly text: string },
): Promise<boolean> {
  try {
    await runner.run(statement, source.text);
    return true;
  } catch (error) {
    const known: MillraceError = toMillraceError(error);
    terminal.say(renderError(known, terminal.palette, source));
    return false;
  }
}

/** What to run, in order; undefined: nothing is given and a person sits there. */
function scripts(
  args: ParsedArgs,
  terminal: Terminal,
): { name: string; text: string }[] | undefined {
  const texts = [
    ...args.all("file").map((path) => ({ name: path, text: readText(path) })),
    ...args.all("command").map((text) => ({ name: "command", text })),
    ...args.positional.map((text) =>
      text === "-" ? { name: "standard input", text: readText("-") } : { name: "command", text },
    ),
  ];
  if (texts.length > 0) return texts;
  if (terminal.inputInteractive) return undefined;
  return [{ name: "standard input", text: readText("-") }];
}

function outputFormat(args: ParsedArgs, terminal: Terminal): OutputFormat {
  const given = args.text("output");
  if (given === undefined) return terminal.interactive ? "table" : "ndjson";
  const found = FORMATS.find((format) => format === given);
  if (found !== undefined) return found;
  throw cliErrors.USAGE({
    problem: `--output is one of ${FORMATS.join(", ")}, not '${given}'`,
    command: "sql",
  });
}

function configOf(args: ParsedArgs): Record<string, string> {
  const config: Record<string, string> = {};
  for (const pair of args.all("option")) {
    const at = pair.indexOf("=");
    if (at < 1)
      throw cliErrors.USAGE({ problem: `-p takes KEY=VALUE, not '${pair}'`, command: "sql" });
    config[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return config;
}
