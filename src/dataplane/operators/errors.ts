/** Errors of operators: MR4150 to MR4199. */
import { defineErrors } from "../../foundation/base/errors.ts";

export const operatorErrors = defineErrors({
  ROWTIME_NULL: {
    code: "MR4150",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "the rowtime column {column} is NULL in a row ({operator})",
    hint: "Filter such rows out before the watermark, or give the column a value.",
  },
  RETRACTION_UNEXPECTED: {
    code: "MR4151",
    domain: "internal",
    retryable: false,
    httpStatus: 500,
    message: "{operator} takes only insertions, but got a row of kind {kind}",
    hint: "This is a defect of Millrace's planner: please report it with the statement that caused it.",
  },
  WINDOW_UNSUPPORTED: {
    code: "MR4152",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "{window} is not supported in {operator}",
    hint: "{remedy}",
  },
  MATCH_SKIP: {
    code: "MR4154",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "AFTER MATCH SKIP to {variable} cannot go on: {reason} ({operator})",
    hint: "Skip PAST LAST ROW or TO NEXT ROW, or to a variable that every match has behind its first row.",
  },
  OP_CODE_INVALID: {
    code: "MR4160",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "FROM_CHANGELOG, column {column}: Received invalid op code",
    hint: "Name the code in op_mapping, or set error_handling => 'SKIP' to leave such rows out.",
  },
  OP_CODE_NULL: {
    code: "MR4161",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message:
      "FROM_CHANGELOG, column {column}: Received NULL op code. Every changelog row must carry an operation code.",
    hint: "Filter such rows out before, or set error_handling => 'SKIP' to leave them out.",
  },
  PROCESS_MISSING: {
    code: "MR4162",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "the process table function '{name}' is not available to the job",
    hint: "Register the module that exports it.",
  },
  PROCESS_FAILED: {
    code: "MR4163",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{message}",
    hint: "The function's author must mend it.",
  },
  KEY_CONFLICT: {
    code: "MR4164",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message:
      "Primary key constraint violation in sink table '{table}': several rows of the query fall on one primary key",
    hint: "Make the query's key the table's, or write with ON CONFLICT DO NOTHING or DO DEDUPLICATE.",
  },
  NOT_NULL_VIOLATED: {
    code: "MR4170",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message:
      "Column '{column}' is NOT NULL, however, a null value is being written into it. You can set job configuration 'table.exec.sink.not-null-enforcer'='DROP' to suppress this exception and drop such records silently. (table {table})",
    hint: "Set 'table.exec.sink.not-null-enforcer' = 'DROP' to drop such records silently, or filter them out.",
  },
  TYPE_LENGTH_VIOLATED: {
    code: "MR4171",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message:
      "Column '{column}' is {type}, however, a string of length {length} is being written into it. You can set job configuration 'table.exec.sink.type-length-enforcer' to control this behaviour.",
    hint: "Set 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD' to cut and pad such values, or widen the column.",
  },
  SPILL_FAILED: {
    code: "MR4172",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "the local file for rows that exceed the memory's budget cannot be {action}",
    hint: "See that the folder for temporary files has room, or raise taskmanager.memory.managed.size.",
  },
});
