/**
 * CREATE TABLE and its forms that fill the table at once: AS SELECT, OR REPLACE … AS, AS TABLE, and materialized tables.
 *
 * Flow:    here → catalog, and a SinkRel to plan. The table is in the catalog only when its query has been planned.
 * Source:  Flink's CTAS and RTAS; CREATE TABLE … AS TABLE is Alibaba's.
 */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { MaterializedQuery, ResolvedTable } from "../catalog/catalog-objects.ts";
import { identifierSummary } from "../catalog/catalog-objects.ts";
import { defineTable } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import { canOverwrite } from "../exec/sink-planner.ts";
import type {
  CreateMaterializedTableNode,
  CreateTableNode,
  IdentifierNode,
  QueryNode,
  SelectItemNode,
  TableElementNode,
} from "../parser/ast.ts";
import { unparseStartMode } from "../parser/unparse-ddl.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { unparseQuery } from "../parser/unparse-queries.ts";
import type { SinkRel } from "../rel/rel-node.ts";
import { refreshConfig, wholeQuery } from "./materialized.ts";
import { takePartitionFormats } from "./partition-formats.ts";
import { continuousPeriodMs, derivedMode, refreshPeriodMs } from "./refresh-schedule.ts";
import { type SessionContext, throwFirst } from "./session-context.ts";
import { fillRel, queryRel } from "./statement-planner.ts";

/** What to do: put `table` into the catalog, when `fill` (if there is one) has been planned. */
export interface TableCreation {
  readonly table: ResolvedTable;
  readonly replaces: boolean;
  readonly fill?: SinkRel;
  /** Keys of the job that fills it. */
  readonly jobConfig?: Readonly<Record<string, string>>;
}

const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

/** Undefined: it is there already, and IF NOT EXISTS leaves it. */
export function tableCreation(
  session: SessionContext,
  given: CreateTableNode,
): TableCreation | undefined {
  const existing = session.catalog.lookup(namesOf(given.name));
  if (existing !== undefined && given.ifNotExists) return undefined;
  if (given.verb === "REPLACE" && existing === undefined)
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `The table ${identifierSummary(session.catalog.qualify(namesOf(given.name)))} to be replaced doesn't exist. You can try to use CREATE TABLE AS statement or CREATE OR REPLACE TABLE AS statement.`,
        remedy: "Use CREATE OR REPLACE TABLE.",
      },
      { at: given.name.span },
    );
  const node = given.sourceTable === undefined ? given : asSelect(session, given);
  const table = definition(session, node, node.query);
  const replaces = given.verb !== "CREATE";
  return table.query === undefined
    ? { table: table.made, replaces }
    : { table: table.made, replaces, fill: fillRel(table.made, table.query, node.query!) };
}

function definition(
  session: SessionContext,
  node: Parameters<typeof defineTable>[1] & Pick<CreateTableNode, "name" | "connection">,
  select: QueryNode | undefined,
) {
  const errors: MillraceError[] = [];
  const query = select === undefined ? undefined : queryRel(session, select);
  const fields = query?.schema.fields.map((field) => ({
    name: field.name,
    type: withoutTimeAttribute(field.type),
  }));
  const identifier = session.catalog.qualify(namesOf(node.name));
  const own = defineTable(session.plannerContext(errors), node, identifier, fields);
  throwFirst(errors);
  if (node.connection === undefined) return { made: own, query };
  const used = session.catalog.qualify(namesOf(node.connection));
  const connection = session.catalog.connections.get(used).identifier;
  return { made: { ...own, connection }, query };
}

/** AS TABLE s: AS SELECT * FROM s, with the key of s and the added columns. */
function asSelect(session: SessionContext, node: CreateTableNode): CreateTableNode {
  const { name, hints, addColumns } = node.sourceTable!;
  const source = session.catalog.lookup(namesOf(name));
  if (source?.kind !== "table")
    throw validateErrors.TABLE_NOT_FOUND({ name: namesOf(name).join(".") }, { at: name.span });
  const { span } = name;
  const added = addColumns.map((column): SelectItemNode => {
    if (column.kind !== "computedColumn")
      throw validateErrors.NOT_SUPPORTED(
        {
          what: "ADD COLUMN of a column without an expression",
          remedy: "Write name AS expression.",
        },
        { at: column.span },
      );
    return { value: column.expression, alias: column.name.parts[0]!, span: column.span };
  });
  const star: SelectItemNode = { value: { kind: "star", qualifier: [], span }, span };
  const key = node.elements.some((element) => element.kind === "constraint")
    ? undefined
    : source.primaryKey;
  const elements: TableElementNode[] = [...node.elements];
  if (key !== undefined)
    elements.push({
      kind: "constraint",
      type: "PRIMARY KEY",
      columns: key.columns.map((column) => ({ name: column, quoted: true, span })),
      enforced: false,
      span,
    });
  const { sourceTable: _, ...rest } = node;
  return {
    ...rest,
    elements,
    query: {
      kind: "select",
      hints: [],
      items: [star, ...added],
      from: { kind: "table", name, hints, extend: [], span },
      windows: [],
      span,
    },
  };
}

