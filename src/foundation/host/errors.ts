/** Errors of the host: MR1021 to MR1029. */
import { defineErrors } from "../base/errors.ts";

export const hostErrors = defineErrors({
  MODULE_UNUSABLE: {
    code: "MR1021",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "function {function} of module {module} cannot be used: {reason}",
    hint: "Check the path, and what the module exports; top-level await is not possible there.",
  },
  OBJECT_STORE_LIMIT: {
    code: "MR1022",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "an object store does not know {what}: {path}",
    hint: "Give a folder of this machine for this, or write a new object.",
  },
});
