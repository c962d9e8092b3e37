/** Statements of any size: a result or one typed error within seconds, never a crash. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cli, inPairs, isClean } from "./spawn-cli.ts";

/** Five seconds on an idle machine; tests of other files run at the same time. */
const MOST_MS = 15_000;
const VIEW = "CREATE TEMPORARY VIEW t AS SELECT * FROM (VALUES (1, 2)) AS t(a, b);\n";
const list = (count: number, item: (i: number) => string, separator: string) =>
  Array.from({ length: count }, (_, i) => item(i)).join(separator);

/** Name, text, and the first bytes of stdout of `sql`, or the code of the error. */
const CASES: readonly (readonly [string, string, string])[] = [
  ["1 MB of parentheses", `SELECT ${"(".repeat(500_000)}1${")".repeat(500_000)}`, "MR2006"],
  ["1 MB of open ones", `SELECT ${"(".repeat(1_000_000)}`, "MR2006"],
  [
    "20,000 ORs",
    `${VIEW}SELECT a FROM t WHERE ${list(20_000, (i) => (i % 2 ? `a = ${i}` : `b > ${i + 2}`), " OR ")}`,
    '{"a":1}\n',
  ],
  [
    "20,000 ANDs",
    `${VIEW}SELECT a FROM t WHERE ${list(20_000, (i) => `a <> ${i + 5}`, " AND ")}`,
    '{"a":1}\n',
  ],
  [
    "IN of 20,000",
    `${VIEW}SELECT a FROM t WHERE a IN (${list(20_000, String, ", ")})`,
    '{"a":1}\n',
  ],
  [
    "5,000 columns",
    `${VIEW}SELECT ${list(5000, (i) => `a + ${i} AS c${i}`, ", ")} FROM t`,
    '{"c0":1,"c1":2,',
  ],
  [
    "UNION ALL of 5,000",
    list(5000, (i) => `SELECT ${i} AS a`, " UNION ALL "),
    '{"a":0}\n{"a":1}\n',
  ],
  ["20,000 pluses", `${VIEW}SELECT ${list(20_000, () => "a", " + ")} FROM t`, "MR2006"],
  ["100,000 NOTs", `${VIEW}SELECT ${"NOT ".repeat(100_000)} TRUE FROM t`, "MR2006"],
  ["a name of 1 MB", `SELECT ${"a".repeat(1_000_000)}`, "MR2102"],
  ["garbage", "\u0001\u0000ÿ".repeat(100_000), "MR2003"],
];

test("huge statements end with a result or a typed error", async () => {
  const runs = CASES.flatMap(([name, input, expected]) => {
    const commands =
      name === "20,000 ORs" || name === "5,000 columns" ? ["sql", "check", "explain"] : ["sql"];
    return commands.map((command) => async () => {
      const args = command === "sql" ? ["sql", "-o", "ndjson", "-f", "-"] : [command, "-"];
      const run = await cli(args, { input });
      const what = `${name}, ${command}: ${run.stderr.slice(0, 300)}`;
      assert.equal(run.signal, null, what);
      assert.ok(isClean(run), what);
      assert.ok(run.wallMs < MOST_MS, `${what} took ${run.wallMs} ms`);
      assert.ok(run.stderr.length < 4000, `${name}: ${run.stderr.length} characters of error`);
      if (expected.startsWith("MR")) {
        assert.equal(run.status, 1, what);
        assert.ok(run.stderr.startsWith(`error ${expected}: `), what);
      } else {
        assert.equal(run.status, 0, what);
        if (command === "sql") assert.ok(run.stdout.startsWith(expected), run.stdout.slice(0, 200));
      }
    });
  });
  await inPairs(runs);
});
