import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../src/foundation/columnar/logical-type.ts";
import { SinkRow } from "../values/values-store.ts";
import { expectedRowText, formOf, retracted, rowText, sameRows, upserted } from "./row-compare.ts";

const schema = {
  fields: [
    { name: "a", type: types.int() },
    { name: "b", type: types.double() },
  ],
};
const row = (kind: number, a: number, b: number) => new SinkRow(kind, [a, b], schema, [0]);

test("rows are printed in the form of the expectation", () => {
  const one = row(2, 1, 2);
  const forms = ["+I[1, 2.0]", "+I(1,2.0)", "(true,1,2.0)", "1,2.0"].map((text) => formOf([text]));
  assert.deepEqual(
    forms.map((form) => rowText(one, form)),
    ["+U[1, 2.0]", "+U(1,2.0)", "(true,1,2.0)", "1,2.0"],
  );
  assert.equal(expectedRowText([1, 2], schema, "row"), "+I[1, 2.0]");
});

test("retractions take a row away, upserts replace by key", () => {
  const changes = [row(0, 1, 1), row(0, 2, 1), row(1, 1, 1), row(2, 1, 5), row(3, 2, 1)];
  const texts = (rows: readonly SinkRow[]) => rows.map((left) => rowText(left, "plain"));
  assert.deepEqual(texts(retracted(changes)), ["1,5.0"]);
  assert.deepEqual(texts(upserted(changes, [0])), ["1,5.0"]);
});

test("multisets: order does not count, numbers of equal rows do", () => {
  assert.ok(sameRows(["a", "b", "a"], ["a", "a", "b"]).passed);
  assert.ok(!sameRows(["a", "a"], ["a"]).passed);
  assert.ok(!sameRows(["a"], ["a", "a"]).passed);
});
