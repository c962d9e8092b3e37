import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../foundation/host/simulated-random.ts";
import { FrameKind, RingReader, RingWriter, ringBytes } from "./ring.ts";

test("frames come out as they went in, over many turns of a small ring", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const memory = new SharedArrayBuffer(ringBytes(256));
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    const sent: [number, number[]][] = [];
    const received: [number, number[]][] = [];
    for (let step = 0; step < 2000; step++) {
      if (random.chance(0.5)) {
        const payload = Array.from({ length: random.below(121) }, () => random.below(256));
        const kind = random.chance(0.5) ? FrameKind.BATCH : FrameKind.PART;
        if (writer.tryWrite(kind, Uint8Array.from(payload))) sent.push([kind, payload]);
      } else {
        const frame = reader.peek();
        if (frame === undefined) continue;
        const target = new Uint8Array(frame.length);
        reader.take(frame, target);
        received.push([frame.kind, [...target]]);
      }
    }
    assert.ok(received.length > 100, `seed ${seed}`);
    assert.deepEqual(received, sent.slice(0, received.length), `seed ${seed}`);
  }
});

test("a full ring takes nothing, and takes again when there is room", () => {
  const memory = new SharedArrayBuffer(ringBytes(64));
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const payload = new Uint8Array(24);
  assert.equal(writer.tryWrite(FrameKind.BATCH, payload), true);
  assert.equal(writer.tryWrite(FrameKind.BATCH, payload), true);
  assert.equal(reader.usage, 1);
  assert.equal(writer.tryWrite(FrameKind.END, new Uint8Array(0)), false);
  reader.take(reader.peek()!, new Uint8Array(24));
  assert.equal(writer.tryWrite(FrameKind.END, new Uint8Array(0)), true);
  assert.throws(() => writer.tryWrite(FrameKind.BATCH, new Uint8Array(25)), { code: "MR9902" });
});

test("positions go on beyond 2^32", () => {
  const memory = new SharedArrayBuffer(ringBytes(64));
  const positions = new Int32Array(memory, 0, 32);
  positions[0] = -32;
  positions[16] = -32;
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let i = 0; i < 10; i++) {
    assert.equal(writer.tryWrite(FrameKind.BATCH, Uint8Array.of(i, i, i)), true);
    const target = new Uint8Array(3);
    reader.take(reader.peek()!, target);
    assert.deepEqual([...target], [i, i, i]);
    assert.equal(reader.isEmpty, true);
  }
});
