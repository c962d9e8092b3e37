/** Options of the csv format. Source: Flink CsvFormatOptions; `csv.header` and `errors` are ours. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";
import { ERRORS_OPTION, type ErrorMode } from "../error-mode.ts";

export const CSV_OPTIONS: readonly TableOption[] = [
  ERRORS_OPTION,
  {
    key: "csv.field-delimiter",
    type: "string",
    default: ",",
    description: "One ASCII character between fields; \\t stands for the tabulator.",
  },
  {
    key: "csv.disable-quote-character",
    type: "boolean",
    default: "false",
    description: "Quotes are ordinary characters.",
  },
  {
    key: "csv.quote-character",
    type: "string",
    default: '"',
    description: "One ASCII character around fields that hold delimiters, quotes or line ends.",
  },
  {
    key: "csv.escape-character",
    type: "string",
    description: "One ASCII character before a character that is to be taken as it is.",
  },
  {
    key: "csv.allow-comments",
    type: "boolean",
    default: "false",
    description: "Leaves out lines that begin with #.",
  },
  {
    key: "csv.ignore-parse-errors",
    type: "boolean",
    default: "false",
    description:
      "Sets fields to NULL that do not convert or are missing, and leaves out records with bad quotes.",
  },
  {
    key: "csv.null-literal",
    type: "string",
    description: "The text that stands for NULL; an empty one makes empty fields NULL.",
  },
  {
    key: "csv.array-element-delimiter",
    type: "string",
    default: ";",
    description: "Between the elements of arrays. Columns of type ARRAY are refused so far.",
  },
  {
    key: "csv.write-bigdecimal-in-scientific-notation",
    type: "boolean",
    default: "true",
    description: "Writes DECIMAL with an exponent where Java does: 1E+2 instead of 100.",
  },
  {
    key: "csv.header",
    type: "boolean",
    default: "false",
    description:
      "Files begin with a line of column names: left out when reading, put there when writing.",
  },
];

export interface CsvOptions {
  readonly errors: ErrorMode;
  /** Bytes; quote and escape 0 = none. */
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly allowComments: boolean;
  readonly ignoreParseErrors: boolean;
  readonly nullLiteral: string | undefined;
  readonly scientificDecimals: boolean;
  readonly header: boolean;
}

export function readCsvOptions(options: TableOptions): CsvOptions {
  const reader = new OptionReader("format csv", CSV_OPTIONS, options);
  const quoted = !reader.boolean("csv.disable-quote-character");
  if (!quoted && reader.has("csv.quote-character"))
    throw baseErrors.OPTION_INVALID({
      key: "csv.quote-character",
      value: reader.string("csv.quote-character"),
      expected: "no value, because 'csv.disable-quote-character' is true",
    });
  const escaped = reader.has("csv.escape-character");
  const read = {
    errors: reader.choice("errors") as ErrorMode,
    delimiter: character(reader, "csv.field-delimiter"),
    quote: quoted ? character(reader, "csv.quote-character") : 0,
    escape: escaped ? character(reader, "csv.escape-character") : 0,
    allowComments: reader.boolean("csv.allow-comments"),
    ignoreParseErrors: reader.boolean("csv.ignore-parse-errors"),
    nullLiteral: reader.text("csv.null-literal"),
    scientificDecimals: reader.boolean("csv.write-bigdecimal-in-scientific-notation"),
    header: reader.boolean("csv.header"),
  };
  const special = [read.delimiter, read.quote, read.escape].filter((byte) => byte !== 0);
  if (new Set(special).size !== special.length)
    throw baseErrors.OPTION_INVALID({
      key: "csv.field-delimiter",
      value: reader.string("csv.field-delimiter"),
      expected: "delimiter, quote and escape characters that differ from each other",
    });
  return read;
}

/** Characters that stand within numbers, dates and words could not be told from data. */
function character(reader: OptionReader, key: string): number {
  const text = reader
    .string(key)
    .replace(/^\\t$/, "\t")
    .replace(/^\\\\$/, "\\");
  const code = text.charCodeAt(0);
  if (text.length !== 1 || code > 126 || code === 10 || code === 13 || /[\w.+:-]/.test(text))
    throw baseErrors.OPTION_INVALID({
      key,
      value: text,
      expected: "one ASCII character that is no letter, digit, line end or one of _ . + : -",
    });
  return code;
}
