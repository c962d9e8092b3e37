/** `millrace check FILE…`: every problem of a script, with its place; status 1 when there is an error. */
import { parseArgs } from "../args.ts";
import { cliErrors } from "../errors.ts";
import { checkingHost } from "../sql-host.ts";
import type { Command } from "../main.ts";
import { readText } from "../read-input.ts";
import { renderError } from "../render/error.ts";
import { defaultRegistry } from "../../dataplane/connectors/registry.ts";
import { toMillraceError } from "../../foundation/base/errors.ts";
import { parseScript } from "../../language/sql/parser/parser.ts";
import { checkScript, SqlSession } from "../../language/sql/script/sql-session.ts";
import type { Terminal } from "../terminal.ts";
import { validateTables } from "../validate-tables.ts";

export const checkCommand: Command = {
  usage: "millrace check FILE…   (- reads standard input)",
  help: "Parses and validates every statement; nothing runs and no table is touched.",
  run: async (argv, terminal) => {
    const { positional } = parseArgs("check", argv, []);
    if (positional.length === 0) {
      throw cliErrors.USAGE({ problem: "name at least one file", command: "check" });
    }
    const texts: { readonly path: string; readonly text: string }[] = [];
    let errors = 0;
    let warnings = 0;
    for (const path of positional) {
      const text = readText(path);
      texts.push({ path, text });
      for (const { severity, error } of checkScript(text, { host: checkingHost() })) {
        if (severity === "error") errors++;
        else warnings++;
        terminal.say(renderError(error, terminal.palette, { name: path, text }, severity));
      }
    }
    if (errors === 0) for (const script of texts) errors += checkTables(script, terminal);
    const files = positional.length === 1 ? positional[0] : `${positional.length} files`;
    const summary = `${files}: ${errors} errors, ${warnings} warnings`;
    terminal.say(errors > 0 ? summary : terminal.palette.ok(summary));
    return errors > 0 ? 1 : 0;
  },
};

/** A script that is valid as SQL: every table that it reads or writes is shown to its connector. Counts the errors. */
function checkTables(
  { path, text }: { readonly path: string; readonly text: string },
  terminal: Terminal,
): number {
  const session = new SqlSession({ host: checkingHost() });
  const registry = defaultRegistry();
  let errors = 0;
  for (const statement of parseScript(text).statements) {
    const result = session.execute(statement, text);
    if (result.kind !== "query" && result.kind !== "insert") continue;
    try {
      validateTables(result.plan, registry);
    } catch (error) {
      errors++;
      const known = toMillraceError(error).at({ at: statement.span });
      terminal.say(renderError(known, terminal.palette, { name: path, text }));
    }
  }
  return errors;
}
