import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, type Model, mutate, seeded } from "../../../testkit/state-fixture.ts";
import {
  codeIs,
  copyOf,
  finish,
  request,
  SEED,
  simulate,
  subject,
} from "../../../testkit/state-subject.ts";

const ALL = { start: 0, end: 127 };

test(`state larger than its budget works, within the budget (SEED=${SEED})`, async () => {
  await simulate(async (env) => {
    const budgetBytes = 6_000_000;
    const { state, drivers } = await subject(env, { budgetBytes });
    const random = seeded(SEED);
    const models: Model[] = [new Map(), new Map(), new Map()];
    const { kernels } = drivers[0]!.runtime;
    for (let round = 0; round < 60; round++) {
      for (const [i, driver] of drivers.entries())
        mutate(driver, models[i]!, random, { count: 700, keys: 50_000, removePercent: 5 });
      state.maintain();
      assert.ok(kernels.memoryUsedBytes() <= budgetBytes);
    }
    const figures = state.spillFigures!;
    assert.ok(figures.spilledBytes > budgetBytes / 2, `${figures.spilledBytes} bytes are spilled`);
    for (const [i, driver] of drivers.entries()) compare(driver, models[i]!, ALL);
    state.close();
    assert.equal(kernels.spilledPages(), 0);
  });
});

test(`a checkpoint holds spilled pages, changed while it is written or not (SEED=${SEED})`, async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, { budgetBytes: 8_000_000 });
    const random = seeded(SEED);
    const models: Model[] = [new Map(), new Map(), new Map()];
    const change = (count: number): void => {
      for (const [i, driver] of drivers.entries())
        mutate(driver, models[i]!, random, { count, keys: 30_000, removePercent: 10 });
      state.maintain();
    };
    for (let i = 0; i < 20; i++) change(1000);
    assert.ok(state.spillFigures!.spilledBytes > 1_000_000);
    for (let id = 1; id <= 4; id++) {
      const frozen = models.map(copyOf);
      const kind = id === 3 ? "savepoint" : "checkpoint";
      const run = state.beginSnapshot({ ...request(id, kind), directory: "/savepoints" });
      const handle = await finish(env, run, () => change(50));
      state.checkpointCompleted(id);
      const restored = await subject(env, { restored: [handle], directory: "/other" });
      for (const [i, driver] of restored.drivers.entries()) compare(driver, frozen[i]!, ALL);
      restored.state.close();
    }
    for (const [i, driver] of drivers.entries()) compare(driver, models[i]!, ALL);
  });
});

test("pages that a snapshot leaves dirty and that were not written are spilled as they are then", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, { budgetBytes: 0 });
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(drivers[0]!, model, random, { count: 4000, keys: 4000, removePercent: 0 });
    for (const kind of ["savepoint", "checkpoint", "checkpoint"] as const) {
      // Out, and back with a copy in the file.
      state.maintain();
      compare(drivers[0]!, model, ALL);
      const id = kind === "savepoint" ? 1 : 2;
      const run = state.beginSnapshot({ ...request(id, kind), directory: "/savepoints" });
      // The second checkpoint takes back the first, which nobody has completed.
      await finish(env, run);
      mutate(drivers[0]!, model, random, { count: 4000, keys: 4000, removePercent: 0 });
      state.maintain();
      compare(drivers[0]!, model, ALL);
    }
  });
});

test("a full or a damaged local disk fails with its name; nothing is lost while it is full", async () => {
  await simulate(async (env, world) => {
    const { state, drivers } = await subject(env, { budgetBytes: 0 });
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(drivers[0]!, model, random, { count: 5000, keys: 5000, removePercent: 0 });
    world.faults = { onOperation: (syscall) => (syscall === "write" ? "ENOSPC" : undefined) };
    assert.throws(() => state.maintain(), codeIs("MR4010"));
    compare(drivers[0]!, model, ALL);
    world.faults = {};
    state.maintain();
    world.faults = { onOperation: (syscall) => (syscall === "read" ? "EIO" : undefined) };
    assert.throws(() => compare(drivers[0]!, model, ALL), codeIs("MR4011"));
  });
});

test("a budget that cannot hold what must stay in memory is refused", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, { budgetBytes: 1_000_000 });
    const random = seeded(SEED);
    const model: Model = new Map();
    const fill = (): void => {
      for (let round = 0; round < 100; round++) {
        const count = 3000;
        mutate(drivers[0]!, model, random, { count, keys: 10_000_000, removePercent: 0 });
        state.maintain();
      }
    };
    assert.throws(fill, (error: unknown) => {
      assert.ok(codeIs("MR4009")(error));
      assert.match(String(error), /agg keeps most, \d+ keys and \d+ bytes of pages/);
      return true;
    });
  });
});

test("the file stays within one and a half times what is spilled when pages are written again and again", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, { budgetBytes: 0 });
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(drivers[0]!, model, random, { count: 30_000, keys: 30_000, removePercent: 0 });
    state.maintain();
    for (let round = 0; round < 60; round++) {
      mutate(drivers[0]!, model, random, { count: 100, keys: 30_000, removePercent: 0 });
      state.maintain();
    }
    const { fileBytes, spilledBytes, writtenPages } = state.spillFigures;
    assert.ok(writtenPages * 4096 > 3 * spilledBytes, `${writtenPages} pages were written`);
    assert.ok(fileBytes <= spilledBytes * 1.5 + 4 * 262_144, `${fileBytes} of ${spilledBytes}`);
    compare(drivers[0]!, model, ALL);
    state.close();
  });
});

test("values of 5 and 20 MB are spilled and read back, alone, and are in a checkpoint", async () => {
  await simulate(async (env) => {
    const budgetBytes = 48_000_000;
    const { state, drivers } = await subject(env, { budgetBytes });
    const [driver] = drivers;
    const { kernels } = driver!.runtime;
    const textOf = (id: number) => String(id).repeat(id % 3 === 0 ? 20_000_000 : 5_000_000);
    for (let id = 1; id <= 7; id++) {
      const { entries, hashes } = driver!.entries([id]);
      driver!.write(entries[0]!, hashes[0]!, { count: id, text: textOf(id) });
      state.maintain();
      assert.ok(kernels.memoryUsedBytes() <= budgetBytes, `${kernels.memoryUsedBytes()} bytes`);
    }
    assert.ok(state.spillFigures.spilledBytes > 20_000_000);
    const check = (from: typeof driver, after: () => void) => {
      for (let id = 1; id <= 7; id++) {
        const { entries, hashes } = from!.entries([id], true);
        const { count, text } = from!.read(entries[0]!, hashes[0]!);
        assert.equal(count, id);
        assert.ok(text === textOf(id), `the text of ${id}`);
        after();
      }
    };
    const handle = await finish(env, state.beginSnapshot(request(1, "checkpoint")));
    const restored = await subject(env, { restored: [handle], directory: "/other", budgetBytes });
    check(restored.drivers[0], () => restored.state.maintain());
    check(driver, () => {
      state.maintain();
      assert.ok(kernels.memoryUsedBytes() <= budgetBytes);
    });
    restored.state.close();
    state.close();
    assert.equal(kernels.spilledPages(), 0);
  });
});
