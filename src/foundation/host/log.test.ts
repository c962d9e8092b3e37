import assert from "node:assert/strict";
import { test } from "node:test";
import { baseErrors } from "../base/errors.ts";
import { createLogger, silentLogger } from "./log.ts";

const clock = { nowMs: () => Date.UTC(2026, 0, 31, 12), monotonicMs: () => 0 };

function lines(level: "DEBUG" | "WARN") {
  const written: string[] = [];
  const log = createLogger({ clock, level, write: (line) => written.push(line) });
  return { log, parsed: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("lines are JSON with time, level, message and fields", () => {
  const { log, parsed } = lines("DEBUG");
  log.with({ jobId: "j1" }).info("started", { parallelism: 2, rows: 5n });
  assert.deepEqual(parsed(), [
    {
      at: "2026-01-31T12:00:00.000Z",
      level: "INFO",
      message: "started",
      jobId: "j1",
      parallelism: 2,
      rows: "5",
    },
  ]);
});

test("levels below the least are not written", () => {
  const { log, parsed } = lines("WARN");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  silentLogger.error("e");
  assert.deepEqual(
    parsed().map(({ message }) => message),
    ["c", "d"],
  );
});

test("secrets are masked, in fields, in nested ones and in URLs", () => {
  const { log, parsed } = lines("DEBUG");
  log.info("connect postgres://ann:hunter2@db:5432/x", {
    options: { password: "hunter2", "properties.sasl.jaas.config": "x", user: "ann" },
    accessKeyId: "id",
    "access-key": "hunter2",
    urls: ["http://u:hunter2@h/"],
  });
  const [line] = parsed();
  assert.ok(!JSON.stringify(line).includes("hunter2"), JSON.stringify(line));
  assert.equal(line!["message"], "connect postgres://ann:******@db:5432/x");
  assert.equal((line!["options"] as { user: string }).user, "ann");
});

test("errors show code and causes, long texts are cut", () => {
  const { log, parsed } = lines("DEBUG");
  const cause = new Error("disk on fire");
  log.error("failed", {
    error: baseErrors.INTERNAL({ message: "m" }, { cause }),
    text: "x".repeat(9999),
  });
  const [line] = parsed();
  const error = line!["error"] as { code: string; cause: string[] };
  assert.deepEqual([error.code, error.cause], ["MR9901", ["disk on fire"]]);
  assert.equal((line!["text"] as string).length, 4097);
});
