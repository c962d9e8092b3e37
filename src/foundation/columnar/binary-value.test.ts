import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeNested, encodeNested, type NestedType } from "./binary-value.ts";
import { types } from "./logical-type.ts";
import type { Value } from "./value-reader.ts";

const text = types.string();

function back(type: NestedType, value: readonly Value[]): readonly Value[] {
  return decodeNested(encodeNested(value, type), type);
}

test("arrays of every kind of element come back", () => {
  const cases: [NestedType, readonly Value[]][] = [
    [{ kind: "ARRAY", element: types.int(), nullable: true }, [1, null, -3]],
    [{ kind: "ARRAY", element: types.bigint(), nullable: true }, [2n ** 62n, -1n]],
    [{ kind: "ARRAY", element: text, nullable: true }, ["", null, "grün"]],
    [
      { kind: "ARRAY", element: types.decimal(30, 2), nullable: true },
      [{ unscaled: -(10n ** 25n), scale: 2 }],
    ],
    [{ kind: "ARRAY", element: types.timestamp(9), nullable: true }, [{ millis: -1, nanos: 5 }]],
    [{ kind: "ARRAY", element: types.array(text), nullable: true }, [["a"], null, []]],
    [
      {
        kind: "ARRAY",
        element: types.row([
          { name: "a", type: types.boolean() },
          { name: "b", type: text },
        ]),
        nullable: true,
      },
      [[true, "x"], null, [null, null]],
    ],
    [{ kind: "ARRAY", element: types.int(), nullable: true }, []],
  ];
  for (const [type, value] of cases) assert.deepEqual(back(type, value), value);
});

test("equal maps are equal bytes, in whatever order they were made", () => {
  const type: NestedType = { kind: "MAP", key: text, value: types.int(), nullable: true };
  const one = encodeNested([["b", 2] as const, ["a", null] as const], type);
  const other = encodeNested([["a", null] as const, ["b", 2] as const], type);
  assert.deepEqual(one, other);
  assert.deepEqual(decodeNested(one, type), [
    ["a", null],
    ["b", 2],
  ]);
});

test("keys that are numbers are in the order of their values", () => {
  const type: NestedType = { kind: "MULTISET", element: types.int(), nullable: true };
  const pairs = [300, -1, 2].map((key) => [key, 1] as const);
  assert.deepEqual(
    back(type, pairs).map((entry) => (entry as readonly Value[])[0]),
    [-1, 2, 300],
  );
});
