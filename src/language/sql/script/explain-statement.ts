/** EXPLAIN: plans the statement and prints it; nothing runs. */
import { explainText } from "../explain/explain.ts";
import { validateErrors } from "../errors.ts";
import type { ExplainNode, StatementNode } from "../parser/ast.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { tableCreation } from "./create-table.ts";
import { rowLevelRel } from "./row-level.ts";
import { stringRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { collectRel, insertRel, planRels, queryRel } from "./statement-planner.ts";

export function explainStatement(session: SessionContext, node: ExplainNode): StatementResult {
  const { rels, collect } = relsOf(session, node.statement);
  const planned = planRels(session, rels);
  return stringRows(["result"], [[explainText(planned, node.details, { collect })]]);
}

function relsOf(
  session: SessionContext,
  node: StatementNode,
): { rels: RelNode[]; collect: boolean } {
  switch (node.kind) {
    case "queryStatement":
      return { rels: [collectRel(session, queryRel(session, node.query))], collect: true };
    case "insert":
      return { rels: [insertRel(session, node)], collect: false };
    case "statementSet":
      return { rels: node.inserts.map((insert) => insertRel(session, insert)), collect: false };
    case "delete":
    case "update":
      return { rels: [rowLevelRel(session, node)], collect: false };
    case "createTable": {
      const fill = tableCreation(session, { ...node, ifNotExists: false })?.fill;
      if (fill === undefined) throw unexplained(node);
      return { rels: [fill], collect: false };
    }
    case "execute":
      return relsOf(session, node.statement);
    default:
      throw unexplained(node);
  }
}

function unexplained(node: StatementNode): Error {
  return validateErrors.STATEMENT_INVALID(
    {
      message: "Unsupported statement for EXPLAIN",
      remedy: "Explain a query, an INSERT, CREATE TABLE AS or a STATEMENT SET.",
    },
    { at: node.span },
  );
}
