import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compare,
  MapDriver,
  type Model,
  modelSpec,
  mutate,
  seeded,
} from "../../../testkit/state-fixture.ts";
import { finish, request, SEED, simulate, subject } from "../../../testkit/state-subject.ts";

const ALL = { start: 0, end: 127 };
const SHARE = 2_000_000;
const NO_BUDGET = { budgetBytes: Number.POSITIVE_INFINITY, operatorBytes: SHARE };

test(`an operator above its share spills its own pages, others keep theirs (SEED=${SEED})`, async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, NO_BUDGET);
    const large = drivers[0]!;
    const { runtime } = large;
    const small = new MapDriver(
      runtime,
      state.forOperator({ uid: "other" }).map(modelSpec("small", 8)),
    );
    const random = seeded(SEED);
    const models: [Model, Model] = [new Map(), new Map()];
    mutate(small, models[1], random, { count: 2000, keys: 2000, removePercent: 0 });
    for (let round = 0; round < 40; round++) {
      mutate(large, models[0], random, { count: 1500, keys: 60_000, removePercent: 5 });
      state.maintain();
      assert.ok(state.operatorBytes("agg").memoryBytes <= SHARE);
    }
    const agg = state.operatorBytes("agg");
    const other = state.operatorBytes("other");
    assert.ok(agg.stateBytes > SHARE * 1.5, `${agg.stateBytes} bytes`);
    assert.ok(agg.memoryBytes > SHARE / 2, `${agg.memoryBytes} bytes stay`);
    assert.equal(other.memoryBytes, other.stateBytes);
    compare(small, models[1], ALL);
    const handle = await finish(env, state.beginSnapshot(request(1, "checkpoint")));
    const restored = await subject(env, { restored: [handle], directory: "/other", ...NO_BUDGET });
    compare(restored.drivers[0]!, models[0], ALL);
    restored.state.maintain();
    assert.ok(restored.state.operatorBytes("agg").memoryBytes <= SHARE);
    compare(large, models[0], ALL);
    restored.state.close();
    state.close();
    assert.equal(runtime.kernels.spilledPages(), 0);
  });
});
