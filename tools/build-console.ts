/** Builds the web console (console/, Vite) into dist/console when its sources have changed. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exists, fingerprint, readStamp, repositoryRoot, writeStamp } from "./build-files.ts";

/** The console runs the real parser and validator: it is built anew when these change, too. */
const SOURCES = ["console", "src/foundation", "src/language/sql", "src/controlplane/api"];

export async function buildConsole(force: boolean): Promise<string> {
  const folder = join(repositoryRoot, "console");
  if (!exists(join(folder, "index.html"))) return "no entry yet";
  const startedAt = performance.now();
  const hash = createHash("sha256")
    .update(fingerprint(SOURCES).hash)
    .update(readFileSync(join(repositoryRoot, "package-lock.json")))
    .digest("hex");
  const outDir = join(repositoryRoot, "dist", "console");
  if (!force && exists(join(outDir, "index.html")) && readStamp("console").hash === hash) {
    return "unchanged";
  }
  const { build } = await import("vite");
  await build({ root: folder, logLevel: "warn", build: { outDir, emptyOutDir: true } });
  writeStamp("console", { hash });
  return `built in ${Math.round(performance.now() - startedAt)} ms`;
}
