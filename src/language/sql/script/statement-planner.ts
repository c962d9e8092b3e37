/**
 * Queries and INSERTs → ExecPlan: validates, aligns a query with its sink, optimizes, plans several sinks as one.
 *
 * Errors: MR2125 a query that does not fit its sink, and everything from validator and planner.
 */
import { nearest } from "../../../foundation/base/text.ts";
import { placed } from "../rel/rel-place.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import {
  type LogicalType,
  typeEquals,
  typeToString,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import {
  type Expression,
  type LiteralValue,
  input,
  literal,
} from "../../../foundation/plan/expression.ts";
import {
  type ResolvedTable,
  type TableColumn,
  identifierText,
  sinkColumns,
} from "../catalog/catalog-objects.ts";
import { planErrors, validateErrors } from "../errors.ts";
import { buildExecPlan } from "../exec/exec-plan-builder.ts";
import type { PhysNode } from "../exec/phys-node.ts";
import type { PlanOptions } from "../exec/plan-options.ts";
import { PhysicalPlanner } from "../exec/physical-planner.ts";
import { withoutReuse } from "../exec/reuse.ts";
import { optimize } from "../optimizer/optimizer.ts";
import type { ExpressionNode, InsertNode, QueryNode } from "../parser/ast.ts";
import { project } from "../rel/rel-builder.ts";
import { relInputs, type RelNode, type SinkRel } from "../rel/rel-node.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";
import { castTo } from "../validator/casts.ts";
import { ExpressionConverter } from "../validator/expression-converter.ts";
import { dynamicOptions } from "../validator/hints.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import { EMPTY_ENVIRONMENT, convertQuery } from "../validator/query-converter.ts";
import { Scope } from "../validator/scope.ts";
import { intervalMillis } from "../validator/literals.ts";
import { canCastImplicitly } from "../validator/type-system.ts";
import { type SessionContext, throwFirst } from "./session-context.ts";
import { nonDeterministicUpdates } from "./warnings.ts";
import { noTable } from "./written-table.ts";

export interface PlannedStatement {
  readonly plan: ExecPlan;
  /** As validated, before optimization: for EXPLAIN. */
  readonly logical: readonly RelNode[];
  readonly optimized: readonly RelNode[];
  readonly physical: readonly PhysNode[];
  /** What the plan was made with. */
  readonly statistics: StatisticsLookup;
}

export function queryRel(session: SessionContext, query: QueryNode): RelNode {
  const errors: MillraceError[] = [];
  const rel = convertQuery(session.plannerContext(errors), query, EMPTY_ENVIRONMENT);
  throwFirst(errors);
  return rel;
}

/** A SELECT: its rows go to the collecting sink. */
export function collectRel(session: SessionContext, rel: RelNode): SinkRel {
  const fields = rel.schema.fields.map((f) => ({
    name: f.name,
    type: withoutTimeAttribute(f.type),
  }));
  const table: ResolvedTable = {
    kind: "table",
    identifier: {
      catalog: session.catalog.currentCatalog,
      database: session.catalog.currentDatabase,
      object: "*anonymous_collect*",
    },
    temporary: true,
    inline: true,
    columns: fields.map((f): TableColumn => ({ kind: "physical", name: f.name, type: f.type })),
    partitionKeys: [],
    options: session.collectOptions,
  };
  return {
    kind: "sink",
    input: rel,
    schema: { fields },
    table,
    dynamicOptions: {},
    overwrite: false,
    staticPartition: {},
  };
}

export function insertRel(session: SessionContext, node: InsertNode): SinkRel {
  const errors: MillraceError[] = [];
  const context = session.plannerContext(errors);
  const name = node.target.name.parts.map((part) => part.name);
  const table = context.resolveTable(name);
  if (table?.kind !== "table") throw noTable(node.target.name, table, context.tableNames());
  const query = convertQuery(context, node.source, EMPTY_ENVIRONMENT);
  throwFirst(errors);
  const columns = sinkColumns(table);
  const statics = staticPartition(context, node, table);
  const rel = alignWithSink(query, table, columns, { node, statics });
  const sink: SinkRel = {
    kind: "sink",
    input: rel,
    schema: rel.schema,
    table,
    dynamicOptions: dynamicOptions(node.target.hints, context.option),
    overwrite: node.overwrite,
    staticPartition: partitionTexts(statics),
    ...(node.onConflict === undefined ? {} : { onConflict: node.onConflict }),
  };
  return placed(sink, node.target.span);
}

