/**
 * MATCH_RECOGNIZE → a match node over a projection of the fields it uses.
 *
 * Names:   a pattern variable is a table of the input's columns; a bare column means the rows of all variables. Within one
 *          expression every (variable, column) has a number of its own, `variable · width + column`, the bare ones last;
 *          afterwards each becomes a reference: the first or last row of the variable, so many rows further in.
 * Refused: what Flink refuses (alternatives, groups, PERMUTE, exclusions, ALL ROWS PER MATCH, PREV and NEXT, SUBSET,
 *          a greedy quantifier at the end, patterns without a row), each with its place.
 * Source:  Flink MatchRecognizeValidation, StreamExecMatch, MatchCodeGenerator.
 */
import { nearest } from "../../../foundation/base/text.ts";
import {
  type RowField,
  types,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import type {
  MatchAggregate,
  MatchExpressions,
  MatchReference,
  MatchVariable,
} from "../../../foundation/plan/match.ts";
import { validateErrors } from "../errors.ts";
import type {
  ExpressionNode,
  FunctionCallNode,
  MatchRecognizeNode,
  Node,
  PatternNode,
} from "../parser/ast.ts";
import { TRUE, digest, isCall, transform } from "../rel/expressions.ts";
import { project, uniqueNames } from "../rel/rel-builder.ts";
import type { MatchRel, RelNode } from "../rel/rel-node.ts";
import { AGGREGATE_REF, type AggregateRequest } from "./collectors.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { timeAttributeOf } from "./grouping.ts";
import { intervalMillis } from "./literals.ts";
import type { PlannerContext } from "./planner-context.ts";
import { Scope, type ScopeTable } from "./scope.ts";

const NAVIGATION = "$NAVIGATION";
/** Rows that one variable may be asked to match, as in {n}. */
const MAX_REPEAT = 10_000;

export function convertMatch(
  context: PlannerContext,
  node: MatchRecognizeNode,
  from: { readonly rel: RelNode; readonly tables: readonly ScopeTable[] },
): MatchRel {
  refuseWhatFlinkRefuses(node);
  const pattern = patternOf(node.pattern);
  const names = pattern.map(({ variable }) => variable);
  for (const { variable } of node.definitions)
    if (!names.includes(variable.name))
      throw unsupported(variable, `DEFINE of ${variable.name}, which is not in PATTERN`, {
        remedy: "Use the variable in PATTERN, or leave its definition out.",
        near: nearest(variable.name, names),
      });
  const fields = new Fields(from.rel);
  const plain = new ExpressionConverter(
    context,
    new Scope(context.newScopeId(), from.tables, undefined),
    { clause: "MATCH_RECOGNIZE" },
  );
  const partition = node.partitionBy.map((key) => fields.place(plain.convert(key)));
  const sort = node.orderBy.map((item): SortField => {
    const { descending } = item;
    const nullsFirst = item.nulls === undefined ? !descending : item.nulls === "FIRST";
    return { index: fields.place(plain.convert(item.value)), descending, nullsFirst };
  });
  const rowtime = sort[0]?.index;
  const define = pattern.map(({ variable }): MatchExpressions => {
    const definition = node.definitions.find((one) => one.variable.name === variable);
    const expressions = new MatchContext(context, fields, names, from, "DEFINE", rowtime);
    return expressions.convert(definition === undefined ? [] : [definition.condition], true);
  });
  const measures = new MatchContext(context, fields, names, from, "MEASURES", rowtime).convert(
    node.measures.map((measure) => measure.value),
    false,
  );
  const within = node.within === undefined ? undefined : plain.convert(node.within);
  const withinMs = within === undefined ? 0 : (intervalMillis(within) ?? 0);
  if (within !== undefined && withinMs <= 0)
    throw unsupported(node.within!, "WITHIN of anything but a positive day-time interval", {
      remedy: "Write WITHIN INTERVAL '10' SECOND, for example.",
    });
  const rel = fields.projected();
  const keys = partition.map((index) => rel.schema.fields[index]!);
  const measured = node.measures.map(
    ({ alias }, i): RowField => ({ name: alias.name, type: measures.expressions[i]!.type }),
  );
  const all = [...keys, ...measured];
  const unique = uniqueNames(all.map((field) => field.name));
  const schema: Schema = { fields: all.map((field, i) => ({ ...field, name: unique[i]! })) };
  const after = afterMatch(node, names);
  return {
    kind: "match",
    input: rel,
    partition,
    sort,
    pattern,
    after,
    withinMs,
    define,
    measures,
    schema,
  };
}

/** The fields that a match stores of its input: columns and arguments of aggregates, each once. */
class Fields {
  readonly rel: RelNode;
  readonly #expressions: Expression[] = [];

  constructor(rel: RelNode) {
    this.rel = rel;
  }

  get width(): number {
    return this.rel.schema.fields.length;
  }

  place(expression: Expression): number {
    const key = digest(expression);
    const known = this.#expressions.findIndex((other) => digest(other) === key);
    return known >= 0 ? known : this.#expressions.push(expression) - 1;
  }

  column(index: number): number {
    return this.place(input(index, this.rel.schema.fields[index]!.type));
  }

  projected(): RelNode {
    const names = this.#expressions.map((e, i) =>
      e.kind === "input" ? this.rel.schema.fields[e.index]!.name : `$m${i}`,
    );
    return project(this.rel, this.#expressions, uniqueNames(names));
  }
}

/** Expressions over rows of variables; see the head of this file. */
class MatchContext {
  readonly #context: PlannerContext;
  readonly #fields: Fields;
  readonly #names: readonly string[];
  readonly #scope: Scope;
  readonly #clause: string;
  readonly #rowtime: number | undefined;
  readonly #references: MatchReference[] = [];
  readonly #aggregates: MatchAggregate[] = [];

  constructor(
    context: PlannerContext,
    fields: Fields,
    names: readonly string[],
    from: { readonly tables: readonly ScopeTable[] },
    clause: string,
    rowtime: number | undefined,
  ) {
    this.#context = context;
    this.#fields = fields;
    this.#names = names;
    this.#clause = clause;
    this.#rowtime = rowtime;
    const columns = from.tables.flatMap((table) => table.columns);
    const numbered = (position: number) =>
      columns.map(({ name, type, index }) => ({
        name,
        type: withNullable(withoutTimeAttribute(type), true),
        index: position * fields.width + index,
      }));
    const tables = names.map((name, i) => ({ name, path: [], columns: numbered(i) }));
    const merged = numbered(names.length).map(({ name, type, index }) => ({
      name,
      expression: input(index, type),
      sources: [],
    }));
    this.#scope = new Scope(context.newScopeId(), tables, undefined, merged);
  }

  convert(nodes: readonly ExpressionNode[], conditions: boolean): MatchExpressions {
    const requests: AggregateRequest[] = [];
    const converter: ExpressionConverter = new ExpressionConverter(this.#context, this.#scope, {
      clause: this.#clause,
      aggregates: { nullable: true, add: (request) => requests.push(request) - 1 },
      groupFunction: (name, node) => this.#function(converter, name, node),
    });
    const converted = nodes.map((node) => {
      const expression = conditions ? converter.condition(node) : converter.convert(node);
      return this.#resolve(expression, requests, node, false, 0);
    });
    const base = this.#references.length;
    const expressions = converted.map((expression) =>
      transform(expression, (e) =>
        isCall(e, AGGREGATE_REF) ? input(base + numberOf(e.args[0]!), e.type) : e,
      ),
    );
    return {
      references: this.#references,
      aggregates: this.#aggregates,
      expressions: conditions && expressions.length === 0 ? [TRUE] : expressions,
    };
  }

  /** FIRST, LAST, MATCH_ROWTIME and MATCH_PROCTIME; what Flink does not know is refused. */
  #function(
    converter: ExpressionConverter,
    name: string,
    node: FunctionCallNode,
  ): Expression | undefined {
    switch (name) {
      case "PREV":
      case "NEXT":
      case "CLASSIFIER":
      case "MATCH_NUMBER":
        throw unsupported(node, `${name} in MATCH_RECOGNIZE`, {
          remedy: "Use FIRST and LAST, with an offset where it is needed: LAST(A.price, 1).",
        });
      case "FIRST":
      case "LAST": {
        const [operand, offset] = node.arguments;
        if (operand === undefined || node.arguments.length > 2) return undefined;
        const rows = offset === undefined ? 0 : wholeNumber(converter.convert(offset.value));
        if (rows === undefined)
          throw unsupported(offset!.value, `an offset of ${name} that is no constant`, {
            remedy: "Write a whole number of rows.",
          });
        const value = converter.convert(operand.value);
        const args = [
          value,
          literal(name === "FIRST", types.boolean(false)),
          literal(rows, types.int(false)),
        ];
        return call(NAVIGATION, args, value.type);
      }
      case "MATCH_ROWTIME": {
        const time = this.#time(node);
        return input(this.#names.length * this.#fields.width + time.index, time.type);
      }
      case "MATCH_PROCTIME":
        return call("PROCTIME", [], types.timestampLtz(3, false));
      default:
        return undefined;
    }
  }

  #time(node: Node) {
    const fields = this.#fields.rel.schema.fields;
    const index = fields.findIndex((_, i) => this.#fields.column(i) === this.#rowtime);
    const type = fields[index]?.type;
    if (type === undefined || timeAttributeOf(type) !== "ROWTIME")
      throw unsupported(node, "MATCH_ROWTIME without ORDER BY of an event time", {
        remedy: "Order by a column with a watermark, or use MATCH_PROCTIME().",
      });
    return { index, type };
  }

  #resolve(
    expression: Expression,
    requests: readonly AggregateRequest[],
    node: Node,
    first: boolean,
    offset: number,
  ): Expression {
    if (expression.kind === "input") {
      const [position, column] = this.#split(expression.index);
      const field = this.#fields.column(column);
      const reference = { position, first, offset, field };
      const known = this.#references.findIndex((other) => isSame(other, reference));
      const index = known >= 0 ? known : this.#references.push(reference) - 1;
      return input(index, expression.type);
    }
    if (isCall(expression, NAVIGATION)) {
      const [value, isFirst, rows] = expression.args as [Expression, Expression, Expression];
      const fromStart = isFirst.kind === "literal" && isFirst.value === true;
      return this.#resolve(value, requests, node, fromStart, numberOf(rows));
    }
    if (isCall(expression, AGGREGATE_REF)) {
      const request = requests[numberOf(expression.args[0]!)]!;
      const aggregate = this.#aggregate(request, node);
      const key = JSON.stringify(aggregate);
      const known = this.#aggregates.findIndex((other) => JSON.stringify(other) === key);
      const index = known >= 0 ? known : this.#aggregates.push(aggregate) - 1;
      return { ...expression, args: [literal(index, types.int(false))] };
    }
    const resolve = (e: Expression) => this.#resolve(e, requests, node, first, offset);
    if (expression.kind === "call") return { ...expression, args: expression.args.map(resolve) };
    if (expression.kind === "field") return { ...expression, input: resolve(expression.input) };
    return expression;
  }

  #aggregate(request: AggregateRequest, node: Node): MatchAggregate {
    if (request.distinct || request.filter !== undefined)
      throw unsupported(node, "DISTINCT or FILTER in an aggregate of MATCH_RECOGNIZE", {
        remedy: "Aggregate without it.",
      });
    const positions = new Set<number>();
    const args = request.args.map((arg) => {
      const moved = transform(arg, (e) => {
        if (e.kind !== "input") return e;
        const [position, column] = this.#split(e.index);
        positions.add(position);
        return input(column, this.#fields.rel.schema.fields[column]!.type);
      });
      return this.#fields.place(moved);
    });
    if (positions.size > 1)
      throw unsupported(node, "an aggregate over several pattern variables", {
        remedy: "Aggregate the rows of one variable, or of all with a bare column.",
      });
    const [position = -1] = positions;
    const { function: name, type } = request;
    // A variable may have no row, whatever its columns say.
    return { position, function: name, args, type: withNullable(type, name !== "COUNT") };
  }

  /** -1 = all variables. */
  #split(index: number): [number, number] {
    const position = Math.floor(index / this.#fields.width);
    const column = index % this.#fields.width;
    return [position === this.#names.length ? -1 : position, column];
  }
}

