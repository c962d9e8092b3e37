import assert from "node:assert/strict";
import { test } from "node:test";
import { defineErrors, MillraceError, toMillraceError } from "./errors.ts";

const errors = defineErrors({
  BROKEN: {
    code: "MR9999",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{what} is broken",
    hint: "Mend {what}.",
  },
});

test("an error fills its message and hint, and tells where it lies", () => {
  const at = { start: 7, end: 12, line: 1, column: 8 };
  const object = errors.BROKEN({ what: "a" }, { at, source: "q.sql" }).toObject();
  assert.equal(object.message, "a is broken");
  assert.equal(object.hint, "Mend a.");
  assert.deepEqual(object.where, { source: "q.sql", line: 1, column: 8, length: 5 });
});

test("a row's value leaves a process only when asked for", () => {
  const error = errors.BROKEN({ what: "a" }, { value: "4111-1111" });
  assert.doesNotMatch(JSON.stringify(error.toObject()), /4111/);
  assert.equal(error.toObject({ withValue: true }).value, "4111-1111");
});

test("what is not ours is a defect, with its cause", () => {
  const error = toMillraceError(new TypeError("x of undefined"));
  assert.ok(error instanceof MillraceError);
  assert.equal(error.code, "MR9901");
  assert.deepEqual(error.toObject().cause, ["x of undefined"]);
});
