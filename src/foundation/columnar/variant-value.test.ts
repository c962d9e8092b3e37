import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeVariant,
  encodeVariant,
  parseVariant,
  VariantFormatError,
  variantText,
} from "./variant-value.ts";

const printed = (json: string) => variantText(decodeVariant(encodeVariant(parseVariant(json))));

test("JSON goes in and comes out, fields in order", () => {
  assert.equal(
    printed('{"b": [1, "x", null], "a": {"é\\n": true}}'),
    '{"a":{"é\\n":true},"b":[1,"x",null]}',
  );
  assert.equal(printed(" [ ] "), "[]");
  assert.equal(printed("{}"), "{}");
});

test("numbers: integers, decimals without trailing zeros, doubles", () => {
  assert.equal(parseVariant("9223372036854775807"), 9223372036854775807n);
  assert.deepEqual(parseVariant("9223372036854775808"), {
    unscaled: 9223372036854775808n,
    scale: 0,
  });
  assert.deepEqual(parseVariant("-3.140"), { unscaled: -314n, scale: 2 });
  assert.equal(parseVariant("1e20"), 1e20);
  assert.equal(printed("0.001"), "0.001");
  assert.equal(printed("-0.50"), "-0.5");
  assert.equal(printed("1e20"), "1.0E20");
  assert.equal(parseVariant(`1${"0".repeat(60)}`), 1e60);
});

test("equal values are equal bytes", () => {
  const [a, b] = ['{"x":1.50,"y":2}', '{ "y" : 2, "x" : 1.5 }'].map((json) =>
    encodeVariant(parseVariant(json)),
  );
  assert.deepEqual(a, b);
});

test("of doubled keys the last counts, or they are an error", () => {
  assert.equal(variantText(parseVariant('{"a":1,"a":2}', true)), '{"a":2}');
  assert.throws(() => parseVariant('{"a":1,"a":2}'), VariantFormatError);
});

test("what is no JSON is an error", () => {
  for (const json of ["", "{", "[1,]", "01", "nul", '"\u0001"', "1 2", '{"a" 1}', '"\\x"'])
    assert.throws(() => parseVariant(json), VariantFormatError, json);
  assert.throws(() => parseVariant("[".repeat(2000)), VariantFormatError);
});
