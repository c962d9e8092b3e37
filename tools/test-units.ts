/**
 * Runs every `*.test.ts` of the repository in a few processes, one group of files each, and sums up.
 *
 * Flow:    test.ts → here → test-group.ts, as many at a time as there are processors.
 * Limits:  a test 60 s; a group that reports nothing for 120 s is killed and fails, with what it ran last.
 * Output:  a line per group on stderr; failures with place and cause; what tests print only when their group fails.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { repositoryRoot } from "./build-files.ts";
import { addTotals, type Totals, zeroTotals } from "./test-totals.ts";
import type { GroupRequest, TestEvent } from "./test-group.ts";
import { roomOf } from "./tidy-rooms.ts";

const TEST_TIMEOUT_MS = 60_000;
const SILENCE_LIMIT_MS = 120_000;
const FILES_PER_GROUP = 30;
/** Those that start whole programs and wait for them. */
const SLOW_ROOM = "tests";
const SLOW_FILES_PER_GROUP = 6;
const OUTPUT_KEPT_CHARS = 20_000;
const SLOW_TEST_MS = 5_000;
const FOLDERS = ["src", "console", "testkit", "tests", "bench", "tools"];

interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

export interface UnitOptions {
  /** Path prefixes; empty means every test. */
  readonly paths: readonly string[];
  readonly names: readonly string[];
  /** A skip is a failure, unless its reason starts with "unobtainable:". */
  readonly strictSkips: boolean;
}

/** Runs the tests and returns their totals; a file without any test is a failure. */
export async function runUnitTests(options: UnitOptions): Promise<Totals> {
  const waiting = groupFiles(findFiles(options.paths));
  let totals = zeroTotals;
  const work = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const added = await runGroup(group, options);
      totals = addTotals(totals, added);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return totals;
}

function findFiles(paths: readonly string[]): string[] {
  const patterns = FOLDERS.map((folder) => `${folder}/**/*.test.ts`);
  return globSync(patterns, { cwd: repositoryRoot, exclude: ["**/node_modules/**"] })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => paths.length === 0 || paths.some((prefix) => path.startsWith(prefix)))
    .sort();
}

/** One group per room, large rooms in several; those that take longest start first. */
function groupFiles(files: readonly string[]): Group[] {
  const rooms = Map.groupBy(files, (path) => roomOf(path)?.name ?? "elsewhere");
  const groups: Group[] = [];
  for (const [room, all] of rooms) {
    const parts = Math.ceil(
      all.length / (room === SLOW_ROOM ? SLOW_FILES_PER_GROUP : FILES_PER_GROUP),
    );
    for (let part = 0; part < parts; part++) {
      const name = parts === 1 ? room : `${room} ${part + 1}/${parts}`;
      groups.push({ name, files: all.filter((_, index) => index % parts === part) });
    }
  }
  const isSlow = ({ name }: Group) => Number(name.startsWith(SLOW_ROOM));
  return groups.sort((a, b) => isSlow(b) - isSlow(a) || b.files.length - a.files.length);
}

async function runGroup({ name, files }: Group, options: UnitOptions): Promise<Totals> {
  const startedAt = performance.now();
  const request: GroupRequest = {
    files: files.map((path) => join(repositoryRoot, path)),
    names: options.names,
    timeoutMs: TEST_TIMEOUT_MS,
  };
  const args = [join(repositoryRoot, "tools", "test-group.ts"), JSON.stringify(request)];
  const child = spawn(process.execPath, args, {
    cwd: repositoryRoot,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "test" },
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(-OUTPUT_KEPT_CHARS);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const events: TestEvent[] = [];
  let silent = false;
  const onSilence = () => {
    silent = true;
    child.kill("SIGKILL");
  };
  let silence = setTimeout(onSilence, SILENCE_LIMIT_MS);
  const reports = createInterface({ input: child.stdio[3] as Readable });
  reports.on("line", (line) => {
    clearTimeout(silence);
    silence = setTimeout(onSilence, SILENCE_LIMIT_MS);
    events.push(JSON.parse(line) as TestEvent);
  });
  const ending = await new Promise<string | undefined>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code === 0 ? undefined : `${signal ?? code}`));
  });
  clearTimeout(silence);
  const unreported = files.filter((path) => !isReported(path, events));
  if (ending !== undefined && unreported.length > 0 && files.length > 1) {
    process.stderr.write(`- ${name}: its process ended with ${ending}: once more, file by file\n`);
    return runAlone(files, options);
  }
  const verdict = judge(events, files, options);
  // A failure after the end of its test, told already, also ends the process with 1.
  if (ending !== undefined && !(ending === "1" && verdict.failures.length > 0))
    verdict.failures.push(endingFailure(silent, ending, events));
  const totals = { ...verdict.totals, failed: verdict.failures.length };
  show(name, totals, verdict, totals.failed > 0 ? output : "", performance.now() - startedAt);
  return totals;
}

