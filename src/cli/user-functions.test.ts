import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { sqlHost } from "./sql-host.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-functions-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const MODULE = join(folder, "functions.ts");
writeFileSync(
  MODULE,
  `
type Text = string | null;
let calls = 0;
export const initials = {
  kind: "scalar",
  signatures: [{ args: ["STRING..."], returns: "STRING" }],
  eval: (...words: readonly Text[]) => words.map((word) => word?.[0] ?? "").join(""),
};
export const twice = {
  kind: "scalar",
  signatures: [{ args: ["BIGINT"], returns: "BIGINT" }, { args: ["STRING"], returns: "STRING" }],
  eval: (value: bigint | Text) => (typeof value === "bigint" ? value * 2n : value && value + value),
};
export const calls_so_far = {
  kind: "scalar", deterministic: false, signatures: [{ args: [], returns: "INT" }], eval: () => ++calls,
};
export const zone = {
  kind: "scalar", signatures: [{ args: [], returns: "STRING" }],
  open(context) { this.text = context.timeZone; }, eval() { return this.text; },
};
export const nested = {
  kind: "scalar",
  signatures: [{ args: ["ARRAY<INT>"], returns: "ROW<n INT, m MAP<STRING, INT>>" }],
  eval: (values: readonly number[]) => [values.length, values.map((v) => [String(v), v])],
};
export const words = {
  kind: "table",
  signatures: [{ args: ["STRING"], returns: "ROW<word STRING, length INT>" }],
  *eval(text: Text) { for (const word of text?.split(" ") ?? []) if (word !== "") yield [word, word.length]; },
};
export const secretive = {
  kind: "scalar", signatures: [{ args: ["STRING"], returns: "INT" }],
  eval: () => { throw new Error("no such city"); },
};
export const tooLarge = { kind: "scalar", signatures: [{ args: [], returns: "INT" }], eval: () => 2 ** 31 };
export const isNull = { kind: "scalar", signatures: [{ args: [], returns: "INT NOT NULL" }], eval: () => null };
export const later = {
  kind: "async-scalar", signatures: [{ args: ["BIGINT"], returns: "STRING" }],
  eval: async (value: bigint | null) => {
    await new Promise((resolve) => setTimeout(resolve, value === 1n ? 5 : 1));
    return value === null ? null : "n" + value;
  },
};
let asked = 0;
export const counted = {
  kind: "async-scalar", signatures: [{ args: ["INT"], returns: "STRING NOT NULL" }],
  eval: async (value: number | null) => "c" + value + (asked++ < 3 ? "" : " is one too many"),
};
export const letters = {
  kind: "async-table", signatures: [{ args: ["STRING"], returns: "STRING" }],
  eval: async (text: Text) => text?.split("") ?? [],
};
export const aggregate = { kind: "model" };
`,
);

function engineWith(...names: readonly string[]): Engine {
  const engine = new Engine();
  for (const name of names)
    engine.execute(
      `CREATE TEMPORARY SYSTEM FUNCTION ${name} AS '${MODULE}#${name}' LANGUAGE TYPESCRIPT`,
    );
  return engine;
}

async function answers(engine: Engine, select: string): Promise<string[]> {
  const { rows } = await engine.query(select);
  return rows.map(({ text }) => text);
}

test("scalar functions: any number of arguments, several signatures, nested values", async () => {
  const engine = engineWith("initials", "twice", "nested", "zone");
  assert.deepEqual(
    await answers(engine, "SELECT initials(), initials('ab', CAST(NULL AS STRING), 'c')"),
    ["+I[, ac]"],
  );
  assert.deepEqual(await answers(engine, "SELECT twice(21), twice('x'), zone()"), [
    "+I[42, xx, UTC]",
  ]);
  assert.deepEqual(await answers(engine, "SELECT nested(ARRAY[7]).n, nested(ARRAY[7]).m['7']"), [
    "+I[1, 7]",
  ]);
});

test("a function that is not deterministic is called at each place, a deterministic one in branches alone", async () => {
  const engine = engineWith("calls_so_far", "secretive");
  assert.deepEqual(await answers(engine, "SELECT calls_so_far() < calls_so_far()"), ["+I[true]"]);
  const lazy = "SELECT CASE WHEN c = 'a' THEN 1 ELSE secretive(c) END FROM (VALUES 'a') AS t (c)";
  assert.deepEqual(await answers(engine, lazy), ["+I[1]"]);
});

test("table functions: rows of fields, LEFT JOIN, kinds of changes", async () => {
  const engine = engineWith("words");
  const from = "FROM (VALUES (1, 'a bcd'), (2, ''), (3, CAST(NULL AS STRING))) AS t (id, s)";
  const call = "LATERAL TABLE(words(s)) AS w (word, n)";
  assert.deepEqual(await answers(engine, `SELECT id, word, n ${from}, ${call}`), [
    "+I[1, a, 1]",
    "+I[1, bcd, 3]",
  ]);
  const left = `SELECT id, word, n ${from} LEFT JOIN ${call} ON TRUE`;
  assert.deepEqual(await answers(engine, left), [
    "+I[1, a, 1]",
    "+I[1, bcd, 3]",
    "+I[2, null, null]",
    "+I[3, null, null]",
  ]);
});

