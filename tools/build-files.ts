/** Paths, stamps and small file operations that the build steps share. A stamp says what a step was last built from. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
export const kernelsFolder = join(repositoryRoot, "src", "dataplane", "kernels");

export const exists = existsSync;

export interface Fingerprint {
  /** Of names, sizes and modification times. */
  readonly hash: string;
  readonly files: number;
  readonly newestMs: number;
}

/** Files below folders of the repository, tests left out; a folder that does not exist is empty. */
export function fingerprint(folders: readonly string[]): Fingerprint {
  const hash = createHash("sha256");
  let files = 0;
  let newestMs = 0;
  for (const folder of folders.map((name) => join(repositoryRoot, name)).filter(existsSync)) {
    for (const item of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!item.isFile() || item.name.endsWith(".test.ts")) continue;
      const path = join(item.parentPath, item.name);
      const { mtimeMs, size } = statSync(path);
      hash.update(`${path}\0${size}\0${mtimeMs}\0`);
      files++;
      newestMs = Math.max(newestMs, mtimeMs);
    }
  }
  return { hash: hash.digest("hex"), files, newestMs };
}

/** What a step was last built from; an absent or damaged stamp is empty, so that its step runs again. */
export function readStamp(step: string): Readonly<Record<string, unknown>> {
  const path = stampPath(step);
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (error) {
    process.stderr.write(`${path} is damaged and is made anew: ${String(error)}\n`);
    rmSync(path);
    return {};
  }
}

export function writeStamp(step: string, stamp: Readonly<Record<string, unknown>>): void {
  writeAtomically(stampPath(step), `${JSON.stringify(stamp)}\n`);
}

/** Two builds may run at the same time: a reader sees the old file or the new one, never half of one. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

function stampPath(step: string): string {
  return join(repositoryRoot, ".cache", "build", `${step}.json`);
}
