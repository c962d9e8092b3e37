/**
 * The interactive shell: statements end with `;`, history is kept, `.help` lists the dot commands.
 *
 * History: ~/.millrace_history, the last MAX_HISTORY statements, one a line, newest first.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { runScript } from "./commands/sql.ts";
import { readText } from "./read-input.ts";
import { shellCompleter } from "./shell-completion.ts";
import type { StatementRunner } from "./statement-runner.ts";
import type { Terminal } from "./terminal.ts";

const MAX_HISTORY = 1000;

const HELP = `  statements end with ;      Ctrl-C stops a query, Ctrl-D leaves, Tab completes
  .tables                    the tables there are
  .schema TABLE              its columns
  .read FILE                 run a script
  .help  .quit`;

export async function shell(runner: StatementRunner, terminal: Terminal): Promise<number> {
  terminal.say(`millrace ${terminal.version} — .help for help`);
  const file = join(homedir(), ".millrace_history");
  const complete = shellCompleter(runner.session);
  let text = "";
  const reader = createInterface({
    input: process.stdin,
    output: process.stdout,
    historySize: MAX_HISTORY,
    history: loadHistory(file),
    completer: (line: string) => complete(text, line),
  });
  reader.on("history", (history: string[]) => saveHistory(file, history));
  reader.on("SIGINT", () => {
    text = "";
    terminal.say("");
    reader.prompt();
  });
  reader.setPrompt("millrace> ");
  reader.prompt();
  for await (const line of reader) {
    const first = text === "" ? line.trim() : "";
    if (first === ".quit" || first === ".exit") break;
    if (first.startsWith(".")) await dotCommand(first, runner, terminal);
    else {
      text += `${line}\n`;
      if (line.trimEnd().endsWith(";") || text.trim() === "") {
        const script = text;
        text = "";
        if (script.trim() !== "") await runScript(runner, terminal, "shell", script);
      }
    }
    reader.setPrompt(text === "" ? "millrace> " : "       -> ");
    reader.prompt();
  }
  reader.close();
  return 0;
}

async function dotCommand(
  line: string,
  runner: StatementRunner,
  terminal: Terminal,
): Promise<void> {
  const [name, ...rest] = line.split(/\s+/);
  const argument = rest.join(" ");
  if (name === ".tables") await runScript(runner, terminal, "shell", "SHOW TABLES");
  else if (name === ".schema") await runScript(runner, terminal, "shell", `DESCRIBE ${argument}`);
  else if (name === ".read") await runScript(runner, terminal, argument, readText(argument));
  else terminal.say(name === ".help" ? HELP : `unknown command ${name}; .help lists them`);
}

function loadHistory(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function saveHistory(file: string, history: readonly string[]): void {
  writeFileSync(file, `${history.slice(0, MAX_HISTORY).join("\n")}\n`, { mode: 0o600 });
}
