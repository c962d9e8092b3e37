/**
 * `millrace`: the command line, and the composition root: here the rooms are put together.
 *
 * Flow:    bin/millrace → main(arguments) → commands/*. stdout is data, stderr is talk.
 * Exit:    0 ok, 1 failure, 2 wrong usage, 130 interrupted.
 */
import { toMillraceError } from "../foundation/base/errors.ts";
import { nearest } from "../foundation/base/text.ts";
import { cliErrors } from "./errors.ts";
import { renderError } from "./render/error.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

export interface Command {
  readonly usage: string;
  readonly help: string;
  run(argv: readonly string[], terminal: Terminal): Promise<number>;
}

const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  up: {
    summary: "start the platform on this machine: console, API, demo",
    load: async () => (await import("./commands/up.ts")).upCommand,
  },
  sql: {
    summary: "run SQL and see its rows; an interactive shell without arguments",
    load: async () => (await import("./commands/sql.ts")).sqlCommand,
  },
  run: {
    summary: "run a script's INSERT as a job in the foreground",
    load: async () => (await import("./commands/run.ts")).runCommand,
  },
  check: {
    summary: "validate a script without running it",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  fmt: {
    summary: "format scripts: clauses on their lines, comments kept",
    load: async () => (await import("./commands/fmt.ts")).fmtCommand,
  },
  savepoint: {
    summary: "take, list, show, verify, check, copy and remove savepoints",
    load: async () => (await import("./commands/savepoint.ts")).savepointCommand,
  },
  checkpoints: {
    summary: "the last checkpoints of a job, by operator and subtask",
    load: async () => (await import("./commands/checkpoints.ts")).checkpointsCommand,
  },
  rescale: {
    summary: "give a running job, or one of its operators, another parallelism",
    load: async () => (await import("./commands/rescale.ts")).rescaleCommand,
  },
  explain: {
    summary: "show the plans of a script, and the WebAssembly made of them",
    load: async () => (await import("./commands/explain.ts")).explainCommand,
  },
};

export async function main(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal(argv);
  const [name, ...rest] = terminal.argv;
  try {
    if (name === "--version" || name === "-V") {
      terminal.out(`millrace ${terminal.version}\n`);
      return 0;
    }
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      terminal.out(overview());
      return name === undefined ? 2 : 0;
    }
    const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (entry === undefined) {
      const didYouMean = nearest(name, Object.keys(COMMANDS));
      throw cliErrors.UNKNOWN_COMMAND({ command: name }, { didYouMean });
    }
    const command = await entry.load();
    if (rest.includes("--help") || rest.includes("-h")) {
      terminal.out(`usage: ${command.usage}\n\n${command.help}\n`);
      return 0;
    }
    return await command.run(rest, terminal);
  } catch (error) {
    const known = toMillraceError(error);
    terminal.say(renderError(known, terminal.palette));
    return known.definition === cliErrors.USAGE.definition ||
      known.definition === cliErrors.UNKNOWN_COMMAND.definition
      ? 2
      : 1;
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2;
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}${summary}`,
  );
  return `millrace: Flink SQL on one machine

  millrace sql -c "SELECT origin, COUNT(*) FROM 'flights.csv' GROUP BY origin"
  cat events.ndjson | millrace sql "SELECT user_id, COUNT(*) FROM stdin GROUP BY user_id"

commands
${lines.join("\n")}

\`millrace COMMAND --help\` tells more. Global: --no-color.
`;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
