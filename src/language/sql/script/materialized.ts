/**
 * ALTER MATERIALIZED TABLE: REFRESH runs the table's query once, in batch mode, in place of what the table holds; AS changes
 * the query, RESUME how the job writes. Where deployments are the jobs (SqlHost.jobs) both answer with the plan of the job
 * that refreshes the table continuously; what stops and starts it is the platform. Options and the name are the catalog's.
 *
 *   REFRESH                      → INSERT OVERWRITE t <query>, all partitions
 *   REFRESH PARTITION (k = 'x')  → INSERT OVERWRITE t PARTITION (k = 'x') SELECT * FROM (<query>) WHERE k = 'x'
 *
 * Source:  Flink's materialized tables; there a scheduler runs the refreshes of REFRESH_MODE = FULL.
 */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import { typeEquals } from "../../../foundation/columnar/logical-type.ts";
import {
  identifierText,
  type MaterializedQuery,
  type ResolvedTable,
} from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import { canOverwrite } from "../exec/sink-planner.ts";
import type {
  AlterMaterializedTableNode,
  ExpressionNode,
  PartitionSpec,
  QueryNode,
} from "../parser/ast.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { unparseQuery } from "../parser/unparse-queries.ts";
import { alterTable } from "./alter-table.ts";
import { expandedQuery } from "./expand-query.ts";
import { formatOptions, takePartitionFormats } from "./partition-formats.ts";
import { alterMaterializedSchema, isKept } from "./materialized-schema.ts";
import { refreshPeriodMs } from "./refresh-schedule.ts";
import { refusal } from "./refusals.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { fillRel, literalText, planRels, queryRel } from "./statement-planner.ts";
import { planWarnings } from "./warnings.ts";

type Materialized = ResolvedTable & Required<Pick<ResolvedTable, "materialized">>;
const OK: StatementResult = { kind: "ok" };

export function alterMaterialized(
  session: SessionContext,
  node: AlterMaterializedTableNode,
): StatementResult {
  const { action, name, span } = node;
  const parts = name.parts.map((part) => part.name);
  const found = session.catalog.lookup(parts);
  if (found?.kind !== "table" || !isMaterialized(found))
    throw validateErrors.OBJECT_NOT_FOUND(
      { object: "Materialized table", name: parts.join(".") },
      { at: name.span },
    );
  const full = found.materialized.refreshMode === "FULL";
  switch (action.action) {
    case "setOptions":
    case "resetOptions": {
      const shown = { ...found, options: { ...found.options, ...formatsOf(found) } };
      session.catalog.replace(shown);
      try {
        alterTable(session, { kind: "alterTable", ifExists: false, name, action, span });
        session.catalog.replace(withFormats(session, session.catalog.lookup(parts)));
        return rewritten(session, found, parts);
      } catch (error) {
        session.catalog.replace(found);
        throw error;
      }
    }
    case "renameTable": {
      const { stateName = identifierText(found.identifier) } = found.materialized;
      const materialized = full ? found.materialized : { ...found.materialized, stateName };
      session.catalog.replace({ ...found, materialized });
      alterTable(session, { kind: "alterTable", ifExists: false, name, action, span });
      const to = action.to.parts.map((part) => part.name);
      return rewritten(session, found, to);
    }
    case "refresh":
      return refresh(session, found, { node, partition: action.partition });
    case "suspend":
      if (session.host.jobs === true) return OK;
      throw refusal(session, node);
    case "resume": {
      if (session.host.jobs !== true) throw refusal(session, node);
      const options = action.options.map(({ key, value }) => [key, value] as const);
      const dynamicOptions = Object.fromEntries(options);
      const materialized = { ...found.materialized, dynamicOptions };
      return changed(session, { ...found, materialized });
    }
    case "asQuery":
      if (!full && session.host.jobs !== true) throw refusal(session, node);
      return changed(session, changedQuery(session, found, { node, query: action.query }));
    case "setFreshness": {
      if (!full) throw refusal(session, node);
      const periodMs = refreshPeriodMs(session, action.freshness);
      const freshness = unparseExpression(action.freshness);
      const materialized = { ...found.materialized, freshness, periodMs };
      return changed(session, { ...found, materialized });
    }
    case "setRefreshMode":
    case "setStartMode":
    case "addPartitions":
    case "dropPartitions":
    case "renameColumn":
      throw refusal(session, node);
    default:
      alterMaterializedSchema(session, {
        table: found,
        node,
        action,
        yields: queryFields(session, found).map((field) => field.name),
      });
      try {
        return rewritten(session, found, parts);
      } catch (error) {
        session.catalog.replace(found);
        throw error;
      }
  }
}

