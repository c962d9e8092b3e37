/** Errors of the deployment controller (MR601x–MR60xx). */
import { defineErrors } from "../../foundation/base/errors.ts";

export const controllerErrors = defineErrors({
  DEPLOYMENT_NOT_FOUND: {
    code: "MR6011",
    domain: "user",
    retryable: false,
    httpStatus: 404,
    message: "there is no deployment '{id}'",
    hint: "List the deployments to see their ids.",
  },
  NAME_TAKEN: {
    code: "MR6012",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "a deployment named '{name}' exists already",
    hint: "Choose another name, or delete the other deployment first.",
  },
  STILL_RUNNING: {
    code: "MR6013",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "deployment '{name}' is running",
    hint: "Stop it first.",
  },
  NOT_RUNNING: {
    code: "MR6014",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "deployment '{name}' has no running job",
    hint: "Start it first.",
  },
  NOTHING_TO_RUN: {
    code: "MR6015",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "the script of '{name}' holds no INSERT",
    hint: "A deployment runs one INSERT INTO or one EXECUTE STATEMENT SET.",
  },
  SINK_NOT_FOUND: {
    code: "MR6016",
    domain: "user",
    retryable: false,
    httpStatus: 404,
    message: "deployment '{name}' has no table '{sink}' whose rows can be watched",
    hint: "Only tables with 'connector' = 'collect' keep their rows for watching: {known}.",
  },
  NOT_A_QUERY: {
    code: "MR6017",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "this statement returns no rows to show",
    hint: "Write a SELECT; an INSERT is deployed.",
  },
});
