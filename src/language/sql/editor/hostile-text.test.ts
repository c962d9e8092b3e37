/** Texts that nobody writes: check, formatter and editor end within LIMIT_MS, with an answer or a typed error, and never break. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatScript } from "../format/format-script.ts";
import { checkScript, SqlSession } from "../script/sql-session.ts";
import { SqlEditorService } from "./editor-service.ts";

const LIMIT_MS = 5000;
const TABLE = "CREATE TABLE t (a INT) WITH ('connector' = 'kafka');\n";

const list = (count: number, item: (i: number) => string, separator: string) =>
  Array.from({ length: count }, (_, i) => item(i)).join(separator);

/** Name, text, the code of its first error or "". */
const CASES: readonly (readonly [string, string, string])[] = [
  ["1 MB of parentheses", `SELECT ${"(".repeat(1_000_000)}`, "MR2006"],
  ["20,000 ORs", `${TABLE}SELECT a FROM t WHERE ${list(20_000, (i) => `a = ${i}`, " OR ")}`, ""],
  ["CASE in CASE", `SELECT ${"CASE WHEN TRUE THEN ".repeat(10_000)}`, "MR2006"],
  [
    "an IN list of 100,000",
    `${TABLE}SELECT a FROM t WHERE a IN (${list(100_000, String, ", ")})`,
    "",
  ],
  ["a text of 10 MB", `SELECT '${"x".repeat(10 * 1024 * 1024)}'`, ""],
  ["20,000 statements", TABLE + "SELECT a FROM t;\n".repeat(20_000), ""],
  ["5,000 wrong statements", "SELEC a FROM t;\n".repeat(5000), "MR2001"],
  ["a comment without end", "/* ".repeat(300_000), "MR2003"],
  ["quotes", "'".repeat(1_000_001), "MR2003"],
];

for (const [name, text, expected] of CASES)
  test(`${name}: checked, formatted, completed in time`, () => {
    const within = (what: string, action: () => void) => {
      const startedMs = performance.now();
      action();
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs < LIMIT_MS, `${what} took ${Math.round(tookMs)} ms`);
    };
    within("check", () => {
      const error = checkScript(text).find(({ severity }) => severity === "error")?.error;
      assert.equal(error?.code ?? "", expected);
      assert.ok((error?.message.length ?? 0) < 10_000, "a message of any length");
    });
    within("format", () => {
      const { text: made } = formatScript(text);
      assert.ok(made.length >= text.trimEnd().length / 2);
    });
    const editor = new SqlEditorService({ newSession: () => new SqlSession() });
    for (const at of [text.length, text.length >> 1])
      within("complete", () => {
        editor.complete(text, at);
        editor.hover(text, at);
        editor.signatureHelp(text, at);
        editor.definition(text, at);
      });
  });
