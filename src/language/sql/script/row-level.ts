/**
 * DELETE, UPDATE and TRUNCATE of tables that can be overwritten: the rows that stay are read, and replace the table when the
 * bounded job ends.
 *
 *   DELETE FROM t WHERE c          → INSERT OVERWRITE t SELECT * FROM t WHERE (c) IS NOT TRUE
 *   UPDATE t SET a = e WHERE c     → INSERT OVERWRITE t SELECT CASE WHEN c THEN e ELSE a END, b FROM t
 *   TRUNCATE TABLE t               → INSERT OVERWRITE t SELECT * FROM t WHERE FALSE
 *
 * Source:  Flink's row-level modifications; what a connector cannot do, and streaming mode, are refused in its words.
 */
import { nearest } from "../../../foundation/base/text.ts";
import type { Span } from "../../../foundation/base/errors.ts";
import { identifierText, type ResolvedTable } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import { canOverwrite } from "../exec/sink-planner.ts";
import type {
  DeleteNode,
  ExpressionNode,
  IdentifierNode,
  InsertNode,
  SelectItemNode,
  TableNode,
  TruncateTableNode,
  UpdateNode,
} from "../parser/ast.ts";
import type { SinkRel } from "../rel/rel-node.ts";
import { noTable } from "./written-table.ts";
import type { SessionContext } from "./session-context.ts";
import { insertRel } from "./statement-planner.ts";

type RowLevelNode = DeleteNode | UpdateNode | TruncateTableNode;

/** Partitions that get no row are replaced too. */
export function rowLevelRel(session: SessionContext, node: RowLevelNode): SinkRel {
  return { ...insertRel(session, rowLevelInsert(session, node)), overwriteAll: true };
}

function rowLevelInsert(session: SessionContext, node: RowLevelNode): InsertNode {
  const { span } = node;
  const target: TableNode =
    node.kind === "truncateTable"
      ? { kind: "table", name: node.name, hints: [], extend: [], span }
      : node.target;
  const table = modifiable(session, node, target.name);
  const where = node.kind === "update" ? undefined : staying(node);
  return {
    kind: "insert",
    upsert: false,
    overwrite: true,
    target,
    partition: [],
    columns: [],
    source: {
      kind: "select",
      hints: [],
      items: node.kind === "update" ? updated(table, node) : [star(span)],
      from: target,
      ...(where === undefined ? {} : { where }),
      windows: [],
      span,
    },
    span,
  };
}

function modifiable(
  session: SessionContext,
  node: DeleteNode | UpdateNode | TruncateTableNode,
  name: IdentifierNode,
): ResolvedTable {
  const parts = name.parts.map((part) => part.name);
  const table = session.catalog.lookup(parts);
  if (table?.kind !== "table")
    throw noTable(
      name,
      table,
      session.catalog.list(session.catalog.currentCatalog, session.catalog.currentDatabase),
    );
  const refuse = (message: string, remedy: string) =>
    validateErrors.STATEMENT_INVALID({ message, remedy }, { at: node.span });
  const [word, operation] = WORDS[node.kind];
  if (!session.batch)
    throw refuse(
      node.kind === "truncateTable"
        ? "TRUNCATE TABLE statement is not supported in streaming mode."
        : `${word} statement is not supported for streaming mode now.`,
      "SET 'execution.runtime-mode' = 'batch'.",
    );
  const connector = table.options.connector ?? "";
  const whole = table.columns.every((column) => column.kind !== "metadata");
  if (!canOverwrite(connector) || connector === "blackhole" || !whole)
    throw refuse(
      node.kind === "truncateTable"
        ? `TRUNCATE TABLE statement is not supported for the table ${identifierText(table.identifier)} since the table hasn't implemented the interface org.apache.flink.table.connector.sink.abilities.SupportsTruncate.`
        : `Can't perform ${operation} operation of the table ${identifierText(table.identifier)} because the corresponding dynamic table sink has not yet implemented org.apache.flink.table.connector.sink.abilities.SupportsRowLevel${operation === "delete" ? "Delete" : "Update"}.`,
      "Change the rows in the system that holds them; tables of files can be changed here.",
    );
  return table;
}

const WORDS = {
  delete: ["DELETE", "delete"],
  update: ["UPDATE", "update"],
  truncateTable: ["TRUNCATE TABLE", "truncate"],
} as const;

function staying(node: DeleteNode | TruncateTableNode): ExpressionNode {
  if (node.kind === "truncateTable" || node.where === undefined)
    return { kind: "boolean", value: false, span: node.span };
  return { kind: "is", operand: node.where, test: "TRUE", negated: true, span: node.where.span };
}

function star(span: Span): SelectItemNode {
  return { value: { kind: "star", qualifier: [], span }, span };
}

function updated(table: ResolvedTable, node: UpdateNode): SelectItemNode[] {
  const values = new Map<string, ExpressionNode>();
  for (const { column, value } of node.assignments) {
    const name = column.parts.map((part) => part.name).join(".");
    const known = table.columns.map((each) => each.name);
    if (!known.includes(name))
      throw validateErrors.COLUMN_NOT_IN_TABLE(
        { column: name, table: identifierText(table.identifier), known: known.join(", ") },
        { at: column.span, didYouMean: nearest(name, known) },
      );
    values.set(name, value);
  }
  return table.columns
    .filter((column) => column.kind === "physical")
    .map((column): SelectItemNode => {
      const { span } = node;
      const part = { name: column.name, quoted: true, span };
      const old: ExpressionNode = { kind: "identifier", parts: [part], span };
      const value = values.get(column.name);
      if (value === undefined) return { value: old, span };
      if (node.where === undefined) return { value, alias: part, span };
      const [when, then] = [[node.where], value];
      const branches = [{ when, then, span }];
      return { value: { kind: "case", branches, otherwise: old, span }, alias: part, span };
    });
}