/** What has been changed in the catalog; where deployments are the jobs, its job writes the table as it is now. */
function rewritten(
  session: SessionContext,
  { materialized: { refreshMode } }: Materialized,
  name: readonly string[],
): StatementResult {
  if (refreshMode === "FULL" || session.host.jobs !== true) return OK;
  return changed(session, session.catalog.lookup([...name]) as Materialized);
}

/** Columns that a table's query yields. */
function queryFields(session: SessionContext, { materialized }: Materialized) {
  const analysed = () => queryRel(session, materialized.query).schema.fields;
  return materialized.refreshMode === "FULL" ? inBatchMode(session, analysed) : analysed();
}

function formatsOf({ materialized }: Materialized): Record<string, string> {
  return formatOptions(materialized.partitionFormats ?? {});
}

/** Patterns of partitions are no options of the connector. */
function withFormats(
  session: SessionContext,
  entry: ReturnType<SessionContext["catalog"]["lookup"]>,
): ResolvedTable {
  const table = entry as Materialized;
  const { options, formats } = takePartitionFormats(table);
  const { partitionFormats: _, ...materialized } = table.materialized;
  if (Object.keys(formats).length === 0) return { ...table, options, materialized };
  const { timeZone } = session;
  return {
    ...table,
    options,
    materialized: { timeZone, ...materialized, partitionFormats: formats },
  };
}

/** The table as it is from now on; with the plan of its job where that runs all the time. */
function changed(session: SessionContext, table: Materialized): StatementResult {
  session.catalog.replace(table);
  const { materialized } = table;
  if (materialized.refreshMode === "FULL") return OK;
  const { query } = materialized;
  const planned = planRels(session, [fillRel(written(table), queryRel(session, query), query)]);
  const { plan } = planned;
  return {
    kind: "insert",
    plan: { ...plan, config: { ...refreshConfig(materialized), ...plan.config } },
    sinks: [identifierText(table.identifier)],
    warnings: planWarnings(planned, session),
  };
}

/** Keys of the job that refreshes a table continuously: rows are to be seen at every checkpoint. */
export function refreshConfig({ periodMs }: MaterializedQuery): Record<string, string> {
  return periodMs === undefined ? {} : { "execution.checkpointing.interval": `${periodMs} ms` };
}

function written(table: Materialized): Materialized {
  return { ...table, options: { ...table.options, ...table.materialized.dynamicOptions } };
}

function isMaterialized(table: ResolvedTable): table is Materialized {
  return table.materialized !== undefined;
}

/** The query with whole names: it means the same wherever it is run. */
export function wholeQuery(session: SessionContext, query: QueryNode): QueryNode {
  return expandedQuery(query, (parts) => session.catalog.lookup(parts)) ?? query;
}

