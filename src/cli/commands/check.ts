/** `millrace check FILE…`: every problem of a script, with its place; status 1 when there is an error. */
import { dirname } from "node:path";
import { parseArgs } from "../args.ts";
import { cliErrors } from "../errors.ts";
import { checkingHost } from "../sql-host.ts";
import type { Command } from "../main.ts";
import { readText } from "../read-input.ts";
import { renderError } from "../render/error.ts";
import { checkScript } from "../../language/sql/script/sql-session.ts";

export const checkCommand: Command = {
  usage: "millrace check FILE…   (- reads standard input)",
  help: "Parses and validates every statement; nothing runs and no table is touched.",
  run: async (argv, terminal) => {
    const { positional } = parseArgs("check", argv, []);
    if (positional.length === 0) {
      throw cliErrors.USAGE({ problem: "name at least one file", command: "check" });
    }
    let errors = 0;
    let warnings = 0;
    for (const path of positional) {
      const text = readText(path);
      const host = checkingHost({ functions: dirname(path) });
      for (const { severity, error } of checkScript(text, { host })) {
        if (severity === "error") errors++;
        else warnings++;
        terminal.say(renderError(error, terminal.palette, { name: path, text }, severity));
      }
    }
    const files = positional.length === 1 ? positional[0] : `${positional.length} files`;
    const summary = `${files}: ${errors} errors, ${warnings} warnings`;
    terminal.say(errors > 0 ? summary : terminal.palette.ok(summary));
    return errors > 0 ? 1 : 0;
  },
};
