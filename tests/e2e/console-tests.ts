/** What a visitor of the console sees and does, in this order, in one page. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Visit } from "./main.ts";

type ConsoleTest = (visit: Visit) => Promise<void>;

const editor = (page: Page) => page.locator(".cm-content");
const rows = (page: Page, label: string) => page.getByLabel(label).locator("tbody tr");
const status = (page: Page, word: string) => page.locator(".page-title .status", { hasText: word });
const results = "Rows of hourly_delays";

/** Run in the page, of whose types this program knows nothing. */
const CHART_IS_DRAWN = `(() => {
  const canvas = document.querySelector(".chart canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, index) => index % 4 === 3 && value > 0);
})()`;
const FOCUSED_NAME = `(() => {
  const { activeElement } = document;
  if (activeElement === document.body) return "";
  return activeElement.getAttribute("aria-label") ?? activeElement.textContent;
})()`;

export const CONSOLE_TESTS: readonly (readonly [string, ConsoleTest])[] = [
  ["who has no link is told how to get one", isTold],
  ["the one-time link signs in, leaves the address bar, and works once", signsIn],
  ["the demo runs: status, numbers, graph, chart", showsTheJob],
  ["rows arrive and change", showsRows],
  ["each sink has its tab, by mouse and by keyboard", showsTabs],
  ["a wrong query is underlined where it is wrong", underlines],
  ["completion offers the tables' columns", completes],
  ["no completion stays when a query runs", closesCompletion],
  ["hover and Ctrl-K Ctrl-I tell a column's type", tellsTypes],
  ["the signature of a call is shown while it is written", showsSignature],
  ["Format and Shift-Alt-F lay the query out, and undo brings it back", formats],
  ["F12 and Ctrl-click go to where a name was given", goesToDefinition],
  ["a query shows its rows as they come, and stops", runsQuery],
  ["SHOW TABLES is answered without a job", showsTables],
  [
    "savepoints are taken, compared with the script, and removed when that is confirmed",
    savesAndRemoves,
  ],
  ["axe finds nothing, light and dark", isAccessible],
  ["a phone shows all of it without sideways scrolling", fitsPhone],
  ["the main actions are reached by keyboard", isReachable],
  ["the deployment stops at a savepoint and goes on from it", stopsAndStarts],
  ["the browser had nothing to complain of", hasNoComplaints],
];

async function isTold({ page, platform, shot, complaints }: Visit): Promise<void> {
  await page.goto(new URL("/", platform.link).href);
  await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
  await shot("signed-out");
  // The browser itself reports the 401.
  complaints.length = 0;
}

