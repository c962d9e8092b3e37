/**
 * ScalarFunction: how a function call of the expression IR becomes code. The operators of the IR are in
 * ../expressions/, the library of SQL functions beside this file; both fill a FunctionTable by canonical name.
 *
 * Three kinds:
 * - compiled: emit() writes WebAssembly. It compiles its arguments itself (context.compile), so it may skip some.
 * - kernel:   an exported kernel is called per row. Arguments are passed part by part (value.ts); a NULL argument makes
 *             the result NULL and the kernel is not called, unless `nullArguments` is "pass".
 *             Results: bool, i8, i16, i32 as i32 (in range), i64 and view as i64, f32, f64; i128 and ts128 are written to
 *             RESULT (kernels/cast-status.as.ts) and the kernel returns nothing.
 *             `mayBeNull`: the kernel reports NULL with setNull(). `mayFail`: it reports an error with setError(code, view)
 *             and returns anything; the row, the call and the text reach the catalogue error EXPRESSION_FAILED or its kin.
 *             New bytes come from arenaAlloc and live as long as the batch.
 * - column:   a TypeScript function, called once per batch over columns (column-access.ts) for the rows of a mask, so that
 *             CASE, AND, OR and COALESCE stay lazy. For functions with user code, regular expressions, JSON and the like.
 *
 * Several entries under one name are tried in order: the first that accepts the call is used.
 */
import type { Call } from "../../../foundation/plan/expression.ts";
import { parseReference, type UserFunctionLookup } from "../../../foundation/plan/user-function.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { ColumnReader, ColumnWriter } from "../column-access.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { CodegenRuntime } from "../generated-module.ts";
import type { Value } from "../value.ts";
import { userColumnFunction } from "./user-functions.ts";

interface Common {
  /** False: two equal calls may differ (RAND, UUID), so that they are never shared. Default true. */
  readonly deterministic?: boolean;
  /** Whether this implementation takes these arguments; default: any. */
  accepts?(call: Call): boolean;
}

export interface CompiledFunction extends Common {
  readonly kind: "compiled";
  emit(context: ExpressionContext, call: Call): Value;
}

export interface KernelFunction extends Common {
  readonly kind: "kernel";
  readonly kernel: KernelName;
  /** Which arguments are passed, in which order; default: all in order. */
  readonly pass?: readonly number[];
  /** i32 constants passed after the arguments, for example a precision. */
  extra?(call: Call): readonly number[];
  /** "pass": each argument is followed by an i32 that is 1 when it is NULL. Default "skip". */
  readonly nullArguments?: "skip" | "pass";
  readonly mayBeNull?: boolean;
  readonly mayFail?: boolean;
}

/** What is less is no watermark: contract/operator.ts begins with MIN_WATERMARK. */
export const FIRST_WATERMARK = Number.MIN_SAFE_INTEGER + 1;

/** What a function may ask about the run; frozen for the life of the compiled module. */
export interface FunctionEnvironment {
  /** IANA zone of the session. */
  readonly timeZone: string;
  /** Epoch milliseconds now: processing time. */
  now(): number;
  /** Of event time, epoch milliseconds; below FIRST_WATERMARK there is none yet. */
  watermark(): number;
  /** Uniform in [0, 1). */
  random(): number;
  readonly mode: "streaming" | "batch";
  readonly config: Readonly<Record<string, string>>;
  /** Functions of the user; absent where there are none. */
  readonly userFunction?: UserFunctionLookup;
}

export interface ColumnCall {
  readonly call: Call;
  readonly rows: number;
  /** One byte a row, 1 = wanted; undefined = all rows. Rows outside may hold anything, and need no result. */
  readonly mask: Uint8Array | undefined;
  readonly args: readonly ColumnReader[];
  readonly out: ColumnWriter;
  readonly environment: FunctionEnvironment;
  /** For functions that call kernels themselves; views of arguments and results lie in its memory. */
  readonly runtime: CodegenRuntime;
}

export interface ColumnFunction extends Common {
  readonly kind: "column";
  /**
   * Makes the function for one call site when the module is compiled: patterns given as literals are prepared here.
   * What it returns runs once per batch; NULL arguments are its own business.
   */
  prepare(call: Call, environment: FunctionEnvironment): (columns: ColumnCall) => void;
}

export type ScalarFunction = CompiledFunction | KernelFunction | ColumnFunction;

/** Functions by canonical name (expression.ts, Call). */
export type FunctionTable = Readonly<Record<string, ScalarFunction | readonly ScalarFunction[]>>;

/** The implementation for a call, or undefined when the table has none that accepts it. */
export function findFunction(
  tables: readonly FunctionTable[],
  call: Call,
): ScalarFunction | undefined {
  for (const table of tables) {
    if (!Object.hasOwn(table, call.function)) continue;
    const entry = table[call.function] ?? [];
    const candidates = Array.isArray(entry) ? entry : [entry as ScalarFunction];
    for (const candidate of candidates as readonly ScalarFunction[]) {
      if (candidate.accepts === undefined || candidate.accepts(call)) return candidate;
    }
  }
  const reference = parseReference(call.function);
  if (reference !== undefined) return userColumnFunction(reference.deterministic);
  return undefined;
}
