/**
 * Bundles src/cli/main.ts into dist/cli.mjs, heavy parts into chunks that load on first use, and every `*.worker.ts`
 * into a file of its own, so that `millrace` starts without reading hundreds of source files.
 *
 * URLs:    code finds its workers and data files only by `new URL("<relative path>", import.meta.url)`. Since every
 *          output lies flat in dist/, that path is rewritten here: a worker to its output, a file under src/ to a copy
 *          in dist/, anything else to its place relative to dist/ (dist/console becomes ./console).
 * Output:  dist/cli.mjs, <name>.worker.mjs, <chunk>-<hash>.mjs, copied files, and build.json for bin/millrace.
 * Limits:  base names of workers and copied files must be unique: a clash stops the build.
 */
import { globSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { exists, fingerprint, repositoryRoot, writeAtomically } from "./build-files.ts";

const dist = join(repositoryRoot, "dist");
const ENTRY = join(repositoryRoot, "src", "cli", "main.ts");
const STAMP = join(dist, "build.json");
const KEEP_OLD_PARTS_MS = 24 * 3600 * 1000;
const URL_PATTERN = /new URL\(\s*(["'`])(\.[^"'`$]*)\1,\s*import\.meta\.url,?\s*\)/g;

export async function bundleCli(force: boolean): Promise<string> {
  if (!exists(ENTRY)) return "no entry yet";
  const startedAt = performance.now();
  const { files, newestMs, hash } = fingerprint(["src"]);
  if (!force && exists(join(dist, "cli.mjs")) && readBuiltFrom() === hash) return "unchanged";
  const { build } = await import("esbuild");
  const workers = globSync("src/**/*.worker.ts", { cwd: repositoryRoot });
  const entryPoints = Object.fromEntries(workers.map((path) => [basename(path, ".ts"), path]));
  if (Object.keys(entryPoints).length < workers.length) {
    throw new Error(`two workers have the same file name: ${workers.join(", ")}`);
  }
  const copies = new Map<string, string>();
  const bundle = (name: string, path: string) =>
    build({
      absWorkingDir: repositoryRoot,
      entryPoints: { [name]: path },
      chunkNames: `${name}-[hash]`,
      outdir: dist,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      write: false,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node24",
      packages: "external",
      legalComments: "none",
      // Half the text to read at every start; names stay as they are in stack traces.
      minifyWhitespace: true,
      minifySyntax: true,
      logLevel: "warning",
      plugins: [rewriteUrls(copies)],
    });
  // Each apart, though they share sources: Node keeps the compiled functions of one thread for each file, and a thread
  // whose functions are not kept compiles them again at every start.
  const entries = Object.entries({ cli: ENTRY, ...entryPoints });
  const bundles = await Promise.all(entries.map(([name, path]) => bundle(name, path)));
  const outputFiles = bundles.flatMap((part) => part.outputFiles);
  for (const [name, path] of copies) writeAtomically(join(dist, name), readFileSync(path));
  // Entries last: whoever starts meanwhile finds the old program whole, or the new one.
  const isEntry = (path: string) => /(?:\.worker|[\\/]cli)\.mjs$/.test(path);
  const ordered = outputFiles.toSorted((a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)));
  for (const { path, contents } of ordered) writeAtomically(path, contents);
  removeOld(outputFiles.map(({ path }) => path));
  writeAtomically(STAMP, `${JSON.stringify({ files, newestMs, hash })}\n`);
  return `bundled in ${Math.round(performance.now() - startedAt)} ms`;
}

/** A running platform loads parts of its own build later: they stay for a while. */
function removeOld(current: readonly string[]): void {
  const paths = globSync("*.mjs", { cwd: dist }).map((name) => join(dist, name));
  for (const path of paths.filter((other) => !current.includes(other))) {
    if (Date.now() - statSync(path).mtimeMs > KEEP_OLD_PARTS_MS) rmSync(path);
  }
}

function readBuiltFrom(): unknown {
  return exists(STAMP) ? JSON.parse(readFileSync(STAMP, "utf8")).hash : undefined;
}

function rewriteUrls(copies: Map<string, string>): Plugin {
  return {
    name: "rewrite-urls",
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta.url")) return undefined;
        return { contents: rewriteSource(path, text, copies), loader: "ts" };
      });
    },
  };
}

/** A source with its URLs as they must be in dist/; `copies` takes up the files to copy there, by name. */
export function rewriteSource(path: string, text: string, copies: Map<string, string>): string {
  return text.replaceAll(URL_PATTERN, (_whole, _quote: string, target: string) => {
    const url = rewriteUrl(dirname(path), target, copies);
    return `new URL(${JSON.stringify(url)}, import.meta.url)`;
  });
}

/** The same place seen from a file in dist/; a file under src/ is noted for copying. */
function rewriteUrl(from: string, url: string, copies: Map<string, string>): string {
  const target = resolve(from, url);
  const isFolder = url.endsWith("/");
  const name = basename(target);
  if (name.endsWith(".worker.ts")) return `./${basename(name, ".ts")}.mjs`;
  if (!target.startsWith(join(repositoryRoot, "src")) || !exists(target)) {
    const path = relative(dist, target).replaceAll("\\", "/");
    return `${path.startsWith(".") ? path : `./${path}`}${isFolder ? "/" : ""}`;
  }
  const other = copies.get(name);
  if (other !== undefined && other !== target) throw new Error(`${other} and ${target} clash`);
  copies.set(name, target);
  return `./${name}`;
}
