/**
 * Builds the static kernels: `src/dataplane/kernels/index.as.ts` (AssemblyScript) → `kernels.wasm`, and beside it
 * `kernels.generated.ts`, the typed interface of every export and its WebAssembly signature.
 *
 * Flow:    bootstrap, `npm run build`, `npm test` → here. Skipped while sources, flags and compiler are unchanged.
 * Module:  imports its memory as env.memory (at least 16 pages = 1 MiB, no maximum declared), has no other import,
 *          no runtime (stub), no assertions; `abort` is compiled away, so a kernel that must fail returns a code.
 * Names:   `hash.as.ts` is imported in AssemblyScript as "./hash.as".
 * Numbers: i64 is bigint on the JavaScript side; an u32 or usize comes back as a signed number: use `>>> 0`.
 *          A function with a v128 in its signature is in KERNEL_SIGNATURES but not callable from JavaScript.
 * Errors:  compiler messages on stderr, and an Error that names the folder.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  exists,
  kernelsFolder,
  readStamp,
  repositoryRoot,
  writeAtomically,
  writeStamp,
} from "./build-files.ts";
import { type ExportedFunction, readFunctionExports } from "./wasm-exports.ts";

const FLAGS = [
  "--runtime",
  "stub",
  "--importMemory",
  "--initialMemory",
  "16",
  "--enable",
  "simd",
  "--enable",
  "bulk-memory",
  "--enable",
  "sign-extension",
  "--enable",
  "mutable-globals",
  "--enable",
  "nontrapping-f2i",
  "-O3",
  "--noAssert",
  "--use",
  "abort=",
] as const;

const ENTRY = "index.as.ts";

export interface KernelsBuild {
  readonly compiled: boolean;
  readonly functions: number;
  readonly sizeBytes: number;
  readonly tookMs: number;
}

/** Compiles the kernels when their sources have changed; `force` compiles always. */
export async function buildKernels({
  force = false,
}: {
  force?: boolean;
} = {}): Promise<KernelsBuild | undefined> {
  if (!exists(join(kernelsFolder, ENTRY))) return undefined;
  const startedAt = performance.now();
  const sources = readSources();
  const hash = hashSources(sources);
  const wasmPath = join(kernelsFolder, "kernels.wasm");
  const typesPath = join(kernelsFolder, "kernels.generated.ts");
  const stamp = readStamp("kernels");
  if (!force && stamp.hash === hash && exists(wasmPath) && exists(typesPath)) {
    const sizeBytes = Number(stamp.sizeBytes);
    return { compiled: false, functions: Number(stamp.functions), sizeBytes, tookMs: 0 };
  }
  const wasm = await compile();
  const functions = readFunctionExports(wasm);
  writeAtomically(wasmPath, wasm);
  writeAtomically(typesPath, generateInterface(functions, sources));
  const built = { functions: functions.length, sizeBytes: wasm.length };
  writeStamp("kernels", { hash, ...built });
  return { compiled: true, ...built, tookMs: Math.round(performance.now() - startedAt) };
}

function readSources(): Map<string, string> {
  const names = readdirSync(kernelsFolder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".as.ts"))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(kernelsFolder, name), "utf8")]));
}

function hashSources(sources: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  const compiler = readFileSync(
    join(repositoryRoot, "node_modules/assemblyscript/package.json"),
    "utf8",
  );
  hash.update(JSON.stringify([FLAGS, JSON.parse(compiler).version]));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const [name, text] of sources) hash.update(`${name}\0${text}\0`);
  return hash.digest("hex");
}

