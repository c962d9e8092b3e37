/**
 * ModuleBuilder: a WebAssembly module under construction; toBytes() gives the binary, toText() what `explain` prints.
 *
 * Layout:  type, import, function, global, export, code, data sections, then function names for stack traces.
 * Imports: the memory as env.memory; functions and immutable globals by module and name, added when first asked for.
 * Data:    constants are placed one after another behind the imported global env.data, the address of a block that the
 *          loader allocates for the module's life; env.status and env.ones are static addresses (generated-module.ts).
 */
import { ByteWriter } from "./byte-writer.ts";
import {
  FunctionBuilder,
  type FunctionRef,
  type FunctionType,
  type GlobalRef,
} from "./function-builder.ts";
import { OP, TYPE_BYTE, type WasmType } from "./opcodes.ts";
import { moduleToText } from "./text.ts";

interface ImportedFunction extends FunctionRef {
  readonly module: string;
}
interface ImportedGlobal extends GlobalRef {
  readonly module: string;
}
export interface OwnGlobal extends GlobalRef {
  readonly initial: bigint;
}

const MIN_MEMORY_PAGES = 1;
const KIND = { function: 0, memory: 2, global: 3 } as const;
const DATA_ALIGN = 8;

export class ModuleBuilder {
  readonly functions: FunctionBuilder[] = [];
  readonly imports: ImportedFunction[] = [];
  readonly data = new ByteWriter();
  readonly #importsByName = new Map<string, ImportedFunction>();
  readonly #importedGlobals: ImportedGlobal[] = [];
  readonly #globals: OwnGlobal[] = [];
  readonly #exports: { readonly name: string; readonly target: FunctionRef }[] = [];
  readonly #constants = new Map<string, number>();
  readonly #types = new Map<string, number>();

