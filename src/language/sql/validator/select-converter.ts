/**
 * SELECT → logical plan: FROM, WHERE, GROUP BY, HAVING, OVER, QUALIFY, the list, DISTINCT, in this order.
 *
 * Flow:    query-converter → here. Expressions are converted in the scope of FROM first; aggregates, OVER calls and
 *          subqueries leave placeholders, which are resolved once the node below the list is known.
 * Output:  `width` visible columns, then columns that only ORDER BY needs.
 */
import { placed } from "../rel/rel-place.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Expression,
  type SortField,
  input,
  literal,
} from "../../../foundation/plan/expression.ts";
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import { validateErrors } from "../errors.ts";
import type { ExpressionNode, OrderItemNode, SelectItemNode, SelectNode } from "../parser/ast.ts";
import { digest, isCall, transform } from "../rel/expressions.ts";
import { aggregate, filter, project } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { orderRequest } from "./calls.ts";
import {
  AGGREGATE_REF,
  type AggregateRequest,
  type Collectors,
  OVER_REF,
  type OverRequest,
} from "./collectors.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { convertRelation } from "./from-converter.ts";
import { Grouping } from "./grouping.ts";
import { BlockHints } from "./hints.ts";
import { buildOvers } from "./over-converter.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type QueryEnvironment, ordinalOf, singleRow } from "./query-converter.ts";
import { Scope, nestedField } from "./scope.ts";
import { SubqueryStage } from "./subqueries.ts";

export interface SelectResult {
  readonly rel: RelNode;
  readonly sort: readonly SortField[];
  readonly width: number;
}

interface OutputColumn {
  readonly name: string;
  expression: Expression;
  readonly node: SelectItemNode;
}

export function convertSelect(
  context: PlannerContext,
  node: SelectNode,
  outerEnvironment: QueryEnvironment,
  orderBy: readonly OrderItemNode[],
): SelectResult {
  const hints = new BlockHints(node.hints);
  const environment = { ...outerEnvironment, hints };
  const from =
    node.from === undefined
      ? { rel: singleRow(), tables: [], merged: [] }
      : convertRelation(context, environment, node.from, undefined);
  hints.check(from.tables);
  const scope = new Scope(context.newScopeId(), from.tables, environment.outer, from.merged);
  return new SelectConverter(context, node, environment, scope).convert(from.rel, orderBy);
}

class SelectConverter {
  readonly #context: PlannerContext;
  readonly #node: SelectNode;
  readonly #scope: Scope;
  readonly #hints: BlockHints;
  readonly #aggregates: AggregateRequest[] = [];
  readonly #overs: OverRequest[] = [];
  readonly #stage: SubqueryStage;
  #grouping: Grouping | undefined;

  constructor(
    context: PlannerContext,
    node: SelectNode,
    environment: QueryEnvironment,
    scope: Scope,
  ) {
    this.#context = context;
    this.#node = node;
    this.#scope = scope;
    this.#hints = environment.hints;
    this.#stage = new SubqueryStage(context, environment);
  }

