/**
 * ExpressionConverter: syntax tree of an expression → typed expression of the plan, in one scope.
 *
 * Flow:    query-converter makes one per clause. Aggregates, OVER calls and subqueries go to collectors, and leave a
 *          placeholder (calls of AGGREGATE_REF, OVER_REF, SUBQUERY_REF with their number) that the clause resolves.
 * Errors:  MR2102… names, MR2106/2107 functions, MR2108 operators, MR2109 casts, MR2113…2115 misplaced calls.
 */
import {
  type LogicalType,
  typeToString,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type {
  DateTimeLiteralNode,
  IdentifierNode,
  BinaryNode,
  CaseNode,
  CastNode,
  ExpressionNode,
  InNode,
  IsNode,
  ItemNode,
  LikeNode,
  Node,
  QueryNode,
  RowNode,
  UnaryNode,
} from "../parser/ast.ts";
import { accessField, and, or } from "../rel/expressions.ts";
import { convertCall } from "./calls.ts";
import { castTo } from "./casts.ts";
import { toLogicalType } from "./data-type.ts";
import { convertJson } from "./json-calls.ts";
import { type Collectors, SUBQUERY_REF, type SubqueryRequest } from "./collectors.ts";
import { convertLiteral } from "./literals.ts";
import {
  alignTo,
  arithmetic,
  bad,
  checkLike,
  comparison,
  concatenation,
  inList,
  isComparison,
  negate,
  unify,
} from "./operators.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type Scope, nestedField } from "./scope.ts";
import { refuseTimeAsNumber } from "./time-casts.ts";
import { canCastExplicitly, isCharacter, isInteger, isNull, isNumeric } from "./type-system.ts";

const ITEM_FORMS =
  "<ARRAY>[<INTEGER>]\n<MAP>[<ANY>]\n<ROW>[<CHARACTER>|<INTEGER>]\n<VARIANT>[<CHARACTER>|<INTEGER>]";

export class ExpressionConverter {
  readonly context: PlannerContext;
  readonly scope: Scope;
  readonly collectors: Collectors;

  constructor(context: PlannerContext, scope: Scope, collectors: Collectors) {
    this.context = context;
    this.scope = scope;
    this.collectors = collectors;
  }

  with(changes: Partial<Collectors>): ExpressionConverter {
    return new ExpressionConverter(this.context, this.scope, { ...this.collectors, ...changes });
  }

  /** For the arguments of an aggregate, which may not hold another. */
  insideAggregate(): ExpressionConverter {
    const { subqueries } = this.collectors;
    return new ExpressionConverter(this.context, this.scope, {
      clause: "an aggregate function",
      ...(subqueries === undefined ? {} : { subqueries }),
    });
  }

  /** For the arguments and keys of an OVER call: aggregates of the group, but no other OVER call. */
  insideOver(): ExpressionConverter {
    const { overs: _, ...rest } = this.collectors;
    return new ExpressionConverter(this.context, this.scope, {
      ...rest,
      clause: "another OVER call's",
    });
  }

  /** As convert(), but must be BOOLEAN. */
  condition(node: ExpressionNode): Expression {
    const result = this.convert(node);
    if (isNull(result.type)) return castTo(result, types.boolean());
    if (result.type.kind === "BOOLEAN") return result;
    throw validateErrors.EXPECTED_TYPE(
      {
        what: `The condition of ${this.collectors.clause}`,
        expected: "BOOLEAN",
        given: typeToString(result.type),
      },
      { at: node.span },
    );
  }

  convert(node: ExpressionNode): Expression {
    switch (node.kind) {
      case "string":
      case "exactNumber":
      case "approximateNumber":
      case "boolean":
      case "null":
      case "interval":
      case "binaryLiteral":
        return convertLiteral(node);
      case "dateTime":
        return this.#dateTime(node);
      case "identifier":
        return this.#identifier(node);
      case "binary":
        return this.binary(node);
      case "logical": {
        const parts = node.operands.map((operand) => this.condition(operand));
        return node.operator === "AND" ? nary("AND", parts) : nary("OR", parts);
      }
      case "unary":
        return this.#unary(node);
      case "is":
        return this.#is(node);
      case "between":
        return this.#between(node);
      case "like":
        return this.#like(node);
      case "in":
        return this.#in(node);
      case "case":
        return this.#case(node);
      case "cast":
        return this.#cast(node);
      default:
        return this.#convertMore(node);
    }
  }

  /** A local timestamp depends on the session's zone: the engine reads its text. */
  #dateTime(node: DateTimeLiteralNode): Expression {
    const value = convertLiteral(node);
    if (value.type.kind !== "TIMESTAMP_LTZ") return value;
    const text = literal(node.text, types.string(false));
    return call("CAST", [text], value.type);
  }

  #identifier(node: IdentifierNode): Expression {
    const alias = this.collectors.aliases?.(node.parts[0]!.name);
    if (alias === undefined || node.parts.length > 1) return this.scope.resolve(node.parts, node);
    try {
      return this.scope.resolve(node.parts, node);
    } catch {
      // A column of FROM comes first; what is none there is the alias.
      return alias;
    }
  }

  #convertMore(node: ExpressionNode): Expression {
    switch (node.kind) {
      case "call":
      case "extract":
      case "floorCeil":
      case "trim":
        return convertCall(this, node);
      case "item":
        return this.#item(node);
      case "fieldAccess":
        return nestedField(this.convert(node.operand), [node.field]);
      case "row":
        return this.#row(node);
      case "collection":
        return this.#collection(node);
      case "jsonExists":
      case "jsonValue":
      case "jsonQuery":
      case "jsonObject":
      case "jsonArray":
      case "isJson":
        return convertJson(this, node);
      case "subquery":
        return this.#subquery("scalar", node.query, [], node);
      case "exists":
        return this.#subquery("exists", node.query, [], node);
      case "quantified":
        return this.#quantified(node);
      case "intervalExpression":
        return this.#interval(node);
      case "timeUnit":
        return literal(node.unit, types.string(false));
      default:
        throw validateErrors.NOT_SUPPORTED(
          { what: `${node.kind} in ${this.collectors.clause}`, remedy: "Rewrite the expression." },
          { at: node.span },
        );
    }
  }

  binary(node: BinaryNode): Expression {
    const left = this.convert(node.left);
    const right = this.convert(node.right);
    const operator = node.operator;
    if (isComparison(operator)) return comparison(operator, left, right, node);
    if (operator === "||") return concatenation(left, right, node);
    if (["+", "-", "*", "/", "%"].includes(operator))
      return arithmetic(operator as "+", left, right, node);
    if (operator === "OVERLAPS") return this.#overlaps(left, right, node);
    throw validateErrors.NOT_SUPPORTED(
      { what: `operator ${operator}`, remedy: "Use comparisons or functions instead." },
      { at: node.span },
    );
  }

  #overlaps(left: Expression, right: Expression, node: Node): Expression {
    const period = (row: Expression): [Expression, Expression] => {
      if (row.kind !== "call" || row.function !== "ROW" || row.args.length !== 2)
        throw bad("OVERLAPS", [left, right], node, "'(<DT>, <DT>) OVERLAPS (<DT>, <DT>)'");
      const [start, second] = row.args as [Expression, Expression];
      const end = second.type.kind.startsWith("INTERVAL")
        ? arithmetic("+", start, second, node)
        : second;
      const both = unify([start, end], "bounds of a period", node);
      return [
        call("LEAST", both.expressions, both.type),
        call("GREATEST", both.expressions, both.type),
      ];
    };
    const [low1, high1] = period(left);
    const [low2, high2] = period(right);
    return and([comparison(">=", high1, low2, node), comparison(">=", high2, low1, node)]);
  }

  #unary(node: UnaryNode): Expression {
    if (node.operator === "NOT") return negate(this.condition(node.operand));
    const operand = this.convert(node.operand);
    const interval = operand.type.kind.startsWith("INTERVAL");
    if (!isNumeric(operand.type) && !interval && !isNull(operand.type))
      throw bad(node.operator, [operand], node, `'${node.operator}<NUMERIC>'`);
    if (node.operator === "+") return operand;
    if (operand.kind === "literal" && operand.value !== null)
      return negateLiteral(operand.value as number | string, operand.type);
    return call("UNARY_MINUS", [operand], operand.type);
  }

  #is(node: IsNode): Expression {
    const operand =
      node.test === "NULL" ? this.convert(node.operand) : this.condition(node.operand);
    const not = node.negated;
    switch (node.test) {
      case "NULL":
        return call(not ? "IS_NOT_NULL" : "IS_NULL", [operand], types.boolean(false));
      case "UNKNOWN":
        return call(not ? "IS_NOT_NULL" : "IS_NULL", [operand], types.boolean(false));
      case "TRUE":
      case "FALSE":
        return call(`IS_${not ? "NOT_" : ""}${node.test}`, [operand], types.boolean(false));
      default:
        throw validateErrors.NOT_SUPPORTED(
          { what: `IS ${node.test}`, remedy: "Compare with CARDINALITY instead." },
          { at: node.span },
        );
    }
  }

  #between(node: Extract<ExpressionNode, { kind: "between" }>): Expression {
    const operand = this.convert(node.operand);
    const low = this.convert(node.low);
    const high = this.convert(node.high);
    const within = (a: Expression, b: Expression) =>
      and([comparison(">=", operand, a, node), comparison("<=", operand, b, node)]);
    const result = node.symmetric ? or([within(low, high), within(high, low)]) : within(low, high);
    return node.negated ? negate(result) : result;
  }

  #like(node: LikeNode): Expression {
    const operand = this.convert(node.operand);
    const pattern = this.convert(node.pattern);
    const args = [operand, pattern];
    if (node.escape !== undefined) args.push(this.convert(node.escape));
    for (const arg of args)
      if (!isCharacter(arg.type) && !isNull(arg.type))
        throw bad(node.operator, args, node, `'<STRING> ${node.operator} <STRING>'`);
    const given = args.map((arg) => (isNull(arg.type) ? castTo(arg, types.string()) : arg));
    // ESCAPE '' is no escape.
    const sign = given[2];
    const cast = sign?.kind === "literal" && sign.value === "" ? given.slice(0, 2) : given;
    checkLike(node.operator, cast[1]!, cast[2], node);
    const nullable = cast.some((arg) => arg.type.nullable);
    const name = node.operator === "LIKE" ? "LIKE" : "SIMILAR_TO";
    const result = call(name, cast, types.boolean(nullable));
    return node.negated ? negate(result) : result;
  }

  #in(node: InNode): Expression {
    const operand = this.convert(node.operand);
    if (node.query === undefined)
      return inList(
        operand,
        (node.list ?? []).map((e) => this.convert(e)),
        node.negated,
        node,
      );
    const row =
      operand.kind === "call" && operand.function === "ROW" && node.operand.kind === "row";
    const operands = row ? operand.args : [operand];
    const result = this.#subquery("in", node.query, operands, node);
    return node.negated ? negate(result) : result;
  }

  #quantified(node: Extract<ExpressionNode, { kind: "quantified" }>): Expression {
    if (node.list !== undefined) {
      const operand = this.convert(node.operand);
      const parts = node.list.map((e) => comparison(node.operator, operand, this.convert(e), node));
      return node.quantifier === "SOME" ? or(parts) : and(parts);
    }
    if (node.query !== undefined && node.operator === "=" && node.quantifier === "SOME")
      return this.#subquery("in", node.query, [this.convert(node.operand)], node);
    if (node.query !== undefined && node.operator === "<>" && node.quantifier === "ALL")
      return negate(this.#subquery("in", node.query, [this.convert(node.operand)], node));
    throw validateErrors.NOT_SUPPORTED(
      {
        what: `${node.operator} ${node.quantifier} (subquery)`,
        remedy: "Compare with MIN or MAX of the subquery.",
      },
      { at: node.span },
    );
  }

  #subquery(
    kind: SubqueryRequest["kind"],
    query: QueryNode,
    operands: readonly Expression[],
    node: Node,
  ): Expression {
    const { subqueries, clause } = this.collectors;
    if (subqueries === undefined)
      throw validateErrors.NOT_SUPPORTED(
        { what: `a subquery in ${clause}`, remedy: "Join with the subquery instead." },
        { at: node.span },
      );
    const { index, type } = subqueries.add({ kind, query, operands, scope: this.scope, node });
    return call(SUBQUERY_REF, [literal(index, types.int(false))], type);
  }

  #case(node: CaseNode): Expression {
    const operand = node.operand && this.convert(node.operand);
    const conditions: Expression[] = [];
    const results: Expression[] = [];
    for (const branch of node.branches) {
      conditions.push(
        operand === undefined
          ? this.condition(branch.when[0]!)
          : or(branch.when.map((w) => comparison("=", operand, this.convert(w), branch))),
      );
      results.push(this.convert(branch.then));
    }
    results.push(
      node.otherwise === undefined ? literal(null, types.null()) : this.convert(node.otherwise),
    );
    const { type, expressions } = unify(results, "Results of CASE", node);
    const args: Expression[] = [];
    for (const [i, condition] of conditions.entries()) args.push(condition, expressions[i]!);
    args.push(expressions.at(-1)!);
    return call("CASE", args, type);
  }

  #cast(node: CastNode): Expression {
    const operand = this.convert(node.operand);
    const to = toLogicalType(node.type);
    const nullable = node.function === "TRY_CAST" || operand.type.nullable;
    if (node.format !== undefined)
      throw validateErrors.NOT_SUPPORTED(
        { what: "CAST with FORMAT", remedy: "Use DATE_FORMAT or TO_TIMESTAMP." },
        { at: node.span },
      );
    refuseTimeAsNumber(operand.type, to, node);
    if (!canCastExplicitly(operand.type, to))
      throw validateErrors.CAST_IMPOSSIBLE(
        { from: typeToString(operand.type), to: typeToString(to) },
        { at: node.span },
      );
    const type = withNullable(to, nullable);
    if (operand.kind === "literal" && operand.value === null) return literal(null, type);
    return call(node.function, [operand], type);
  }

  #item(node: ItemNode): Expression {
    const operand = this.convert(node.operand);
    const index = this.convert(node.index);
    const type = operand.type;
    switch (type.kind) {
      case "ARRAY":
        if (!isInteger(index.type)) break;
        return call(
          "ITEM",
          [operand, castTo(index, types.int())],
          withNullable(type.element, true),
        );
      case "MAP":
        if (!isNull(index.type) && isCharacter(index.type) !== isCharacter(type.key)) break;
        return call("ITEM", [operand, alignTo(index, type.key)], withNullable(type.value, true));
      case "VARIANT":
        if (!isInteger(index.type) && !isCharacter(index.type)) break;
        return call("ITEM", [operand, index], { kind: "VARIANT", nullable: true });
      case "ROW":
      case "STRUCTURED": {
        const at =
          index.kind === "literal" && typeof index.value === "number"
            ? index.value - 1
            : type.fields.findIndex((f) => index.kind === "literal" && f.name === index.value);
        const field = type.fields[at];
        if (field === undefined) break;
        const nullable = field.type.nullable || type.nullable;
        return accessField(operand, at, withNullable(field.type, nullable));
      }
      default:
    }
    throw bad("ITEM", [operand, index], node, ITEM_FORMS);
  }

  #row(node: RowNode): Expression {
    const args = node.fields.map((field) => this.convert(field));
    const fields = args.map((arg, i) => ({ name: `EXPR$${i}`, type: arg.type }));
    return call("ROW", args, types.row(fields, false));
  }

  #collection(node: Extract<ExpressionNode, { kind: "collection" }>): Expression {
    const elements = node.elements.map((element) => this.convert(element));
    if (elements.length === 0) throw bad(node.collection, [], node, "at least 1 argument");
    if (node.collection === "MAP") {
      if (elements.length % 2 === 1)
        throw bad("MAP", elements, node, "an even number of arguments: keys and values in turn");
      const keys = unify(
        elements.filter((_, i) => i % 2 === 0),
        "Keys of a MAP",
        node,
      );
      const values = unify(
        elements.filter((_, i) => i % 2 === 1),
        "Values of a MAP",
        node,
      );
      const args = keys.expressions.flatMap((key, i) => [key, values.expressions[i]!]);
      return call("MAP", args, types.map(keys.type, values.type, false));
    }
    const { type, expressions } = unify(elements, `Elements of ${node.collection}`, node);
    const kind = node.collection === "ARRAY" ? "ARRAY" : "MULTISET";
    return call(kind, expressions, { kind, element: type, nullable: false });
  }

  #interval(node: Extract<ExpressionNode, { kind: "intervalExpression" }>): Expression {
    const operand = this.convert(node.operand);
    const unit = convertLiteral({
      kind: "interval",
      negative: false,
      text: "1",
      qualifier: node.qualifier,
      span: node.span,
    });
    return arithmetic("*", unit, operand, node);
  }
}

/** AND and OR keep their operands as written; the optimizer flattens. */
function nary(name: "AND" | "OR", parts: readonly Expression[]): Expression {
  return call(name, parts, types.boolean(parts.some((part) => part.type.nullable)));
}

function negateLiteral(value: number | string, type: LogicalType): Expression {
  if (typeof value === "number") return literal(value === 0 ? 0 : -value, type);
  const text = value.startsWith("-") ? value.slice(1) : `-${value}`;
  if (type.kind === "BIGINT") return literal(text, type);
  if (type.kind === "DECIMAL" && text === "-9223372036854775808")
    return literal(text, types.bigint(false));
  return literal(text, type);
}
