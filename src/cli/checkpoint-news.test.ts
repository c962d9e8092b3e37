import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckpointView } from "../dataplane/runtime/master/checkpoint-history.ts";
import { CheckpointNews } from "./checkpoint-news.ts";

const view = (id: number, failure?: string, code = "MR4252") =>
  ({
    id,
    status: failure === undefined ? "COMPLETED" : "FAILED",
    failure: failure === undefined ? null : { code, message: failure },
  }) as unknown as CheckpointView;

test("a failure is told once for each reason, and its end", () => {
  const news = new CheckpointNews();
  const full = (id: number) => view(id, `checkpoint ${id} … /c/1-0-${id}.seg: ENOSPC`);
  assert.deepEqual(news.next([view(1)]), []);
  assert.deepEqual(news.next([view(1), full(2)]), [
    "checkpoint 2 failed: MR4252 checkpoint 2 … /c/1-0-2.seg: ENOSPC",
  ]);
  assert.deepEqual(news.next([view(1), full(2), full(3), full(4)]), []);
  assert.deepEqual(news.next([full(4), view(5, "checkpoint 5 … EIO"), view(6)]), [
    "checkpoint 5 failed: MR4252 checkpoint 5 … EIO",
    "checkpoint 6 is complete again",
  ]);
  assert.deepEqual(news.next([view(6), view(7, "the job has ended", "MR4255")]), []);
  assert.deepEqual(news.next([view(8)]), []);
});
