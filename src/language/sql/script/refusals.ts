/**
 * Statements that make no sense on this engine, each refused with its reason and the way that leads on.
 *
 * Source: Flink's own refusals where it has them.
 */
import { validateErrors } from "../errors.ts";
import type { StatementNode } from "../parser/ast.ts";
import { unparseName } from "../parser/unparse-types.ts";
import type { SessionContext } from "./session-context.ts";

export function refusal(session: SessionContext, node: StatementNode): Error {
  const [what, remedy] = reasonOf(session, node);
  return validateErrors.NOT_SUPPORTED({ what, remedy }, { at: node.span });
}

/** By action: what it is called, and what leads on. */
const REFUSED_ALTERATIONS: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  setRefreshMode: [
    "SET REFRESH_MODE",
    "A job that runs on and refreshes in full hold different rows and state: DROP the table, which leaves its rows, and CREATE it with the other mode.",
  ],
  setStartMode: [
    "SET START_MODE",
    "It says where a job begins, and this one has begun: DROP the table, and CREATE it with START_MODE.",
  ],
};

function reasonOf(session: SessionContext, node: StatementNode): readonly [string, string] {
  switch (node.kind) {
    case "jar":
      return [
        `${node.action} JAR`,
        "Java classes cannot run in this engine. Register the function in TypeScript, or deploy to a Flink cluster, which takes the jar.",
      ];
    case "analyzeTable":
      return [
        session.batch ? "ANALYZE TABLE here" : "ANALYZE TABLE in streaming mode",
        "It runs in scripts and shells of `millrace sql` and in the SQL box of the platform's console, in batch mode. Leave it out.",
      ];
    case "describeJob":
    case "stopJob":
      return [
        node.kind === "stopJob" ? "STOP JOB" : "DESCRIBE JOB",
        "This session starts no jobs of its own. Jobs belong to deployments: run the statement in the SQL box of the platform's console.",
      ];
    case "show":
      return [
        `SHOW ${node.object}`,
        "This session starts no jobs of its own. Jobs belong to deployments: run the statement in the SQL box of the platform's console.",
      ];
    case "alterMaterializedTable": {
      const known = REFUSED_ALTERATIONS[node.action.action];
      if (known !== undefined)
        return [`ALTER MATERIALIZED TABLE ${unparseName(node.name)} ${known[0]}`, known[1]];
      return [
        `ALTER MATERIALIZED TABLE ${unparseName(node.name)} (${node.action.action})`,
        session.host.jobs === true
          ? "SUSPEND, RESUME, REFRESH, AS, SET, RESET, RENAME TO, ADD, MODIFY and DROP work here, with REFRESH_MODE = FULL also SET FRESHNESS; for anything else drop the table and create it again."
          : "This session starts no jobs of its own. What refreshes a table is a job of the platform: run the statement in the SQL box of its console. SET, RESET, RENAME TO, ADD, MODIFY, DROP and REFRESH work here, with REFRESH_MODE = FULL also AS and SET FRESHNESS.",
      ];
    }
    default:
      return [`Statement ${node.kind}`, "Leave it out."];
  }
}
