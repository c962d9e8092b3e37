/** A job's plan from a script: SET and DDL, then one INSERT or one STATEMENT SET. */
import { dirname } from "node:path";
import type { ExecPlan } from "../foundation/plan/exec-node.ts";
import { parseScript } from "../language/sql/parser/parser.ts";
import type { StatementWarning } from "../language/sql/script/session-types.ts";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { cliErrors } from "./errors.ts";
import { sqlHost } from "./sql-host.ts";

export interface PlannedScript {
  readonly plan: ExecPlan;
  /** Tables written to. */
  readonly sinks: readonly string[];
  readonly warnings: readonly StatementWarning[];
}

/** Throws the script's first error, or MR1014 when nothing in it runs, MR1016 when more than one thing does. */
export function planScript(
  path: string,
  text: string,
  config: Readonly<Record<string, string>> = {},
): PlannedScript {
  const { statements, errors } = parseScript(text);
  if (errors[0] !== undefined) throw errors[0];
  const session = new SqlSession({ host: sqlHost({ functions: dirname(path) }), config });
  let found: PlannedScript | undefined;
  for (const statement of statements) {
    const result = session.execute(statement, text);
    if (result.kind !== "insert") continue;
    if (found !== undefined) throw cliErrors.SEVERAL_INSERTS({ path }, { at: statement.span });
    found = result;
  }
  session.finish();
  if (found === undefined) throw cliErrors.NOT_AN_INSERT({ path });
  return found;
}
