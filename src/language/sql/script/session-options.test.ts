import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { isObeyed, settingWarning } from "./session-options.ts";

const SOURCE = new URL("../../../", import.meta.url);
const KEY =
  /"((?:table|execution|pipeline|parallelism|restart-strategy|state|millrace)\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)"/g;
/** Names that look like keys. */
const NO_KEYS = new Set(["execution.checkpointing", "millrace.db"]);

test("every key that some code reads is one that SET knows as obeyed", () => {
  const files = globSync("**/*.ts", { cwd: SOURCE }).filter(
    (path) => !/\.test\.ts$|session-options\.ts$|not-obeyed\.ts$|controlplane\/api\//.test(path),
  );
  const read = new Map<string, string>();
  for (const path of files)
    for (const [, key] of readFileSync(new URL(path, SOURCE), "utf8").matchAll(KEY))
      if (!NO_KEYS.has(key!)) read.set(key!, path);
  assert.ok(read.size > 20);
  const forgotten = [...read].filter(([key]) => !isObeyed(key));
  assert.deepEqual(forgotten, [], "add them to OBEYED in session-options.ts");
});

test("a typing error is told with the key that was meant", () => {
  assert.deepEqual(settingWarning("table.exec.state.tll")?.place.didYouMean, [
    "table.exec.state.ttl",
  ]);
  assert.equal(settingWarning("$internal.pipeline.job-id"), undefined);
  assert.match(settingWarning("no.such.key")!.message, /unknown/);
});
