import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestWorker } from "./test-worker.test.ts";

const VIEW = 255;

test("every bit of every text counts, whatever its length", () => {
  const { runtime } = createTestWorker();
  const { kernels, memory } = runtime;
  for (const length of [
    1, 7, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65, 80, 96, 127, 128, 129, 200, 300,
  ]) {
    const mark = kernels.arenaMark();
    const [batch, values, text, widths] = [64, 16, length + 16, 16].map(
      (bytes) => kernels.arenaAlloc(bytes) >>> 0,
    ) as [number, number, number, number];
    const view = new DataView(memory.buffer);
    new Uint8Array(memory.buffer, text, length + 16).fill(0x61);
    view.setUint8(widths, VIEW);
    view.setUint32(values, text, true);
    view.setUint32(values + 4, length, true);
    [1, 0, 1, 0, 0, values].forEach((word, i) => {
      view.setUint32(batch + i * 4, word, true);
    });
    const sum = () => kernels.blackholeChecksum(batch, widths, 0n);
    const seen = new Set([sum()]);
    for (let bit = 0; bit < length * 8; bit++) {
      const at = text + (bit >> 3);
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
      seen.add(sum());
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    }
    assert.equal(seen.size, length * 8 + 1, `${length} bytes`);
    view.setUint8(text + length, 0);
    assert.ok(seen.has(sum()), "what lies behind the text does not count");
    kernels.arenaRelease(mark);
  }
});
