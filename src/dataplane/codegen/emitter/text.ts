/**
 * Generated WebAssembly as text with the names of functions and locals, for `explain`: reads the bytes back.
 *
 * Form:    WAT's flat form, one instruction a line, indented by block. It is for reading; toBytes() is the module.
 */
import type { FunctionBuilder, FunctionRef } from "./function-builder.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { LANE_OPS, LOAD_OPS, OP, SIMPLE_OPS, STORE_OPS, TYPE_BYTE } from "./opcodes.ts";

const NAMES = new Map<number, string>([
  ...Object.entries(SIMPLE_OPS).map(([name, code]) => [code, name] as const),
  ...Object.entries(LANE_OPS).map(([name, code]) => [code, name] as const),
  ...Object.entries(LOAD_OPS).map(([name, [code]]) => [code, name] as const),
  ...Object.entries(STORE_OPS).map(([name, [code]]) => [code, name] as const),
  ...Object.entries(OP).map(([name, code]) => [code, name] as const),
]);
const TYPE_NAMES = new Map(Object.entries(TYPE_BYTE).map(([name, byte]) => [byte, name]));
const MEMORY_OPS = new Set<number>(
  [...Object.values(LOAD_OPS), ...Object.values(STORE_OPS)].map(([code]) => code),
);
const LANES = new Set<number>(Object.values(LANE_OPS));

export function moduleToText(module: ModuleBuilder): string {
  const lines = ["(module"];
  for (const { module: from, name, type } of module.imports)
    lines.push(`  (import "${from}" "${name}" (func $${name}${signature(type)}))`);
  if (module.data.length > 0)
    lines.push(`  (data (global.get $data) ;; ${module.data.length} bytes`, "  )");
  for (const f of module.functions) for (const line of functionToText(f)) lines.push(line);
  lines.push(")");
  return `${lines.join("\n")}\n`;
}

function signature(type: FunctionRef["type"]): string {
  const params = type.params.length > 0 ? ` (param ${type.params.join(" ")})` : "";
  return params + (type.results.length > 0 ? ` (result ${type.results.join(" ")})` : "");
}

function functionToText(f: FunctionBuilder): string[] {
  const params = f.type.params.map((type, i) => ` (param $${f.localNames[i]} ${type})`).join("");
  const result = f.type.results.length > 0 ? ` (result ${f.type.results.join(" ")})` : "";
  const lines = [`  (func $${f.name}${params}${result}`];
  f.localTypes.forEach((type, i) => {
    lines.push(`    (local $${f.localNames[f.params.length + i]} ${type})`);
  });
  const reader = new CodeReader(f);
  let depth = 2;
  while (!reader.done) {
    const { name, text } = reader.next();
    if (name === "end" || name === "else") depth--;
    lines.push(`${"  ".repeat(depth)}${text}`);
    if (name === "block" || name === "loop" || name === "if" || name === "else") depth++;
  }
  lines.push("  )");
  return lines;
}

class CodeReader {
  readonly #function: FunctionBuilder;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #calls: ReadonlyMap<number, FunctionRef>;
  #at = 0;

  constructor(f: FunctionBuilder) {
    this.#function = f;
    this.#bytes = f.code.bytes();
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    this.#calls = new Map(f.calls.map(({ at, target }) => [at, target]));
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): { name: string; text: string } {
    const first = this.#byte();
    const code = first === 0xfc || first === 0xfd ? (first << 8) | this.#u32() : first;
    const name = NAMES.get(code) ?? `0x${code.toString(16)}`;
    const operand = this.#operand(code);
    return { name, text: operand === "" ? name : `${name} ${operand}` };
  }

  #operand(code: number): string {
    if (MEMORY_OPS.has(code)) {
      this.#u32();
      const offset = this.#u32();
      return offset === 0 ? "" : `offset=${offset}`;
    }
    if (LANES.has(code)) return String(this.#byte());
    switch (code) {
      case OP.block:
      case OP.loop:
      case OP.if: {
        const type = TYPE_NAMES.get(this.#byte());
        return type === undefined ? "" : `(result ${type})`;
      }
      case OP.br:
      case OP.br_if:
        return String(this.#u32());
      case OP.br_table:
        return Array.from({ length: this.#u32() + 1 }, () => this.#u32()).join(" ");
      case OP.call: {
        const name = this.#calls.get(this.#at)?.name;
        this.#at += 5;
        return `$${name}`;
      }
      case OP["local.get"]:
      case OP["local.set"]:
      case OP["local.tee"]:
        return `$${this.#function.localNames[this.#u32()]}`;
      case OP["global.get"]:
      case OP["global.set"]:
        return `$global${this.#u32()}`;
      default:
        return this.#constant(code);
    }
  }

  #constant(code: number): string {
    switch (code) {
      case OP["i32.const"]:
        return String(Number(BigInt.asIntN(32, this.#signed())));
      case OP["i64.const"]:
        return String(this.#signed());
      case OP["f32.const"]:
        this.#at += 4;
        return String(this.#view.getFloat32(this.#at - 4, true));
      case OP["f64.const"]:
        this.#at += 8;
        return String(this.#view.getFloat64(this.#at - 8, true));
      case OP["memory.copy"]:
        this.#at += 2;
        return "";
      case OP["memory.fill"]:
        this.#at += 1;
        return "";
      default:
        return "";
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  #u32(): number {
    return Number(BigInt.asUintN(32, this.#leb().value));
  }

  #signed(): bigint {
    const { value, bits } = this.#leb();
    return BigInt.asIntN(bits, value);
  }

  #leb(): { value: bigint; bits: number } {
    let value = 0n;
    for (let bits = 0; ; ) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(bits);
      bits += 7;
      if (byte < 0x80) return { value, bits };
    }
  }
}