async function signsIn({ page, context, platform, complaints }: Visit): Promise<void> {
  await page.goto(platform.link);
  await page.getByRole("heading", { name: "flight-demo" }).waitFor();
  assert.equal(new URL(page.url()).search, "");
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
  const token = new URL(platform.link).searchParams.get("t");
  const answer = await fetch(new URL("/api/v1/session", platform.link), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  assert.equal(answer.status, 401);
  assert.deepEqual(complaints, []);
}

async function showsTheJob({ page, shot }: Visit): Promise<void> {
  await status(page, "Running").waitFor();
  const boxes = page.locator(".chain");
  await boxes.first().waitFor();
  const names = await page.locator(".chain-operator").allTextContents();
  for (const name of ["Source flights", "WindowAggregate", "Join", "Sink most_delayed"]) {
    assert.ok(names.includes(name), `${name} among ${names.join(", ")}`);
  }
  await page
    .locator(".kpi", { hasText: "Rows in" })
    .getByText(/^[1-9][\d.,]*\/s/)
    .waitFor();
  await page
    .locator(".kpi", { hasText: "Watermark" })
    .getByText(/\d\d:\d\d:\d\d/)
    .waitFor();
  const drawn = await page.evaluate(CHART_IS_DRAWN);
  assert.ok(drawn, "the chart is empty");
  await page.locator("summary").click();
  await page
    .getByRole("cell", { name: /^TableSourceScan/ })
    .first()
    .waitFor();
  await page.locator("summary").click();
  await shot("overview");
}

async function showsRows({ page }: Visit): Promise<void> {
  await rows(page, results).first().waitFor();
  const shown = page.getByText(/rows · [\d,]+ changes seen/);
  const before = await shown.textContent();
  await page.locator(".result-bar > span").first().filter({ hasNotText: before! }).waitFor();
  const cells = await rows(page, results).first().locator("td").allTextContents();
  assert.equal(cells.length, 7);
  assert.match(cells[0]!, /^2001-0[1-3]-\d\d \d\d:00:00/);
}

async function showsTabs({ page, shot }: Visit): Promise<void> {
  await page.getByRole("tab", { name: "most_delayed" }).click();
  await rows(page, "Rows of most_delayed").first().waitFor();
  const places = await rows(page, "Rows of most_delayed")
    .locator("td:first-child")
    .allTextContents();
  assert.deepEqual(
    places,
    places.map((_, index) => String(index + 1)),
  );
  await shot("most-delayed");
  await page.keyboard.press("ArrowLeft");
  await rows(page, "Rows of delay_by_airport").first().waitFor();
  assert.equal(await page.locator(".bars .bar").first().isVisible(), true);
  await shot("delay-by-airport");
  await page.getByRole("tab", { name: "hourly_delays" }).click();
}

async function type(page: Page, text: string): Promise<void> {
  await editor(page).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

async function underlines({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT origin,\n  dellay FROM flights");
  const underlined = page.locator(".cm-lintRange-error");
  await underlined.waitFor();
  assert.equal(await underlined.textContent(), "dellay");
  const problem = page.getByRole("list", { name: "Problems" }).locator("li");
  assert.match((await problem.textContent()) ?? "", /^2:3 .*dellay.*delay/);
  assert.equal(await page.getByRole("button", { name: "Run" }).isDisabled(), true);
  await shot("wrong-query");
}

async function completes({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT  FROM flights");
  for (let back = 0; back < " FROM flights".length; back++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.type("dis");
  const option = page.locator(".cm-tooltip-autocomplete li", { hasText: "distance" });
  await option.waitFor();
  await shot("completion");
  await option.click();
  assert.equal(await editor(page).textContent(), "SELECT distance FROM flights");
}

async function closesCompletion({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT origin FROM flights LIMIT 3");
  await page.keyboard.press("ControlOrMeta+Home");
  for (let step = 0; step < "SELECT ori".length; step++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete").waitFor();
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.locator(".cm-tooltip-autocomplete").waitFor({ state: "detached" });
  await rows(page, "Rows of the query").nth(2).waitFor();
  assert.equal(await page.locator(".cm-tooltip-autocomplete, .sql-hint").count(), 0);
  await shot("after-run");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Run" }).waitFor();
}

const hint = (page: Page) => page.locator(".sql-hint");

async function tellsTypes({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT UPPER(origin), delay FROM flights");
  await page.keyboard.press("ControlOrMeta+k");
  await page.keyboard.press("ControlOrMeta+i");
  await hint(page).getByText("flights (").waitFor();
  await shot("hint-of-a-table");
  await page.keyboard.press("Escape");
  await hint(page).waitFor({ state: "detached" });
  await page.emulateMedia({ colorScheme: "dark" });
  await page
    .locator(".cm-line span", { hasText: /^UPPER$/ })
    .or(editor(page))
    .first()
    .hover({
      position: { x: 60, y: 10 },
    });
  await hint(page).getByText("UPPER(string)").waitFor();
  await shot("hover-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.mouse.move(0, 0);
}

async function showsSignature({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT ");
  await page.keyboard.type("SUBSTRING(origin, ");
  await hint(page).locator("strong", { hasText: "start" }).waitFor();
  await shot("signature");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await hint(page).waitFor({ state: "detached" });
}

const LONG = "select origin,count(*) as n -- flights\nfrom flights where delay>10 group by origin";
const FORMATTED =
  "SELECT origin, count(*) AS n -- flights\nFROM flights\nWHERE delay > 10\nGROUP BY origin\n";

async function documentText(page: Page): Promise<string> {
  return (await page.locator(".cm-line").allTextContents()).join("\n");
}

async function formats({ page, shot }: Visit): Promise<void> {
  await type(page, LONG);
  await page.keyboard.press("Shift+Alt+KeyF");
  assert.equal(await documentText(page), FORMATTED);
  await page.keyboard.press("ControlOrMeta+z");
  assert.equal(await documentText(page), LONG);
  await page.getByRole("button", { name: "Format" }).click();
  assert.equal(await documentText(page), FORMATTED);
  await shot("formatted");
}

const SELECTED = "String(window.getSelection())";

async function goesToDefinition({ page }: Visit): Promise<void> {
  await type(page, "WITH late AS (SELECT delay AS minutes FROM flights)\nSELECT minutes FROM late");
  await page.keyboard.press("F12");
  await page.keyboard.type("x");
  assert.match(await documentText(page), /^WITH x AS/);
  await type(page, "WITH late AS (SELECT delay AS minutes FROM flights)\nSELECT minutes FROM late");
  await page
    .locator(".cm-line")
    .nth(1)
    .click({ modifiers: ["Control"], position: { x: 80, y: 8 } });
  assert.equal(await page.evaluate(SELECTED), "minutes");
}

async function runsQuery({ page, shot }: Visit): Promise<void> {
  await type(page, "SELECT origin, COUNT(*) AS flights FROM flights GROUP BY origin");
  await page.keyboard.press("ControlOrMeta+Enter");
  await rows(page, "Rows of the query").nth(2).waitFor();
  await shot("query");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Run" }).waitFor();
}

async function showsTables({ page }: Visit): Promise<void> {
  await type(page, "SHOW TABLES");
  await page.getByRole("button", { name: "Run" }).click();
  await rows(page, "Rows of the query").getByText("airports").waitFor();
  await page.getByText(/^Finished, /).waitFor();
}

async function savesAndRemoves({ page, shot }: Visit): Promise<void> {
  const listed = rows(page, "List of savepoints");
  for (let taken = 1; taken <= 2; taken++) {
    await page.getByRole("button", { name: "Take a savepoint" }).click();
    await listed.nth(taken - 1).waitFor();
  }
  await listed.first().getByRole("button", { name: "Compare" }).click();
  const verdicts = page.getByRole("list", { name: "Verdicts" }).locator("li");
  await verdicts.first().waitFor();
  for (const verdict of await verdicts.allTextContents()) assert.match(verdict, /^compatible /);
  assert.equal(
    await listed.first().getByRole("button", { name: "Start from it" }).isDisabled(),
    true,
  );
  await listed.first().getByRole("button", { name: "Remove …" }).click();
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.getByRole("heading", { name: "Savepoints" }).scrollIntoViewIfNeeded();
    await shot(`savepoints-${colorScheme}`);
  }
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  await listed.first().getByRole("button", { name: "Remove …" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await listed.nth(1).waitFor({ state: "detached" });
  assert.equal(await listed.count(), 1);
}

async function isAccessible({ page, shot }: Visit): Promise<void> {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { axe: checker } = globalThis as unknown as {
        axe: {
          run(): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }>;
        };
      };
      const { violations } = await checker.run();
      return violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join()}`,
      );
    });
    assert.deepEqual(found, [], colorScheme);
    await shot(colorScheme);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

async function fitsPhone({ page, shot }: Visit): Promise<void> {
  await page.setViewportSize({ width: 390, height: 844 });
  const width = await page.evaluate("document.documentElement.scrollWidth");
  await shot("phone");
  await page.setViewportSize({ width: 1440, height: 1000 });
  assert.equal(width, 390);
}

async function isReachable({ page }: Visit): Promise<void> {
  await page.getByRole("tab", { name: "hourly_delays" }).click();
  await page.evaluate("document.activeElement?.blur()");
  const reached = new Set<string>();
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate<string>(FOCUSED_NAME));
  }
  for (const name of ["Skip to content", "Stop with savepoint", "hourly_delays", "SQL query"]) {
    assert.ok(reached.has(name), `${name} among ${[...reached].join(" | ")}`);
  }
}

async function stopsAndStarts({ page, shot }: Visit): Promise<void> {
  await page.getByRole("button", { name: "Stop with savepoint" }).click();
  await status(page, "Stopped").waitFor();
  await page.getByText(/rows when it ended/).waitFor();
  const before = await lastWindow(page);
  const kept = leadingCount(await page.getByText(/rows when it ended/).textContent());
  await shot("stopped");
  await page.getByRole("button", { name: "Start from latest state" }).click();
  await status(page, "Running").waitFor();
  await rows(page, results).first().waitFor();
  const after = await lastWindow(page);
  const shown = (await page.locator(".result-bar > span").first().textContent()) ?? "";
  assert.ok(leadingCount(shown) >= kept, `${shown}, ${kept} rows before`);
  assert.ok(after >= before, `went on at ${after}, stopped at ${before}`);
}

/** 1010 of "1,010 rows · …". */
function leadingCount(text: string | null): number {
  return Number.parseInt((text ?? "").replaceAll(",", ""), 10);
}

async function lastWindow(page: Page): Promise<string> {
  return (await rows(page, results).first().locator("td").first().textContent()) ?? "";
}

async function hasNoComplaints({ complaints }: Visit): Promise<void> {
  assert.deepEqual(complaints, []);
}