  constructor() {
    for (const name of ["data", "status", "ones"])
      this.#importedGlobals.push({
        module: "env",
        name,
        type: "i32",
        index: this.#importedGlobals.length,
      });
  }

  /** The address of this module's constants. */
  get dataGlobal(): GlobalRef {
    return this.#importedGlobals[0] as GlobalRef;
  }

  /** The address of the status struct (kernels/cast-status.as.ts). */
  get statusGlobal(): GlobalRef {
    return this.#importedGlobals[1] as GlobalRef;
  }

  /** The address of MAX_BATCH_ROWS bytes 1. */
  get onesGlobal(): GlobalRef {
    return this.#importedGlobals[2] as GlobalRef;
  }

  importFunction(module: string, name: string, type: FunctionType): FunctionRef {
    const key = `${module}.${name}`;
    let found = this.#importsByName.get(key);
    if (found === undefined) {
      found = { module, name, type };
      this.#importsByName.set(key, found);
      this.imports.push(found);
    }
    return found;
  }

  /** A mutable i32 or i64 global of the module. Imported globals come first, so declare none after this. */
  global(name: string, type: "i32" | "i64", initial = 0n): GlobalRef {
    const index = this.#importedGlobals.length + this.#globals.length;
    const global = { name, type, index, initial };
    this.#globals.push(global);
    return global;
  }

  function(name: string, type: FunctionType, paramNames?: readonly string[]): FunctionBuilder {
    const builder = new FunctionBuilder(name, type, paramNames);
    this.functions.push(builder);
    return builder;
  }

  /** As function(), and exported under its name. */
  exportFunction(name: string, type: FunctionType, paramNames?: readonly string[]) {
    const builder = this.function(name, type, paramNames);
    this.#exports.push({ name, target: builder });
    return builder;
  }

  /** Offset of these bytes within the module's constants; equal bytes are kept once, 8-byte aligned. */
  constant(bytes: Uint8Array): number {
    const key = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    let offset = this.#constants.get(key);
    if (offset === undefined) {
      while (this.data.length % DATA_ALIGN !== 0) this.data.byte(0);
      offset = this.data.length;
      this.data.append(bytes);
      this.#constants.set(key, offset);
    }
    return offset;
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const indexes = new Map<FunctionRef, number>();
    for (const ref of [...this.imports, ...this.functions]) indexes.set(ref, indexes.size);
    const code = this.#code(indexes);
    const imports = this.#importSection();
    const functions = list(this.functions, (out, f) => out.u32(this.#typeIndex(f.type)));
    const out = new ByteWriter(4096);
    out.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(out, 1, this.#typeSection());
    section(out, 2, imports);
    section(out, 3, functions);
    if (this.#globals.length > 0) section(out, 6, list(this.#globals, writeGlobal));
    section(
      out,
      7,
      list(this.#exports, (to, { name, target }) => {
        to.name(name);
        to.byte(KIND.function);
        to.u32(indexes.get(target) ?? 0);
      }),
    );
    section(out, 10, code);
    if (this.data.length > 0) section(out, 11, this.#dataSection());
    section(out, 0, this.#nameSection(indexes));
    return out.bytes().slice();
  }

  toText(): string {
    return moduleToText(this);
  }

  #code(indexes: ReadonlyMap<FunctionRef, number>): ByteWriter {
    return list(this.functions, (out, f) => {
      const body = new ByteWriter(f.code.length + 64);
      const groups: { type: WasmType; count: number }[] = [];
      for (const type of f.localTypes) {
        const last = groups.at(-1);
        if (last?.type === type) last.count++;
        else groups.push({ type, count: 1 });
      }
      body.u32(groups.length);
      for (const { type, count } of groups) {
        body.u32(count);
        body.byte(TYPE_BYTE[type]);
      }
      for (const { at, target } of f.calls) f.code.patch32(at, indexes.get(target) ?? -1);
      body.append(f.code.bytes());
      body.byte(OP.end);
      out.u32(body.length);
      out.append(body.bytes());
    });
  }

  #typeIndex(type: FunctionType): number {
    const key = `${type.params.join()}>${type.results.join()}`;
    let index = this.#types.get(key);
    if (index === undefined) {
      index = this.#types.size;
      this.#types.set(key, index);
    }
    return index;
  }

  #typeSection(): ByteWriter {
    return list([...this.#types.keys()], (out, key) => {
      out.byte(0x60);
      for (const side of key.split(">")) {
        const types = side === "" ? [] : (side.split(",") as WasmType[]);
        out.u32(types.length);
        for (const type of types) out.byte(TYPE_BYTE[type]);
      }
    });
  }

  #importSection(): ByteWriter {
    const out = new ByteWriter();
    out.u32(1 + this.#importedGlobals.length + this.imports.length);
    out.name("env");
    out.name("memory");
    out.byte(KIND.memory);
    out.byte(0);
    out.u32(MIN_MEMORY_PAGES);
    for (const global of this.#importedGlobals) {
      out.name(global.module);
      out.name(global.name);
      out.byte(KIND.global);
      out.byte(TYPE_BYTE[global.type]);
      out.byte(0);
    }
    for (const { module, name, type } of this.imports) {
      out.name(module);
      out.name(name);
      out.byte(KIND.function);
      out.u32(this.#typeIndex(type));
    }
    return out;
  }

  #dataSection(): ByteWriter {
    const out = new ByteWriter(this.data.length + 16);
    out.u32(1);
    out.u32(0);
    out.byte(OP["global.get"]);
    out.u32(this.dataGlobal.index);
    out.byte(OP.end);
    out.u32(this.data.length);
    out.append(this.data.bytes());
    return out;
  }

  #nameSection(indexes: ReadonlyMap<FunctionRef, number>): ByteWriter {
    const names = list(this.functions, (out, f) => {
      out.u32(indexes.get(f) ?? 0);
      out.name(f.name);
    });
    const out = new ByteWriter(names.length + 16);
    out.name("name");
    out.byte(1);
    out.u32(names.length);
    out.append(names.bytes());
    return out;
  }
}

function writeGlobal(out: ByteWriter, global: OwnGlobal): void {
  out.byte(TYPE_BYTE[global.type]);
  out.byte(1);
  out.byte(global.type === "i32" ? OP["i32.const"] : OP["i64.const"]);
  out.s64(global.initial);
  out.byte(OP.end);
}

function list<T>(items: readonly T[], write: (out: ByteWriter, item: T) => void): ByteWriter {
  const out = new ByteWriter();
  out.u32(items.length);
  for (const item of items) write(out, item);
  return out;
}

function section(out: ByteWriter, id: number, body: ByteWriter): void {
  out.byte(id);
  out.u32(body.length);
  out.append(body.bytes());
}
