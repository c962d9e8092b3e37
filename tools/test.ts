/**
 * `npm test`: builds, checks that the house is tidy, runs every test, and ends with the line
 * `N passed, N failed, N skipped`.
 *
 * Flow:    bootstrap → build → tidy, and the conformance ratchet → unit tests (test-units.ts) → console tests in a browser.
 * Options: `npm test -- PATH…` runs the unit tests below these paths alone; `--name PATTERN` those with such a name.
 * Entries: testkit/conformance/main.ts --ratchet and tests/e2e/main.ts (with CHROMIUM set), once they exist; each ends
 *          with that same line, which is added up here, and with status 0 exactly when none failed.
 * CI:      with CI=true a skip is a failure, unless its reason starts with "unobtainable:".
 */
import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { type BuildStep, build } from "./build.ts";
import { exists, repositoryRoot } from "./build-files.ts";
import { ensureChromium } from "./chromium.ts";
import { addTotals, formatTotals, parseTotals, type Totals, zeroTotals } from "./test-totals.ts";
import { runUnitTests } from "./test-units.ts";
import { tidy } from "./tidy.ts";

const CONFORMANCE = "testkit/conformance/main.ts";
const BROWSER = "tests/e2e/main.ts";
const SHOWN_VIOLATIONS = 100;

const { values, positionals } = parseArgs({
  options: { name: { type: "string", multiple: true, default: [] } },
  allowPositionals: true,
});
const paths = positionals.map((path) => relative(repositoryRoot, path).replaceAll("\\", "/"));
const isWhole = paths.length === 0 && values.name.length === 0;
const inCi = process.env.CI === "true";
const startedAt = performance.now();

const steps: (() => Promise<Totals>)[] = [buildAll];
if (isWhole) steps.push(checkWhole);
steps.push(() => runUnitTests({ paths, names: values.name, strictSkips: inCi }));
if (isWhole && hasEntry(BROWSER)) steps.push(runBrowserTests);

let totals = zeroTotals;
for (const step of steps) {
  const added = await step();
  totals = addTotals(totals, added);
}
process.stderr.write(`took ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
process.stdout.write(`${formatTotals(totals)}\n`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;

function hasEntry(path: string): boolean {
  return exists(join(repositoryRoot, path));
}

/** Tests of the command use its bundle; the console is needed by the browser alone. */
async function buildAll(): Promise<Totals> {
  const wanted: BuildStep[] = ["kernels"];
  if (isWhole) wanted.push("cli");
  if (isWhole && hasEntry(BROWSER)) wanted.push("console");
  try {
    await build(wanted, { quiet: true });
    return zeroTotals;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`✖ build: ${text}\n`);
    return { ...zeroTotals, failed: 1 };
  }
}

async function checkTidy(): Promise<Totals> {
  const lines = await tidy();
  for (const line of lines.slice(0, SHOWN_VIOLATIONS)) process.stderr.write(`  ${line}\n`);
  const rest = lines.length - SHOWN_VIOLATIONS;
  if (rest > 0) process.stderr.write(`  … and ${rest} lines more: npm run tidy\n`);
  process.stderr.write(`${lines.length === 0 ? "✔" : "✖"} tidy\n`);
  return lines.length === 0 ? { ...zeroTotals, passed: 1 } : { ...zeroTotals, failed: 1 };
}

/** One processor each, so side by side. */
async function checkWhole(): Promise<Totals> {
  const conformance = hasEntry(CONFORMANCE) ? runConformance() : zeroTotals;
  return addTotals(...(await Promise.all([checkTidy(), conformance])));
}

async function runConformance(): Promise<Totals> {
  return runEntry("conformance", [CONFORMANCE, "--ratchet"], {});
}

async function runBrowserTests(): Promise<Totals> {
  const chromium = ensureChromium();
  if ("path" in chromium) return runEntry("e2e", [BROWSER], { CHROMIUM: chromium.path });
  process.stderr.write(`${inCi ? "✖" : "-"} e2e: ${chromium.missing}\n`);
  return inCi ? { ...zeroTotals, failed: 1 } : { ...zeroTotals, skipped: 1 };
}

/** Shows what the entry prints, all but its line of totals, and returns these. */
async function runEntry(
  name: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Totals> {
  const child = spawn(process.execPath, args, {
    cwd: repositoryRoot,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...variables },
  });
  let found: Totals | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const parsed = parseTotals(line);
    if (parsed === undefined) process.stderr.write(`  ${line}\n`);
    else found = parsed;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? 1));
  });
  const result = found ?? zeroTotals;
  const failed = code !== 0 && result.failed === 0 ? 1 : result.failed;
  if (found === undefined) process.stderr.write(`✖ ${name} ended (${code}) without its totals\n`);
  const counted = { ...result, failed: found === undefined ? Math.max(1, failed) : failed };
  process.stderr.write(`${counted.failed > 0 ? "✖" : "✔"} ${name}: ${formatTotals(counted)}\n`);
  return counted;
}
