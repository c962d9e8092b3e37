/** A subset of the properties with one seed; `npm run properties -- --seeds N` checks all programs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  conformanceFolder,
  hasConformanceData,
} from "../../testkit/conformance/conformance-data.ts";
import { findings } from "./campaign.ts";

const SUBSET =
  /^(GroupAggregate|IncrementalGroupAggregate|GroupWindow|WindowAggregate|OverAggregate|Deduplicat|Rank|Join|Limit|Sink)/;
const SEED = 1;

test("final tables do not depend on mode, parallelism, mini-batch, phases or batches", {
  skip: !hasConformanceData(conformanceFolder()),
}, async () => {
  let equal = 0;
  for await (const finding of findings(SUBSET, [SEED])) {
    const { property, id, verdict } = finding;
    const shown = JSON.stringify(verdict);
    assert.notEqual(verdict.kind, "different", `${property} ${id}, seed ${SEED}: ${shown}`);
    if (verdict.kind === "equal") equal += 1;
  }
  assert.ok(equal > 200, `${equal} checked`);
});
