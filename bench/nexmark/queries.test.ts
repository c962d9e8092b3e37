/** The scripts that both engines get. They need the shared folder with upstream's query files. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repositoryFolder } from "../paths.ts";
import { splitStatements } from "../sql-script.ts";
import { withOwnCountChar } from "./count-char.ts";
import { nexmarkScript, type QueryInput, requireQuery } from "./queries.ts";

const shared = process.env.MILLRACE_SHARED ?? join(repositoryFolder, "..", "shared");
const skip = existsSync(join(shared, "bench", "nexmark-queries"))
  ? false
  : "the shared folder is not there";
const JSON_INPUT: QueryInput = { kind: "json", folder: "/data/events" };
const QUERIES = [
  ...Array.from({ length: 24 }, (_, i) => `q${i}`),
  ...Array.from({ length: 4 }, (_, i) => `cep${i}`),
];

test("no placeholder is left in any script, and the INSERT comes last", { skip }, () => {
  const inputs: QueryInput[] = [JSON_INPUT, { kind: "generator", events: 10, rate: 20 }];
  for (const query of QUERIES) {
    for (const input of inputs) {
      const script = nexmarkScript({ query, input, sink: { kind: "blackhole" } });
      assert.doesNotMatch(script, /\$\{/, query);
      assert.match(splitStatements(script).at(-1)!, /^INSERT INTO/, query);
    }
  }
});

test("JSON input keeps the columns and the watermark, and changes only the connector", {
  skip,
}, () => {
  const script = nexmarkScript({ query: "q0", input: JSON_INPUT, sink: { kind: "blackhole" } });
  const [table] = splitStatements(script);
  assert.match(table!, /WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND/);
  assert.match(
    table!,
    /'connector' = 'filesystem',\s+'path' = 'file:\/\/\/data\/events',\s+'format' = 'json'/,
  );
  assert.doesNotMatch(table!, /nexmark/);
});

test("q14 counts characters in SQL unless the Java function is asked for", { skip }, () => {
  const request = { query: "q14", input: JSON_INPUT, sink: { kind: "blackhole" } } as const;
  const plain = nexmarkScript(request);
  assert.match(plain, /CHAR_LENGTH\(extra\) - CHAR_LENGTH\(REPLACE\(extra, 'c', ''\)\)/);
  assert.doesNotMatch(plain, /count_char|CREATE FUNCTION/);
  const called = nexmarkScript({ ...request, countCharFunction: true });
  assert.match(called, /CREATE FUNCTION count_char AS 'com.github/);
  assert.match(withOwnCountChar(called), /count_char AS '.*count-char.ts#countChar' LANGUAGE TYPE/);
});

test("files as sink take the changes of updating queries as debezium-json", { skip }, () => {
  const sink = { kind: "files", folder: "/out" } as const;
  for (const [query, format] of [
    ["q0", "json"],
    ["q17", "debezium-json"],
  ] as const) {
    const script = nexmarkScript({ query, input: JSON_INPUT, sink });
    assert.match(script, new RegExp(`'path' = 'file:///out',\\s+'format' = '${format}'`));
    assert.doesNotMatch(script, /blackhole/);
  }
});

test("queries that cannot run or do not exist are refused", { skip }, () => {
  for (const query of ["q99", "cep4", "nonsense"]) assert.throws(() => requireQuery(query), query);
});
