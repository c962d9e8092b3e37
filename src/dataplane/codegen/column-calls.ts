/**
 * Takes calls of column functions out of expressions: each becomes a further input column, computed in an earlier stage.
 *
 * Depth:   0 for a call whose arguments hold no other column call, else one more than theirs.
 * Guard:   when the call lies in a branch, a BOOLEAN that says for which rows the branch is taken. Guards are built from the
 *          rewritten conditions, so that a guard may itself rest on earlier results. Arguments that are computed are so for
 *          those rows only (NULL for the others): they may fail.
 * ROWs:    arguments and results may be ROWs: they have readers and writers of their fields (column-access.ts).
 */
import { type RowField, types, withNullable } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import {
  call,
  type Call,
  type Expression,
  input,
  literal,
} from "../../foundation/plan/expression.ts";
import { ExpressionIds } from "./expressions/expression-ids.ts";
import { isRow } from "./expressions/row-parts.ts";
import { type ColumnFunction, findFunction, type FunctionTable } from "./functions/registry.ts";

export interface ColumnCallPlan {
  readonly call: Call;
  readonly implementation: ColumnFunction;
  readonly args: readonly Expression[];
  readonly guard: Expression | undefined;
  readonly depth: number;
  /** Field of the widened schema that holds the result. */
  readonly resultField: number;
}

export interface ColumnCallsPlan {
  /** The given expressions, with calls replaced by references to result fields. */
  readonly expressions: readonly Expression[];
  readonly condition: Expression | undefined;
  readonly calls: readonly ColumnCallPlan[];
  readonly results: readonly RowField[];
}

const BOOLEAN = types.boolean(false);

/** With a condition the expressions are evaluated for rows that pass it only. */
export function extractColumnCalls(
  schema: Schema,
  {
    expressions,
    condition,
  }: { readonly expressions: readonly Expression[]; readonly condition?: Expression | undefined },
  tables: readonly FunctionTable[],
): ColumnCallsPlan {
  const extraction = new Extraction(schema, tables);
  const tested = condition === undefined ? undefined : extraction.rewrite(condition, []);
  const passes = tested === undefined ? [] : passing(tested);
  const rewritten = expressions.map(
    (expression) => extraction.rewrite(expression, passes).expression,
  );
  const { calls, results } = extraction;
  return { expressions: rewritten, condition: tested?.expression, calls, results };
}

/** What holds for rows that pass; the parts of an AND as its own parts have them for guards, so that these share their calls. */
function passing({ expression, depth }: Rewritten): Rewritten[] {
  const isAnd = expression.kind === "call" && expression.function === "AND";
  const parts = isAnd ? expression.args.map((arg) => call("IS_NOT_FALSE", [arg], BOOLEAN)) : [];
  const whole = call("IS_TRUE", [expression], BOOLEAN);
  return [...parts, whole].map((part) => ({ expression: part, depth }));
}

interface Rewritten {
  readonly expression: Expression;
  /** Depth of the stage that has all it needs: 0 = the input alone. */
  readonly depth: number;
}

class Extraction {
  readonly calls: ColumnCallPlan[] = [];
  readonly results: RowField[] = [];
  readonly #schema: Schema;
  readonly #tables: readonly FunctionTable[];
  readonly #ids: ExpressionIds;
  readonly #known = new Map<string, Rewritten>();

  constructor(schema: Schema, tables: readonly FunctionTable[]) {
    this.#schema = schema;
    this.#tables = tables;
    this.#ids = new ExpressionIds((node) => findFunction(tables, node)?.deterministic !== false);
  }

  /** `guards`: conditions that all hold where this expression is evaluated. */
  rewrite(expression: Expression, guards: readonly Rewritten[]): Rewritten {
    switch (expression.kind) {
      case "input":
      case "literal":
        return { expression, depth: 0 };
      case "field": {
        const { expression: from, depth } = this.rewrite(expression.input, guards);
        return from === expression.input
          ? { expression, depth }
          : { expression: { ...expression, input: from }, depth };
      }
      case "call":
        return this.#rewriteCall(expression, guards);
    }
  }

