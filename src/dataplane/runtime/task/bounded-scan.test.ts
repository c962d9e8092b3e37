import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedScan } from "./bounded-scan.ts";

/** A scan of a source whose calls are told, and fail where `fails` names them. */
function scanned(fails: readonly string[], onDiscover?: () => Promise<void>) {
  const calls: string[] = [];
  const call = async (name: string): Promise<void> => {
    calls.push(name);
    if (fails.includes(name)) throw new Error(name);
  };
  const enumerator = {
    discover: async () => {
      await onDiscover?.();
      return [];
    },
    close: () => call("enumerator.close"),
  };
  const reader = {
    open: () => call("reader.open"),
    addSplits: () => {},
    close: () => call("reader.close"),
  };
  const factory = {
    validate: () => {},
    createEnumerator: () => enumerator,
    createReader: () => reader,
  };
  const environment = { registry: { source: () => factory }, plan: { timeZone: "UTC" } };
  const node = { table: { options: { connector: "faulty" } } };
  const scan = new BoundedScan(node as never, environment as never, {} as never);
  return { scan, calls };
}

test("a reader that fails to close hides no failure before, and the enumerator is closed", async () => {
  const { scan, calls } = scanned(["reader.open", "reader.close"]);
  await assert.rejects(
    scan.read(() => {}),
    { message: "reader.open" },
  );
  assert.deepEqual(calls, ["reader.open", "reader.close", "enumerator.close"]);
});

test("behind close() nothing is opened", async () => {
  const { scan, calls } = scanned([], () => scan.close());
  await scan.read(() => {});
  await scan.read(() => {});
  assert.deepEqual(calls, ["enumerator.close"]);
});
