/**
 * Reads the exported functions of a WebAssembly module with their types: what WebAssembly.Module.exports leaves out.
 *
 * Layout:  magic(4) version(4) then sections: id(1) size(LEB128) body. Read: 1 types, 2 imports, 3 functions, 7 exports.
 * Limits:  the function types of WebAssembly 1.0 plus v128 and references; no GC types (the kernels have none).
 * Errors:  Error for a form that the kernels do not use: a change of compiler, to be looked at.
 */
export type WasmType = "i32" | "i64" | "f32" | "f64" | "v128" | "funcref" | "externref";

export interface ExportedFunction {
  readonly name: string;
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
}

interface FunctionType {
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
}

const TYPES: Readonly<Record<number, WasmType>> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
  112: "funcref",
  111: "externref",
};
const KIND_FUNCTION = 0;

/** Every exported function of a module, sorted by name. */
export function readFunctionExports(wasm: Uint8Array): ExportedFunction[] {
  const reader = new Reader(wasm, 8);
  let types: FunctionType[] = [];
  const functionTypes: number[] = [];
  const found: { name: string; index: number }[] = [];
  while (reader.offset < wasm.length) {
    const id = reader.byte();
    const size = reader.u32();
    const end = reader.offset + size;
    if (id === 1) types = readTypes(reader);
    else if (id === 2) functionTypes.push(...readImportedFunctions(reader));
    else if (id === 3) functionTypes.push(...reader.list(() => reader.u32()));
    else if (id === 7) found.push(...readExports(reader));
    reader.offset = end;
  }
  return found
    .map(({ name, index }) => {
      const type = types[functionTypes[index] ?? -1];
      if (type === undefined) throw new Error(`export ${name} has no type`);
      return { name, ...type };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readTypes(reader: Reader): FunctionType[] {
  return reader.list(() => {
    const form = reader.byte();
    if (form !== 0x60) throw new Error(`type form ${form} is not a function`);
    return { params: reader.list(() => reader.type()), results: reader.list(() => reader.type()) };
  });
}

/** The type indexes of imported functions: they come before the module's own. */
function readImportedFunctions(reader: Reader): number[] {
  const functions: number[] = [];
  reader.list(() => {
    reader.name();
    reader.name();
    const kind = reader.byte();
    if (kind === KIND_FUNCTION) functions.push(reader.u32());
    else if (kind === 1) {
      reader.byte();
      reader.limits();
    } else if (kind === 2) reader.limits();
    else if (kind === 3) reader.offset += 2;
    else throw new Error(`import kind ${kind} is unknown`);
  });
  return functions;
}

function readExports(reader: Reader): { name: string; index: number }[] {
  return reader
    .list(() => ({ name: reader.name(), kind: reader.byte(), index: reader.u32() }))
    .filter(({ kind }) => kind === KIND_FUNCTION);
}

class Reader {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  byte(): number {
    const value = this.bytes[this.offset++];
    if (value === undefined) throw new Error("the module ends too early");
    return value;
  }

  u32(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw new Error("a number is longer than 5 bytes");
  }

  type(): WasmType {
    const byte = this.byte();
    const type = TYPES[byte];
    if (type === undefined) throw new Error(`value type ${byte} is unknown`);
    return type;
  }

  limits(): void {
    const flags = this.byte();
    this.u32();
    if ((flags & 1) === 1) this.u32();
  }

  name(): string {
    const size = this.u32();
    const bytes = this.bytes.subarray(this.offset, this.offset + size);
    this.offset += size;
    return new TextDecoder().decode(bytes);
  }

  list<T>(item: () => T): T[] {
    const count = this.u32();
    const items: T[] = [];
    for (let index = 0; index < count; index++) items.push(item());
    return items;
  }
}
