import assert from "node:assert/strict";
import { test } from "node:test";
import type { Distribution } from "../../../foundation/plan/exec-node.ts";
import { MAX_WATERMARK } from "../../contract/operator.ts";
import type { EdgeSpec } from "../graph/job-graph.ts";
import { type ChainTarget, Gate } from "../task/chain-target.ts";
import { TaskMetricGroup } from "../task/task-metrics.ts";
import type { Barrier } from "./barrier.ts";
import { ExchangeInput } from "./exchange-input.ts";
import { ExchangeOutput } from "./exchange-output.ts";
import { RingReader, RingWriter, ringBytes } from "./ring.ts";
import type { WireCodec } from "./wire-codec.ts";

/** A "batch" is a number; its block is as many bytes of that value. */
const codec: WireCodec = {
  encode: (batch) => new Uint8Array(batch).fill(batch),
  partition: (batch, consumers) => ({ rows: batch % consumers, bounds: new Uint32Array(0) }),
  encodePart: (batch, { rows }, consumer) =>
    rows === consumer ? new Uint8Array(batch).fill(batch) : undefined,
  gatherPart: (batch, { rows }, consumer) => (rows === consumer ? batch : undefined),
  bytesOf: (batch) => batch,
  allocate: (length) => {
    allocated = new Uint8Array(length);
    return { address: 0, bytes: allocated };
  },
  inPieces: (batch, _from, _mostRows, action) => void action(batch),
  decode: () => {
    assert.ok(allocated.every((byte) => byte === allocated.length % 256));
    return allocated.length;
  },
};
let allocated = new Uint8Array(0);

const edgeBy = (distribution: Distribution): EdgeSpec => ({
  id: 0,
  fromTask: 0,
  fromNode: 1,
  toTask: 1,
  toNode: 2,
  toInput: 0,
  distribution,
});
const BARRIER: Barrier = { checkpointId: 3, triggeredMs: 0, kind: "checkpoint", stop: "none" };

function connect(
  distribution: Distribution,
  producers: number,
  consumers: number,
  { capacity = 512, aligns = true }: { capacity?: number; aligns?: boolean } = {},
) {
  const edge = edgeBy(distribution);
  const metrics = new TaskMetricGroup();
  const rings = Array.from({ length: producers }, () =>
    Array.from({ length: consumers }, () => new SharedArrayBuffer(ringBytes(capacity))),
  );
  const outputs = rings.map((row) => {
    const gate = new Gate();
    const channels = row.map((ring) => ({ ring: new RingWriter(ring), signal: () => {} }));
    const output = new ExchangeOutput({ edge, channels, codec, gate, operator: "x", metrics });
    return { gate, output };
  });
  const inputs = Array.from({ length: consumers }, (_, consumer) => {
    const seen: unknown[] = [];
    const target: ChainTarget = {
      receive: (batch) => seen.push(batch),
      watermark: (watermark) => seen.push(`w${watermark}`),
      idle: (idle) => seen.push(idle ? "idle" : "active"),
      end: () => seen.push("end"),
    };
    const channels = rings.map((row) => ({
      ring: new RingReader(row[consumer]!),
      signal: () => {},
    }));
    const onBarrier = ({ checkpointId }: Barrier) => seen.push(`b${checkpointId}`);
    const options = { edge, channels, codec, target, metrics, onBarrier, aligns };
    const input = new ExchangeInput(options);
    const drain = () => {
      while (input.poll() === "progress");
      return seen.splice(0);
    };
    return { input, options, drain };
  });
  return { outputs, inputs };
}

test("hash, broadcast and rebalance reach whom they should", () => {
  for (const [kind, expected] of [
    [
      "hash",
      [
        [4, 6],
        [5, 7],
      ],
    ],
    [
      "broadcast",
      [
        [4, 5, 6, 7],
        [4, 5, 6, 7],
      ],
    ],
    [
      "rebalance",
      [
        [4, 6],
        [5, 7],
      ],
    ],
  ] as const) {
    const { outputs, inputs } = connect({ kind, keys: [0] } as Distribution, 1, 2);
    for (const batch of [4, 5, 6, 7]) outputs[0]!.output.receive(batch);
    assert.deepEqual(
      inputs.map(({ drain }) => drain()),
      expected,
      kind,
    );
  }
});

test("the gate is blocked before a block would find no room, and nothing is copied to wait", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 1, 1);
  const { output, gate } = outputs[0]!;
  output.receive(200);
  assert.equal(gate.blocked, false);
  output.receive(200);
  assert.deepEqual([gate.blocked, output.isDrained], [true, true]);
  assert.deepEqual(inputs[0]!.drain(), [200, 200]);
  output.drain();
  assert.equal(gate.blocked, false);
});

