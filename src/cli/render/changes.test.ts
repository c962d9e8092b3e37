import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeNested, type NestedType } from "../../foundation/columnar/binary-value.ts";
import { types } from "../../foundation/columnar/logical-type.ts";
import { jsonValue, toChange } from "./changes.ts";

const style = { style: "sql", timeZone: "UTC" } as const;

test("nested values are arrays and objects in JSON, SQL text in cells", () => {
  const list = types.array(types.bigint()) as NestedType;
  const map = types.map(types.int(), types.string()) as NestedType;
  const row = types.row([
    { name: "n", type: types.bigint() },
    { name: "l", type: list },
  ]);
  const big = 2n ** 60n;
  const bytes = encodeNested([1n, null, big], list);
  const pairs = encodeNested(
    [
      [1, "x"],
      [2, null],
    ],
    map,
  );
  const schema = {
    fields: [
      { name: "l", type: list },
      { name: "m", type: map },
      { name: "r", type: row },
    ],
  };
  const { values, text } = toChange(0, [bytes, pairs, [3n, bytes]], schema, "UTC");
  assert.deepEqual(values, [
    [1, null, String(big)],
    { 1: "x", 2: null },
    { n: 3, l: [1, null, String(big)] },
  ]);
  assert.deepEqual(text.slice(0, 2), [`[1, NULL, ${big}]`, "{1=x, 2=NULL}"]);
  assert.equal(jsonValue(3n, types.bigint(), style), 3);
  assert.equal(jsonValue(Number.NaN, types.double(), style), "NaN");
});
