import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestWorker } from "../../../kernels/test-worker.test.ts";
import { parseRegex } from "./regex-parser.ts";
import { compileRegex } from "./regex-program.ts";
import { requiredText } from "./required-text.ts";

function found(pattern: string): readonly [string, number] | undefined {
  const text = requiredText(parseRegex(pattern, "REGEXP").root);
  return text && [new TextDecoder().decode(new Uint8Array(text.bytes)), text.before];
}

test("the longest run that every match holds, and what may lie before it", () => {
  assert.deepEqual(found("(&|^)channel_id=([^&]*)"), ["channel_id=", 4]);
  assert.deepEqual(found("^abc"), ["abc", 0]);
  assert.deepEqual(found("a(bc)d"), ["abcd", 0]);
  assert.deepEqual(found("x.{2,3}yz"), ["yz", 13]);
  assert.deepEqual(found(".*foo|.*bar"), undefined);
  assert.deepEqual(found(".*foo"), ["foo", Number.POSITIVE_INFINITY]);
  assert.deepEqual(found("(\\w+)-\\1é"), ["é", Number.POSITIVE_INFINITY]);
  assert.deepEqual(found("(?<=ab)cd(?!ef)"), ["cd", 0]);
});

test("what may be left out is not required", () => {
  assert.equal(found("(foo)?x"), undefined);
  assert.equal(found("foo|bar"), undefined);
  assert.equal(found("(?i)foo"), undefined);
  assert.equal(found("(abc){0,2}"), undefined);
  assert.equal(found("[a]"), undefined);
  assert.deepEqual(found("(abc){0}de"), ["de", 0]);
});

test("searches that begin at the required text find what JavaScript finds", () => {
  const { runtime, place } = createTestWorker();
  const { kernels, memory } = runtime;
  const pieces = ["id=", "&", "é", "x", "-id", "=", "yz", "i", "d"];
  let state = 7;
  const next = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const patterns = [
    "(&|^)id=([^&]*)",
    ".id=",
    ".*id=x",
    "(é|x)?yz",
    "^id=",
    "x.{0,2}id",
    "(?<=x)id(=)",
  ];
  for (const pattern of patterns) {
    const { bytes } = compileRegex(pattern, "REGEXP");
    const program = place(bytes);
    const java = new RegExp(pattern, "gu");
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join("");
      const encoded = new TextEncoder().encode(text);
      const mark = kernels.arenaMark();
      const address = kernels.arenaAlloc(encoded.length) >>> 0;
      new Uint8Array(memory.buffer).set(encoded, address);
      const view = (BigInt(encoded.length) << 32n) | BigInt(address);
      const matches = [...text.matchAll(java)];
      const message = JSON.stringify([pattern, text]);
      assert.equal(kernels.regexFind(view, program) !== 0, matches.length > 0, message);
      assert.equal(kernels.regexCount(view, program), matches.length, message);
      const found = BigInt.asUintN(64, kernels.regexExtract(view, 0, program));
      const from = Number(found & 0xffffffffn);
      const part = new Uint8Array(memory.buffer, from, Number(found >> 32n));
      if (matches.length > 0) assert.equal(new TextDecoder().decode(part), matches[0]![0], message);
      kernels.arenaRelease(mark);
    }
  }
});
