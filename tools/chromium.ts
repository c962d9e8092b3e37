/**
 * Finds the browser that the tests of the console drive, and installs Debian's when it is missing and we may.
 *
 * Errors:  a sentence that says why there is none; the caller decides whether that is a failure.
 */
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { exists } from "./build-files.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

export type Chromium = { readonly path: string } | { readonly missing: string };

export function ensureChromium(): Chromium {
  const found = findChromium();
  if (found !== undefined) return { path: found };
  if (process.getuid?.() !== 0 || findOnPath("apt-get") === undefined) {
    return { missing: "there is no Chromium: install it (Debian: apt-get install chromium)" };
  }
  process.stderr.write("chromium: installing Debian's …\n");
  const install = ["install", "-y", "-q", "--no-install-recommends", "chromium"];
  for (const args of [["update", "-q"], install]) {
    const { status, stderr } = spawnSync("apt-get", args, {
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (status !== 0) return { missing: `apt-get ${args[0]} failed: ${stderr.trim()}` };
  }
  const path = findChromium();
  return path === undefined ? { missing: "Debian's chromium has no command" } : { path };
}

function findChromium(): string | undefined {
  for (const name of NAMES) {
    const path = findOnPath(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

function findOnPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(exists);
}
