import assert from "node:assert/strict";
import { test } from "node:test";
import { defineErrors, MillraceError } from "../../../foundation/base/errors.ts";
import type { BatchView } from "../../../foundation/columnar/batch.ts";
import type { SourceReader } from "../../contract/source.ts";
import { UnlocatedError, withOrigin } from "./row-origin.ts";

const testErrors = defineErrors({
  BAD_ROW: {
    code: "MR4190",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "a bad row",
    hint: "Mend it.",
  },
  BROKEN: {
    code: "MR4191",
    domain: "internal",
    retryable: true,
    httpStatus: 500,
    message: "broken",
    hint: "Report it.",
  },
});

const view = { rows: () => 3 } as unknown as BatchView;
const rows = { batch: 64, split: { id: "p", to: 7 }, before: { id: "p", to: 4 } };
const reader = {
  placeOf: async ({ before, after, count, row }) =>
    `topic t, offsets ${before.to} to ${after.to}, ${count} rows, row ${row}`,
} as Partial<SourceReader> as SourceReader;

const sourceOf = async (error: unknown, from: SourceReader = reader) => {
  const placed = withOrigin(error, from, rows, view);
  return placed instanceof UnlocatedError ? (await placed.located()).place.source : "unchanged";
};

test("an error of a row names the rows of its batch, or the row where the batch is the source's own", async () => {
  assert.equal(
    await sourceOf(testErrors.BAD_ROW({})),
    "topic t, offsets 4 to 7, 3 rows, row undefined",
  );
  const own = testErrors.BAD_ROW({}).at({ row: 2, batch: 64 });
  assert.equal(await sourceOf(own), "topic t, offsets 4 to 7, 3 rows, row 2");
  const other = testErrors.BAD_ROW({}).at({ row: 2, batch: 128 });
  assert.equal(await sourceOf(other), "topic t, offsets 4 to 7, 3 rows, row undefined");
});

test("what no row has caused, what has a place, and what nobody can place stays as it is", async () => {
  assert.equal(await sourceOf(testErrors.BROKEN({})), "unchanged");
  assert.equal(await sourceOf(new Error("x")), "unchanged");
  assert.equal(await sourceOf(testErrors.BAD_ROW({}).at({ source: "here" })), "unchanged");
  assert.equal(await sourceOf(testErrors.BAD_ROW({}), {} as SourceReader), "unchanged");
  const gone = { placeOf: async () => Promise.reject(new Error("no file")) };
  const error = testErrors.BAD_ROW({});
  const placed = withOrigin(error, gone as unknown as SourceReader, rows, view);
  assert.ok(placed instanceof UnlocatedError);
  assert.equal(await placed.located(), error);
  assert.ok(error instanceof MillraceError);
});
