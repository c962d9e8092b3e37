/** Paths and small file operations that the build steps share. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
export const kernelsFolder = join(repositoryRoot, "src", "dataplane", "kernels");

export const exists = existsSync;

/** The content of a stamp file; an absent or damaged one is empty, so that its step runs again. */
export function readStamp(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (error) {
    process.stderr.write(`${path} is damaged and is made anew: ${String(error)}\n`);
    rmSync(path);
    return {};
  }
}

/** Two builds may run at the same time: a reader sees the old file or the new one, never half of one. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