/** A file that takes its process down must not hide the results of the others. */
async function runAlone(files: readonly string[], options: UnitOptions): Promise<Totals> {
  let totals = zeroTotals;
  for (const file of files) {
    const added = await runGroup({ name: file, files: [file] }, options);
    totals = addTotals(totals, added);
  }
  return totals;
}

function isReported(path: string, events: readonly TestEvent[]): boolean {
  return events.some(({ file }) => relative(repositoryRoot, file) === path);
}

interface Verdict {
  readonly totals: Totals;
  readonly failures: string[];
  readonly notes: string[];
}

function judge(
  events: readonly TestEvent[],
  files: readonly string[],
  options: UnitOptions,
): Verdict {
  const failures: string[] = [];
  const notes: string[] = [];
  let passed = 0;
  let skipped = 0;
  for (const { outcome, name, file, line, detail, durationMs } of events) {
    const place = `${relative(repositoryRoot, file)}:${line}  ${name}`;
    if (outcome === "passed") passed++;
    else if (outcome === "failed") failures.push(`${place}\n${detail}`);
    else if (options.strictSkips && !detail.startsWith("unobtainable:")) {
      failures.push(`${place}\nskipped where nothing that a machine can get may be: ${detail}`);
    } else {
      skipped++;
      notes.push(`skipped ${place}: ${detail}`);
    }
    if (durationMs > SLOW_TEST_MS) notes.push(`slow, ${Math.round(durationMs)} ms: ${place}`);
  }
  if (options.names.length === 0) {
    for (const file of files.filter((path) => !isReported(path, events))) {
      failures.push(`${file}\nno test of this file was reported`);
    }
  }
  return { totals: { passed, failed: failures.length, skipped }, failures, notes };
}

function endingFailure(silent: boolean, ending: string, events: readonly TestEvent[]): string {
  const last = events.at(-1);
  const place = last === undefined ? "the first test" : `${last.name} (${last.file}:${last.line})`;
  if (!silent) return `the process of the tests ended with ${ending}, after ${place}`;
  const limit = `${SILENCE_LIMIT_MS / 1000} s`;
  return `nothing happened for ${limit} after ${place}: a test blocks, or something it left open keeps the process alive`;
}

function show(
  name: string,
  { passed, failed, skipped }: Totals,
  { failures, notes }: Verdict,
  output: string,
  tookMs: number,
): void {
  const counts = [`${passed} passed`];
  if (failed > 0) counts.push(`${failed} failed`);
  if (skipped > 0) counts.push(`${skipped} skipped`);
  const mark = failed > 0 ? "✖" : "✔";
  const took = `${(tookMs / 1000).toFixed(1)} s`;
  const lines = [`${mark} ${name.padEnd(18)} ${counts.join(", ")}  ${took}`];
  for (const note of notes) lines.push(`  ${note}`);
  for (const failure of failures) lines.push("", `✖ ${failure}`);
  if (output.trim() !== "") lines.push("", "what this group printed:", output.trimEnd());
  if (failures.length > 0) lines.push("");
  process.stderr.write(`${lines.join("\n")}\n`);
}
