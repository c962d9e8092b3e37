/**
 * Checks of a statement that need nothing but the statement itself: those that Flink makes right
 * after parsing.
 *
 * Flow:    parser → here → catalog and validator.
 * Errors:  MR2004.
 * Source:  validate() of Flink's SqlCreateTable, SqlAlterTableSchema and their kin, with their
 *          messages.
 */
import { parseErrors } from "../parse-errors.ts";
import type { StatementNode, TableConstraintNode, TableElementNode } from "./ast.ts";

const ENFORCED =
  "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint. ENFORCED/NOT ENFORCED controls if the constraint checks are performed on the incoming/outgoing data. Flink does not own the data therefore the only supported mode is the NOT ENFORCED mode";

/** Throws the first rule that the statement breaks. */
export function checkStatement(statement: StatementNode): void {
  switch (statement.kind) {
    case "createTable":
      if (statement.temporary && statement.verb !== "CREATE") {
        const reason = `${statement.verb} TABLE AS SELECT syntax does not support temporary table yet.`;
        throw parseErrors.NOT_ALLOWED({ reason }, { at: statement.span });
      }
      return checkConstraints(statement.elements);
    case "createMaterializedTable":
      return checkConstraints(statement.elements);
    case "alterTable":
    case "alterMaterializedTable": {
      const { action } = statement;
      if (action.action === "add" || action.action === "modify") checkConstraints(action.elements);
      return;
    }
    case "explain":
      return checkStatement(statement.statement);
    default:
      return;
  }
}

function checkConstraints(elements: readonly TableElementNode[]): void {
  const constraints: TableConstraintNode[] = [];
  for (const element of elements) {
    if (element.kind === "constraint") constraints.push(element);
    else if (element.kind === "physicalColumn" && element.constraint !== undefined) {
      constraints.push(element.constraint);
    }
  }
  const keys = constraints.filter((c) => c.type === "PRIMARY KEY");
  const second = keys[1];
  if (second !== undefined) throw refused("Duplicate primary key definition", second);
  for (const constraint of constraints) {
    if (constraint.type === "UNIQUE") {
      throw refused("UNIQUE constraint is not supported yet", constraint);
    }
    if (constraint.enforced !== false) throw refused(ENFORCED, constraint);
  }
}

function refused(reason: string, at: TableConstraintNode): Error {
  return parseErrors.NOT_ALLOWED({ reason }, { at: at.span });
}
