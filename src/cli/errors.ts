/** Errors of the command line itself (MR101x). */
import { defineErrors } from "../foundation/base/errors.ts";

export const cliErrors = defineErrors({
  UNKNOWN_COMMAND: {
    code: "MR1011",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "unknown command '{command}'",
    hint: "Run `millrace --help` for the list.",
  },
  USAGE: {
    code: "MR1012",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{problem}",
    hint: "Run `millrace {command} --help`.",
  },
  FILE_UNREADABLE: {
    code: "MR1013",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "cannot read {path}: {reason}",
    hint: "Check the path and its permissions.",
  },
  NOT_AN_INSERT: {
    code: "MR1014",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{path} holds no INSERT: there is nothing to run as a job",
    hint: "Add an INSERT INTO, or use `millrace sql -f {path}` to see the rows of a query.",
  },
  DEMO_DATA_MISSING: {
    code: "MR1015",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "the demo's data (npm package vega-datasets) is not installed",
    hint: "Run `npm install`, or start without the demo: `millrace up --no-demo`.",
  },
  DATA_FOLDER: {
    code: "MR1017",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "cannot keep the platform's data in {path}: {reason}",
    hint: "Choose another folder with --data.",
  },
  FILE_UNWRITABLE: {
    code: "MR1018",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "cannot write {path}: {reason}",
    hint: "Check the path and its permissions.",
  },
  SEVERAL_INSERTS: {
    code: "MR1016",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{path} holds several INSERTs, and a job runs one",
    hint: "Put them into EXECUTE STATEMENT SET BEGIN … END: they then run as one job.",
  },
});
