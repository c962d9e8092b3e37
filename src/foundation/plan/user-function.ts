/**
 * Functions of the user in TypeScript or JavaScript: what a module exports, and how a plan names it.
 *
 * Flow:    CREATE FUNCTION f AS 'module.ts#export' LANGUAGE TYPESCRIPT → the planner takes types from the declaration → a
 *          call in the plan whose name is a reference → the worker loads the module and calls eval().
 * Reference: `name@module#export`, with `~` behind it when the function is not deterministic. No function of the library
 *          has such a name; module is an absolute path. An aggregate function has `?` and its accumulator's type behind it, an
 *          asynchronous one `!`.
 * Values:  as columnar/value-reader.ts has them: BIGINT a bigint, DECIMAL { unscaled, scale }, TIMESTAMP { millis, nanos },
 *          DATE days, TIME milliseconds, ARRAY an array, MAP an array of [key, value], ROW an array of its fields.
 */
import type { LogicalType } from "../columnar/logical-type.ts";
import { processFault, type UserProcessDeclaration } from "./process-declaration.ts";

/** Types as SQL writes them; the last argument may end in `...`: it may stand any number of times, or not at all. */
export interface UserSignature {
  readonly args: readonly string[];
  readonly returns: string;
}

export interface UserFunctionContext {
  readonly timeZone: string;
  /** An option of the job by its key. */
  option(key: string): string | undefined;
}

interface Common {
  /** Tried in order; the first whose arguments fit is used. */
  readonly signatures: readonly UserSignature[];
  /** False: equal arguments may give different results. Default true. */
  readonly deterministic?: boolean;
  /** Called once in every place of a job before the first eval(). */
  open?(context: UserFunctionContext): void;
}

/** One value of one row's arguments. */
export interface UserScalarFunction extends Common {
  readonly kind: "scalar";
  eval(...args: readonly unknown[]): unknown;
}

/** As a scalar function, but its value comes later: the rows of many calls are waited for at once. */
export interface UserAsyncScalarFunction extends Common {
  readonly kind: "async-scalar";
  eval(...args: readonly unknown[]): Promise<unknown>;
}

export interface UserAsyncTableFunction extends Common {
  readonly kind: "async-table";
  eval(...args: readonly unknown[]): Promise<Iterable<unknown>>;
}

/** Rows of one row's arguments: values, or arrays of fields where `returns` is a ROW. */
export interface UserTableFunction extends Common {
  readonly kind: "table";
  /** For CALL only: run once, and never by a query. */
  readonly procedure?: boolean;
  eval(...args: readonly unknown[]): Iterable<unknown>;
}

/**
 * One value of the rows of a group. The accumulator is state: it is kept as a value of its declared type. What changes it may
 * do so in place (an ARRAY, ROW or MAP) or return the new one. NULLs are given to it like other values.
 */
export interface UserAggregateFunction extends Common {
  readonly kind: "aggregate";
  /** A type as SQL writes it. */
  readonly accumulator: string;
  create(): unknown;
  accumulate(accumulator: unknown, ...args: readonly unknown[]): unknown;
  /** Takes a row back: needed when the input has updates. */
  retract?(accumulator: unknown, ...args: readonly unknown[]): unknown;
  /** Folds another accumulator in: needed in windows. */
  merge?(accumulator: unknown, other: unknown): unknown;
  value(accumulator: unknown): unknown;
}

/** Its arguments may be tables; dataplane/contract/process-function.ts says what eval() and onTimer() are given. */
export interface UserProcessFunction extends UserProcessDeclaration {
  eval(context: never, args: never): void;
  onTimer?(context: never, timer: string | null): void;
}

export type UserAsyncFunction = UserAsyncScalarFunction | UserAsyncTableFunction;
export type UserFunction =
  | UserScalarFunction
  | UserTableFunction
  | UserAggregateFunction
  | UserAsyncFunction;
/** What a module may export. */
export type UserExport = UserFunction | UserProcessFunction;

export interface UserFunctionReference {
  /** As it was created. */
  readonly name: string;
  readonly module: string;
  readonly export: string;
  readonly deterministic: boolean;
  readonly async?: true;
  /** Of an aggregate function. */
  readonly accumulator?: LogicalType;
  /** An aggregate function with merge(). */
  readonly merges?: true;
}

/** The implementation that a call's name refers to. */
export type UserFunctionLookup = (reference: UserFunctionReference) => UserExport;

export function referenceText(reference: UserFunctionReference): string {
  const { name, module, deterministic, accumulator } = reference;
  const state = accumulator && `?${encodeURIComponent(JSON.stringify(accumulator))}`;
  const later = reference.async === true ? "!" : "";
  const merges = reference.merges === true ? "+" : "";
  const key = `${reference.export}${merges}`;
  return `${name}@${module}#${key}${state ?? ""}${later}${deterministic ? "" : "~"}`;
}

/** Undefined for a function of the library. */
export function parseReference(text: string): UserFunctionReference | undefined {
  const at = text.indexOf("@");
  const hash = text.lastIndexOf("#");
  if (at < 1 || hash < at) return undefined;
  const deterministic = !text.endsWith("~");
  const [whole, state] = text.slice(hash + 1, deterministic ? undefined : -1).split("?");
  const isLater = whole!.endsWith("!");
  const merges = whole!.endsWith("+");
  const key = isLater || merges ? whole!.slice(0, -1) : whole!;
  const later = isLater ? ({ async: true } as const) : {};
  const place = {
    name: text.slice(0, at),
    module: text.slice(at + 1, hash),
    export: key,
    ...later,
  };
  if (state === undefined) return { ...place, deterministic };
  const accumulator = JSON.parse(decodeURIComponent(state)) as LogicalType;
  return { ...place, deterministic, accumulator, ...(merges ? { merges } : {}) };
}

/** A function's name as people wrote it. */
export function plainName(functionName: string): string {
  return parseReference(functionName)?.name ?? functionName;
}

const KINDS: readonly string[] = ["scalar", "table", "aggregate", "async-scalar", "async-table"];

/** What is wrong with a module's export as a declaration; undefined: nothing. */
export function declarationFault(exported: unknown): string | undefined {
  if (typeof exported !== "object" || exported === null) return "it is no declaration";
  const declared = exported as Partial<Record<string, unknown>>;
  const { kind, signatures, eval: run } = declared;
  if (kind === "process") return processFault(declared);
  if (typeof kind !== "string" || !KINDS.includes(kind))
    return `its kind is ${JSON.stringify(kind)}; ${KINDS.map((one) => `"${one}"`).join(", ")} and "process" are possible`;
  if (kind === "aggregate") {
    if (typeof declared.accumulator !== "string") return "it has no accumulator type";
    const absent = ["create", "accumulate", "value"].find((n) => typeof declared[n] !== "function");
    if (absent !== undefined) return `it has no ${absent}()`;
  } else if (typeof run !== "function") return "it has no eval()";
  if (declared.procedure !== undefined && (kind !== "table" || declared.procedure !== true))
    return "procedure: true is for table functions";
  const isSignature = (one: unknown) => {
    const { args, returns } = (one ?? {}) as Partial<Record<string, unknown>>;
    return Array.isArray(args) && args.every((a) => typeof a === "string") && !!returns;
  };
  const right = Array.isArray(signatures) && signatures.length > 0 && signatures.every(isSignature);
  return right ? undefined : "it has no signatures of { args: [types], returns: type }";
}
