import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Env } from "./env.ts";
import { realEnv } from "./real-env.ts";
import { SimulatedWorld } from "./simulated-env.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const codeOf = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

type Body = (env: Env, folder: string) => Promise<void>;

/** Runs one body under both twins. */
function both(name: string, body: Body): void {
  test(`real: ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-env-"));
    try {
      await body(realEnv(), folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  test(`simulated: ${name}`, async () => {
    const world = new SimulatedWorld(7);
    const env = world.boot();
    await world.run(env.files.mkdirs("/data").then(() => body(env, "/data")));
  });
}

test("a folder that cannot be made is an error, also below one that takes no names", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-env-"));
  t.after(() => rm(folder, { recursive: true }));
  const { files, scratch } = realEnv();
  await writeFile(join(folder, "file"), "");
  await assert.rejects(files.mkdirs(join(folder, "file", "x")), codeOf("ENOTDIR"));
  assert.throws(() => scratch(join(folder, "file", "x")), codeOf("EEXIST"));
  if (process.platform !== "linux") return;
  await assert.rejects(files.mkdirs("/proc/none/x"), codeOf("ENOENT"));
  assert.throws(() => scratch("/proc/none/x"), codeOf("ENOENT"));
});

test("folders for the owner only let nobody else enter; others follow the umask", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-env-"));
  t.after(() => rm(folder, { recursive: true }));
  const { files } = realEnv();
  await files.mkdirs(join(folder, "a", "b"), { ownerOnly: true });
  await files.mkdirs(join(folder, "c"));
  const mode = async (name: string) => (await stat(join(folder, name))).mode & 0o777;
  assert.deepEqual([await mode("a"), await mode("a/b")], [0o700, 0o700]);
  assert.equal(await mode("c"), 0o777 & ~process.umask());
});

describe("both twins of Env", () => {
  both("writes, appends, reads and lists files", async ({ files }, folder) => {
    const path = `${folder}/b`;
    const file = await files.create(path);
    await file.append(bytes("hello "));
    await file.append(bytes("world"));
    await file.sync();
    await file.close();
    await file.close();
    assert.equal(text(await files.readAll(path)), "hello world");
    const more = await files.create(path, { append: true });
    await more.append(bytes("!"));
    await more.close();
    const reader = await files.open(path);
    const target = new Uint8Array(6);
    assert.equal(await reader.read(target, 6), 6);
    assert.equal(text(target), "world!");
    assert.equal(reader.readSync(target, 10), 2);
    assert.equal(await reader.read(target, 12), 0);
    await reader.close();
    await files.writeAtomic(`${folder}/a`, bytes("x"));
    assert.deepEqual(await files.list(folder), ["a", "b"]);
  });

  both("tells what a path is", async ({ files }, folder) => {
    await files.mkdirs(`${folder}/x/y`);
    await files.mkdirs(`${folder}/x/y`);
    await files.writeAtomic(`${folder}/x/f`, bytes("abc"));
    assert.equal((await files.stat(`${folder}/x/y`))?.isDirectory, true);
    const stat = await files.stat(`${folder}/x/f`);
    assert.deepEqual([stat?.isDirectory, stat?.sizeBytes], [false, 3]);
    assert.equal(await files.stat(`${folder}/none`), undefined);
  });

  both("renames, truncates and removes", async ({ files }, folder) => {
    await files.mkdirs(`${folder}/d`);
    await files.writeAtomic(`${folder}/d/f`, bytes("abcdef"));
    await files.rename(`${folder}/d`, `${folder}/e`);
    await files.truncate(`${folder}/e/f`, 2);
    assert.equal(text(await files.readAll(`${folder}/e/f`)), "ab");
    await files.remove(`${folder}/e`);
    await files.remove(`${folder}/e`);
    assert.deepEqual(await files.list(folder), []);
  });

  both("fails with Node's codes", async ({ files }, folder) => {
    await assert.rejects(files.open(`${folder}/none`), codeOf("ENOENT"));
    await assert.rejects(files.readAll(`${folder}/none`), codeOf("ENOENT"));
    await assert.rejects(files.list(`${folder}/none`), codeOf("ENOENT"));
    await assert.rejects(files.create(`${folder}/none/f`), codeOf("ENOENT"));
    await assert.rejects(files.rename(`${folder}/none`, `${folder}/f`), codeOf("ENOENT"));
    await assert.rejects(files.readAll(folder), codeOf("EISDIR"));
  });

  both("calls timers in order, and not those canceled", async ({ timers, clock }) => {
    const calls: string[] = [];
    const start = clock.monotonicMs();
    await new Promise<void>((resolve) => {
      timers.after(30, () => {
        calls.push("30");
        resolve();
      });
      timers.after(5, () => calls.push("5"));
      const cancel = timers.after(10, () => calls.push("10"));
      cancel();
      cancel();
      timers.yield(() => calls.push("yield"));
    });
    assert.deepEqual(calls, ["yield", "5", "30"]);
    assert.ok(clock.monotonicMs() - start >= 29);
  });

  both("draws random words and hex", async ({ random }) => {
    const words = new Set(Array.from({ length: 1000 }, () => random.u32()));
    assert.ok(words.size > 990);
    assert.ok([...words].every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32));
    assert.match(random.hex(16), /^[0-9a-f]{32}$/);
  });
});

describe("SimulatedWorld", () => {
  test("what was synced survives a crash, what was not may go, in any order of sectors", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const world = new SimulatedWorld(seed);
      const { files } = world.boot();
      const write = async () => {
        const file = await files.create("/log");
        await file.append(new Uint8Array(1000).fill(1));
        await file.sync();
        await file.append(new Uint8Array(2000).fill(2));
      };
      await world.run(write());
      world.crash();
      const after = await world.run(world.boot().files.readAll("/log"));
      assert.ok(after.length >= 1000 && after.length <= 3000, `seed ${seed}`);
      assert.ok(
        after.subarray(0, 1000).every((byte) => byte === 1),
        `seed ${seed}`,
      );
      assert.ok(
        after.subarray(1000).every((byte) => byte === 2 || byte === 0),
        `seed ${seed}`,
      );
      outcomes.add(`${after.length}:${after.includes(0)}`);
    }
    assert.ok(outcomes.size > 5, [...outcomes].join(" "));
  });

  test("a file whole or not at all, over a crash at any step of writeAtomic", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new SimulatedWorld(seed);
      const { files } = world.boot();
      await world.run(files.writeAtomic("/state", bytes("old")));
      void files.writeAtomic("/state", bytes("new-and-longer"));
      let steps = seed % 7;
      await world.runUntil(() => steps-- <= 0);
      world.crash();
      const after = text(await world.run(world.boot().files.readAll("/state")));
      assert.ok(after === "old" || after === "new-and-longer", `seed ${seed}: ${after}`);
    }
  });

  test("a crash ends the processes: timers and file operations of before never come back", async () => {
    const world = new SimulatedWorld(3);
    const env = world.boot();
    let calls = 0;
    env.timers.after(5, () => calls++);
    env.timers.yield(() => calls++);
    void env.files.mkdirs("/x").then(() => calls++);
    world.crash();
    env.timers.after(1, () => calls++);
    await world.advance(100);
    assert.equal(calls, 0);
    assert.equal(world.elapsedMs, 100);
  });

  test("one seed, one schedule; other seeds, others", async () => {
    const trace = async (seed: number): Promise<string> => {
      const world = new SimulatedWorld(seed, { fileDelayMs: 5 });
      const env = world.boot();
      const order: string[] = [];
      for (let i = 0; i < 8; i++) env.timers.yield(() => order.push(`y${i}`));
      const stat = (i: number) =>
        env.files.stat("/").then(() => order.push(`s${i}@${env.clock.monotonicMs()}`));
      await world.run(Promise.all([stat(1), stat(2), stat(3)]));
      return `${order.join(" ")} ${env.random.hex(8)}`;
    };
    assert.equal(await trace(11), await trace(11));
    const traces = await Promise.all([1, 2, 3, 4].map(trace));
    assert.equal(new Set(traces).size, 4);
  });

  test("draws errors and a full disk when told to", async () => {
    const world = new SimulatedWorld(5, { fileErrorRate: 1 });
    const { files } = world.boot();
    await assert.rejects(world.run(files.stat("/")), codeOf("EIO"));
    world.faults = { diskBytes: 10 };
    await world.run(files.writeAtomic("/a", new Uint8Array(8)));
    await assert.rejects(world.run(files.writeAtomic("/b", new Uint8Array(8))), codeOf("ENOSPC"));
    assert.deepEqual(await world.run(files.list("/")), ["a"]);
  });

  test("a deadlock is told, not waited for", async () => {
    const world = new SimulatedWorld(1);
    await assert.rejects(world.run(new Promise(() => {})), /deadlock in simulation, seed 1/);
  });

  test("a year passes at once", async () => {
    const world = new SimulatedWorld(1);
    const env = world.boot();
    const before = env.clock.nowMs();
    await world.advance(365 * 86_400_000);
    assert.equal(env.clock.nowMs() - before, 365 * 86_400_000);
  });
});
