/** Where the conformance data is: `--data`, else MILLRACE_SHARED, else the folder `shared` beside the checkout. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../tools/build-files.ts";

export function conformanceFolder(asked?: string): string {
  if (asked !== undefined) return asked;
  const shared = process.env["MILLRACE_SHARED"] ?? join(repositoryRoot, "../shared");
  return join(shared, "conformance");
}

export function hasConformanceData(folder: string): boolean {
  return existsSync(join(folder, "parser.jsonl"));
}

export function readConformanceFile(folder: string, file: string): string {
  return readFileSync(join(folder, file), "utf8");
}