function isSame(a: MatchReference, b: MatchReference): boolean {
  return (
    a.position === b.position && a.first === b.first && a.offset === b.offset && a.field === b.field
  );
}

function numberOf(e: Expression): number {
  return e.kind === "literal" ? Number(e.value) : -1;
}

function wholeNumber(e: Expression): number | undefined {
  const value = e.kind === "literal" ? Number(e.value) : Number.NaN;
  return Number.isInteger(value) && value >= 0 && value <= MAX_REPEAT ? value : undefined;
}

function afterMatch(node: MatchRecognizeNode, names: readonly string[]): MatchRel["after"] {
  const { afterMatch: after } = node;
  if (after === undefined || after.skip === "TO NEXT ROW") return { skip: "TO_NEXT_ROW" };
  if (!("variable" in after)) return { skip: "PAST_LAST_ROW" };
  const { name } = after.variable;
  const position = names.indexOf(name);
  if (position < 0)
    throw unsupported(
      after.variable,
      `AFTER MATCH SKIP ${after.skip} ${name}, which is not in PATTERN`,
      {
        remedy: "Name a variable of the pattern.",
        near: nearest(name, names),
      },
    );
  return { skip: after.skip === "TO FIRST" ? "TO_FIRST" : "TO_LAST", position };
}

