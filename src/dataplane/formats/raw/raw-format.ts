/**
 * The raw format: every line is the value of the table's one STRING column.
 *
 * Source:  Flink RawFormatFactory (in UTF-8; other charsets, numbers and BYTES are refused).
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { FormatFactory } from "../../contract/format.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";
import { CsvDecoder } from "../csv/csv-decoder.ts";
import { CsvEncoder } from "../csv/csv-encoder.ts";
import type { CsvOptions } from "../csv/csv-options.ts";
import { CSV_FLAGS } from "../csv/csv-plan.ts";
import { ERRORS_OPTION, type ErrorMode } from "../error-mode.ts";
import { formatErrors } from "../errors.ts";

export const RAW_OPTIONS: readonly TableOption[] = [
  ERRORS_OPTION,
  {
    key: "raw.charset",
    type: "enum",
    default: "UTF-8",
    values: ["UTF-8"],
    description: "Encoding of the text.",
  },
];

const LINE_FEED = 10;

/** Lines are CSV records whose fields nothing separates. */
function readRawOptions(options: TableOptions): CsvOptions {
  const reader = new OptionReader("format raw", RAW_OPTIONS, options);
  reader.choice("raw.charset");
  return {
    errors: reader.choice("errors") as ErrorMode,
    delimiter: LINE_FEED,
    quote: 0,
    escape: 0,
    allowComments: false,
    ignoreParseErrors: false,
    nullLiteral: undefined,
    scientificDecimals: true,
    header: false,
  };
}

export const rawFormat: FormatFactory = {
  identifier: "raw",
  splittable: true,
  fileExtension: ".txt",
  options: RAW_OPTIONS.map(({ key }) => key),
  validate: (options, schema) => {
    readRawOptions(options);
    checkRawSchema(schema);
  },
  createDecoder: (context) => {
    checkRawSchema(context.table);
    return new CsvDecoder(context, readRawOptions(context.options), "raw", CSV_FLAGS.keepBlank);
  },
  createEncoder: (context) => {
    checkRawSchema(context.input);
    return new CsvEncoder(context, readRawOptions(context.options), "raw");
  },
  inferSchema: () => ({ fields: [{ name: "line", type: types.string() }] }),
};

function checkRawSchema({ fields }: Schema): void {
  const [field] = fields;
  if (field === undefined || fields.length !== 1)
    throw formatErrors.COLUMNS_INVALID({ format: "raw", expected: "exactly one column" });
  if (field.type.kind !== "VARCHAR" && field.type.kind !== "CHAR")
    throw baseErrors.UNSUPPORTED({
      what: `format raw with the column "${field.name}" of a type other than STRING`,
      remedy: "Declare it as STRING and cast it in the query.",
    });
}