  convert(from: RelNode, orderBy: readonly OrderItemNode[]): SelectResult {
    let rel = this.#where(from);
    const collectors = this.#prepare();
    const columns = this.#columns(collectors);
    const having = this.#condition(this.#node.having, { ...collectors, clause: "HAVING" });
    const qualify = this.#condition(this.#node.qualify, {
      ...collectors,
      clause: "QUALIFY",
      aliases: (name) => columns.find((column) => column.name === name)?.expression,
    });
    const order = this.#orderColumns(orderBy, columns, collectors);
    const grouped =
      this.#node.groupBy !== undefined || this.#aggregates.length > 0 || having !== undefined;
    let map = (expression: Expression, _node: { span: SelectNode["span"] }) => expression;
    if (grouped) {
      this.#grouping ??= Grouping.none();
      this.#nameAggregates(columns);
      rel = this.#argumentSubqueries(rel);
      const { groupBy = this.#node } = this.#node;
      rel = placed(
        this.#withTtl(this.#grouping.build(rel, this.#aggregates, this.#aggregateNames)),
        this.#context.place(groupBy.span),
      );
      const grouping = this.#grouping;
      map = (expression, at) => grouping.map(expression, at, this.#context);
    }
    if (grouped) this.#stage.mapOuter(map);
    rel = this.#filter(rel, having && map(having, this.#node.having!));
    for (const column of columns) column.expression = map(column.expression, column.node);
    for (const entry of order.added) entry.expression = map(entry.expression, entry.node);
    const overs = this.#overs.map((request) =>
      mapOver(request, (e) => {
        const applied = this.#stage.apply(rel, map(e, this.#node));
        rel = applied.rel;
        return applied.expression;
      }),
    );
    const built = buildOvers(rel, overs);
    rel = built.rel;
    const resolve = (e: Expression) => resolveOver(e, built.columns);
    if (qualify !== undefined) rel = this.#filter(rel, resolve(map(qualify, this.#node.qualify!)));
    const outputs = [...columns, ...order.added];
    for (const column of outputs) {
      const applied = this.#stage.apply(rel, resolve(column.expression));
      rel = applied.rel;
      column.expression = applied.expression;
    }
    return this.#finish(rel, columns, outputs, order.fields);
  }

  #finish(
    rel: RelNode,
    columns: readonly OutputColumn[],
    outputs: readonly { name: string; expression: Expression }[],
    sort: readonly SortField[],
  ): SelectResult {
    let result = project(
      rel,
      outputs.map((column) => column.expression),
      outputs.map((column) => column.name),
    );
    if (this.#node.quantifier === "DISTINCT") {
      if (outputs.length > columns.length)
        throw validateErrors.STATEMENT_INVALID(
          {
            message: "Expression in ORDER BY is not in the SELECT DISTINCT list",
            remedy: "Add it to the SELECT list.",
          },
          { at: this.#node.span },
        );
      result = aggregate(
        result,
        outputs.map((_, i) => i),
        [],
      );
    }
    return { rel: result, sort, width: columns.length };
  }

  /** Subqueries in the arguments of aggregates are joined before the groups are made. */
  #argumentSubqueries(from: RelNode): RelNode {
    let rel = from;
    const joined = (expression: Expression): Expression => {
      const applied = this.#stage.apply(rel, expression);
      rel = applied.rel;
      return applied.expression;
    };
    for (const [i, request] of this.#aggregates.entries())
      this.#aggregates[i] = {
        ...request,
        args: request.args.map(joined),
        ...(request.filter === undefined ? {} : { filter: joined(request.filter) }),
      };
    return rel;
  }

  /** STATE_TTL of the one table that is aggregated. */
  #withTtl(rel: RelNode): RelNode {
    const ttl = this.#hints.ttlOf(this.#scope.tables);
    return rel.kind === "aggregate" && ttl !== undefined ? { ...rel, ttl } : rel;
  }

  #where(from: RelNode): RelNode {
    if (this.#node.where === undefined) return from;
    const condition = this.#condition(this.#node.where, {
      clause: "WHERE",
      subqueries: this.#stage,
    });
    return this.#filter(from, condition);
  }

  #filter(rel: RelNode, condition: Expression | undefined): RelNode {
    if (condition === undefined) return rel;
    const applied = this.#stage.applyFilter(rel, condition);
    return filter(applied.rel, applied.condition);
  }

  #condition(node: ExpressionNode | undefined, collectors: Collectors): Expression | undefined {
    if (node === undefined) return undefined;
    return this.#guard(() =>
      new ExpressionConverter(this.#context, this.#scope, collectors).condition(node),
    );
  }

  /** Collects an error and goes on with NULL. */
  #guard(convert: () => Expression): Expression {
    try {
      return convert();
    } catch (error) {
      const known: MillraceError = toMillraceError(error);
      this.#context.report(known);
      return literal(null, types.null());
    }
  }

  #prepare(): Collectors {
    const { groupBy } = this.#node;
    const plain = { clause: "GROUP BY" };
    if (groupBy !== undefined) {
      const converter = new ExpressionConverter(this.#context, this.#scope, plain);
      this.#grouping = Grouping.of(converter, groupBy);
    }
    const grouping = this.#grouping;
    return {
      clause: "SELECT",
      subqueries: this.#stage,
      windows: this.#node.windows,
      aggregates: {
        nullable: grouping === undefined || grouping.hasEmptySet,
        add: (request) => addUnique(this.#aggregates, request),
      },
      overs: { add: (request) => this.#overs.push(request) - 1 },
      ...(grouping === undefined
        ? {}
        : {
            groupFunction: (name, call) =>
              grouping.groupFunction(
                name,
                call,
                new ExpressionConverter(this.#context, this.#scope, plain),
              ),
          }),
    };
  }

  #columns(collectors: Collectors): OutputColumn[] {
    const converter = new ExpressionConverter(this.#context, this.#scope, collectors);
    const columns: OutputColumn[] = [];
    for (const item of this.#node.items) {
      if (item.value.kind === "star") {
        columns.push(...this.#star(item));
        continue;
      }
      const value = item.value;
      const expression = this.#guard(() => converter.convert(value));
      columns.push({ name: outputName(item, columns.length), expression, node: item });
    }
    return columns;
  }

  #star(item: SelectItemNode): OutputColumn[] {
    if (item.value.kind !== "star") return [];
    const parts = item.value.qualifier;
    if (parts.length === 0) {
      const all = this.#scope.allColumns();
      if (all.length === 0)
        throw validateErrors.STATEMENT_INVALID(
          { message: "SELECT * requires a FROM clause", remedy: "Name the columns or add FROM." },
          { at: item.span },
        );
      return all.map((column) => ({ ...column, node: item }));
    }
    const table = this.#scope.tableNamed(parts.map((part) => part.name));
    if (table !== undefined)
      return table.columns.map((column) => ({
        name: column.name,
        expression: input(column.index, column.type),
        node: item,
      }));
    const row = this.#guard(() => this.#scope.resolve(parts, item));
    if (row.type.kind !== "ROW" && row.type.kind !== "STRUCTURED") return [];
    return row.type.fields.map((field) => ({
      name: field.name,
      expression: nestedField(row, [{ name: field.name, quoted: true, span: item.span }]),
      node: item,
    }));
  }

  #orderColumns(
    orderBy: readonly OrderItemNode[],
    columns: readonly OutputColumn[],
    collectors: Collectors,
  ): {
    fields: SortField[];
    added: { name: string; expression: Expression; node: OrderItemNode }[];
  } {
    const added: { name: string; expression: Expression; node: OrderItemNode }[] = [];
    const converter = new ExpressionConverter(this.#context, this.#scope, {
      ...collectors,
      clause: "ORDER BY",
    });
    const fields = orderBy.map((item) => {
      const nullsFirst = item.nulls === undefined ? !item.descending : item.nulls === "FIRST";
      const { descending } = item;
      const known = ordinalOf(item.value, columns.length) ?? aliasIndex(item.value, columns);
      if (known !== undefined) return { index: known, descending, nullsFirst };
      const request = this.#guard(() => orderRequest(converter, item).expression);
      const key = digest(request);
      const same = columns.findIndex((column) => digest(column.expression) === key);
      if (same >= 0) return { index: same, descending, nullsFirst };
      added.push({ name: `$sort${added.length}`, expression: request, node: item });
      return { index: columns.length + added.length - 1, descending, nullsFirst };
    });
    return { fields, added };
  }

  readonly #aggregateNames: (string | undefined)[] = [];
  /** An aggregate that is a column by itself takes the column's name. */
  #nameAggregates(columns: readonly OutputColumn[]): void {
    for (const { name, expression } of columns) {
      if (!isCall(expression, AGGREGATE_REF)) continue;
      const index = Number((expression.args[0] as { value: number }).value);
      this.#aggregateNames[index] ??= name;
    }
  }
}