async function compile(): Promise<Uint8Array> {
  // The compiler takes most of a second to load: only when there is work for it.
  const asc = await import("assemblyscript/asc");
  let wasm: Uint8Array | undefined;
  const messages: string[] = [];
  const collect = {
    write(chunk: Uint8Array | string) {
      messages.push(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));
      return true;
    },
  };
  const { error } = await asc.main(
    [ENTRY, "--baseDir", kernelsFolder, "--outFile", "kernels.wasm", ...FLAGS],
    {
      stdout: collect,
      stderr: collect,
      writeFile(_name: string, contents: Uint8Array | string) {
        if (typeof contents !== "string") wasm = contents;
      },
    },
  );
  if (error !== null || wasm === undefined) {
    process.stderr.write(messages.join(""));
    throw new Error(`the kernels in src/dataplane/kernels do not compile: ${error?.message ?? ""}`);
  }
  if (messages.length > 0) process.stderr.write(messages.join(""));
  return wasm;
}

/** The text of kernels.generated.ts. Parameter names and AssemblyScript types come from the sources. */
export function generateInterface(
  functions: readonly ExportedFunction[],
  sources: ReadonlyMap<string, string>,
): string {
  const declared = readDeclarations([...sources.values()].join("\n"));
  const callable = functions.filter(
    ({ params, results }) => ![...params, ...results].includes("v128") && results.length <= 1,
  );
  const lines = [
    "/** Generated by tools/build-kernels.ts from the exports of kernels.wasm: do not edit. */",
    'export type WasmType = "i32" | "i64" | "f32" | "f64" | "v128";',
    "",
    "/** The exports of kernels.wasm; the comment gives the AssemblyScript types (u32 needs `>>> 0`). */",
    "export interface KernelExports {",
  ];
  for (const { name, params, results } of callable) {
    const declaration = declared.get(name);
    if (declaration !== undefined) lines.push(`  /** ${declaration.text} */`);
    const list = params.map(
      (type, index) => `${declaration?.names[index] ?? `p${index}`}: ${jsType(type)}`,
    );
    const result = results[0] === undefined ? "void" : jsType(results[0]);
    lines.push(`  readonly ${name}: (${list.join(", ")}) => ${result};`);
  }
  lines.push("}", "");
  lines.push(
    "export interface KernelSignature {",
    "  readonly params: readonly WasmType[];",
    "  readonly results: readonly WasmType[];",
    "}",
    "",
    "/** What a generated module writes into its type section to import a kernel. */",
    "export const KERNEL_SIGNATURES = {",
  );
  for (const { name, params, results } of functions) {
    lines.push(
      `  ${name}: { params: ${JSON.stringify(params)}, results: ${JSON.stringify(results)} },`,
    );
  }
  lines.push("} as const satisfies Record<string, KernelSignature>;", "");
  lines.push("export type KernelName = keyof typeof KERNEL_SIGNATURES;", "");
  return lines.join("\n");
}

interface Declaration {
  readonly names: readonly string[];
  readonly text: string;
}

function readDeclarations(source: string): Map<string, Declaration> {
  const declarations = new Map<string, Declaration>();
  const pattern = /export function (\w+)\s*\(([^)]*)\)\s*:\s*(\w+)/g;
  for (const [, name, list, result] of source.matchAll(pattern)) {
    if (name === undefined || list === undefined) continue;
    const params = list
      .replaceAll(/\/\/.*|\/\*.*?\*\//g, "")
      .split(",")
      .map((param) => param.replaceAll(/\s+/g, " ").trim())
      .filter((param) => param !== "");
    const names = params.map((param) => `${param.split(/[ :=?]/)[0]}`);
    declarations.set(name, { names, text: `${name}(${params.join(", ")}): ${result}` });
  }
  return declarations;
}

function jsType(type: string): string {
  return type === "i64" ? "bigint" : "number";
}

if (import.meta.main) {
  const build = await buildKernels({ force: process.argv.includes("--force") });
  const text =
    build === undefined
      ? "no src/dataplane/kernels/index.as.ts: nothing to build"
      : build.compiled
        ? `${build.functions} functions, ${build.sizeBytes} bytes, ${build.tookMs} ms`
        : `unchanged (${build.functions} functions, ${build.sizeBytes} bytes)`;
  process.stdout.write(`kernels  ${text}\n`);
}
