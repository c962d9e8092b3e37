/** Options of the json format. Source: Flink JsonFormatOptions; `errors` is ours. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";
import { ERRORS_OPTION, type ErrorMode } from "../error-mode.ts";
import { formatErrors } from "../errors.ts";

export const JSON_OPTIONS: readonly TableOption[] = [
  ERRORS_OPTION,
  {
    key: "json.fail-on-missing-field",
    type: "boolean",
    default: "false",
    description:
      "Whether a record without one of the columns is an error; otherwise the column is NULL.",
  },
  {
    key: "json.ignore-parse-errors",
    type: "boolean",
    default: "false",
    description:
      "Skips records that are no JSON, and sets fields to NULL whose values do not convert.",
  },
  {
    key: "json.timestamp-format.standard",
    type: "enum",
    default: "SQL",
    values: ["SQL", "ISO-8601"],
    description:
      "`SQL`: 2020-12-30 12:13:14.123 and, with local time zone, 2020-12-30 12:13:14.123Z; `ISO-8601`: the same with T.",
  },
  {
    key: "json.map-null-key.mode",
    type: "enum",
    default: "FAIL",
    values: ["FAIL", "DROP", "LITERAL"],
    description: "How NULL keys of maps are written. Columns of type MAP are refused so far.",
  },
  {
    key: "json.map-null-key.literal",
    type: "string",
    default: "null",
    description: "The text of a NULL key with mode LITERAL.",
  },
  {
    key: "json.encode.decimal-as-plain-number",
    type: "boolean",
    default: "false",
    description: "Writes DECIMAL without exponent: 0.000000027 instead of 2.7E-8.",
  },
  {
    key: "json.encode.ignore-null-fields",
    type: "boolean",
    default: "false",
    description: "Leaves NULL fields out of the records written.",
  },
  {
    key: "json.decode.json-parser.enabled",
    type: "boolean",
    default: "true",
    description: "Flink's choice between two parsers; only `true` exists here.",
  },
];

export interface JsonOptions {
  readonly errors: ErrorMode;
  readonly failOnMissingField: boolean;
  readonly ignoreParseErrors: boolean;
  readonly iso: boolean;
  readonly plainDecimals: boolean;
  readonly ignoreNullFields: boolean;
}

export function readJsonOptions(options: TableOptions): JsonOptions {
  const reader = new OptionReader("format json", JSON_OPTIONS, options);
  const failOnMissingField = reader.boolean("json.fail-on-missing-field");
  const ignoreParseErrors = reader.boolean("json.ignore-parse-errors");
  if (failOnMissingField && ignoreParseErrors)
    throw formatErrors.OPTIONS_CONFLICT({
      first: "json.fail-on-missing-field",
      second: "json.ignore-parse-errors",
    });
  if (!reader.boolean("json.decode.json-parser.enabled"))
    throw baseErrors.UNSUPPORTED({
      what: "'json.decode.json-parser.enabled' = 'false'",
      remedy: "Leave the option out.",
    });
  return {
    errors: reader.choice("errors") as ErrorMode,
    failOnMissingField,
    ignoreParseErrors,
    iso: reader.choice("json.timestamp-format.standard") === "ISO-8601",
    plainDecimals: reader.boolean("json.encode.decimal-as-plain-number"),
    ignoreNullFields: reader.boolean("json.encode.ignore-null-fields"),
  };
}
