/**
 * `millrace fmt FILE…`: formats scripts where they lie, or says with --check which would change; `-` formats standard input to
 * standard output.
 *
 * Exit:   0 everything is formatted (--check: was formatted), 1 a file would change or has a statement with a syntax error.
 * Errors: MR20xx of each statement that cannot be read, with its place: it stays as it is, the others are formatted.
 */
import { writeFileSync } from "node:fs";
import { formatScript } from "../../language/sql/format/format-script.ts";
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import { cliErrors } from "../errors.ts";
import { fileReason } from "../file-reason.ts";
import type { Command } from "../main.ts";
import { readText } from "../read-input.ts";
import { renderError } from "../render/error.ts";
import type { Terminal } from "../terminal.ts";

const FLAGS: readonly Flag[] = [
  { name: "check", help: "change nothing; status 1 when a file is not formatted" },
];
const STDIN = "-";

export const fmtCommand: Command = {
  usage: "millrace fmt FILE… [--check]   (- reads standard input, writes standard output)",
  help: `Puts each clause on its line and words of the grammar in upper case; comments stay. What a script means never changes.\n\n${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("fmt", argv, FLAGS);
    if (args.positional.length === 0)
      throw cliErrors.USAGE({ problem: "name at least one file", command: "fmt" });
    const check = args.has("check");
    const counts = { changed: 0, wrong: 0 };
    for (const path of args.positional) formatFile(path, check, terminal, counts);
    if (args.positional[0] !== STDIN || check) {
      const verb = check ? "would change" : "changed";
      const files = `${args.positional.length} ${args.positional.length === 1 ? "file" : "files"}`;
      terminal.say(`${files}: ${counts.changed} ${verb}, ${counts.wrong} with syntax errors`);
    }
    return counts.wrong > 0 || (check && counts.changed > 0) ? 1 : 0;
  },
};

function formatFile(
  path: string,
  check: boolean,
  terminal: Terminal,
  counts: { changed: number; wrong: number },
): void {
  const before = readText(path);
  const { text, errors } = formatScript(before);
  for (const error of errors)
    terminal.say(renderError(error, terminal.palette, { name: path, text: before }, "error"));
  if (errors.length > 0) counts.wrong++;
  if (text !== before) counts.changed++;
  if (check) {
    if (text !== before) terminal.say(`${path} is not formatted`);
  } else if (path === STDIN) terminal.out(text);
  else if (text !== before) replaceFile(path, text);
}

/** In place, so that links and permissions stay. */
function replaceFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw cliErrors.FILE_UNWRITABLE({ path, reason: fileReason(cause) }, { cause });
  }
}
