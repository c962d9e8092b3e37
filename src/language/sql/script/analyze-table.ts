/**
 * ANALYZE TABLE … COMPUTE STATISTICS: the query that counts a table's rows and values, and what its answer means.
 *
 * Flow:    statement → here → { kind: "analyze", plan, analysis } → the host runs the plan → keepStatistics(rows) → planner.
 * Query:   one row, or one a partition: partition keys, rows, then of each column distinct values, NULLs, and by type the range
 *          (as DOUBLE: numbers, days, milliseconds) or the average and the longest length.
 * Source:  Flink AnalyzeTableUtil, SqlNodeToOperationConversion.convertAnalyzeTable and its messages.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import {
  type ResolvedTable,
  type TableColumn,
  identifierSummary,
  identifierText,
} from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { AnalyzeTableNode, QueryStatementNode } from "../parser/ast.ts";
import { parseStatement } from "../parser/parser.ts";
import type { PartStatistics } from "../statistics/statistics-store.ts";
import type { ColumnStatistics } from "../statistics/table-statistics.ts";
import type { SessionContext } from "./session-context.ts";
import { collectRel, planRels, queryRel } from "./statement-planner.ts";

type Measure = keyof ColumnStatistics;

/** What the columns of the query's answer are. */
export interface TableAnalysis {
  /** catalog.database.table */
  readonly table: string;
  /** Of the answer's first columns. */
  readonly partitionKeys: readonly string[];
  /** Behind them the count of rows, then these. */
  readonly measures: readonly { readonly column: string; readonly measure: Measure }[];
}

export interface PlannedAnalysis {
  readonly plan: ExecPlan;
  readonly schema: Schema;
  readonly analysis: TableAnalysis;
}

export function planAnalysis(session: SessionContext, node: AnalyzeTableNode): PlannedAnalysis {
  if (!session.batch)
    throw invalid(
      node,
      "ANALYZE TABLE is not supported for streaming mode now",
      "SET 'execution.runtime-mode' = 'batch' first.",
    );
  const table = analysedTable(session, node);
  const partitionKeys = checkedPartition(table, node);
  const columns = analysedColumns(table, node);
  const measures = columns.flatMap(measuresOf);
  const selected = [
    ...partitionKeys.map(quoted),
    "COUNT(1)",
    ...measures.map(({ expression }) => expression),
  ];
  const given = node.partition.filter((entry) => entry.value !== undefined);
  const conditions = given.map(
    (entry) =>
      `${quoted(entry.name.name)} = ${session.text.slice(entry.value!.span.start, entry.value!.span.end)}`,
  );
  const { catalog, database, object } = table.identifier;
  const text = [
    `SELECT ${selected.join(", ")} FROM ${[catalog, database, object].map(quoted).join(".")}`,
    conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`,
    partitionKeys.length === 0 ? "" : `GROUP BY ${partitionKeys.map(quoted).join(", ")}`,
  ].join(" ");
  const sink = collectRel(
    session,
    queryRel(session, (parseStatement(text) as QueryStatementNode).query),
  );
  return {
    plan: planRels(session, [sink]).plan,
    schema: sink.schema,
    analysis: {
      table: identifierText(table.identifier),
      partitionKeys,
      measures: measures.map(({ column, measure }) => ({ column, measure })),
    },
  };
}

/** Keeps the answer of the analysis: its rows, with numbers as numbers, bigints or text. */
export function keepStatistics(
  session: SessionContext,
  analysis: TableAnalysis,
  rows: readonly (readonly unknown[])[],
): void {
  const parts = analysedParts(analysis, rows);
  session.catalog.statistics.keep(analysis.table, parts, analysis.partitionKeys);
}

export function analysedParts(
  { partitionKeys, measures }: TableAnalysis,
  rows: readonly (readonly unknown[])[],
): PartStatistics[] {
  const width = partitionKeys.length;
  return rows.map((row) => {
    const columns: Record<string, ColumnStatistics> = {};
    measures.forEach(({ column, measure }, i) => {
      const value = row[width + 1 + i];
      if (value !== null) columns[column] = { ...columns[column], [measure]: Number(value) };
    });
    return {
      partition: row.slice(0, width).map(String),
      statistics: { rowCount: Number(row[width]), columns },
    };
  });
}

const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

function invalid(node: AnalyzeTableNode, message: string, remedy: string): Error {
  return validateErrors.STATEMENT_INVALID({ message, remedy }, { at: node.span });
}

function analysedTable(session: SessionContext, node: AnalyzeTableNode): ResolvedTable {
  const parts = node.name.parts.map((part) => part.name);
  const entry = session.catalog.lookup(parts);
  if (entry === undefined)
    throw validateErrors.TABLE_NOT_FOUND({ name: parts.join(".") }, { at: node.name.span });
  if (entry.kind === "view")
    throw invalid(
      node,
      "ANALYZE TABLE for a view is not allowed",
      "Analyze the tables that it reads.",
    );
  if (!session.planOptions().source(entry).bounded)
    throw invalid(
      node,
      `Table ${identifierSummary(entry.identifier)} does not end: its rows cannot be counted`,
      "Analyze tables with a bounded source.",
    );
  return entry;
}

/** The keys to group by: those of the table, each named in the statement. */
function checkedPartition(table: ResolvedTable, node: AnalyzeTableNode): readonly string[] {
  const own = table.partitionKeys;
  const given = node.partition.map((entry) => entry.name.name);
  const name = identifierSummary(table.identifier);
  if (own.length === 0 && given.length > 0)
    throw invalid(
      node,
      `Invalid ANALYZE TABLE statement. Table: ${name} is not a partition table, while partition values are given.`,
      "Leave PARTITION out.",
    );
  const matches = given.length === own.length && own.every((key) => given.includes(key));
  if (own.length > 0 && !matches)
    throw invalid(
      node,
      `Invalid ANALYZE TABLE statement. For partition table, all partition keys should be specified explicitly. The given partition keys: [${given.join(",")}] are not match the target partition keys: [${own.join(",")}].`,
      `Write PARTITION(${own.join(", ")}); with \`key = value\` for one of its values.`,
    );
  return own;
}

