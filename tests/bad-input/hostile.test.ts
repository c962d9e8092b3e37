/** Every operator with hostile input gives Flink's answer: row by row, as one batch, and with a restore in the middle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CASES } from "./hostile-cases.ts";
import { runHostile } from "./hostile-run.ts";

for (const [name, of] of Object.entries(CASES))
  test(`${name}: hostile input`, async () => {
    const straight = await runHostile(of, { batchRows: 1 });
    assert.deepEqual(straight.rows, [...of.rows].sort());
    if (of.changes !== undefined) assert.deepEqual(straight.changes, [...of.changes].sort());
    const { late = 0 } = of;
    assert.equal(straight.late, late, "late records");
    if (late > 0) assert.equal(straight.tellLate, 1, "operators that tell of late records");
    const whole = await runHostile(of, { batchRows: 1000 });
    assert.deepEqual(whole.rows, [...of.rows].sort(), "as one batch");
    assert.equal(whole.late, late, "late records, as one batch");
    const restored = await runHostile(of, { batchRows: 1, restored: true });
    assert.deepEqual(restored.rows, [...of.rows].sort(), "restored");
    assert.equal(restored.late, late, "late records, before and behind the restore");
  });
