/** The csv format, with Flink's options. Source: Flink's flink-csv, see its parts here. */
import type { FormatFactory } from "../../contract/format.ts";
import { CsvDecoder } from "./csv-decoder.ts";
import { CsvEncoder } from "./csv-encoder.ts";
import { CSV_OPTIONS, readCsvOptions } from "./csv-options.ts";
import { checkCsvType } from "./csv-plan.ts";
import { inferCsvSchema } from "./csv-schema.ts";

export const csvFormat: FormatFactory = {
  identifier: "csv",
  // A quoted field may hold line feeds.
  splittable: false,
  quotedRecords: (options) => {
    const read = readCsvOptions(options);
    const { delimiter, quote } = read;
    const isPlain = quote !== 0 && read.escape === 0 && !read.allowComments;
    // Where bad records are left out, one with a bad quote may end anywhere.
    const isStrict = read.errors === "fail" && !read.ignoreParseErrors;
    return isPlain && isStrict ? { delimiter, quote } : undefined;
  },
  fileExtension: ".csv",
  options: CSV_OPTIONS.map(({ key }) => key),
  validate: (options, schema) => {
    readCsvOptions(options);
    for (const { name, type } of schema.fields) checkCsvType(name, type);
  },
  createDecoder: (context) => new CsvDecoder(context, readCsvOptions(context.options)),
  createEncoder: (context) => new CsvEncoder(context, readCsvOptions(context.options)),
  inferSchema: (sample, options) => inferCsvSchema(sample, readCsvOptions(options)),
};