function staticPartition(
  context: PlannerContext,
  node: InsertNode,
  table: ResolvedTable,
): Map<string, Expression> {
  const scope = new Scope(context.newScopeId(), [], undefined);
  const converter = new ExpressionConverter(context, scope, { clause: "PARTITION" });
  const result = new Map<string, Expression>();
  for (const entry of node.partition) {
    const { name, span } = entry.name;
    if (!table.partitionKeys.includes(name))
      throw validateErrors.STATEMENT_INVALID(
        {
          message: `Column '${name}' is no partition column of table ${identifierText(table.identifier)}.`,
          remedy:
            table.partitionKeys.length === 0
              ? "Leave PARTITION out: the table is not PARTITIONED BY."
              : `Its partition columns: ${table.partitionKeys.join(", ")}.`,
        },
        { at: span },
      );
    if (entry.value !== undefined) result.set(name, converter.convert(entry.value));
  }
  return result;
}

/** Constants of PARTITION (…) as texts; others are known by their rows. */
function partitionTexts(statics: ReadonlyMap<string, Expression>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of statics)
    if (value.kind === "literal" && value.value !== null) {
      const text = literalPartition(value.value, value.type);
      if (text !== undefined) texts[name] = text;
    }
  return texts;
}

function literalPartition(value: LiteralValue, type: LogicalType): string | undefined {
  if (type.kind === "DATE") return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
  return typeof value === "object" || type.kind === "TIME" ? undefined : String(value);
}

/** CREATE TABLE … AS: the columns of the query by their names, NULL for the others. */
export function fillRel(table: ResolvedTable, query: RelNode, source: QueryNode): SinkRel {
  const columns = sinkColumns(table);
  const { fields } = query.schema;
  const refuse = (cause: string) => {
    const text = (list: readonly { name: string; type: LogicalType }[]) =>
      list.map((f) => `${f.name}: ${typeToString(withoutTimeAttribute(f.type))}`).join(", ");
    return validateErrors.SINK_SCHEMA(
      {
        table: identifierText(table.identifier),
        cause,
        query: text(fields),
        sink: text(columns),
      },
      { at: source.span },
    );
  };
  for (const { name } of fields)
    if (!columns.some((column) => column.name === name))
      throw refuse(`Column '${name}' of the query is no column that can be written to.`);
  const expressions = columns.map((column, i) => {
    const at = fields.findIndex((field) => field.name === column.name);
    if (at < 0 && !column.type.nullable)
      throw refuse(`Column '${column.name}' is NOT NULL, but gets no value.`);
    const value = at < 0 ? literal(null, column.type) : input(at, fields[at]!.type);
    return sinkCast(value, column.type, () =>
      refuse(`Incompatible types for sink column '${column.name}' at position ${i}.`),
    );
  });
  const rel = project(
    query,
    expressions,
    columns.map((column) => column.name),
  );
  return {
    kind: "sink",
    input: rel,
    schema: rel.schema,
    table,
    dynamicOptions: {},
    overwrite: false,
    staticPartition: {},
  };
}

/** Milliseconds of an interval literal such as FRESHNESS has. */
export function intervalMs(session: SessionContext, node: ExpressionNode): number {
  const value = constant(session, node, "FRESHNESS");
  const ms = value.kind === "literal" ? intervalMillis(value) : undefined;
  if (typeof ms === "number" && ms > 0) return ms;
  throw validateErrors.STATEMENT_INVALID(
    {
      message:
        "Materialized table freshness must be a positive interval of days, hours, minutes or seconds.",
      remedy: "Write FRESHNESS = INTERVAL '30' SECOND.",
    },
    { at: node.span },
  );
}

function constant(session: SessionContext, node: ExpressionNode, clause: string): Expression {
  const errors: MillraceError[] = [];
  const context = session.plannerContext(errors);
  const scope = new Scope(context.newScopeId(), [], undefined);
  const value = new ExpressionConverter(context, scope, { clause }).convert(node);
  throwFirst(errors);
  return value;
}

/** The text of a constant, as a partition's folder shows it. */
export function literalText(session: SessionContext, node: ExpressionNode): string {
  const value = constant(session, node, "PARTITION");
  if (value.kind === "literal" && typeof value.value !== "object") return String(value.value);
  throw validateErrors.ARGUMENT_LITERAL({ what: "A partition's value" }, { at: node.span });
}