// ------------------------------------------------------------------------------------- the pattern

function patternOf(pattern: PatternNode): MatchVariable[] {
  const items = pattern.kind === "patternSequence" ? pattern.items : [pattern];
  const variables = items.map(variableOf);
  const seen = new Set<string>();
  variables.forEach(({ variable }, i) => {
    if (seen.has(variable))
      throw unsupported(items[i]!, `the pattern variable ${variable} twice in one pattern`, {
        remedy: "Give the second one a name of its own.",
      });
    seen.add(variable);
  });
  if (variables.at(-1)!.greedy)
    throw unsupported(items.at(-1)!, "a greedy quantifier as the last element of a pattern", {
      remedy: "Finish your pattern with either a simple variable or reluctant quantifier.",
    });
  if (variables.every(({ min }) => min === 0))
    throw unsupported(pattern, "a pattern that can produce empty matches", {
      remedy: "There must be at least one non-optional state.",
    });
  return variables;
}

function variableOf(node: PatternNode): MatchVariable {
  if (node.kind === "patternVariable")
    return { variable: node.name.name, min: 1, max: 1, greedy: false };
  if (node.kind !== "patternQuantified" || node.item.kind !== "patternVariable")
    throw unsupported(node, PATTERN_KINDS[node.kind], {
      remedy: "Write a sequence of variables, each with its quantifier.",
    });
  const { min, max = -1, reluctant } = node;
  const optional = min === 0 && max === 1;
  if (optional && reluctant)
    throw unsupported(node, "a reluctant optional variable", {
      remedy: "Write A? instead of A??.",
    });
  if (min > MAX_REPEAT || max > MAX_REPEAT || max === 0)
    throw unsupported(node, `a quantifier beyond 1 to ${MAX_REPEAT} rows`, {
      remedy: "Repeat a variable less often.",
    });
  const greedy = !reluctant && !optional && min !== max;
  return { variable: node.item.name.name, min, max, greedy };
}

