/** Bad input: one clear message with code, place and remedy, a status other than 0, and never a stack trace. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type CliRun, cli, inPairs, isClean, sql } from "./spawn-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-bad-"));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const NOBODY = 65_534;
const SECRET = "geheim";

function table(path: string, options: Readonly<Record<string, string>> = {}): string {
  const format = path.endsWith(".csv") ? "csv" : "json";
  const header = format === "csv" ? { "csv.header": "true" } : {};
  const all = { connector: "filesystem", path, format, ...header, ...options };
  const list = Object.entries(all).map(([key, value]) => `'${key}' = '${value}'`);
  return `CREATE TABLE t (a INT, b STRING) WITH (${list.join(", ")});\n`;
}

function failsWith(run: CliRun, ...parts: readonly (string | RegExp)[]): void {
  assert.notEqual(run.status, 0, run.stdout);
  assert.equal(run.signal, null);
  assert.ok(isClean(run), run.stderr);
  assert.match(run.stderr, /error MR\d{4}: /);
  for (const part of parts)
    assert.ok(
      typeof part === "string" ? run.stderr.includes(part) : part.test(run.stderr),
      `${part}\n${run.stderr}`,
    );
  assert.ok(!run.stderr.includes(SECRET), "a message holds a value of a row");
}

const BAD_FILES = [
  ["type.csv", `a,b\n1,x\n${SECRET},y\n3,z\n`, "line 3, column 1", "no INT", 2],
  ["range.csv", `a,b\n1,x\n99999999999,y\n3,z\n`, "line 3, column 1", "out of the range of INT", 2],
  ["quote.csv", `a,b\n1,x\n5,"${SECRET}\n3,z\n`, "line 3, column 3", "quote is never closed", 2],
  ["fields.csv", `a,b\n1,x\n5,${SECRET},7\n3,z\n`, "line 3, column", "2 fields", 2],
  [
    "type.json",
    `{"a":1}\n{"a":"${SECRET}"}\n{"a":3}\n`,
    "line 2, column 6",
    "expected INT, the STRING",
    2,
  ],
  [
    "range.json",
    `{"a":1}\n{"a":99999999999}\n{"a":3}\n`,
    "line 2, column 6",
    "out of the range of INT",
    2,
  ],
  [
    "malformed.json",
    `{"a":1}\n{"a" "${SECRET}"}\n{"a":3}\n`,
    "line 2, column 6",
    'expected ":"',
    2,
  ],
] as const;

test("a bad record stops the job and names file, line, column and type, never the value", async () => {
  await inPairs(
    BAD_FILES.map(([name, content, place, reason]) => async () => {
      const path = file(name, content);
      failsWith(
        await sql(`${table(path)}SELECT * FROM t`),
        "MR3101",
        path,
        place,
        reason,
        "'errors' = 'skip'",
      );
    }),
  );
});

test("errors = skip counts bad records, errors = dead-letter keeps them with their place", async () => {
  await inPairs(
    BAD_FILES.map(([name, content, , , good], index) => async () => {
      const path = file(name, content);
      const dead = join(folder, `dead-${index}`);
      const mode =
        index % 2 === 0 ? { errors: "skip" } : { errors: "dead-letter", "dead-letter.path": dead };
      const run = await sql(`${table(path, mode)}SELECT a FROM t`);
      assert.equal(run.status, 0, run.stderr);
      assert.equal(run.stdout.trim().split("\n").length, good);
      assert.match(
        run.stderr,
        /^1 record did not decode and was left out \(numRecordsInErrors\)$/m,
      );
      if (index % 2 === 0) return;
      const letter = JSON.parse(readFileSync(join(dead, "dead-letter-0.jsonl"), "utf8"));
      assert.equal(letter.source, path);
      assert.equal(letter.record, content.split("\n")[name.endsWith(".csv") ? 2 : 1]);
    }),
  );
  const script = `${table(file("run.json", BAD_FILES[4][1]), { errors: "skip" })}
    CREATE TABLE s (a INT) WITH ('connector' = 'blackhole'); INSERT INTO s SELECT a FROM t;`;
  const run = await cli(["run", "-", "--json", "-q"], { input: script });
  const numbers = JSON.parse(run.stdout);
  assert.equal(numbers.numRecordsInErrors, 1);
  assert.equal(numbers.numRecordsIn, 2);
});

test("files that are missing, forbidden or no files", async () => {
  const closed = join(folder, "closed");
  mkdirSync(closed, { recursive: true });
  writeFileSync(join(closed, "x.json"), '{"a":1}\n');
  chmodSync(closed, 0o700);
  const through = join(file("plain", "x"), "y.csv");
  const asNobody = (text: string) => cli(["sql", "-c", text], { uid: NOBODY, cwd: tmpdir() });
  const isRoot = process.getuid?.() === 0;
  const checks: (() => Promise<void>)[] = [
    async () =>
      failsWith(await sql("SELECT * FROM 'nowhere.csv'"), "MR1013", "there is no such file"),
    async () => failsWith(await sql("SELECT * FROM 'no*.csv'"), "MR1013", "no file matches"),
    async () =>
      failsWith(await sql(`SELECT * FROM '${through}'`), "MR1013", "is a file, not a folder"),
    async () =>
      failsWith(
        await sql(`${table("/nowhere/x.json")}SELECT * FROM t`),
        "MR3002",
        "/nowhere/x.json",
      ),
    async () =>
      failsWith(
        await sql(`${table(through)}INSERT INTO t SELECT 1, 'x'`),
        "MR3004",
        "not a folder (ENOTDIR)",
      ),
    async () => failsWith(await cli(["sql", "-f", "nowhere.sql"]), "MR1013"),
    async () => failsWith(await cli(["run", folder]), "MR1013", "it is a folder"),
    async () => failsWith(await cli(["up", "--no-demo", "--data", through]), "MR1017", "--data"),
  ];
  if (isRoot) {
    checks.push(
      async () =>
        failsWith(await asNobody(`SELECT * FROM '${closed}'`), "MR1013", "permission denied"),
      async () =>
        failsWith(
          await asNobody(`SELECT * FROM '${closed}/x.json'`),
          "MR1013",
          "permission denied",
        ),
      async () => failsWith(await asNobody(`${table(closed)}SELECT * FROM t`), "MR3003"),
      async () =>
        failsWith(
          await asNobody(`${table(join(closed, "out"))}INSERT INTO t SELECT 1, 'x'`),
          "MR3003",
        ),
    );
  }
  await inPairs(checks);
});

test("a byte order mark, CRLF, no last line feed, long lines, no bytes, any bytes", async () => {
  const rows = async (path: string, expected: string) => {
    const run = await sql(`SELECT * FROM '${path}'`);
    assert.equal(run.stdout, expected, run.stderr);
  };
  const garbage = Uint8Array.from(
    { length: 100_000 },
    (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff,
  );
  const long = (sizeBytes: number) => `{"a":1,"b":"${"x".repeat(sizeBytes)}"}\n{"a":2,"b":"y"}\n`;
  await inPairs([
    () => rows(file("mark.csv", "\ufeffa,b\r\n1,x\r\n2,y"), '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n'),
    () => rows(file("mark.json", '\ufeff{"a":1}\r\n{"a":2}'), '{"a":1}\n{"a":2}\n'),
    () => rows(file("header.csv", "a,b\n"), ""),
    async () => failsWith(await sql(`SELECT * FROM '${file("empty.csv", "")}'`), "MR3104"),
    async () => failsWith(await sql(`SELECT * FROM '${file("garbage.csv", garbage)}'`), /MR31\d\d/),
    async () =>
      failsWith(await sql(`SELECT * FROM '${file("garbage.json", garbage)}'`), /MR31\d\d/),
    async () => {
      const path = file("long.csv", `a,b\n1,${"x".repeat(5e6)}\n`);
      const run = await sql(`SELECT a, CHAR_LENGTH(b) AS n FROM '${path}'`);
      assert.equal(run.stdout, '{"a":"1","n":5000000}\n', run.stderr);
    },
    async () =>
      failsWith(
        await sql(`SELECT * FROM '${file("long.json", long(5e6))}'`),
        "first line is longer",
      ),
    async () => {
      const run = await sql(
        `SELECT a, CHAR_LENGTH(b) AS n FROM '${file("wide.json", long(500_000))}'`,
      );
      assert.equal(run.stdout, '{"a":1,"n":500000}\n{"a":2,"n":1}\n', run.stderr);
    },
    async () => {
      const count = "SELECT COUNT(*) AS n FROM stdin";
      const run = await cli(["sql", "-o", "csv", count], { input: '\ufeff{"a":1}\n{"a":2}' });
      assert.match(run.stdout, /\+[IU],2\n$/, run.stderr);
      failsWith(await cli(["sql", count], { input: "" }), "MR3104");
    },
    async () => {
      const run = await cli(["sql", "-f", "-"], { input: "\ufeffSELECT 1 AS a;\r\n" });
      assert.equal(run.stdout, '{"a":1}\n', run.stderr);
    },
  ]);
});

test("a full disk is told, and nothing half-written is left under a committed name", (t) => {
  const script = `CREATE TABLE g (a BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '500000',
      'rows-per-second' = '100000000');
    CREATE TABLE s (a BIGINT) WITH ('connector' = 'filesystem', 'path' = '${join(folder, "full")}', 'format' = 'json');
    INSERT INTO s SELECT a FROM g`;
  const entry = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const shell = `ulimit -f 200 && exec "${process.execPath}" "${entry}" sql -f -`;
  const run = spawnSync("/bin/sh", ["-c", shell], {
    input: script,
    encoding: "utf8",
    timeout: 20_000,
  });
  if (run.error !== undefined) return t.skip(String(run.error));
  const { status, signal, stdout, stderr } = run;
  failsWith({ status, signal, stdout, stderr, wallMs: 0 }, "MR3004", "EFBIG");
  assert.deepEqual(
    readdirSync(join(folder, "full")).filter((name) => !name.startsWith(".")),
    [],
  );
});
