import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import {
  BATCH_COLUMNS,
  BATCH_ROWS,
  BatchView,
  batchBytes,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { loadTestRuntime } from "../../../../testkit/worker-runtime.ts";
import { stateErrors } from "../../state/errors.ts";
import { runtimeErrors } from "../errors.ts";
import { type LargestRow, largestRow, withLargestRow } from "./largest-row.ts";

const schema = {
  fields: [
    { name: "id", type: types.bigint() },
    { name: "a", type: types.string() },
    { name: "b", type: types.string() },
  ],
};

/** A batch of rows whose texts have these lengths; null = NULL. */
async function batchOf(lengths: readonly (readonly [number | null, number])[]) {
  const { kernels, memory } = await loadTestRuntime();
  const rows = lengths.length;
  const batch = kernels.arenaAlloc(batchBytes(3)) >>> 0;
  const values = kernels.arenaAlloc(rows * 8 * 3) >>> 0;
  const validity = kernels.arenaAlloc(rows) >>> 0;
  const text = kernels.arenaAlloc(3_000_000) >>> 0;
  const data = new DataView(memory.buffer);
  new Uint8Array(memory.buffer, text, 3_000_000).fill(0x78);
  data.setUint32(batch + BATCH_ROWS, rows, true);
  data.setUint32(batch + BATCH_COLUMNS, 3, true);
  for (let column = 0; column < 3; column++) {
    data.setUint32(columnPtr(batch, column) + COLUMN_VALIDITY, column === 1 ? validity : 0, true);
    data.setUint32(columnPtr(batch, column) + COLUMN_VALUES, values + column * rows * 8, true);
  }
  for (const [row, [a, b]] of lengths.entries()) {
    data.setUint8(validity + row, a === null ? 0 : 1);
    for (const [column, length] of [a ?? 2_999_999, b].entries()) {
      const at = values + (column + 1) * rows * 8 + row * 8;
      data.setUint32(at, text, true);
      data.setUint32(at + 4, length, true);
    }
  }
  return { view: new BatchView(memory), batch };
}

test("the largest row of a batch is found with its largest field; NULL counts nothing", async () => {
  const { view, batch } = await batchOf([
    [5, 7],
    [1_500_000, 1_000_000],
    [null, 2_000_000],
    [10, 0],
  ]);
  const found = largestRow(view, batch, schema);
  assert.deepEqual(
    { ...found, begins: found?.begins.length },
    { row: 2, rows: 4, bytes: 2_500_000, field: "a", fieldBytes: 1_500_000, begins: 160 },
  );
  assert.equal(largestRow(view, batch, { fields: [schema.fields[0]!] }), undefined);
});

test("errors of memory name the operator and the row; others stay as they are", () => {
  const exhausted = stateErrors.MEMORY_EXHAUSTED({ usedBytes: 4_000_000_000 });
  const row = { row: 3, rows: 9, bytes: 100_000_000, field: "s", fieldBytes: 99_999_999 };
  const named = (found: LargestRow | undefined, error: Error = exhausted) => {
    const result = withLargestRow(error, "Join[4]", () => found);
    assert.ok(result instanceof MillraceError);
    return result;
  };
  const large = named({ ...row, begins: "secret" });
  assert.equal(large.code, "MR5022");
  assert.match(large.message, /^Join\[4\] .*4000000000.*row 3 of the 9 .*100000000 bytes.*'s'$/);
  assert.equal(large.place.value, "secret");
  assert.ok(!large.message.includes("secret"));
  assert.equal(named({ ...row, bytes: 1000, begins: "" }).code, "MR5023");
  assert.equal(named(undefined, stateErrors.VALUE_TOO_LONG({})).code, "MR5023");
  const other = runtimeErrors.OPERATOR_FAILED({ operator: "x", reason: "y" });
  assert.equal(named({ ...row, begins: "" }, other), other);
});
