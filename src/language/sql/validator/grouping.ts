/**
 * GROUP BY: plain keys, GROUPING SETS, ROLLUP, CUBE, and the legacy group windows TUMBLE, HOP, SESSION.
 *
 * Builds: Project(keys, arguments, filters) → [Expand] → [WindowTvf] → Aggregate; map() then rewrites expressions over
 *         FROM into ones over the aggregate.
 * Errors: MR2112 an expression that is not grouped, MR2118 arguments of a group window.
 */
import {
  type LogicalType,
  typeToString,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { FunctionCallNode, GroupByNode, GroupItemNode, Node } from "../parser/ast.ts";
import { digest, equalsCall } from "../rel/expressions.ts";
import { aggregate, project, uniqueNames, windowTvf } from "../rel/rel-builder.ts";
import { OUTER_REF, type RelAggregateCall, type RelNode } from "../rel/rel-node.ts";
import { AGGREGATE_REF, type AggregateRequest, SUBQUERY_REF } from "./collectors.ts";
import type { ExpressionConverter } from "./expression-converter.ts";
import { intervalMillis } from "./literals.ts";
import type { PlannerContext } from "./planner-context.ts";

const GROUPING_REF = "$GROUPING";
const WINDOW_REF = "$GROUP_WINDOW";
const MAX_GROUPING_SETS = 4096;

interface GroupWindow {
  readonly kind: "TUMBLE" | "HOP" | "SESSION";
  readonly time: Expression;
  readonly intervals: readonly number[];
}

export class Grouping {
  readonly #keys: readonly Expression[];
  /** Each a list of key indexes. */
  readonly #sets: readonly (readonly number[])[];
  readonly #window: GroupWindow | undefined;
  #callBase = 0;
  #setColumn = -1;

  private constructor(
    keys: readonly Expression[],
    sets: readonly (readonly number[])[],
    window: GroupWindow | undefined,
  ) {
    this.#keys = keys;
    this.#sets = sets;
    this.#window = window;
  }

  static none(): Grouping {
    return new Grouping([], [[]], undefined);
  }

  static of(converter: ExpressionConverter, node: GroupByNode): Grouping {
    const keys: Expression[] = [];
    let window: GroupWindow | undefined;
    const keyOf = (item: GroupItemNode): number | undefined => {
      if (item.kind !== "groupExpression") return undefined;
      const found = groupWindow(converter, item.value);
      if (found !== undefined) {
        window = found;
        return undefined;
      }
      const expression = converter.convert(item.value);
      if (converter.context.batch) refuseUnordered(expression.type, item.value);
      const key = digest(expression);
      const index = keys.findIndex((other) => digest(other) === key);
      return index >= 0 ? index : keys.push(expression) - 1;
    };
    let sets: number[][] = [[]];
    for (const item of node.items) sets = product(sets, setsOf(item, keyOf), node);
    const unique = new Map(sets.map((set) => [JSON.stringify(set), set]));
    return new Grouping(keys, node.quantifier === "DISTINCT" ? [...unique.values()] : sets, window);
  }

  /** True when a result exists without any input row. */
  get hasEmptySet(): boolean {
    return this.#window === undefined && this.#sets.some((set) => set.length === 0);
  }

  /** TUMBLE_START(…), GROUPING(a), GROUP_ID(): a placeholder; undefined for every other function. */
  groupFunction(
    name: string,
    node: FunctionCallNode,
    converter: ExpressionConverter,
  ): Expression | undefined {
    const match = /^(TUMBLE|HOP|SESSION)_(START|END|ROWTIME|PROCTIME)$/.exec(name);
    if (match !== null && this.#window !== undefined) {
      const property = match[2]!;
      return call(
        WINDOW_REF,
        [literal(property, types.string(false))],
        this.#propertyType(property),
      );
    }
    if (name !== "GROUPING" && name !== "GROUPING_ID" && name !== "GROUP_ID") return undefined;
    const args = node.arguments.map((argument) => {
      const key = digest(converter.convert(argument.value));
      const index = this.#keys.findIndex((other) => digest(other) === key);
      if (index < 0) throw notGrouped(argument.value, converter.context);
      return literal(index, types.int(false));
    });
    return call(GROUPING_REF, args, types.bigint(false));
  }

  #propertyType(property: string): LogicalType {
    if (property === "START" || property === "END") return types.timestamp(3, false);
    const time = this.#window!.time.type;
    const attribute = property === "ROWTIME" ? "ROWTIME" : "PROCTIME";
    const kind =
      time.kind === "TIMESTAMP" && attribute === "ROWTIME" ? "TIMESTAMP" : "TIMESTAMP_LTZ";
    return { kind, precision: 3, nullable: false, timeAttribute: attribute };
  }

  build(
    rel: RelNode,
    requests: readonly AggregateRequest[],
    names: readonly (string | undefined)[],
  ): RelNode {
    const columns: Expression[] = [...this.#keys];
    const columnNames = this.#keys.map((key, i) => nameOf(key, rel, `$f${i}`));
    const place = (expression: Expression): number => {
      const key = digest(expression);
      const from = this.#keys.length;
      const index = columns.findIndex((other, i) => i >= from && digest(other) === key);
      if (index >= 0) return index;
      // Without grouping sets an argument may share a key's column.
      const shared = columns.findIndex((other) => digest(other) === key);
      if (shared >= 0 && this.#sets.length === 1) return shared;
      columnNames.push(nameOf(expression, rel, `$f${columns.length}`));
      return columns.push(expression) - 1;
    };
    const time = this.#window === undefined ? -1 : place(this.#window.time);
    const calls = requests.map((request, i): RelAggregateCall => {
      const counted = request.function === "COUNT" && !request.distinct;
      const plain = counted && request.args.every((arg) => !arg.type.nullable);
      return {
        function: request.function,
        args: plain ? [] : request.args.map(place),
        filter: request.filter === undefined ? -1 : place(isTrueOf(request.filter)),
        distinct: request.distinct,
        type: request.type,
        name: names[i] ?? `EXPR$${i}`,
      };
    });
    const keys = this.#keys.map((_, i) => i);
    // Rows are counted by a constant when no column is read.
    if (columns.length === 0) place(literal(0, types.int(false)));
    let result = project(rel, columns, columnNames);
    if (this.#sets.length > 1) return this.#expanded(result, calls);
    if (this.#window === undefined) {
      this.#callBase = keys.length;
      return aggregate(result, keys, calls);
    }
    const width = result.schema.fields.length;
    result = windowTvf(result, this.#windowSpec(time, result, keys));
    this.#callBase = keys.length + 3;
    return aggregate(result, [...keys, width, width + 1, width + 2], calls);
  }

  #expanded(rel: RelNode, calls: readonly RelAggregateCall[]): RelNode {
    const fields = rel.schema.fields;
    const nullable = this.#keys.map((_, i) => this.#sets.some((set) => !set.includes(i)));
    const projections = this.#sets.map((set, id) => [
      ...fields.map((field, i): Expression => {
        if (i >= this.#keys.length || set.includes(i)) return input(i, field.type);
        return literal(null, withNullable(field.type, true));
      }),
      literal(String(id), types.bigint(false)),
    ]);
    const outputs = fields.map((field, i) =>
      nullable[i] === true ? { ...field, type: withNullable(field.type, true) } : field,
    );
    const names = uniqueNames([...fields.map((f) => f.name), "$e"]);
    outputs.push({ name: names.at(-1)!, type: types.bigint(false) });
    const expanded: RelNode = {
      kind: "expand",
      input: rel,
      projections,
      schema: { fields: outputs },
    };
    this.#setColumn = this.#keys.length;
    this.#callBase = this.#keys.length + 1;
    return aggregate(expanded, [...this.#keys.map((_, i) => i), fields.length], calls);
  }

  #windowSpec(time: number, rel: RelNode, keys: readonly number[]): WindowSpec {
    const { kind, intervals, time: expression } = this.#window!;
    const type = rel.schema.fields[time]!.type;
    const attribute = timeAttributeOf(expression.type) ?? "ROWTIME";
    const place = { attribute, index: time, type } as const;
    const common = { kind, offsetMs: 0, time: place, isGroupWindow: true } as const;
    if (kind === "SESSION")
      return { ...common, sizeMs: 0, gapMs: intervals[0]!, partitionKeys: keys };
    if (kind === "HOP") return { ...common, slideMs: intervals[0]!, sizeMs: intervals[1]! };
    return { ...common, sizeMs: intervals[0]!, offsetMs: intervals[1] ?? 0 };
  }

  /** Rewrites an expression over FROM into one over the aggregate's output. */
  map(expression: Expression, at: Node, context: PlannerContext): Expression {
    const key = digest(expression);
    const index = this.#keys.findIndex((other) => digest(other) === key);
    if (index >= 0) {
      const missing = this.#sets.some((set) => !set.includes(index));
      const type = this.#keys[index]!.type;
      return input(index, missing ? withNullable(type, true) : type);
    }
    switch (expression.kind) {
      case "literal":
        return expression;
      case "input":
        throw notGrouped(at, context);
      case "field":
        return { ...expression, input: this.map(expression.input, at, context) };
      default:
    }
    if (expression.function === AGGREGATE_REF)
      return input(this.#callBase + argumentOf(expression), expression.type);
    if (expression.function === WINDOW_REF) return this.#windowProperty(expression);
    if (expression.function === GROUPING_REF) return this.#groupingId(expression);
    if (expression.function === OUTER_REF || expression.function === SUBQUERY_REF)
      return expression;
    return {
      ...expression,
      args: expression.args.map((arg) => this.map(arg, at, context)),
    };
  }

  #windowProperty(expression: Extract<Expression, { kind: "call" }>): Expression {
    const property = String((expression.args[0] as { value: unknown }).value);
    if (property === "PROCTIME") return call("PROCTIME", [], expression.type);
    const base = this.#keys.length;
    const at = { START: 0, END: 1, ROWTIME: 2 }[property as "START"];
    return input(base + at, expression.type);
  }

  /** The bits of the keys that are not in the row's grouping set. */
  #groupingId(expression: Extract<Expression, { kind: "call" }>): Expression {
    const keys = expression.args.map((arg) => Number((arg as { value: unknown }).value));
    const idOf = (set: readonly number[]) =>
      keys.reduce((sum, key) => sum * 2 + (set.includes(key) ? 0 : 1), 0);
    const value = (n: number) => literal(String(n), types.bigint(false));
    if (this.#setColumn < 0) return value(idOf(this.#sets[0]!));
    // GROUP_ID(): how many equal sets came before.
    const repeated = (id: number) =>
      this.#sets.slice(0, id).filter((set) => set.join() === this.#sets[id]!.join()).length;
    const result = (set: readonly number[], id: number) =>
      value(keys.length === 0 ? repeated(id) : idOf(set));
    const column = input(this.#setColumn, types.bigint(false));
    const args: Expression[] = [];
    this.#sets.forEach((set, id) => {
      args.push(equalsCall(column, value(id)), result(set, id));
    });
    args.splice(args.length - 2, 1);
    return call("CASE", args, types.bigint(false));
  }
}

const argumentOf = (expression: Extract<Expression, { kind: "call" }>): number =>
  Number((expression.args[0] as { value: unknown }).value);

/** FILTER takes a row only where its condition is TRUE. */
function isTrueOf(condition: Expression): Expression {
  if (!condition.type.nullable) return condition;
  return call("IS_TRUE", [condition], types.boolean(false));
}

function nameOf(expression: Expression, rel: RelNode, otherwise: string): string {
  if (expression.kind === "input") return rel.schema.fields[expression.index]!.name;
  if (expression.kind === "field") {
    const row = expression.input.type;
    if (row.kind === "ROW" || row.kind === "STRUCTURED") return row.fields[expression.index]!.name;
  }
  return otherwise;
}

export function timeAttributeOf(type: LogicalType): "ROWTIME" | "PROCTIME" | undefined {
  return type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ"
    ? type.timeAttribute
    : undefined;
}

function notGrouped(node: Node, context: PlannerContext): Error {
  return validateErrors.NOT_GROUPED({ expression: context.text(node.span) }, { at: node.span });
}

/** Bounded input may have to be sorted by its keys; maps have no order. */
function refuseUnordered(type: LogicalType, at: Node): void {
  const unordered = ["MAP", "MULTISET", "VARIANT", "BITMAP"].includes(type.kind);
  const inner =
    type.kind === "ARRAY"
      ? [type.element]
      : type.kind === "ROW"
        ? type.fields.map((field) => field.type)
        : [];
  if (unordered)
    throw validateErrors.TYPE_INVALID(
      { message: `the key ${typeToString(type)} of GROUP BY is not an orderable data type` },
      { at: at.span },
    );
  for (const part of inner) refuseUnordered(part, at);
}

function product(sets: number[][], others: number[][], node: Node): number[][] {
  const result = sets.flatMap((set) =>
    others.map((other) => [...new Set([...set, ...other])].sort((a, b) => a - b)),
  );
  if (result.length > MAX_GROUPING_SETS) throw tooManySets(node);
  return result;
}

function tooManySets(node: Node): Error {
  return validateErrors.NOT_SUPPORTED(
    { what: `more than ${MAX_GROUPING_SETS} grouping sets`, remedy: "Group by fewer columns." },
    { at: node.span },
  );
}

function setsOf(
  item: GroupItemNode,
  keyOf: (item: GroupItemNode) => number | undefined,
): number[][] {
  if (item.kind === "groupExpression") {
    const key = keyOf(item);
    return [key === undefined ? [] : [key]];
  }
  const parts = () => item.items.map((part) => setsOf(part, keyOf));
  switch (item.kind) {
    case "group":
      return [[...new Set(parts().flat(2))]];
    case "groupingSets":
      return parts().flat();
    case "rollup": {
      const units = parts().map((sets) => sets.flat());
      return Array.from({ length: units.length + 1 }, (_, i) =>
        units.slice(0, units.length - i).flat(),
      );
    }
    default: {
      const units = parts().map((sets) => sets.flat());
      const count = 2 ** units.length;
      if (count > MAX_GROUPING_SETS) throw tooManySets(item);
      return Array.from({ length: count }, (_, i) =>
        units.filter((_u, bit) => ((i >> (units.length - 1 - bit)) & 1) === 0).flat(),
      );
    }
  }
}

function groupWindow(
  converter: ExpressionConverter,
  node: Extract<GroupItemNode, { kind: "groupExpression" }>["value"],
): GroupWindow | undefined {
  if (node.kind !== "call" || node.name.parts.length !== 1) return undefined;
  const kind = node.name.parts[0]!.name.toUpperCase();
  if (kind !== "TUMBLE" && kind !== "HOP" && kind !== "SESSION") return undefined;
  if (kind === "SESSION" && converter.context.batch)
    throw validateErrors.WINDOW_ARGUMENT(
      { message: "The group window SESSION of bounded input is not supported right now" },
      { at: node.span },
    );
  const [time, ...rest] = node.arguments.map((argument) => converter.convert(argument.value));
  const intervals = rest.map((interval) => {
    const millis = intervalMillis(interval);
    if (millis === undefined)
      throw validateErrors.WINDOW_ARGUMENT(
        { message: `Only constant intervals are supported for the group window ${kind}` },
        { at: node.span },
      );
    return millis;
  });
  if (time === undefined || intervals.length < (kind === "HOP" ? 2 : 1))
    throw validateErrors.WINDOW_ARGUMENT(
      { message: `The group window ${kind} needs a time attribute and its intervals` },
      { at: node.span },
    );
  const attribute = timeAttributeOf(time.type);
  if (
    attribute === undefined &&
    !(converter.context.batch && time.type.kind.startsWith("TIMESTAMP"))
  )
    throw validateErrors.WINDOW_ARGUMENT(
      { message: "Window aggregate can only be defined over a time attribute column" },
      { at: node.span },
    );
  return { kind, time, intervals };
}
