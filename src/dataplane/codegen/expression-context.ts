/**
 * ExpressionContext: the state of compiling expressions into one generated function, and the tools that the functions of
 * the tables use.
 *
 * Sharing: expressions are hash-consed; a value computed earlier in the same or an enclosing block is used again.
 *          conditionally() opens a block: what is computed in it is forgotten behind it.
 * Errors:  fail() writes the status struct and returns from the function (cast-status.as.ts); kernels that may fail are
 *          checked behind the call. FUNCTION_UNSUPPORTED when no table knows a call.
 */
import { assert, baseErrors } from "../../foundation/base/errors.ts";
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../foundation/columnar/schema.ts";
import type { Call, Expression } from "../../foundation/plan/expression.ts";
import { KERNEL_SIGNATURES, type KernelName } from "../kernels/kernels.generated.ts";
import type { ColumnSource } from "./batch-columns.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./emitter/function-builder.ts";
import type { ModuleBuilder } from "./emitter/module-builder.ts";
import type { WasmType } from "./emitter/opcodes.ts";
import { codegenErrors, EXPRESSION_ERRORS } from "./errors.ts";
import { columnPath } from "./expressions/column-path.ts";
import { literalValue } from "./expressions/literal.ts";
import { ExpressionIds } from "./expressions/expression-ids.ts";
import { emitKernelCall } from "./expressions/kernel-call.ts";
import { rowPresent } from "./expressions/row-parts.ts";
import {
  findFunction,
  type FunctionEnvironment,
  type FunctionTable,
} from "./functions/registry.ts";
import type { CallSite } from "./generated-module.ts";
import type { Prologue } from "./prologue.ts";
import { type NullFlag, type Part, partTypes, type Value } from "./value.ts";
import { pushNotNullFlag, pushNullFlag, pushPart } from "./value-code.ts";

export interface ExpressionContextOptions {
  readonly module: ModuleBuilder;
  readonly prologue: Prologue;
  /** What InputRef counts through; for joins the fields of both sides. */
  readonly input: Schema;
  readonly columns: ColumnSource;
  /** Local with the number of the row, for error messages. */
  readonly row: Local;
  readonly tables: readonly FunctionTable[];
  readonly environment: FunctionEnvironment;
  /** Call sites that may fail, shared by all functions of the module. */
  readonly sites: CallSite[];
}

export const STATUS_NULL_OFFSET = 12;
export const RESULT_OFFSET = 32;

export class ExpressionContext {
  readonly f: FunctionBuilder;
  readonly module: ModuleBuilder;
  readonly input: Schema;
  readonly environment: FunctionEnvironment;
  readonly #options: ExpressionContextOptions;
  readonly #ids: ExpressionIds;
  readonly #scopes: Map<number, Value>[] = [new Map()];

