/**
 * `npm run tidy [-- --fix] [-- path …]`: the house rules, biome's lint and format, and the compiler's types, at once.
 *
 * Flow:    bootstrap (kernels are built, since their generated types are checked) → here; test.ts calls it as well.
 * Output:  one line per violation: path:line, rule, remedy; then the other tools' own messages.
 * Options: --fix lets biome format and repair first; paths (prefixes) narrow down what is reported.
 * Exit:    0 when there is nothing to say, else 1.
 */
import { execFile, spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { exists, repositoryRoot } from "./build-files.ts";
import { missingEntries, readLockFile } from "./lock-file.ts";
import { applyAllowances, checkFile, type Packages, type Violation } from "./tidy-rules.ts";

const BINARY = /\.(?:png|jpg|ico|woff2?|wasm|parquet|gz|zst|arrow|avro|bin)$/;
const UNTRACKED = ["node_modules", "dist", ".cache", ".git", ".millrace", "*.generated.ts"];
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

interface Outcome {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Runs every check and returns the lines to show: empty when the house is tidy. */
export async function tidy({
  fix = false,
  paths = [],
}: {
  fix?: boolean;
  paths?: readonly string[];
} = {}): Promise<string[]> {
  const prefixes = paths.map((path) => relative(repositoryRoot, path).replaceAll("\\", "/"));
  const wanted = (line: string) =>
    prefixes.length === 0 || prefixes.some((prefix) => line.startsWith(prefix));
  const projects = ["tsconfig.json", "tsconfig.any-env.json", "console/tsconfig.json"];
  const outcomes = await Promise.all([
    biome(fix, prefixes),
    ...projects.filter((path) => exists(join(repositoryRoot, path))).map(types),
  ]);
  const rules = checkRules()
    .map(({ path, line, rule, remedy }) => `${path}:${line}  ${rule}: ${remedy}`)
    .filter(wanted);
  const messages = [
    ...rules,
    ...outcomes.flatMap(({ name, lines }) =>
      name === "biome" ? lines : joinContinued(lines).filter(wanted),
    ),
  ];
  // A file of two projects is compiled twice.
  return [...new Set(messages)];
}

/** The compiler's indented lines belong to the message above them. */
function joinContinued(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : lines.join("\n").split(/\n(?! )/);
}

function checkRules(): Violation[] {
  const violations = listFiles().flatMap((path) => {
    const text = readFileSync(join(repositoryRoot, path), "utf8");
    return checkFile(path, text, packages());
  });
  const incomplete = [...missingEntries(readLockFile()).keys()].map((name) => ({
    path: "package-lock.json",
    line: 1,
    rule: "lock file",
    remedy: `${name} is missing: run node tools/lock-file.ts`,
  }));
  return [...applyAllowances(violations), ...incomplete];
}

/** What is committed or would be, text only. */
function listFiles(): string[] {
  return (listByGit() ?? listByWalk()).filter(
    (path) => path !== "" && !BINARY.test(path) && exists(join(repositoryRoot, path)),
  );
}

function listByGit(): string[] | undefined {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const options = { cwd: repositoryRoot, encoding: "utf8", maxBuffer: MAX_OUTPUT_BYTES } as const;
  const { status, stdout } = spawnSync("git", args, options);
  return status === 0 ? stdout.split("\0") : undefined;
}

/** Where there is no git, or it does not trust the folder's owner. */
function listByWalk(): string[] {
  const exclude = UNTRACKED.flatMap((name) => [name, `**/${name}`]);
  return globSync("**/*", { cwd: repositoryRoot, exclude, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => relative(repositoryRoot, join(item.parentPath, item.name)))
    .map((path) => path.replaceAll("\\", "/"));
}

let known: Packages | undefined;

function packages(): Packages {
  if (known !== undefined) return known;
  const text = readFileSync(join(repositoryRoot, "package.json"), "utf8");
  const json = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
  known = {
    dependencies: new Set(Object.keys({ ...json.dependencies, ...json.peerDependencies })),
    devDependencies: new Set(Object.keys(json.devDependencies ?? {})),
  };
  return known;
}

async function biome(fix: boolean, prefixes: readonly string[]): Promise<Outcome> {
  const args = ["check", "--reporter=github", "--max-diagnostics=none", "--error-on-warnings"];
  if (fix) args.push("--write");
  const where = prefixes.length > 0 ? prefixes : ["."];
  const outcome = await run("biome", [...args, "--no-errors-on-unmatched", ...where]);
  const lines = outcome.lines.flatMap((line) => biomeLine(line) ?? []);
  // A failure that is no diagnostic (a broken configuration, say) is shown as it is.
  return lines.length === 0 ? outcome : { ...outcome, lines };
}

/** `::error title=RULE,file=PATH,line=N,…::MESSAGE` in the words of the other checks. */
function biomeLine(line: string): string | undefined {
  const match = /^::(?:error|warning) title=([^,]+),file=([^,]+),line=(\d+),[^:]*::(.*)$/.exec(
    line,
  );
  if (match === null) return undefined;
  const [, rule = "", file = "", at = "", message = ""] = match;
  const path = relative(repositoryRoot, resolve(repositoryRoot, file)).replaceAll("\\", "/");
  const remedy = rule === "format" ? `npm run tidy -- --fix ${path}` : message;
  return `${path}:${at}  ${rule}: ${remedy}`;
}

async function types(project: string): Promise<Outcome> {
  return run("tsc", ["--noEmit", "--pretty", "false", "-p", project]);
}

/** A tool that ends with 0 has nothing to say. */
async function run(name: string, args: readonly string[]): Promise<Outcome> {
  const file = join(repositoryRoot, "node_modules", ".bin", name);
  return new Promise((resolve) => {
    const options = { cwd: repositoryRoot, maxBuffer: MAX_OUTPUT_BYTES };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ name, lines: [] });
      const text = `${stdout}${stderr}`.trim();
      resolve({ name, lines: (text === "" ? error.message : text).split("\n") });
    });
  });
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { fix: { type: "boolean" } },
    allowPositionals: true,
  });
  const startedAt = performance.now();
  const lines = await tidy({ ...values, paths: positionals });
  for (const line of lines) process.stdout.write(`${line}\n`);
  const took = `${Math.round(performance.now() - startedAt)} ms`;
  process.stdout.write(lines.length === 0 ? `tidy, ${took}\n` : `not tidy, ${took}\n`);
  process.exitCode = lines.length === 0 ? 0 : 1;
}
