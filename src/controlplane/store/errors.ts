/** Errors of the metadata store (MR600x). */
import { defineErrors } from "../../foundation/base/errors.ts";

export const storeErrors = defineErrors({
  STORE_NEWER: {
    code: "MR6001",
    domain: "user",
    retryable: false,
    httpStatus: 500,
    message:
      "the metadata in {path} was written by a newer release (version {found}, this one knows {known})",
    hint: "Start the newer release, or use another data folder with --data.",
  },
  STORE_UNUSABLE: {
    code: "MR6002",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "the metadata in {path} cannot be opened: {reason}",
    hint: "Check that the folder exists, is writable and has free space.",
  },
});