test("errors name the function and its message, never a value", async () => {
  const engine = engineWith("secretive", "tooLarge", "isNull", "twice");
  const failing = async (select: string, message: RegExp) =>
    assert.rejects(answers(engine, select), { code: "MR4104", message });
  await failing(
    "SELECT secretive(c) FROM (VALUES 'Atlantis') AS t (c)",
    /^secretive failed: no such city \(user/,
  );
  await failing("SELECT tooLarge()", /a number\) is no INTEGER/);
  await failing("SELECT isNull()", /is NULL, but INTEGER NOT NULL/);
  assert.throws(() => engine.execute("SELECT twice(TRUE)"), {
    code: "MR2107",
    message: /^Invalid function call: twice\(BOOLEAN NOT NULL\)[^@#]*$/,
  });
});

test("calls in conditions, join keys, groups; a plan goes through JSON", async () => {
  const engine = engineWith("initials", "words");
  engine.execute("CREATE VIEW v AS SELECT w FROM (VALUES 'ab', 'ax', 'cd') AS t (w)");
  const joined = `SELECT a.w, b.w FROM v a JOIN v b ON initials(a.w) = initials(b.w) AND a.w < b.w
    WHERE initials(a.w, b.w) = 'aa'`;
  assert.deepEqual(await answers(engine, joined), ["+I[ab, ax]"]);
  const grouped = "SELECT initials(w), COUNT(*) FROM v GROUP BY initials(w)";
  const changes = await answers(engine, grouped);
  assert.deepEqual(changes.sort(), ["+I[a, 1]", "+I[c, 1]", "+U[a, 2]", "-U[a, 1]"]);
  const result = engine.execute("SELECT word FROM v, LATERAL TABLE(words(w)) AS x (word, n)");
  assert.equal(result.kind, "query");
  const text = JSON.stringify(result.kind === "query" ? result.plan : undefined);
  await engine.runPlan(JSON.parse(text) as Parameters<typeof engine.runPlan>[0]);
});

test("what cannot be loaded is refused when it is used", () => {
  const refused = (reference: string, message: RegExp) => {
    const engine = new Engine();
    engine.execute(`CREATE FUNCTION f AS '${reference}' LANGUAGE JAVASCRIPT`);
    assert.throws(() => engine.execute("SELECT f(1)"), { code: "MR1021", message });
  };
  refused(MODULE, /write 'path/);
  refused(`${MODULE}#missing`, /no such export/);
  refused(`${folder}/none.ts#f`, /Cannot find module/);
  refused(`${MODULE}#aggregate`, /its kind is "model"/);
});

test("a host without a folder for functions runs no code of users", () => {
  const session = new SqlSession({ host: sqlHost() });
  session.execute(`CREATE FUNCTION f AS '${MODULE}#twice' LANGUAGE TYPESCRIPT`);
  assert.throws(() => session.execute("SELECT f(1)"), { code: "MR2130" });
});

test("asynchronous functions in branches are asked for the rows that get there", async () => {
  const engine = engineWith("counted", "twice");
  const select = `SELECT a, CASE WHEN twice(a) > 4 THEN UPPER(counted(a)) WHEN a > 1 THEN 'two' ELSE 'none' END,
    a = 3 AND counted(a) = 'c3' FROM (VALUES 1, 2, 3, 4, CAST(NULL AS INT)) AS t (a)`;
  assert.deepEqual(await answers(engine, select), [
    "+I[1, none, false]",
    "+I[2, two, false]",
    "+I[3, C3, true]",
    "+I[4, C4, false]",
    "+I[null, none, false]",
  ]);
});

test("asynchronous functions: in expressions, in filters, nested, and in FROM", async () => {
  const engine = engineWith("later", "letters");
  const rows = "(VALUES 1, 2, 3, CAST(NULL AS INT)) AS t (a)";
  assert.deepEqual(
    await answers(
      engine,
      `SELECT a, later(a), UPPER(later(a + 1)) FROM ${rows} WHERE later(a) <> 'n2'`,
    ),
    ["+I[1, n1, N2]", "+I[3, n3, N4]"],
  );
  const joined = `SELECT a, w FROM ${rows} LEFT JOIN LATERAL TABLE(letters(later(a))) AS l (w) ON TRUE`;
  assert.deepEqual(await answers(engine, `${joined} WHERE a IS NULL OR a < 3`), [
    "+I[1, n]",
    "+I[1, 1]",
    "+I[2, n]",
    "+I[2, 2]",
    "+I[null, null]",
  ]);
  const counted = `SELECT later(n) FROM (SELECT COUNT(*) AS n FROM ${rows} GROUP BY a IS NULL)`;
  const changes = await answers(engine, counted);
  assert.ok(changes.includes("+I[n1]"), changes.join());
});
