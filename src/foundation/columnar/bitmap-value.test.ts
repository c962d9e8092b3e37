import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Bitmap,
  BitmapFormatError,
  bitmapOf,
  bitmapText,
  bitmapValues,
  cardinality,
  combine,
  decodeBitmap,
  encodeBitmap,
} from "./bitmap-value.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

test("bytes are those that Flink answers", () => {
  assert.equal(base64(encodeBitmap([])), "OjAAAAAAAAA=");
  assert.equal(base64(encodeBitmap(bitmapOf([-1]))), "OjAAAAEAAAD//wAAEAAAAP//");
  assert.equal(base64(encodeBitmap(bitmapOf([2, 0, 1]))), "OjAAAAEAAAAAAAIAEAAAAAAAAQACAA==");
});

/** A set with sparse, dense and full stretches. */
function randomSet(random: () => number): Set<number> {
  const values = new Set<number>();
  for (let part = 0; part < 4; part++) {
    const from = Math.floor(random() * 300_000);
    const [length, share] = [Math.floor(random() * 9000), random() < 0.3 ? 1 : random()];
    for (let i = 0; i < length; i++) if (random() < share) values.add(from + i);
  }
  return values;
}

test("random sets come back, and combine as sets do", () => {
  let seed = 20260720;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  for (let round = 0; round < 20; round++) {
    const [a, b] = [randomSet(random), randomSet(random)];
    const [left, right] = [bitmapOf(a), bitmapOf(b)];
    assert.deepEqual(decodeBitmap(encodeBitmap(left)), left, `round ${round}`);
    assert.equal(cardinality(left), a.size);
    const check = (got: Bitmap, wanted: Set<number>) =>
      assert.deepEqual(new Set(bitmapValues(got)), wanted, `round ${round}`);
    check(
      combine(left, right, (x, y) => x && y),
      a.intersection(b),
    );
    check(
      combine(left, right, (x, y) => x || y),
      a.union(b),
    );
    check(
      combine(left, right, (x, y) => x && !y),
      a.difference(b),
    );
    check(
      combine(left, right, (x, y) => x !== y),
      a.symmetricDifference(b),
    );
  }
});

test("text, and its end after 524,288 characters", () => {
  assert.equal(bitmapText(bitmapOf([3, 1, 4294967295])), "{1,3,4294967295}");
  assert.match(bitmapText([0, 2 ** 31]), /^\{0,1,2,.*,\.\.\.\}$/);
});

test("what is no bitmap is refused", () => {
  assert.throws(() => decodeBitmap(Uint8Array.of(1, 2, 3, 4)), BitmapFormatError);
  assert.throws(() => decodeBitmap(encodeBitmap(bitmapOf([1, 2])).slice(0, -1)), BitmapFormatError);
});
