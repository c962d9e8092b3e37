/**
 * Where the benchmarks find and keep things.
 *
 * Variables: MILLRACE_SHARED       folder with bench/nexmark-queries (default: shared, beside the checkout)
 *            MILLRACE_BENCH_CACHE  events and Flink (default: ~/.cache/millrace), never in the repository
 */
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { benchErrors } from "./errors.ts";

export const repositoryFolder = resolve(import.meta.dirname, "..");
export const historyFile = join(import.meta.dirname, "history.jsonl");

export function sharedPath(...parts: string[]): string {
  const root = process.env.MILLRACE_SHARED ?? join(repositoryFolder, "..", "shared");
  const path = join(resolve(root), ...parts);
  if (!existsSync(path)) throw benchErrors.SHARED_MISSING({ path });
  return path;
}

/** A folder in the cache, made if it is missing. */
export function cacheFolder(...parts: string[]): string {
  const root = process.env.MILLRACE_BENCH_CACHE ?? join(homedir(), ".cache", "millrace");
  const folder = join(resolve(root), ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}
