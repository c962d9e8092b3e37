import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "../../../foundation/host/env.ts";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { nextReloadMs, readLookupOptions } from "../../contract/lookup.ts";

const SEED = 7;

const write = (env: Env, path: string, text: string): Promise<void> =>
  env.files.writeAtomic(path, new TextEncoder().encode(text));

function declare(engine: Engine, options = ""): void {
  engine.execute(
    "CREATE TABLE orders (id INT, name STRING, p AS PROCTIME()) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,UB,D')",
  );
  engine.execute(
    `CREATE TABLE rates (name STRING, rate INT) WITH ('connector' = 'filesystem', 'path' = '/rates.csv', 'format' = 'csv'${options})`,
  );
}

const JOIN =
  "SELECT o.id, o.name, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.p AS r ON o.name = r.name AND r.rate > o.id";

test("a file as lookup table: matches, NULL keys, a condition, kinds of changes, a key twice", async () => {
  const world = new SimulatedWorld(SEED);
  const env = world.boot();
  await world.run(write(env, "/rates.csv", "a,10\nb,20\na,30\n,40\n"));
  const engine = new Engine({ env });
  declare(engine);
  engine.store.register("orders", [
    { row: [1, "a"] },
    { row: [2, null] },
    { row: [25, "b"] },
    { kind: "-U", row: [1, "a"] },
    { kind: "+U", row: [11, "a"] },
    { row: [3, "none"] },
  ]);
  const { rows } = await world.run(engine.query(JOIN));
  assert.deepEqual(rows.map(({ text }) => text).sort(), [
    "+I[1, a, 10]",
    "+I[1, a, 30]",
    "+I[2, null, null]",
    "+I[25, b, null]",
    "+I[3, none, null]",
    "+U[11, a, 30]",
    "-U[1, a, 10]",
    "-U[1, a, 30]",
  ]);
});

test("a constant as key, with others and alone", async () => {
  const world = new SimulatedWorld(SEED);
  const env = world.boot();
  await world.run(write(env, "/rates.csv", "a,10\nb,20\nb,30\n"));
  const engine = new Engine({ env });
  declare(engine);
  engine.store.register("orders", [{ row: [1, "a"] }, { row: [2, "b"] }]);
  const query = async (on: string): Promise<string[]> => {
    const { rows } = await world.run(
      engine.query(
        `SELECT o.id, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.p AS r ON ${on}`,
      ),
    );
    return rows.map(({ text }) => text);
  };
  assert.deepEqual(await query("'b' = r.name AND r.rate > 20"), ["+I[1, 30]", "+I[2, 30]"]);
  assert.deepEqual(await query("r.name = o.name AND r.rate = 20"), ["+I[2, 20]"]);
  await assert.rejects(query("o.id < r.rate"), /needs an equality with a column/);
});

test("computed columns of the table", async () => {
  const world = new SimulatedWorld(SEED);
  const env = world.boot();
  await world.run(write(env, "/rates.csv", "a,10\nb,20\n"));
  const engine = new Engine({ env });
  declare(engine);
  engine.execute("CREATE TABLE more (twice AS rate * 2, p AS PROCTIME()) LIKE rates");
  engine.store.register("orders", [{ row: [1, "a"] }, { row: [2, "b"] }]);
  const { rows } = await world.run(
    engine.query(
      "SELECT o.id, r.twice FROM orders AS o JOIN more FOR SYSTEM_TIME AS OF o.p AS r ON o.name = r.name WHERE r.twice > 20",
    ),
  );
  assert.deepEqual(
    rows.map(({ text }) => text),
    ["+I[2, 40]"],
  );
});

test("the table is read again as the options say", async () => {
  const world = new SimulatedWorld(SEED);
  const env = world.boot();
  const sleep = (ms: number) =>
    world.run(
      new Promise<void>((resolve) => {
        env.timers.after(ms, resolve);
      }),
    );
  await world.run(write(env, "/rates.csv", "a,10\n"));
  const engine = new Engine({ env });
  declare(engine, ", 'lookup.full-cache.periodic-reload.interval' = '10 s'");
  const options = { released: false, ended: false };
  engine.store.register("orders", [{ row: [1, "a"] }, { row: [2, "a"] }], options);
  const result = engine.execute(JOIN);
  assert.ok(result.kind === "query");
  const job = engine.start(result.plan);
  engine.store.release("orders");
  await sleep(5_000);
  await world.run(write(env, "/rates.csv", "a,99\n"));
  await sleep(10_000);
  engine.store.end("orders");
  const { failure } = await world.run(job.ended);
  assert.equal(failure, null);
  const sink = result.plan.nodes.at(-1)!;
  assert.ok(sink.type === "Sink");
  const texts = engine.rowsOf(sink.table.name).map(({ text }) => text);
  assert.deepEqual(texts, ["+I[1, a, 10]", "+I[2, a, 99]"]);
});

test("a table that cannot be read fails the job before the first row", async () => {
  const world = new SimulatedWorld(SEED);
  const engine = new Engine({ env: world.boot() });
  declare(engine);
  engine.store.register("orders", [{ row: [1, "a"] }]);
  await assert.rejects(world.run(engine.query(JOIN)), /rates\.csv/);
});

test("when a table is read again", () => {
  const read = (options: Record<string, string>, zoneMs = 0) =>
    readLookupOptions("table t", options, zoneMs);
  const last = { startMs: 1_000, endMs: 4_000 };
  const interval = { "lookup.full-cache.periodic-reload.interval": "10 s" };
  assert.equal(nextReloadMs(read({}), last), undefined);
  assert.equal(nextReloadMs(read(interval), last), 14_000);
  const rate = { ...interval, "lookup.full-cache.periodic-reload.schedule-mode": "FIXED_RATE" };
  assert.equal(nextReloadMs(read(rate), last), 11_000);
  const timed = {
    "lookup.full-cache.reload-strategy": "TIMED",
    "lookup.full-cache.timed-reload.iso-time": "02:00",
  };
  assert.equal(nextReloadMs(read(timed), last), 7_200_000);
  assert.equal(nextReloadMs(read(timed, 3_600_000), last), 3_600_000);
  const days = { ...timed, "lookup.full-cache.timed-reload.interval-in-days": "2" };
  assert.equal(nextReloadMs(read(days), last), 7_200_000 + 86_400_000);
  for (const wrong of [
    { "lookup.cache": "PARTIAL", ...interval },
    { "lookup.partial-cache.max-rows": "5" },
    { "lookup.full-cache.reload-strategy": "PERIODIC" },
    { ...timed, "lookup.full-cache.timed-reload.iso-time": "25:00" },
    { ...timed, ...interval },
  ])
    assert.throws(() => read(wrong), /invalid value|is required/);
});
