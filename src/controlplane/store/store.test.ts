import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { MillraceError } from "../../foundation/base/errors.ts";
import { Store } from "./store.ts";

const deployment = (id: string) => ({
  id,
  name: `d-${id}`,
  script: "SELECT 1",
  target: "embedded",
  parallelism: 1,
  desired: "RUNNING" as const,
  created_at: 1,
});

test("rows survive closing and reopening, and a failed transaction leaves nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "metadata.db");
  const store = Store.open(path);
  await store.db.insertInto("deployment").values(deployment("a")).execute();
  await assert.rejects(
    store.db.transaction().execute(async (tx) => {
      await tx.insertInto("deployment").values(deployment("b")).execute();
      throw new Error("stop");
    }),
    /stop/,
  );
  await store.close();
  const again = Store.open(path);
  const rows = await again.db.selectFrom("deployment").select("id").execute();
  assert.deepEqual(
    rows.map((row) => row.id),
    ["a"],
  );
  await again.close();
});

test("a database of a newer release is refused", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "metadata.db");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 999");
  database.close();
  assert.throws(
    () => Store.open(path),
    (error) => error instanceof MillraceError && error.code === "MR6001",
  );
});

test("a folder that does not exist is a clear error", () => {
  assert.throws(
    () => Store.open("/nonexistent/folder/metadata.db"),
    (error) => error instanceof MillraceError && error.code === "MR6002",
  );
});

test("who finds the file locked by another process waits for it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "metadata.db");
  const store = Store.open(path);
  const script = `const { DatabaseSync } = require("node:sqlite");
    const { parentPort, workerData } = require("node:worker_threads");
    const database = new DatabaseSync(workerData);
    database.exec("BEGIN IMMEDIATE");
    parentPort.postMessage("locked");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    database.exec("COMMIT");
    database.close();`;
  const other = new Worker(script, { eval: true, workerData: path });
  const ended = once(other, "exit");
  await once(other, "message");
  await store.db.insertInto("deployment").values(deployment("a")).execute();
  await ended;
  await store.close();
});
