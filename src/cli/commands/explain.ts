/**
 * `millrace explain FILE`: syntax tree, optimized plan, execution plan, and the WebAssembly that is generated for it, as text.
 */
import { dirname } from "node:path";
import { parseScript } from "../../language/sql/parser/parser.ts";
import type { StatementNode } from "../../language/sql/parser/ast.ts";
import type { StatementResult } from "../../language/sql/script/session-types.ts";
import { SqlSession } from "../../language/sql/script/sql-session.ts";
import { MillraceError } from "../../foundation/base/errors.ts";
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import { cliErrors } from "../errors.ts";
import { generatedText } from "../generated-text.ts";
import type { Command } from "../main.ts";
import { readText } from "../read-input.ts";
import { alignedTable } from "../render/aligned-table.ts";
import { renderError } from "../render/error.ts";
import { sqlHost } from "../sql-host.ts";
import type { Terminal } from "../terminal.ts";

const FLAGS: readonly Flag[] = [
  { name: "command", short: "c", value: "SQL", help: "explain this text instead of a file" },
  { name: "wasm", help: "also the generated WebAssembly as text" },
  { name: "uids", help: "also the name of each operator's state" },
  { name: "json", help: "the execution plan as JSON (what a job is given)" },
];

export const explainCommand: Command = {
  usage: "millrace explain FILE [options]   (- reads standard input)",
  help: `  millrace explain job.sql
  millrace explain -c "SELECT 1 + 1" --wasm

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("explain", argv, FLAGS);
    const [path, ...more] = args.positional;
    const command = args.text("command");
    if (path === undefined && command === undefined) {
      throw cliErrors.USAGE({ problem: "name a file, or give SQL with -c", command: "explain" });
    }
    if (more.length > 0 || (path !== undefined && command !== undefined)) {
      throw cliErrors.USAGE({ problem: "name one file, or give SQL with -c", command: "explain" });
    }
    const name = path ?? "command";
    const text = command ?? readText(path!);
    try {
      const options = {
        wasm: args.has("wasm"),
        json: args.has("json"),
        uids: args.has("uids"),
      };
      await explainScript(text, terminal, { ...options, folder: dirname(path ?? ".") });
      return 0;
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      terminal.say(renderError(error, terminal.palette, { name, text }));
      return 1;
    }
  },
};

async function explainScript(
  text: string,
  terminal: Terminal,
  options: {
    readonly wasm: boolean;
    readonly json: boolean;
    readonly uids: boolean;
    readonly folder: string;
  },
): Promise<void> {
  const { statements, errors } = parseScript(text);
  if (errors[0] !== undefined) throw errors[0];
  const session = new SqlSession({ host: sqlHost({ functions: options.folder }) });
  for (const statement of statements) {
    if (!EXPLAINED.has(statement.kind)) {
      session.execute(statement, text);
      continue;
    }
    const planned = session.execute(statement, text);
    if (planned.kind !== "query" && planned.kind !== "insert") continue;
    if (options.json) {
      terminal.out(`${JSON.stringify(planned.plan, null, 2)}\n`);
      continue;
    }
    terminal.out(`${explanation(session, statement, text)}\n`);
    if (options.uids) {
      const rows = planned.plan.nodes.map(({ uid, description }) => [uid, description]);
      terminal.out(`${alignedTable(["state", "operator"], rows)}\n`);
    }
    for (const { code, message, hint } of planned.warnings)
      terminal.say(`${terminal.palette.warning(`warning ${code}`)}: ${message}\n  ${hint}`);
    if (options.wasm) terminal.out(`${await generatedText(planned.plan)}\n`);
  }
}

const EXPLAINED: ReadonlySet<string> = new Set([
  "queryStatement",
  "insert",
  "statementSet",
  "execute",
]);

function explanation(session: SqlSession, statement: StatementNode, text: string): string {
  const result: StatementResult = session.execute(
    { kind: "explain", statement, details: [], execute: false, span: statement.span },
    text,
  );
  return result.kind === "rows" ? String(result.rows[0]?.[0] ?? "") : "";
}
