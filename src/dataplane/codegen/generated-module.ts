/**
 * GeneratedModule: an instantiated generated module, its constants in the worker's memory, and its error reports.
 *
 * Flow:    calc, codecs, aggregates build a ModuleBuilder → instantiate() → exports called once per batch.
 * Errors:  generated code leaves code, row and call site in the status struct and returns; check() turns that into the
 *          catalogue error (errors.ts) with operator, row and text.
 * Memory:  constants are allocated once (pageAllocate) and live as long as the worker.
 */
import type { KernelExports } from "../kernels/kernels.generated.ts";
import type { ModuleBuilder } from "./emitter/module-builder.ts";
import { expressionError } from "./errors.ts";

/** The part of the contract's WorkerRuntime that generated modules need. */
export interface CodegenRuntime {
  readonly memory: WebAssembly.Memory;
  readonly kernels: KernelExports;
  readonly kernelInstance: WebAssembly.Exports;
  /** Sees each module that is generated, for EXPLAIN. */
  readonly onModule?: (operator: string, module: ModuleBuilder) => void;
}

/** A place in generated code that can fail: what the error message calls it. */
export interface CallSite {
  readonly function: string;
}

/** As in kernels/memory.as.ts. */
const PAGE_BYTES = 4096;
const STATUS_ROW = 4;
const STATUS_SITE = 8;
const STATUS_TEXT = 16;
/** Bytes of a text that an error message repeats. */
const MAX_TEXT_BYTES = 200;

export class GeneratedModule {
  readonly exports: Readonly<Record<string, (...args: never[]) => number>>;
  readonly #runtime: CodegenRuntime;
  readonly #status: number;
  readonly #sites: readonly CallSite[];
  readonly #operator: string;
  #words: Uint32Array;

  constructor({
    runtime,
    module,
    sites,
    operator,
    host = {},
  }: {
    readonly runtime: CodegenRuntime;
    readonly module: ModuleBuilder;
    readonly sites: readonly CallSite[];
    /** Functions in TypeScript that the module may import, from "h". */
    readonly host?: Readonly<Record<string, (...args: never[]) => bigint>>;
    /** Names the operator in error messages. */
    readonly operator: string;
  }) {
    runtime.onModule?.(operator, module);
    this.#runtime = runtime;
    this.#sites = sites;
    this.#operator = operator;
    this.#status = runtime.kernels.codegenStatus();
    const size = module.data.length;
    const pages = Math.ceil(size / PAGE_BYTES);
    const data = size === 0 ? 0 : runtime.kernels.pageAllocate(pages) >>> 0;
    const global = (value: number) =>
      new WebAssembly.Global({ value: "i32", mutable: false }, value);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), {
      env: {
        memory: runtime.memory,
        data: global(data),
        status: global(this.#status),
        ones: global(runtime.kernels.codegenOnes()),
      },
      k: runtime.kernelInstance,
      h: host,
    });
    this.exports = instance.exports as typeof this.exports;
    this.#words = new Uint32Array(runtime.memory.buffer);
  }

  /** Throws the error that the last call reported, if it did. Call it after every call into the module. */
  check(): void {
    if (this.#words.buffer !== this.#runtime.memory.buffer)
      this.#words = new Uint32Array(this.#runtime.memory.buffer);
    if (this.#words[this.#status >>> 2] !== 0) this.#throw();
  }

  #throw(): never {
    const { buffer } = this.#runtime.memory;
    const view = new DataView(buffer, this.#status);
    const code = view.getUint32(0, true);
    const row = view.getUint32(STATUS_ROW, true);
    const site = this.#sites[view.getUint32(STATUS_SITE, true)];
    const address = view.getUint32(STATUS_TEXT, true);
    const length = view.getUint32(STATUS_TEXT + 4, true);
    const bytes = new Uint8Array(buffer, address, Math.min(length, MAX_TEXT_BYTES));
    view.setUint32(0, 0, true);
    view.setBigUint64(STATUS_TEXT, 0n, true);
    throw expressionError(
      code,
      {
        function: site?.function ?? "an expression",
        where: `${this.#operator}, row ${row} of its batch`,
      },
      new TextDecoder().decode(bytes),
    ).at({ row });
  }
}
