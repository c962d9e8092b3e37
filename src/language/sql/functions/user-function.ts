/**
 * userFunctionDefinition: what the validator knows of a function of the user: its declared types decide which arguments
 * fit and what they are converted to.
 *
 * Flow:    host (module loaded) → here → FunctionDefinition → validator; the name of its calls is a reference
 *          (foundation/plan/user-function.ts).
 */
import {
  type LogicalType,
  typeEquals,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  referenceText,
  type UserFunction,
  type UserFunctionReference,
  type UserSignature,
} from "../../../foundation/plan/user-function.ts";
import { validateErrors } from "../errors.ts";
import { parseExpression } from "../parser/parser.ts";
import { declareNonDeterministic } from "../rel/expressions.ts";
import { toLogicalType } from "../validator/data-type.ts";
import { canCastImplicitly } from "../validator/type-system.ts";
import type { Binding, FunctionDefinition } from "./function-definition.ts";

interface Form {
  readonly args: readonly LogicalType[];
  readonly repeats: boolean;
  readonly returns: LogicalType;
}

export function userFunctionDefinition(
  place: Omit<UserFunctionReference, "deterministic">,
  own: UserFunction,
): FunctionDefinition {
  const { kind, signatures } = own;
  const procedure = own.kind === "table" && own.procedure === true;
  const deterministic = !procedure && own.deterministic !== false;
  const state =
    own.kind === "aggregate" ? { accumulator: parseType(place.name, own.accumulator) } : {};
  const isAsync = kind === "async-scalar" || kind === "async-table";
  const later = isAsync ? ({ async: true } as const) : {};
  const merges = own.kind === "aggregate" && own.merge !== undefined;
  const merged = merges ? ({ merges } as const) : {};
  const name = referenceText({ ...place, deterministic, ...state, ...later, ...merged });
  if (!deterministic) declareNonDeterministic(name);
  const forms = signatures.map((signature) => formOf(place.name, signature));
  return {
    name,
    category: kind === "async-scalar" ? "scalar" : kind === "async-table" ? "table" : kind,
    forms: signatures.map(({ args }) => `${place.name}(${args.join(", ")})`),
    deterministic,
    ...(procedure ? { procedure } : {}),
    bind(args) {
      for (const form of forms) {
        const bound = bindForm(form, args);
        if (bound !== undefined) return bound;
      }
      return undefined;
    },
  };
}

function formOf(name: string, { args, returns }: UserSignature): Form {
  const repeats = args.at(-1)?.endsWith("...") ?? false;
  const plain = args.map((arg, i) => (repeats && i === args.length - 1 ? arg.slice(0, -3) : arg));
  const typeOf = (text: string) => parseType(name, text);
  return { args: plain.map(typeOf), repeats, returns: typeOf(returns) };
}

function parseType(name: string, text: string): LogicalType {
  const node = parseExpression(`CAST(NULL AS ${text})`);
  if (node.kind === "cast") return toLogicalType(node.type);
  throw validateErrors.STATEMENT_INVALID({
    message: `Function ${name} declares '${text}', which is no type`,
    remedy: "Write types as in CREATE TABLE.",
  });
}

function bindForm({ args: wanted, repeats, returns }: Form, args: readonly Expression[]) {
  const most = repeats ? Number.POSITIVE_INFINITY : wanted.length;
  const least = repeats ? wanted.length - 1 : wanted.length;
  if (args.length < least || args.length > most) return undefined;
  const casts: (LogicalType | undefined)[] = [];
  for (const [i, { type }] of args.entries()) {
    const to = wanted[Math.min(i, wanted.length - 1)]!;
    if (!canCastImplicitly(type, to) || (type.nullable && !to.nullable)) return undefined;
    const same = typeEquals(type, to, { ignoreNullability: true });
    casts.push(same ? undefined : withNullable(to, type.nullable));
  }
  const binding: Binding = { type: returns, casts };
  return binding;
}