function analysedColumns(table: ResolvedTable, node: AnalyzeTableNode): readonly TableColumn[] {
  if (node.allColumns) return table.columns.filter(({ kind }) => kind === "physical");
  return node.columns.map(({ name, span }) => {
    const column = table.columns.find((each) => each.name === name);
    const known = table.columns.map((each) => each.name).join(", ");
    const { object } = table.identifier;
    if (column === undefined)
      throw validateErrors.COLUMN_NOT_IN_TABLE(
        { column: name, table: object, known },
        { at: span },
      );
    if (column.kind === "physical") return column;
    throw invalid(
      node,
      `Column: ${name} is a ${column.kind} column, ANALYZE TABLE does not support ${column.kind} column.`,
      "Name physical columns.",
    );
  });
}

interface Measured {
  readonly column: string;
  readonly measure: Measure;
  readonly expression: string;
}

function measuresOf({ name, type }: TableColumn): Measured[] {
  const c = quoted(name);
  const of = (measure: Measure, expression: string): Measured => ({
    column: name,
    measure,
    expression,
  });
  const nulls = of("nullCount", `COUNT(1) - COUNT(${c})`);
  if (!comparable(type)) return [nulls];
  const range = rangeOf(type, c);
  return [
    of("distinctCount", `APPROX_COUNT_DISTINCT(${c})`),
    nulls,
    ...(range === undefined ? [] : [of("min", range("MIN")), of("max", range("MAX"))]),
    ...(type.kind === "CHAR" || type.kind === "VARCHAR"
      ? [
          of("averageLength", `AVG(CAST(CHAR_LENGTH(${c}) AS DOUBLE))`),
          of("maxLength", `CAST(MAX(CHAR_LENGTH(${c})) AS DOUBLE)`),
        ]
      : []),
  ];
}

const COUNTED = new Set([
  "BOOLEAN",
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "DECIMAL",
  "CHAR",
  "VARCHAR",
  "DATE",
  "TIME",
  "TIMESTAMP",
  "TIMESTAMP_LTZ",
]);
const comparable = ({ kind }: LogicalType): boolean => COUNTED.has(kind);

/** MIN and MAX as DOUBLE, on the line of selectivity.ts; undefined for types without a range. */
function rangeOf(
  type: LogicalType,
  column: string,
): ((extreme: "MIN" | "MAX") => string) | undefined {
  switch (type.kind) {
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "FLOAT":
    case "DOUBLE":
    case "DECIMAL":
      return (extreme) => `CAST(${extreme}(${column}) AS DOUBLE)`;
    case "DATE":
      return (extreme) =>
        `CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ${extreme}(${column})) AS DOUBLE)`;
    case "TIMESTAMP":
      return (extreme) =>
        `CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', ${extreme}(${column})) AS DOUBLE) * 1000`;
    default:
      return undefined;
  }
}
