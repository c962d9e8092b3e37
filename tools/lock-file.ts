/**
 * Keeps package-lock.json complete on every platform and free of registry hosts.
 *
 * Why:     a registry may lack packages that are made for other platforms; npm then leaves their optional entries out,
 *          and `npm ci` refuses the whole file. The entry needs no more than its version and its platform, which the
 *          package that asks for it and the name give; npm passes over it where the platform differs.
 * Flow:    `node tools/lock-file.ts` after every `npm install <package>`; tidy checks.
 * Source:  npm's package-lock.json, lockfileVersion 3: packages by path, nested node_modules looked up outwards.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, writeAtomically } from "./build-files.ts";

export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];

/** The entries that optional dependencies ask for and the file lacks, by path. */
export function missingEntries(lock: LockFile): Map<string, LockEntry> {
  const missing = new Map<string, LockEntry>();
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isPresent(lock, path, name) || !/^\d/.test(version)) continue;
      missing.set(`node_modules/${name}`, platformEntry(name, version, entry.dev === true));
    }
  }
  return missing;
}

function isPresent(lock: LockFile, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf("node_modules/"))) {
    const prefix = folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
    if (lock.packages[`${prefix}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

function platformEntry(name: string, version: string, dev: boolean): LockEntry {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  const libc = words.includes("musl") ? ["musl"] : [];
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(dev ? { dev } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

/** The file with the missing entries, in npm's order. */
export function completeLockFile(lock: LockFile): LockFile {
  const entries = [...Object.entries(lock.packages), ...missingEntries(lock)];
  entries.sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(entries) };
}

export function readLockFile(): LockFile {
  return JSON.parse(readFileSync(join(repositoryRoot, "package-lock.json"), "utf8")) as LockFile;
}

if (import.meta.main) {
  const lock = readLockFile();
  const added = missingEntries(lock).size;
  if (added > 0) {
    const text = `${JSON.stringify(completeLockFile(lock), undefined, 2)}\n`;
    writeAtomically(join(repositoryRoot, "package-lock.json"), text);
  }
  process.stdout.write(`package-lock.json: ${added} entries for other platforms added\n`);
}