  #rewriteCall(node: Call, guards: readonly Rewritten[]): Rewritten {
    const args = this.#rewriteArgs(node, guards);
    const depth = Math.max(0, ...args.map((arg) => arg.depth));
    const implementation = findFunction(this.#tables, node);
    const changed = args.some((arg, index) => arg.expression !== node.args[index]);
    const rewritten = changed ? { ...node, args: args.map((arg) => arg.expression) } : node;
    if (implementation?.kind !== "column") return { expression: rewritten, depth };
    return this.#extract(node, rewritten, depth, implementation, guards);
  }

  /** The function is prepared for the call as it was written, and runs over the rewritten arguments. */
  #extract(
    written: Call,
    node: Call,
    argDepth: number,
    implementation: ColumnFunction,
    guards: readonly Rewritten[],
  ): Rewritten {
    // What was computed for more rows is good for these too.
    let key = `${this.#ids.idOf(node)}`;
    for (const guard of [undefined, ...guards]) {
      if (guard !== undefined) key += `|${this.#ids.idOf(guard.expression)}`;
      const known = this.#known.get(key);
      if (known !== undefined) return known;
    }
    const depth = Math.max(argDepth, ...guards.map((guard) => guard.depth));
    const resultField = this.#schema.fields.length + this.results.length;
    // A masked result has NULL where it was not asked for.
    const type = guards.length > 0 ? withNullable(node.type, true) : node.type;
    this.results.push({ name: `f${resultField}`, type: withNullable(type, true) });
    const guard = conjunction(guards.map(({ expression }) => expression));
    this.calls.push({
      call: written,
      implementation,
      args: guard === undefined ? node.args : node.args.map((arg) => whereTaken(arg, guard)),
      guard,
      depth,
      resultField,
    });
    const result = { expression: input(resultField, withNullable(type, true)), depth: depth + 1 };
    this.#known.set(key, result);
    return result;
  }

  /** Arguments in order; those that may not be evaluated get the guards of their place. */
  #rewriteArgs(node: Call, guards: readonly Rewritten[]): Rewritten[] {
    const out: Rewritten[] = [];
    const own: Rewritten[] = [...guards];
    const add = (name: string, { expression, depth }: Rewritten) =>
      own.push({ expression: call(name, [expression], BOOLEAN), depth });
    node.args.forEach((arg, index) => {
      switch (node.function) {
        case "CASE":
        case "IF": {
          const isResult = index % 2 === 1 || index === node.args.length - 1;
          const condition = out[index - 1];
          if (isResult && index % 2 === 1 && condition !== undefined) {
            const holds = call("IS_TRUE", [condition.expression], BOOLEAN);
            out.push(this.rewrite(arg, [...own, { expression: holds, depth: condition.depth }]));
            add("IS_NOT_TRUE", condition);
          } else out.push(this.rewrite(arg, own));
          return;
        }
        case "AND":
        case "OR":
        case "COALESCE":
        case "IFNULL": {
          const value = this.rewrite(arg, own);
          out.push(value);
          if (isRow(arg.type)) return;
          if (node.function === "AND") add("IS_NOT_FALSE", value);
          else if (node.function === "OR") add("IS_NOT_TRUE", value);
          else add("IS_NULL", value);
          return;
        }
        default:
          out.push(this.rewrite(arg, guards));
      }
    });
    return out;
  }
}

/** The argument of rows that take the branch; reading a column or a literal cannot fail. */
function whereTaken(arg: Expression, guard: Expression): Expression {
  if (arg.kind !== "call") return arg;
  const type = withNullable(arg.type, true);
  return call("CASE", [guard, arg, literal(null, type)], type);
}

function conjunction(guards: readonly Expression[]): Expression | undefined {
  if (guards.length <= 1) return guards[0];
  return call("AND", guards, BOOLEAN);
}
