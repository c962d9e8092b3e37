/** Errors of the embedded target (MR509x). */
import { defineErrors } from "../../../foundation/base/errors.ts";

export const embeddedErrors = defineErrors({
  PROCESS_DIED: {
    code: "MR5090",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "the process of job {jobId} died without saying why",
    hint: "The platform starts it again from its newest checkpoint; job.log in {folder} has its last words.",
  },
  JOB_UNKNOWN: {
    code: "MR5091",
    domain: "internal",
    retryable: false,
    httpStatus: 404,
    message: "nothing is known of job {jobId}",
    hint: "Its folder {folder} is gone: start the deployment again.",
  },
});
