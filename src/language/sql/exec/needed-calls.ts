/**
 * Asynchronous calls within expressions: which one can be made next, and which rows need its answer.
 *
 * Rules:   CASE and IF need the branch that is taken, COALESCE and IFNULL what stands behind NULLs, AND what stands behind
 *          other than FALSE, OR behind other than TRUE; as functions of users that answer at once are called
 *          (codegen/column-calls.ts). A call in several places is needed where one of them is.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Call,
  type Expression,
  call as callOf,
  children,
} from "../../../foundation/plan/expression.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import { and, digest, isDeterministic } from "../rel/expressions.ts";

const BOOLEAN = types.boolean(false);
/** Places of one call; with more of them it is made for every row. */
const MAX_PLACES = 16;

export interface NextCall {
  /** Its arguments need no other answer. */
  readonly call: Call;
  /** The rows that need it; undefined: all. */
  readonly when: Expression | undefined;
}

export function isAsyncCall(e: Expression): e is Call {
  return e.kind === "call" && parseReference(e.function)?.async === true;
}

export function hasAsyncCall(e: Expression): boolean {
  return isAsyncCall(e) || children(e).some(hasAsyncCall);
}

/** The first call of the list that can be made; one whose need is known before those that have to wait for it. */
export function nextCall(list: readonly Expression[]): NextCall | undefined {
  const places = new Map<string, Place[]>();
  for (const e of list) collect(e, [], places);
  const calls = [...places.values()];
  for (const all of calls) {
    const { call } = all[0]!;
    if (all.length > MAX_PLACES || all.some(({ guards }) => guards.length === 0))
      return { call, when: undefined };
    if (!all.some(({ guards }) => guards.some(hasAsyncCall)))
      return { call, when: anyOf(all.map(({ guards }) => and(guards))) };
  }
  // Calls that wait for each other's answers: one of them is made for every row.
  return calls.length === 0 ? undefined : { call: calls[0]![0]!.call, when: undefined };
}

interface Place {
  readonly call: Call;
  readonly guards: readonly Expression[];
}

function collect(e: Expression, guards: readonly Expression[], places: Map<string, Place[]>): void {
  if (!hasAsyncCall(e)) return;
  if (isAsyncCall(e) && !e.args.some(hasAsyncCall)) {
    const key = digest(e);
    const others = places.get(key);
    if (others === undefined) places.set(key, [{ call: e, guards }]);
    else others.push({ call: e, guards });
    return;
  }
  if (e.kind !== "call") {
    for (const child of children(e)) collect(child, guards, places);
    return;
  }
  const own = [...guards];
  e.args.forEach((arg, index) => {
    const taken = branchOf(e, index);
    collect(arg, known([...own, taken]), places);
    own.push(...known([passing(e, index)]));
  });
}

/** A condition that may say another thing the next time says nothing about who gets there. */
function known(guards: readonly (Expression | undefined)[]): Expression[] {
  return guards.filter((guard) => guard !== undefined).filter(isDeterministic);
}

/** What must hold for a branch of CASE, beside that the conditions before it do not. */
function branchOf({ function: name, args }: Call, index: number): Expression | undefined {
  if ((name !== "CASE" && name !== "IF") || index % 2 === 0) return undefined;
  return test("IS_TRUE", args[index - 1]!);
}

/** What holds where the arguments behind this one are needed. */
function passing({ function: name, args }: Call, index: number): Expression | undefined {
  const arg = args[index]!;
  switch (name) {
    case "CASE":
    case "IF":
      return index % 2 === 1 ? test("IS_NOT_TRUE", args[index - 1]!) : undefined;
    case "AND":
      return test("IS_NOT_FALSE", arg);
    case "OR":
      return test("IS_NOT_TRUE", arg);
    case "COALESCE":
    case "IFNULL":
      return arg.type.kind === "ROW" ? undefined : test("IS_NULL", arg);
    default:
      return undefined;
  }
}

const test = (name: string, arg: Expression): Expression => callOf(name, [arg], BOOLEAN);

function anyOf(list: readonly Expression[]): Expression {
  const different = [...new Map(list.map((e) => [digest(e), e])).values()];
  return different.length === 1 ? different[0]! : callOf("OR", different, BOOLEAN);
}
