/** A subset of the properties; `npm run properties` checks all programs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  conformanceFolder,
  hasConformanceData,
} from "../../testkit/conformance/conformance-data.ts";
import { findings } from "./campaign.ts";

const SUBSET = /^(GroupAggregate|IncrementalGroupAggregate|Deduplicat|Rank|Join|Limit)/;

test("final tables do not depend on mode, parallelism, mini-batch, phases or batches", {
  skip: !hasConformanceData(conformanceFolder()),
}, async (t) => {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  let equal = 0;
  for await (const finding of findings(SUBSET, [seed])) {
    const { property, id, verdict } = finding;
    const shown = JSON.stringify(verdict);
    assert.notEqual(verdict.kind, "different", `${property} ${id}, seed ${seed}: ${shown}`);
    if (verdict.kind === "equal") equal += 1;
  }
  assert.ok(equal > 100, `${equal} checked`);
});
