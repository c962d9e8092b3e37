import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestWorker } from "./test-worker.test.ts";

const MOST = 140;

/** Around every length at which another way is taken, up to beyond the last. */
test("bytes are copied, compared and ordered exactly, whatever their number", () => {
  const { kernels, memory } = createTestWorker().runtime;
  const [from, to] = [kernels.arenaAlloc(256) >>> 0, kernels.arenaAlloc(256) >>> 0];
  const bytes = new Uint8Array(memory.buffer);
  const view = (at: number, length: number) => BigInt(at) | (BigInt(length) << 32n);
  for (let length = 0; length <= MOST; length++) {
    for (let i = 0; i < 256; i++) bytes[from + i] = (i * 37 + length) & 0xff;
    bytes.fill(0xaa, to, to + 256);
    kernels.copyBytes(to, from, length);
    const source = bytes.slice(from, from + length);
    assert.deepEqual(bytes.slice(to, to + length), source, `${length} bytes`);
    assert.ok(
      bytes.slice(to + length, to + 256).every((byte) => byte === 0xaa),
      `${length}`,
    );
    const [a, b] = [view(from, length), view(to, length)];
    assert.ok(kernels.equalViews(a, b));
    assert.ok(kernels.bytesEqual(from, to, length));
    assert.equal(kernels.compareViews(a, b), 0);
    for (let at = 0; at < length; at++) {
      bytes[to + at] = (bytes[to + at]! + 1) & 0xff;
      // What comes later has no say.
      if (at + 1 < length) bytes[to + at + 1] = ~bytes[from + at + 1]! & 0xff;
      const order = Math.sign(bytes[from + at]! - bytes[to + at]!);
      assert.equal(kernels.compareViews(a, b), order, `byte ${at} of ${length}`);
      assert.ok(!kernels.equalViews(a, b));
      assert.ok(!kernels.bytesEqual(from, to, length));
      kernels.copyBytes(to, from, length);
    }
  }
});
