/** Errors of the formats, MR31xx. Messages never hold row values. */
import { defineErrors } from "../../foundation/base/errors.ts";

export const formatErrors = defineErrors({
  RECORD_INVALID: {
    code: "MR3101",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "bad {format} record in {source}, line {line}, column {column}: {reason}",
    hint: "Correct the data, or set 'errors' = 'skip' or 'dead-letter' on the table to go on without such records.",
  },
  TYPE_UNSUPPORTED: {
    code: "MR3102",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: 'column "{column}": format {format} does not read or write {type}',
    hint: "Declare the column as STRING, or leave it out of the table.",
  },
  OPTIONS_CONFLICT: {
    code: "MR3103",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "options '{first}' and '{second}' cannot both be set to true",
    hint: "Leave one of them out.",
  },
  SCHEMA_UNKNOWN: {
    code: "MR3104",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "no columns can be inferred from the {format} data: {reason}",
    hint: "Declare the columns in CREATE TABLE.",
  },
  VALUE_TOO_LONG: {
    code: "MR3105",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "a {format} record is longer than the {limitBytes} bytes of one read buffer",
    hint: "Split the record, or check that its lines end with a line feed.",
  },
  COLUMNS_INVALID: {
    code: "MR3106",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "format {format} needs {expected}",
    hint: "Change the columns of the table.",
  },
  MEMORY_EXHAUSTED: {
    code: "MR3107",
    domain: "user",
    retryable: true,
    httpStatus: 503,
    message: "the worker's memory has no {sizeBytes} bytes left for a format's tables",
    hint: "Give the job more memory or more slots.",
  },
  FORMAT_WRITES_ONLY: {
    code: "MR3108",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "format {format} can be written, not read",
    hint: "Read the table with another format, such as json.",
  },
});
