/** A short run of the fuzzer; `node tests/fuzz/sql.ts --seconds 600` is the long one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzSql } from "./fuzz-sql.ts";

const SECONDS = 2;

test("random statements end with a result or a catalogue error", (context) => {
  const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`MILLRACE_SEED=${seed} node --test tests/fuzz/sql.test.ts`);
  const { statements, accepted, findings } = fuzzSql({ seed, seconds: SECONDS });
  assert.deepEqual(findings, []);
  assert.ok(statements >= 20, `${statements} statements`);
  assert.ok(accepted >= 1, `${accepted} of ${statements} were valid`);
});
