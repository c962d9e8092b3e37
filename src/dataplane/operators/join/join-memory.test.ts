/**
 * What a row costs in the state of a join, all included (entry of its key, index, block, what is unused at the ends of
 * pages): at most 1.5 times its encoded size plus 32 bytes.
 *
 * Not so where every key has one row of less than 60 bytes: its key's entry (32 bytes) and index (10 to 16) weigh more than
 * the half of the row; such a row costs at most 64 bytes beside its own.
 *
 * The slope is measured: memory between the first part of the rows and the rest, so that what a map costs however few rows
 * it has is left out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinNode, JoinSideSpec } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessRow,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";
import { RowLayout } from "../../codegen/codecs/row-layout.ts";

const BATCH = 2000;
const FIRST_BATCHES = 4;
const BATCHES = 16;
const TEXT = "the quick brown fox jumps over the lazy dog, and then it sleeps. ".repeat(80);

interface Shape {
  readonly name: string;
  readonly schema: Schema;
  readonly side: JoinSideSpec;
  /** The row with this number. */
  readonly row: (n: number) => readonly (number | string)[];
  /** One short row a key. */
  readonly lone?: boolean;
}

const numbers = schemaOf({ k: types.bigint(false), a: types.bigint(false) });
const mixed = schemaOf({
  k: types.bigint(false),
  a: types.bigint(),
  b: types.int(),
  s: types.string(),
  t: types.string(),
});
const text = schemaOf({ k: types.bigint(false), s: types.string(false) });
const keepAll: JoinSideSpec = { unique: "no-unique-key" };

/** Texts of different lengths around a mean. */
function some(n: number, mean: number): string {
  const length = Math.floor(mean * (0.8 + ((n * 7919) % 401) / 1000));
  return TEXT.slice(0, length);
}

function encodedBytes(schema: Schema, row: readonly (number | string)[]): number {
  const { fixedBytes } = new RowLayout(physicalColumns(schema), "row");
  return row.reduce<number>(
    (bytes, value) => bytes + (typeof value === "string" ? value.length : 0),
    fixedBytes,
  );
}

/** Bytes of state and encoded bytes of a row. */
function measure({ schema, side, row }: Shape): { state: number; encoded: number } {
  const output = schemaOf({ k: types.bigint(), k2: types.bigint() });
  const node: JoinNode = {
    ...nodeBase(output, { inputs: 2 }),
    type: "Join",
    joinType: "INNER",
    leftKeys: [0],
    rightKeys: [0],
    filterNulls: [true],
    left: side,
    right: keepAll,
  };
  const harness = new OperatorHarness({ node, inputs: [schema, numbers], maxParallelism: 2 });
  const { kernels } = harness.runtime;
  const used = () => kernels.memoryUsedBytes() - kernels.arenaHeldBytes();
  let before = 0;
  let encoded = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    if (batch === FIRST_BATCHES) before = used();
    const rows = Array.from({ length: BATCH }, (_, i): HarnessRow => {
      const values = row(batch * BATCH + i);
      if (batch >= FIRST_BATCHES) encoded += encodedBytes(schema, values);
      return ["+I", ...values];
    });
    harness.rows(0, rows);
  }
  const after = used();
  harness.close();
  const count = (BATCHES - FIRST_BATCHES) * BATCH;
  return { state: (after - before) / count, encoded: encoded / count };
}

const shapes: readonly Shape[] = [
  { name: "unique numbers", schema: numbers, side: keepAll, row: (n) => [n, n * 2], lone: true },
  {
    name: "unique numbers, known to be",
    schema: numbers,
    side: { unique: "join-key-unique", uniqueKey: [0] },
    row: (n) => [n, n * 2],
    lone: true,
  },
  {
    name: "unique mixed",
    schema: mixed,
    side: keepAll,
    row: (n) => [n, n, n, some(n, 8), some(n, 30)],
  },
  {
    name: "unique mixed, known to be",
    schema: mixed,
    side: { unique: "join-key-unique", uniqueKey: [0] },
    row: (n) => [n, n, n, some(n, 8), some(n, 30)],
  },
  {
    name: "numbers, 10 a key",
    schema: numbers,
    side: keepAll,
    row: (n) => [Math.floor(n / 10), n],
  },
  {
    name: "10 a key, by a unique key",
    schema: mixed,
    side: { unique: "has-unique-key", uniqueKey: [1] },
    row: (n) => [n % 3200, n, n, some(n, 8), some(n, 30)],
  },
  { name: "10 a key, scattered", schema: text, side: keepAll, row: (n) => [n % 3200, some(n, 40)] },
  { name: "equal rows", schema: text, side: keepAll, row: (n) => [n % 100, "the same"] },
  { name: "texts of 200", schema: text, side: keepAll, row: (n) => [n % 3200, some(n, 200)] },
  { name: "texts of 700", schema: text, side: keepAll, row: (n) => [n % 3200, some(n, 700)] },
  { name: "texts of 3000", schema: text, side: keepAll, row: (n) => [n % 3200, some(n, 3000)] },
];

for (const shape of shapes) {
  test(`state of a join's row: ${shape.name}`, (t) => {
    const { state, encoded } = measure(shape);
    const limit = shape.lone === true ? encoded + 64 : encoded * 1.5 + 32;
    const figures = `${state.toFixed(1)} bytes, ${encoded.toFixed(1)} encoded, limit ${limit.toFixed(1)}`;
    t.diagnostic(figures);
    assert.ok(state <= limit, figures);
  });
}