/** One expression per sink column: query columns in order or by the column list, static partitions, NULL. */
function alignWithSink(
  query: RelNode,
  table: ResolvedTable,
  columns: readonly TableColumn[],
  insert: { readonly node: InsertNode; readonly statics: ReadonlyMap<string, Expression> },
): RelNode {
  const { node, statics } = insert;
  const listed = node.columns.map((column) => column.parts.map((part) => part.name).join("."));
  for (const [i, name] of listed.entries())
    if (!columns.some((column) => column.name === name))
      throw validateErrors.COLUMN_NOT_IN_TABLE(
        {
          column: name,
          table: identifierText(table.identifier),
          known: columns.map((column) => column.name).join(", "),
        },
        {
          at: node.columns[i]!.span,
          didYouMean: nearest(
            name,
            columns.map((column) => column.name),
          ),
        },
      );
  const targets =
    listed.length > 0
      ? listed
      : columns.map((column) => column.name).filter((name) => !statics.has(name));
  const fields = query.schema.fields;
  if (targets.length !== fields.length)
    throw mismatch("Different number of columns.", query.schema, table, columns, node);
  const expressions = columns.map((column, i) => {
    const at = targets.indexOf(column.name);
    const source =
      at >= 0
        ? input(at, fields[at]!.type)
        : (statics.get(column.name) ?? literal(null, { ...column.type, nullable: true }));
    if (at < 0 && !statics.has(column.name) && !column.type.nullable)
      throw mismatch(
        `Column '${column.name}' is NOT NULL, but gets no value.`,
        query.schema,
        table,
        columns,
        node,
      );
    // As Flink does, constants of PARTITION are cast whatever their type.
    if (at < 0 && statics.has(column.name)) return castTo(source, column.type);
    return sinkCast(source, column.type, () =>
      mismatch(
        `Incompatible types for sink column '${column.name}' at position ${i}.`,
        query.schema,
        table,
        columns,
        node,
      ),
    );
  });
  return project(
    query,
    expressions,
    columns.map((column) => column.name),
  );
}

function sinkCast(source: Expression, to: LogicalType, fail: () => Error): Expression {
  const from = source.type;
  if (typeEquals(from, to, { ignoreNullability: true })) return source;
  if (!canCastImplicitly(from, to)) throw fail();
  return castTo(source, to);
}

function mismatch(
  cause: string,
  schema: Schema,
  table: ResolvedTable,
  columns: readonly TableColumn[],
  node: InsertNode,
): Error {
  const text = (fields: readonly { name: string; type: LogicalType }[]) =>
    fields.map((f) => `${f.name}: ${typeToString(withoutTimeAttribute(f.type))}`).join(", ");
  return validateErrors.SINK_SCHEMA(
    {
      table: identifierText(table.identifier),
      cause,
      query: text(schema.fields),
      sink: text(columns),
    },
    { at: node.source.span },
  );
}

export function planRels(session: SessionContext, logical: readonly RelNode[]): PlannedStatement {
  checkSize(logical);
  const options = session.planOptions();
  const optimized = logical.map((rel) => optimize(rel, options));
  const planned = new PhysicalPlanner(options).planAll(optimized);
  const physical = withoutReuse(planned, options.option);
  const plan = buildExecPlan(physical, options);
  checkDeterminism(plan, options);
  session.host.validate?.(plan);
  const { statistics = () => undefined } = options;
  return { logical, optimized, physical, plan, statistics };
}

/** TRY_RESOLVE makes errors of what is a warning otherwise: rows that cannot be taken back as they were given. */
function checkDeterminism(plan: ExecPlan, { option, mode }: PlanOptions): void {
  const strategy = option("table.optimizer.non-deterministic-update.strategy");
  if (strategy?.trim().toUpperCase() !== "TRY_RESOLVE" || mode === "batch") return;
  const found = nonDeterministicUpdates(plan)[0];
  if (found === undefined) return;
  throw planErrors.NOT_DETERMINISTIC({ finding: found.message, remedy: found.hint });
}

/** Nodes of the tree that the optimizer walks: what WITH names counts as often as it is read. */
const MAX_REL_NODES = 100_000;

function checkSize(rels: readonly RelNode[]): void {
  const sizes = new Map<RelNode, number>();
  const sizeOf = (rel: RelNode): number => {
    const known = sizes.get(rel);
    if (known !== undefined) return known;
    let size = 1;
    for (const input of relInputs(rel)) size += sizeOf(input);
    sizes.set(rel, size);
    return size;
  };
  const total = rels.reduce((sum, rel) => sum + sizeOf(rel), 0);
  if (total > MAX_REL_NODES)
    throw validateErrors.TOO_LARGE({ what: `it has more than ${MAX_REL_NODES} operators` });
}
