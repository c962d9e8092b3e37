import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../foundation/columnar/logical-type.ts";
import { type RowChange, createPrinter, displayWidth } from "./rows.ts";

const schema = {
  fields: [
    { name: "k", type: types.string() },
    { name: "n", type: types.bigint() },
  ],
};
const change = (kind: 0 | 1 | 2 | 3, k: string | null, n: string): RowChange => ({
  kind,
  values: [k, n],
  text: [k, n],
});

function print(
  format: "table" | "ndjson" | "csv" | "changelog",
  changes: RowChange[],
  upsertKey: number[] = [],
) {
  let text = "";
  const head = { schema, insertOnly: changes.every(({ kind }) => kind === 0), upsertKey };
  const printer = createPrinter(format, head, { write: (part) => (text += part), columns: 80 });
  printer.write(changes);
  printer.end();
  return text;
}

test("a grid applies changes and aligns numbers right", () => {
  const text = print("table", [
    change(0, "a", "1"),
    change(0, "北京", "10"),
    change(1, "a", "1"),
    change(2, "a", "2"),
  ]);
  assert.equal(text, " k    │  n\n──────┼────\n 北京 │ 10\n a    │  2\n2 rows\n");
});

test("an upsert key replaces the row of its key", () => {
  const text = print("table", [change(0, "a", "1"), change(2, "a", "7")], [0]);
  assert.match(text, / a │ 7\n1 row\n$/);
});

test("ndjson and csv name the change only when there can be one", () => {
  assert.equal(print("ndjson", [change(0, "a", "1")]), '{"k":"a","n":"1"}\n');
  assert.equal(print("ndjson", [change(3, null, "1")]), '{"op":"-D","k":null,"n":"1"}\n');
  assert.equal(
    print("csv", [change(0, 'say "hi", you', "1"), change(0, null, "2")]),
    'k,n\n"say ""hi"", you",1\n,2\n',
  );
});

test("ndjson takes a column of any name, one named __proto__ too", () => {
  const fields = [{ name: "__proto__", type: types.string() }];
  let text = "";
  const head = { schema: { fields }, insertOnly: true, upsertKey: [] };
  const printer = createPrinter("ndjson", head, { write: (part) => (text += part), columns: 80 });
  printer.write([{ kind: 0, values: ["a"], text: ["a"] }]);
  assert.equal(text, '{"__proto__":"a"}\n');
});

test("control characters never reach the terminal", () => {
  assert.ok(!print("table", [change(0, "\x1b[31mred", "1")]).includes("\x1b"));
  assert.equal(displayWidth("日本"), 4);
});