/**
 * A materialized table that is refreshed continuously: a table, and the job that keeps it up to date. Freshness is how often
 * that job makes its rows visible: its checkpoint interval. One that is refreshed in full is a table until ALTER … REFRESH.
 */
export function materializedCreation(
  session: SessionContext,
  node: CreateMaterializedTableNode,
): TableCreation | undefined {
  const existing = session.catalog.lookup(namesOf(node.name));
  if (existing !== undefined && node.ifNotExists) return undefined;
  const refuse = (what: string, remedy: string) =>
    validateErrors.NOT_SUPPORTED({ what, remedy }, { at: node.span });
  if (existing !== undefined && node.verb === "CREATE OR ALTER")
    throw refuse(
      "CREATE OR ALTER of a MATERIALIZED TABLE that exists",
      "Stop its job, drop the table and create it again: its job is not this session's to change.",
    );
  const full = (node.refreshMode ?? derivedMode(session, node.freshness)) === "FULL";
  const startMode = startModeOf(session, node, refuse);
  const { made: given } = definition(session, { ...node, temporary: false }, node.query);
  const { options: own, formats } = takePartitionFormats(given);
  const made = { ...given, options: own };
  if (made.options.connector === undefined)
    throw validateErrors.TABLE_DEFINITION(
      {
        message: "A materialized table needs a 'connector' to keep its rows in.",
        remedy: "Add WITH ('connector' = '…', …).",
      },
      { at: node.name.span },
    );
  const { options } = session.catalog.connections.resolve(made);
  if (full && !canOverwrite(options.connector ?? ""))
    throw refuse(
      `REFRESH_MODE = FULL${node.refreshMode === undefined ? ", which this freshness asks for," : ""} of a table with connector '${options.connector}'`,
      "Only tables of files can be replaced: use REFRESH_MODE = CONTINUOUS.",
    );
  const freshness = node.freshness === undefined ? undefined : unparseExpression(node.freshness);
  const periodMs = full
    ? refreshPeriodMs(session, node.freshness)
    : continuousPeriodMs(session, node.freshness);
  const materialized: MaterializedQuery = {
    text: unparseQuery(node.query),
    query: wholeQuery(session, node.query),
    refreshMode: full ? "FULL" : "CONTINUOUS",
    ...(freshness === undefined ? {} : { freshness }),
    periodMs,
    ...(startMode === undefined ? {} : { startMode }),
    ...(Object.keys(formats).length === 0
      ? {}
      : { partitionFormats: formats, timeZone: session.timeZone }),
  };
  const table = { ...made, materialized };
  if (full) return { table, replaces: false };
  const fill = fillRel(table, queryRel(session, node.query), node.query);
  return { table, replaces: false, fill, jobConfig: refreshConfig(materialized) };
}

/**
 * Where a continuous table's job begins. RESUME_OR_… is for CREATE OR ALTER of a table that is there; a new one has nothing to
 * resume.
 */
function startModeOf(
  session: SessionContext,
  { startMode }: CreateMaterializedTableNode,
  refuse: (what: string, remedy: string) => Error,
): string | undefined {
  const mode = startMode?.mode ?? session.config.get("materialized-table.default-start-mode");
  if (mode !== undefined && !/^(RESUME_OR_)?FROM_BEGINNING$/i.test(mode))
    throw refuse(
      `START_MODE = ${mode}`,
      "Tables of files, datagen and nexmark can only be read from their beginning: filter by the rows' own time in the query, WHERE ts >= …, and leave START_MODE out.",
    );
  return startMode === undefined ? undefined : unparseStartMode(startMode);
}
