/**
 * `npm run conformance [-- FILE…]`: what Flink's own tests say, file by file: passed, failed, excluded.
 *
 * Options: --data DIR  --json  --failed (each failure in a line)  --only PATTERN  --ratchet (fails only below ratchet.json;
 *          with UPDATE=1 the counts of this run become the floor where they rose)
 * Exit:    0 when nothing failed; with --ratchet, when no file is below its floor.
 * Shapes:  --json: {"name","passed","failed","excluded","notRun"} a line; the last line is always
 *          `N passed, N failed, N skipped`, skipped being excluded and notRun (with --ratchet: the failing ones too).
 */
import { commandLine } from "../command-line.ts";
import { formatTotals } from "../../tools/test-totals.ts";
import { conformanceFolder, hasConformanceData } from "./conformance-data.ts";
import { raiseFloors, readFloors, shortfall } from "./ratchet.ts";
import { type CaseReport, runFile } from "./run-file.ts";
import { suites } from "./suites/index.ts";

const LINE_WIDTH = 400;

const { values: options, positionals } = commandLine({
  usage:
    "npm run conformance -- [FILE ...] [--only RE] [--failed] [--ratchet] [--data FOLDER] [--json]",
  config: {
    options: {
      data: { type: "string" },
      json: { type: "boolean", default: false },
      failed: { type: "boolean", default: false },
      only: { type: "string" },
      ratchet: { type: "boolean", default: false },
    },
    allowPositionals: true,
  },
  numbers: [],
});

interface Counts {
  readonly name: string;
  passed: number;
  failed: number;
  excluded: number;
  notRun: number;
}

const folder = conformanceFolder(options.data);
if (hasConformanceData(folder)) process.exitCode = await runAll();
else skipAll();

function skipAll(): void {
  print(`- conformance: unobtainable: no conformance data in ${folder} (set MILLRACE_SHARED)`);
  print(formatTotals({ passed: 0, failed: 0, skipped: 1 }));
}

async function runAll(): Promise<number> {
  const files = suites.map(({ file }) => file);
  const unknown = positionals.filter((name) => !files.some((file) => matches(file, name)));
  if (unknown.length > 0) {
    print(`no such file: ${unknown.join(", ")}; there are ${files.join(", ")}`);
    return 2;
  }
  const chosen = files.filter(
    (file) => positionals.length === 0 || positionals.some((name) => matches(file, name)),
  );
  const counts: Counts[] = [];
  for (const file of chosen) {
    const startedAt = performance.now();
    const { only } = options;
    const reports = await runFile({ folder, file, ...(only === undefined ? {} : { only }) });
    const count = countOf(file, reports);
    counts.push(count);
    if (options.failed) for (const report of reports) printFailure(report);
    printCounts(count, (performance.now() - startedAt) / 1000);
  }
  return finish(counts);
}

function matches(file: string, name: string): boolean {
  return file === name || file.split(".")[0] === name;
}

function countOf(name: string, reports: readonly CaseReport[]): Counts {
  const counts: Counts = { name, passed: 0, failed: 0, excluded: 0, notRun: 0 };
  for (const { result } of reports) counts[result.verdict]++;
  return counts;
}

function printFailure({ id, result }: CaseReport): void {
  if (result.verdict !== "failed") return;
  const line = `  ${id}: expected ${oneLine(result.expected)} got ${oneLine(result.got)}`;
  print(line);
}

function oneLine(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ").trim();
  return flat.length > LINE_WIDTH ? `${flat.slice(0, LINE_WIDTH)}…` : flat;
}

function printCounts(counts: Counts, seconds: number): void {
  if (options.json) return print(JSON.stringify(counts));
  const { name, passed, failed, excluded, notRun } = counts;
  const rest = `${excluded} excluded, ${notRun} not run`;
  print(`${name.padEnd(18)} ${passed} passed, ${failed} failed, ${rest} (${seconds.toFixed(1)} s)`);
}

function finish(counts: readonly Counts[]): number {
  const sum = (key: "passed" | "failed" | "excluded" | "notRun") =>
    counts.reduce((total, count) => total + count[key], 0);
  const exempt = sum("excluded") + sum("notRun");
  if (!options.ratchet) {
    print(formatTotals({ passed: sum("passed"), failed: sum("failed"), skipped: exempt }));
    return sum("failed") > 0 ? 1 : 0;
  }
  if (process.env["UPDATE"] === "1" && options.only === undefined)
    raiseFloors(Object.fromEntries(counts.map(({ name, passed }) => [name, passed])));
  const floors = readFloors();
  let missing = 0;
  for (const { name, passed } of counts) {
    const below = options.only === undefined ? shortfall(floors, name, passed) : 0;
    if (below > 0) print(`✖ ${name}: ${passed} passed, ${below} fewer than ratchet.json asks for`);
    missing += below;
  }
  const waiting = sum("failed") - missing + exempt;
  const skipped = Math.max(0, waiting);
  print(formatTotals({ passed: sum("passed"), failed: missing, skipped }));
  return missing > 0 ? 1 : 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