test("what finds the ring full waits, blocks the gate, and keeps its order", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 1, 1, { capacity: 256 });
  const { output, gate } = outputs[0]!;
  const sent = Array.from({ length: 20 }, (_, i) => 40 + i);
  for (const batch of sent) output.receive(batch);
  output.watermark(9);
  output.end();
  assert.equal(gate.blocked, true);
  assert.equal(output.isDrained, false);
  const seen: unknown[] = [];
  for (let i = 0; i < 30; i++) {
    seen.push(...inputs[0]!.drain());
    output.drain();
  }
  assert.equal(gate.blocked, false);
  assert.deepEqual(seen, [...sent, "w9", `w${MAX_WATERMARK}`, "end"]);
});

test("a block that is longer than the ring comes in parts", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 1, 1, { capacity: 256 });
  const { output } = outputs[0]!;
  output.receive(2000);
  output.receive(3);
  const seen: unknown[] = [];
  for (let i = 0; i < 50; i++) {
    seen.push(...inputs[0]!.drain());
    output.drain();
  }
  assert.deepEqual(seen, [2000, 3]);
});

test("a channel behind its barrier is not read until all have it; one that ended needs none", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 3, 1);
  const [a, b, c] = outputs.map(({ output }) => output);
  const { input, drain } = inputs[0]!;
  a!.receive(1);
  a!.barrier(BARRIER);
  a!.receive(2);
  b!.receive(3);
  assert.deepEqual(drain().toSorted(), [1, 3, "b3"]);
  assert.equal(input.blockedByBarrier, false);
  c!.end();
  b!.barrier(BARRIER);
  assert.deepEqual(drain(), ["b3"]);
  assert.equal(input.blockedByBarrier, true);
  assert.ok(input.reached(3) && !input.reached(4));
  input.unblock(3);
  assert.deepEqual(drain(), [2]);
});

test("at least once: a channel behind its barrier is read on, but not behind that of a stop", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 2, 1, { aligns: false });
  const [a, b] = outputs.map(({ output }) => output);
  const { input, drain } = inputs[0]!;
  a!.barrier(BARRIER);
  a!.receive(1);
  a!.barrier({ ...BARRIER, checkpointId: 4, stop: "suspend" });
  a!.receive(2);
  assert.deepEqual(drain(), ["b3", 1, "b4"]);
  assert.ok(!input.reached(3));
  b!.barrier(BARRIER);
  assert.deepEqual(drain(), ["b3"]);
  assert.ok(input.reached(3) && !input.reached(4));
  input.unblock(3);
  assert.deepEqual(drain(), [], "it waits behind the stop");
  b!.barrier({ ...BARRIER, checkpointId: 4, stop: "suspend" });
  assert.deepEqual(drain(), ["b4"]);
  assert.ok(input.reached(4) && input.blockedByBarrier);
});

test("rows that come alone: nothing overtakes what is left of their batch", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 1, 1);
  const seen: unknown[] = [];
  let left = 3;
  const input = new ExchangeInput({
    ...inputs[0]!.options,
    codec: {
      ...codec,
      inPieces: (batch, from, _, action) => (action(batch) || --left === 0 ? undefined : from + 1),
    },
    target: { ...inputs[0]!.options.target, receive: (batch) => seen.push(batch) },
    onBarrier: () => seen.push("barrier"),
    pieces: { mostRows: () => 1, makeRoom: () => {}, alone: () => left > 0 },
  });
  outputs[0]!.output.receive(7);
  outputs[0]!.output.barrier(BARRIER);
  assert.ok(!input.reads(0));
  for (let polls = 1; polls <= 3; polls++) {
    assert.equal(input.poll(), "progress");
    assert.deepEqual(seen, new Array(polls).fill(7));
  }
  input.poll();
  assert.deepEqual(seen, [7, 7, 7, "barrier"]);
});

test("watermarks of channels are combined; idle ones do not count; the end comes when all have ended", () => {
  const { outputs, inputs } = connect({ kind: "singleton" }, 2, 1);
  const [a, b] = outputs.map(({ output }) => output);
  const { drain } = inputs[0]!;
  a!.watermark(10);
  assert.deepEqual(drain(), []);
  b!.watermark(5);
  assert.deepEqual(drain(), ["w5"]);
  b!.idle(true);
  assert.deepEqual(drain(), ["w10"]);
  a!.idle(true);
  assert.deepEqual(drain(), ["idle"]);
  a!.idle(false);
  assert.deepEqual(drain(), ["active"]);
  a!.end();
  assert.deepEqual(drain(), [`w${MAX_WATERMARK}`]);
  b!.end();
  assert.deepEqual(drain(), ["end"]);
});
