import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainTarget } from "../task/chain-target.ts";
import { Gate } from "../task/chain-target.ts";
import { TaskMetricGroup } from "../task/task-metrics.ts";
import { DirectLane, type SubtaskTimes } from "./direct-lane.ts";
import { ExchangeInput } from "./exchange-input.ts";
import { ExchangeOutput } from "./exchange-output.ts";
import { RingReader, RingWriter, ringBytes } from "./ring.ts";
import type { WireCodec } from "./wire-codec.ts";

/** A "batch" is a number, and so is its block. Even ones go to consumer 0, odd ones to consumer 1. */
function codec(): WireCodec {
  let room = new Uint8Array(0);
  return {
    encode: (batch) => Uint8Array.of(batch),
    partition: (batch) => ({ rows: batch % 2, bounds: new Uint32Array(0) }),
    encodePart: (batch, { rows }, consumer) =>
      rows === consumer ? Uint8Array.of(batch) : undefined,
    gatherPart: (batch, { rows }, consumer) => (rows === consumer ? batch : undefined),
    bytesOf: () => 8,
    allocate: (length) => {
      room = new Uint8Array(length);
      return { address: 0, bytes: room };
    },
    inPieces: (batch, _from, _mostRows, action) => void action(batch),
    decode: () => room[0]!,
  };
}

function times(): SubtaskTimes {
  return { busy: { value: 0 }, idle: { value: 0 }, blocked: { value: 0 }, lastMs: 0 };
}

function connect() {
  const edge = {
    id: 0,
    fromTask: 0,
    fromNode: 1,
    toTask: 1,
    toNode: 2,
    toInput: 0,
    distribution: { kind: "hash" as const, keys: [0] },
  };
  const metrics = new TaskMetricGroup();
  const rings = [0, 1].map(() => new SharedArrayBuffer(ringBytes(512)));
  const seen: unknown[] = [];
  const target: ChainTarget = {
    receive: (batch) => {
      nowMs += 3;
      seen.push(batch);
    },
    watermark: (watermark) => seen.push(`w${watermark}`),
    idle: () => {},
    end: () => seen.push("end"),
  };
  const signal = () => {};
  const input = new ExchangeInput({
    edge,
    channels: [{ ring: new RingReader(rings[0]!), signal }],
    codec: codec(),
    target,
    metrics,
    onBarrier: () => seen.push("barrier"),
    aligns: true,
  });
  const producer = times();
  const consumer = times();
  const state = { accepts: true };
  let nowMs = 100;
  const lane = new DirectLane({
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    channel: 0,
    consumer: { accepts: () => state.accepts, run: (work) => work() },
    input,
    times: { producer, consumer },
  });
  const output = new ExchangeOutput({
    edge,
    channels: [
      { ring: new RingWriter(rings[0]!), signal, direct: () => lane },
      { ring: new RingWriter(rings[1]!), signal },
    ],
    codec: codec(),
    gate: new Gate(),
    operator: "x",
    metrics,
  });
  const other = new RingReader(rings[1]!);
  return { output, input, seen, state, producer, consumer, other, metrics };
}

test("rows for a consumer of the same worker arrive within the call; the others' go to their ring", () => {
  const { output, seen, producer, consumer, other, metrics } = connect();
  output.receive(4);
  assert.deepEqual(seen, [4]);
  assert.equal(other.isEmpty, true);
  output.receive(5);
  assert.deepEqual(seen, [4]);
  assert.equal(other.isEmpty, false);
  assert.deepEqual([producer.busy.value, consumer.busy.value, consumer.lastMs], [-3, 3, 3]);
  assert.equal(metrics.counter("numBytesIn").value, 8);
  assert.equal(metrics.counter("numBytesOut").value, 9);
});

test("nothing overtakes what lies in the ring, and a consumer that takes nothing is not called", () => {
  const { output, input, seen, state } = connect();
  output.watermark(7);
  output.receive(4);
  assert.deepEqual(seen, []);
  while (input.poll() === "progress");
  assert.deepEqual(seen.splice(0), ["w7", 4]);
  state.accepts = false;
  output.receive(6);
  assert.deepEqual(seen, []);
  state.accepts = true;
  output.receive(8);
  while (input.poll() === "progress");
  assert.deepEqual(seen.splice(0), [6, 8]);
  output.barrier({ checkpointId: 1, triggeredMs: 0, kind: "checkpoint", stop: "none" });
  while (input.poll() === "progress");
  output.receive(10);
  assert.deepEqual(seen.splice(0), ["barrier"]);
  input.unblock(1);
  while (input.poll() === "progress");
  assert.deepEqual(seen, [10]);
});
