import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { realEnv } from "../foundation/host/real-env.ts";
import { lockPlatform } from "./platform-lock.ts";

const { timers } = realEnv();
const folder = () => temporaryFolder("platform-lock");

test("of many that start at once one holds the folder; it is free again when that one lets go", async () => {
  const data = folder();
  const locks = await Promise.all(Array.from({ length: 8 }, () => lockPlatform(data, timers)));
  const held = locks.filter((lock) => lock.kind === "held");
  assert.equal(held.length, 1);
  for (const lock of locks) if (lock.kind === "taken") assert.equal(lock.pid, process.pid);
  for (const lock of held) lock.release();
  const again = await lockPlatform(data, timers);
  assert.equal(again.kind, "held");
  if (again.kind === "held") again.release();
  assert.deepEqual(readdirSync(data), []);
});

test("what a dead process has left, whole or torn, is taken over", async () => {
  for (const left of [
    '{"pid":999999999,"startTime":"x"}',
    '{"pid":1,"startTime":"of another"}',
    "{",
  ]) {
    const data = folder();
    writeFileSync(join(data, "platform.lock"), left);
    const lock = await lockPlatform(data, timers);
    assert.equal(lock.kind, "held", left);
    const { pid } = JSON.parse(readFileSync(join(data, "platform.lock"), "utf8")) as {
      pid: number;
    };
    assert.equal(pid, process.pid);
    assert.deepEqual(readdirSync(data), ["platform.lock"]);
  }
});