  constructor(options: ExpressionContextOptions) {
    this.#options = options;
    this.f = options.prologue.f;
    this.module = options.module;
    this.input = options.input;
    this.environment = options.environment;
    this.#ids = new ExpressionIds((call) => {
      const found = findFunction(options.tables, call);
      return found === undefined || found.deterministic !== false;
    });
  }

  /** Code for an expression of any type but ROW, unless an enclosing block has computed it already. */
  compile(expression: Expression): Value {
    const id = this.#ids.idOf(expression);
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const known = this.#scopes[i]!.get(id);
      if (known !== undefined) return known;
    }
    const value = this.#emit(expression);
    this.#scopes.at(-1)!.set(id, value);
    return value;
  }

  /** Whether a call compiles at all, and how. */
  implementationOf(call: Call) {
    const found = findFunction(this.#options.tables, call);
    if (found === undefined)
      throw codegenErrors.FUNCTION_UNSUPPORTED({
        function: call.function,
        types: call.args.map(({ type }) => typeToString(type)).join(", "),
      });
    return found;
  }

  /** Runs `body` if the i32 on the stack is not 0; values computed in it are not known outside. */
  conditionally(body: () => void, otherwise?: () => void): void {
    const scoped = (part: () => void) => () => {
      this.#scopes.push(new Map());
      part();
      this.#scopes.pop();
    };
    this.f.if(scoped(body), otherwise === undefined ? undefined : scoped(otherwise));
  }

  /** Code that a branch may leave early: values computed in it are not known outside. */
  scoped(body: () => void): void {
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
  }

  /** Pushes one part of a value. */
  push(value: Value, part = 0): FunctionBuilder {
    const what = value.parts[part];
    assert(what !== undefined, `value of ${typeToString(value.type)} has no part ${part}`);
    return this.pushPart(what);
  }

  pushPart(what: Part): FunctionBuilder {
    return pushPart(this.f, what);
  }

  /** Pushes all parts, first to last. */
  pushAll(value: Value): FunctionBuilder {
    value.parts.forEach((_, part) => {
      this.push(value, part);
    });
    return this.f;
  }

  /** Pushes an i32: 1 when NULL. */
  pushNull(flag: NullFlag): FunctionBuilder {
    return pushNullFlag(this.f, flag);
  }

  /** Pushes an i32: 1 when not NULL. */
  pushNotNull(flag: NullFlag): FunctionBuilder {
    return pushNotNullFlag(this.f, flag);
  }

  /** The flag that is set when one of these is. */
  anyNull(flags: readonly NullFlag[]): NullFlag {
    if (flags.includes("always")) return "always";
    const locals = [...new Set(flags.filter((flag) => typeof flag === "number"))];
    if (locals.length === 0) return "never";
    if (locals.length === 1) return locals[0]!;
    const result = this.f.local("i32");
    locals.forEach((local, index) => {
      this.f.get(local);
      if (index > 0) this.f.op("i32.or");
    });
    this.f.set(result);
    return result;
  }

  /** Fresh locals for a value of this type; `isNull` is given or a fresh local too. */
  allocate(type: LogicalType, isNull: NullFlag | "fresh" = "fresh"): Value {
    const physical = physicalOf(type);
    const parts = partTypes(physical).map((t): Part => ({ kind: "local", local: this.f.local(t) }));
    const flag = isNull === "fresh" ? this.f.local("i32") : isNull;
    return { type, physical, parts, isNull: flag };
  }

  /** Pops the parts of an allocated value from the stack, last first. */
  setParts(value: Value): void {
    for (const part of value.parts.toReversed()) {
      assert(part.kind === "local", "a constant cannot be assigned");
      this.f.set(part.local);
    }
  }

  /** Pops an i32 into an allocated value's NULL flag. */
  setNull(value: Value): void {
    assert(typeof value.isNull === "number", "a known NULL flag cannot be assigned");
    this.f.set(value.isNull);
  }

  /** target := source, both of one physical form. */
  assign(target: Value, source: Value): void {
    if (source.isNull !== "always") {
      this.pushAll(source);
      this.setParts(target);
    }
    if (typeof target.isNull !== "number") return;
    this.pushNull(source.isNull);
    this.setNull(target);
  }

  nullValue(type: LogicalType): Value {
    const physical = physicalOf(type);
    const parts = partTypes(physical).map((t): Part => zero(t));
    return { type, physical, parts, isNull: "always" };
  }

  /**
   * The usual function: NULL when an argument is NULL. `body` pushes the result's parts. With `guard` it runs only when
   * no argument is NULL: for code that traps, fails, follows pointers or costs a call.
   */
  strict(
    type: LogicalType,
    args: readonly Value[],
    { guard }: { readonly guard: boolean },
    body: () => void,
  ): Value {
    const isNull = this.anyNull(args.map((arg) => arg.isNull));
    if (isNull === "always") return this.nullValue(type);
    const result = this.allocate(type, isNull);
    const compute = () => {
      body();
      this.setParts(result);
    };
    if (guard && typeof isNull === "number") {
      this.pushNotNull(isNull);
      this.conditionally(compute);
    } else compute();
    return result;
  }

  /**
   * As strict() with guard, for functions that may also be NULL by themselves: `body` pushes the parts, then an i32 that
   * is 1 when the result is NULL.
   */
  strictNullable(type: LogicalType, args: readonly Value[], body: () => void): Value {
    const isNull = this.anyNull(args.map((arg) => arg.isNull));
    if (isNull === "always") return this.nullValue(type);
    const result = this.allocate(type);
    const compute = () => {
      body();
      this.setNull(result);
      this.setParts(result);
    };
    if (typeof isNull === "number") {
      this.pushNotNull(isNull);
      this.conditionally(compute, () => {
        this.f.i32(1);
        this.setNull(result);
      });
    } else compute();
    return result;
  }

  /** A BOOLEAN from the i32 that `body` pushes, never NULL. */
  predicate(type: LogicalType, body: () => void): Value {
    const result = this.allocate(type, "never");
    body();
    this.setParts(result);
    return result;
  }

  kernel(name: KernelName): FunctionRef {
    const signature = KERNEL_SIGNATURES[name];
    if (signature === undefined)
      throw baseErrors.ASSERTION({ message: `kernel ${name} is not in kernels.wasm` });
    return this.module.importFunction("k", name, signature);
  }

  /** The view of constant bytes, loaded once before the loop. */
  constantView(bytes: Uint8Array): Part {
    if (bytes.length === 0) return { kind: "i64", value: 0n };
    const offset = this.module.constant(bytes);
    const length = BigInt(bytes.length) << 32n;
    const key = `constant${offset}_${bytes.length}`;
    const local = this.#options.prologue.hoist(key, "i64", () => {
      this.f.globalGet(this.module.dataGlobal).i32(offset).op("i32.add");
      this.f.op("i64.extend_i32_u").i64(length).op("i64.or");
    });
    return { kind: "local", local };
  }

  /** Address of constant bytes as an i32 local, loaded once before the loop. */
  constantPtr(bytes: Uint8Array): Local {
    const offset = this.module.constant(bytes);
    return this.#options.prologue.hoist(`data${offset}`, "i32", () => {
      this.f.globalGet(this.module.dataGlobal).i32(offset).op("i32.add");
    });
  }

  /** Any value that is the same for all rows of a call, loaded once before the loop. */
  hoist(key: string, type: WasmType, emit: () => void): Local {
    return this.#options.prologue.hoist(key, type, emit);
  }

  /** Reports an error and leaves the function; `text` is a view that the message shows. */
  fail(code: keyof typeof EXPRESSION_ERRORS, call: Call, text?: () => void): void {
    const { f } = this;
    const status = this.module.statusGlobal;
    f.globalGet(status).i32(EXPRESSION_ERRORS[code]).store("i32.store", 0);
    if (text !== undefined) {
      f.globalGet(status);
      text();
      f.store("i64.store", 16);
    }
    this.#leave(call);
  }

  /** Behind a kernel call: leaves the function when the kernel has reported an error. */
  checkFailed(call: Call): void {
    const { f } = this;
    f.globalGet(this.module.statusGlobal).load("i32.load", 0);
    f.if(() => this.#leave(call));
  }

  /** Pushes the NULL word of the status struct and resets it. */
  pushKernelNull(): void {
    const { f } = this;
    const status = this.module.statusGlobal;
    f.globalGet(status).load("i32.load", STATUS_NULL_OFFSET);
    f.globalGet(status).i32(0).store("i32.store", STATUS_NULL_OFFSET);
  }

  /** Pushes both parts of a kernel's RESULT. */
  pushKernelResult(): void {
    const { f } = this;
    f.globalGet(this.module.statusGlobal).load("i64.load", RESULT_OFFSET);
    f.globalGet(this.module.statusGlobal).load("i64.load", RESULT_OFFSET + 8);
  }

  #leave(call: Call): void {
    const { f } = this;
    const status = this.module.statusGlobal;
    f.globalGet(status).get(this.#options.row).store("i32.store", 4);
    f.globalGet(status).i32(this.#site(call)).store("i32.store", 8);
    for (const type of f.type.results) this.pushPart(zero(type));
    f.return();
  }

  #site(call: Call): number {
    const target = call.function.endsWith("CAST") ? ` AS ${typeToString(call.type)}` : "";
    const name = `${call.function}${target}`;
    const known = this.#options.sites.findIndex((site) => site.function === name);
    return known >= 0 ? known : this.#options.sites.push({ function: name }) - 1;
  }

  #emit(expression: Expression): Value {
    if (expression.kind === "literal") return literalValue(this, expression);
    if (expression.kind === "call") return this.#emitCall(expression);
    const path = columnPath(this.input, expression);
    if ("expression" in path) return this.compile(path.expression);
    assert(physicalColumns(this.input)[path.column] !== undefined, "field out of range");
    return this.#options.columns.load(path.column);
  }

  #emitCall(call: Call): Value {
    const found = this.implementationOf(call);
    if (found.kind === "compiled") return found.emit(this, call);
    if (found.kind === "kernel") return emitKernelCall(this, call, found);
    throw baseErrors.UNSUPPORTED({
      what: `function ${call.function} in this place`,
      remedy: "Compute it in a subquery before this operator.",
    });
  }

  /** NULL flag of a ROW expression. */
  rowNull(expression: Expression): NullFlag {
    if (expression.kind === "input" || expression.kind === "field") {
      const path = columnPath(this.input, expression);
      if ("column" in path) return this.#options.columns.loadNull(path.column);
      return this.rowNull(path.expression);
    }
    const present = this.compile(rowPresent(expression));
    const isNull = this.f.local("i32");
    this.push(present).op("i32.eqz").set(isNull);
    return isNull;
  }
}

export function zero(type: WasmType): Part {
  if (type === "i64") return { kind: "i64", value: 0n };
  assert(type !== "v128", "a value is never a vector");
  return { kind: type, value: 0 };
}