const PATTERN_KINDS: Readonly<Record<PatternNode["kind"], string>> = {
  patternVariable: "a variable",
  patternSequence: "a group of variables in a pattern",
  patternQuantified: "a quantifier of a group in a pattern",
  patternAlternation: "an alternative (|) in a pattern",
  patternPermute: "PERMUTE in a pattern",
  patternExclusion: "an exclusion ({- -}) in a pattern",
};

function refuseWhatFlinkRefuses(node: MatchRecognizeNode): void {
  if (node.rowsPerMatch === "ALL ROWS")
    throw unsupported(node, "ALL ROWS PER MATCH", { remedy: "Use ONE ROW PER MATCH." });
  if (node.subsets.length > 0)
    throw unsupported(node.subsets[0]!.name, "SUBSET", { remedy: "Name the variables singly." });
  if (node.strictStart || node.strictEnd)
    throw unsupported(node.pattern, "an anchor (^ or $) in a pattern", {
      remedy: "A stream has no first and last row: leave it out.",
    });
}

function unsupported(
  node: Node,
  what: string,
  more: { readonly remedy: string; readonly near?: readonly string[] },
): Error {
  return validateErrors.NOT_SUPPORTED(
    { what, remedy: more.remedy },
    { at: node.span, ...(more.near === undefined ? {} : { didYouMean: more.near }) },
  );
}
