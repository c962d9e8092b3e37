import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestWorker } from "./test-worker.test.ts";

/** year, month, day, hour, minute, second, as pairs of operation and digits; 0 is a byte as it is. */
const PATTERNS = [
  { program: [1, 4, 0, 0x2d, 2, 2, 0, 0x2d, 3, 2], from: 0, to: 10 },
  { program: [4, 2, 0, 0x3a, 5, 2], from: 11, to: 16 },
  { program: [4, 2, 0, 0x3a, 5, 2, 0, 0x3a, 6, 2, 0, 0x2e, 7, 3], from: 11, to: 23 },
] as const;

test("the text of a second is made once, whichever patterns, addresses and moments follow", () => {
  const { kernels, memory } = createTestWorker().runtime;
  const at = kernels.arenaAlloc(64) >>> 0;
  const bytes = () => new Uint8Array(memory.buffer);
  const texts: [bigint, string][] = [];
  const moments = [0, 1, 999, 1000, -1, -1000, 86_399_999, 86_400_000, 1_700_000_000_123];
  for (const moment of [...moments, ...moments.toReversed(), ...moments]) {
    for (const { program, from, to } of PATTERNS) {
      // All at one address: what is remembered of one pattern is not the next one's.
      bytes().set(program, at);
      const view = BigInt(at) | (BigInt(program.length) << 32n);
      const text = new Date(moment).toISOString().slice(from, to);
      for (let again = 0; again < 2; again++)
        texts.push([kernels.formatTimestamp(BigInt(moment), 0n, view), text]);
    }
  }
  for (const [view, text] of texts) {
    const start = Number(BigInt.asUintN(32, view));
    const length = Number(BigInt.asUintN(64, view) >> 32n);
    assert.equal(Buffer.from(bytes().slice(start, start + length)).toString(), text);
  }
});
