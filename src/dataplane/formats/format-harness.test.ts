/** Decodes and encodes whole texts in tests of this room; the test below keeps this file honest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../foundation/columnar/value-reader.ts";
import type { BadRecord } from "../contract/format.ts";
import { createTestWorker } from "../kernels/test-worker.test.ts";
import { findFormat } from "./registry.ts";

export interface Decoded {
  readonly rows: Value[][];
  readonly bad: BadRecord[];
  readonly consumed: number;
  readonly lines: number;
  /** The rows as the encoder of the same format writes them. */
  readonly encoded: string;
}

export interface DecodeOptions {
  readonly options?: Readonly<Record<string, string>>;
  readonly projection?: readonly (readonly number[])[];
  readonly output?: Schema;
  readonly last?: boolean;
  /** Bytes given to one call, at most. */
  readonly step?: number;
}

export function decodeText(
  format: string,
  table: Schema,
  input: string | Uint8Array,
  {
    options = {},
    projection = table.fields.map((_, i) => [i]),
    output = table,
    last = true,
    step = Number.POSITIVE_INFINITY,
  }: DecodeOptions = {},
): Decoded {
  const worker = createTestWorker();
  const bad: BadRecord[] = [];
  const factory = findFormat(format);
  factory.validate(options, table);
  const { runtime, metrics } = worker;
  const base = { runtime, options, timeZone: "UTC" };
  const decoder = factory.createDecoder({
    ...base,
    table,
    projection,
    output,
    metrics,
    onBadRecord: (record) => bad.push(record),
  });
  const encoder = factory.createEncoder({ ...base, input: output });
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const address = worker.place(bytes);
  const reader = new RowReader(runtime.memory, output);
  const rows: Value[][] = [];
  let encoded = new TextDecoder().decode(encoder.header);
  let consumed = 0;
  let lines = 0;
  let window = step;
  while (consumed < bytes.length) {
    const left = bytes.length - consumed;
    const length = Math.min(left, window);
    const result = decoder.decode(address + consumed, length, last && length === left);
    for (let row = 0; row < result.rows; row++) rows.push(reader.read(result.batch, row));
    if (result.rows > 0) {
      const text = encoder.encode(result.batch);
      const written = new Uint8Array(runtime.memory.buffer, text.address, text.length);
      encoded += new TextDecoder().decode(written);
    }
    consumed += result.consumedBytes;
    lines += result.lines;
    window = result.consumedBytes === 0 ? window * 2 : step;
    if (result.consumedBytes === 0 && length === left) break;
  }
  return { rows, bad, consumed, lines, encoded };
}

/** Uniform integers below a bound, from a seed. */
export function randomSource(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * bound);
  };
}

test("a text is decoded and encoded", () => {
  const table: Schema = { fields: [{ name: "line", type: types.string() }] };
  const { rows, encoded, lines } = decodeText("raw", table, 'a,b\r\n\n"x" y');
  assert.deepEqual(rows, [["a,b"], [""], ['"x" y']]);
  assert.equal(encoded, 'a,b\n\n"x" y\n');
  assert.equal(lines, 3);
});

test("raw takes one STRING column", () => {
  assert.throws(() => decodeText("raw", { fields: [] }, "x"), { code: "MR3106" });
  const number: Schema = { fields: [{ name: "n", type: types.int() }] };
  assert.throws(() => decodeText("raw", number, "1"), { code: "MR1004" });
});
