/** The table option `errors`, common to all formats: what becomes of a record that does not decode. */
import type { TableOption } from "../contract/table-option.ts";

export type ErrorMode = "fail" | "skip" | "dead-letter";

export const ERRORS_OPTION: TableOption = {
  key: "errors",
  type: "enum",
  default: "fail",
  values: ["fail", "skip", "dead-letter"],
  description:
    "A record that does not decode: `fail` stops the job and names its place, `skip` counts it, `dead-letter` also hands it to the table's dead-letter file.",
};

/** Bad records listed by one call of a decoder; a batch ends early when there are more. */
export const MAX_BAD_RECORDS = 256;
