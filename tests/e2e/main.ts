/**
 * The console in a real browser, on the real platform: `millrace up` with the flight demo in a folder of its own, signed in to
 * by the one-time link.
 *
 * Flow:    tools/test.ts → here (CHROMIUM: the browser's path) → console-tests.ts, one after the other in one page.
 * Output:  a line a test, then `N passed, N failed, N skipped`; screenshots in tests/e2e/screenshots. Status 0 exactly when
 *          nothing failed.
 * Limits:  TEST_TIMEOUT_MS a test, all of them LIMIT_MS.
 */
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { CONSOLE_TESTS } from "./console-tests.ts";
import { type RunningPlatform, startPlatform } from "./running-platform.ts";

const TEST_TIMEOUT_MS = 120_000;
/** Less than a test has, so that it is the one to say what was missing. */
const WAIT_TIMEOUT_MS = 20_000;
const LIMIT_MS = 420_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const screenshots = fileURLToPath(new URL("screenshots", import.meta.url));

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly platform: RunningPlatform;
  /** Errors that the browser's console has shown so far. */
  readonly complaints: string[];
  shot(name: string): Promise<void>;
}

const totals = { passed: 0, failed: 0 };
const overall = setTimeout(() => {
  process.stdout.write(`✖ not done after ${LIMIT_MS} ms\n`);
  finish(1);
}, LIMIT_MS);
overall.unref();

try {
  await run();
} catch (error) {
  totals.failed++;
  process.stdout.write(`✖ set-up: ${error instanceof Error ? error.stack : String(error)}\n`);
}
finish(0);

async function run(): Promise<void> {
  rmSync(screenshots, { recursive: true, force: true });
  mkdirSync(screenshots, { recursive: true });
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const platform = await startPlatform();
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_TIMEOUT_MS);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    const visit: Visit = {
      page,
      context,
      platform,
      complaints,
      shot: async (name) => {
        await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
      },
    };
    for (const [index, [name, test]] of CONSOLE_TESTS.entries()) {
      await runTest(visit, index, name, test);
    }
  } finally {
    await browser.close();
    await platform.stop();
  }
}

async function runTest(
  visit: Visit,
  index: number,
  name: string,
  test: (visit: Visit) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not done after ${TEST_TIMEOUT_MS} ms`)),
      TEST_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([test(visit), late]);
    totals.passed++;
    process.stdout.write(`✔ ${name} (${Math.round(performance.now() - startedAt)} ms)\n`);
  } catch (error) {
    totals.failed++;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stdout.write(`✖ ${name}\n${text.replaceAll(/^/gm, "    ")}\n`);
    await visit.shot(`failed-${index}`).catch((cause: unknown) => {
      process.stdout.write(`    no screenshot: ${String(cause)}\n`);
    });
  } finally {
    clearTimeout(timer);
  }
}

function finish(more: number): never {
  const failed = totals.failed + more;
  process.stdout.write(`${totals.passed} passed, ${failed} failed, 0 skipped\n`);
  process.exit(failed === 0 && totals.passed > 0 ? 0 : 1);
}
