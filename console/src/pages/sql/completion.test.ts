import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { createChecker } from "./checker.ts";
import { completion } from "./completion.ts";
import { createEditorService } from "./editor-service.ts";

const catalog = {
  ddl: "CREATE TABLE flights (`date` DATE, delay INT, origin STRING) WITH ('connector' = 'datagen');",
  tables: [
    {
      name: "flights",
      kind: "TABLE" as const,
      connector: "datagen",
      columns: [
        { name: "date", type: "DATE" },
        { name: "delay", type: "INT" },
        { name: "origin", type: "STRING" },
      ],
    },
  ],
  operators: [],
  options: { connectors: {}, formats: {} },
};
const complete = completion(createEditorService(catalog));

/** What is offered at the `|`, by kind. */
function offered(marked: string): Record<string, string[]> {
  const at = marked.indexOf("|");
  const state = EditorState.create({ doc: marked.replace("|", "") });
  const result = complete(new CompletionContext(state, at, true));
  const kinds: Record<string, string[]> = {};
  for (const { label, type = "" } of result?.options ?? []) {
    kinds[type] = [...(kinds[type] ?? []), label];
  }
  return kinds;
}

test("tables are offered where a table may stand, columns where an expression may", () => {
  assert.deepEqual(offered("SELECT * FROM |").table, ["flights"]);
  assert.equal(offered("SELECT * FROM |").column, undefined);
  const inSelect = offered("SELECT | FROM flights");
  assert.deepEqual(inSelect.column, ["date", "delay", "origin"]);
  assert.ok(inSelect.function?.includes("UPPER"));
  assert.ok(inSelect.keyword?.includes("DISTINCT"));
  assert.deepEqual(offered("SELECT f.| FROM flights AS f").column, ["date", "delay", "origin"]);
});

test("keywords follow the grammar", () => {
  assert.deepEqual(offered("SELECT a FROM t GROUP |"), { keyword: ["BY"] });
  assert.ok(offered("SEL|").keyword?.includes("SELECT"));
});

test("a column whose name is a reserved word is put in backticks", () => {
  const state = EditorState.create({ doc: "SELECT  FROM flights" });
  const result = complete(new CompletionContext(state, 7, true));
  const apply = result?.options.find(({ label }) => label === "date")?.apply;
  assert.equal(apply, "`date`");
  assert.equal(result?.options.find(({ label }) => label === "delay")?.apply, undefined);
});

test("the checker finds in the browser what is wrong, with its place", async () => {
  const check = createChecker(catalog);
  assert.deepEqual(await check("SELECT delay FROM flights"), []);
  const script = "SELECT dellay FROM flights";
  const [problem] = await check(script);
  assert.equal(script.slice(problem?.from, problem?.to), "dellay");
  assert.equal(problem?.hint, "Did you mean delay?");
});