function addUnique(requests: AggregateRequest[], request: AggregateRequest): number {
  const key = aggregateKey(request);
  const index = requests.findIndex((other) => aggregateKey(other) === key);
  return index >= 0 ? index : requests.push(request) - 1;
}

function aggregateKey(request: AggregateRequest): string {
  const filterKey = request.filter === undefined ? "" : digest(request.filter);
  const args = request.args.map(digest).join(",");
  return `${request.function}(${request.distinct ? "DISTINCT " : ""}${args}) ${filterKey}`;
}

function aliasIndex(node: ExpressionNode, columns: readonly OutputColumn[]): number | undefined {
  if (node.kind !== "identifier" || node.parts.length !== 1) return undefined;
  const index = columns.findIndex((column) => column.name === node.parts[0]!.name);
  return index < 0 ? undefined : index;
}

export function outputName(item: SelectItemNode, index: number): string {
  if (item.alias !== undefined) return item.alias.name;
  const value = item.value;
  if (value.kind === "identifier") return value.parts.at(-1)!.name;
  if (value.kind === "fieldAccess") return value.field.name;
  return `EXPR$${index}`;
}

function mapOver(request: OverRequest, map: (e: Expression) => Expression): OverRequest {
  return {
    ...request,
    args: request.args.map(map),
    partition: request.partition.map(map),
    order: request.order.map((entry) => ({ ...entry, expression: map(entry.expression) })),
  };
}

function resolveOver(expression: Expression, columns: readonly number[]): Expression {
  if (columns.length === 0) return expression;
  return transform(expression, (e) => {
    if (!isCall(e, OVER_REF)) return e;
    return input(columns[Number((e.args[0] as { value: number }).value)]!, e.type);
  });
}