function refresh(
  session: SessionContext,
  table: Materialized,
  {
    node,
    partition,
  }: { readonly node: AlterMaterializedTableNode; readonly partition: PartitionSpec },
): StatementResult {
  const resolved = session.catalog.connections.resolve(written(table)) as Materialized;
  if (!canOverwrite(resolved.options.connector ?? ""))
    throw validateErrors.NOT_SUPPORTED(
      {
        what: `REFRESH of a table with connector '${resolved.options.connector}'`,
        remedy: "Only tables of files can be replaced; others are refreshed continuously.",
      },
      { at: node.span },
    );
  const staticPartition = partitionTexts(session, resolved, partition);
  const query = filtered(resolved.materialized.query, partition, node);
  return inBatchMode(session, () => {
    const rel = {
      ...fillRel(resolved, queryRel(session, query), query),
      overwrite: true,
      ...(partition.length === 0 ? { overwriteAll: true } : {}),
      staticPartition,
    };
    const planned = planRels(session, [rel]);
    return {
      kind: "insert",
      plan: planned.plan,
      sinks: [identifierText(table.identifier)],
      warnings: planWarnings(planned, session),
    };
  });
}

/** What is refreshed has an end, whatever mode the session is in. */
function inBatchMode<T>(session: SessionContext, run: () => T): T {
  const key = "execution.runtime-mode";
  const before = session.config.get(key);
  session.config.set(key, "batch");
  try {
    return run();
  } finally {
    if (before === undefined) session.config.delete(key);
    else session.config.set(key, before);
  }
}

function partitionTexts(
  session: SessionContext,
  table: ResolvedTable,
  partition: PartitionSpec,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { name, value } of partition) {
    if (!table.partitionKeys.includes(name.name) || value === undefined)
      throw validateErrors.STATEMENT_INVALID(
        {
          message: `PARTITION names '${name.name}', which is no partition column with a value.`,
          remedy: `Partition columns of the table: ${table.partitionKeys.join(", ") || "none"}.`,
        },
        { at: name.span },
      );
    texts[name.name] = literalText(session, value);
  }
  return texts;
}

function filtered(
  query: QueryNode,
  partition: PartitionSpec,
  { span }: AlterMaterializedTableNode,
): QueryNode {
  const conditions = partition.map(
    ({ name, value }): ExpressionNode => ({
      kind: "binary",
      operator: "=",
      left: { kind: "identifier", parts: [name], span },
      right: value!,
      span,
    }),
  );
  const [first, ...more] = conditions;
  if (first === undefined) return query;
  const where =
    more.length === 0
      ? first
      : ({ kind: "logical", operator: "AND", operands: conditions, span } as const);
  return {
    kind: "select",
    hints: [],
    items: [{ value: { kind: "star", qualifier: [], span }, span }],
    from: {
      kind: "derivedTable",
      lateral: false,
      query,
      alias: { name: { name: "q", quoted: true, span }, columns: [], span },
      span,
    },
    where,
    windows: [],
    span,
  };
}

/** Columns may come behind those that are there; these stay as they are. */
function changedQuery(
  session: SessionContext,
  table: Materialized,
  { node, query: given }: { readonly node: AlterMaterializedTableNode; readonly query: QueryNode },
): Materialized {
  const query = wholeQuery(session, given);
  const { materialized } = table;
  const fields = queryFields(session, { ...table, materialized: { ...materialized, query } });
  const written = table.columns.filter(isKept);
  written.forEach((column, i) => {
    const field = fields[i];
    const same =
      field?.name === column.name &&
      typeEquals(withoutTimeAttribute(field.type), withoutTimeAttribute(column.type), {
        ignoreNullability: true,
      });
    if (same) return;
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `The new query must keep the columns of the table in their places: column '${column.name}' at position ${i} would change.`,
        remedy: "Add columns behind the others, or drop the table and create it again.",
      },
      { at: node.span },
    );
  });
  const added = fields.slice(written.length).map(
    ({ name, type }) =>
      ({
        kind: "physical",
        name,
        type: { ...withoutTimeAttribute(type), nullable: true },
      }) as const,
  );
  return {
    ...table,
    columns: [...table.columns, ...added],
    materialized: { ...table.materialized, text: unparseQuery(given), query },
  };
}
