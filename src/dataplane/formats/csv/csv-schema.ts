/**
 * Guesses the columns of CSV from a sample.
 *
 * Names:   of the first record with csv.header; else c0, c1, …
 * Types:   BOOLEAN, BIGINT, DOUBLE, DATE, TIMESTAMP(3), STRING; the narrowest that all values of a column have. Empty fields
 *          and the null literal say nothing (whoever makes the table should set csv.null-literal to '' for them).
 * Errors:  MR3104 no records.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { formatErrors } from "../errors.ts";
import { inferTextType } from "../infer-type.ts";
import type { CsvOptions } from "./csv-options.ts";

export function inferCsvSchema(sample: Uint8Array, options: CsvOptions): Schema {
  const records = splitRecords(new TextDecoder().decode(sample), options);
  const names = options.header ? records.shift() : records[0]?.map((_, i) => `c${i}`);
  if (names === undefined)
    throw formatErrors.SCHEMA_UNKNOWN({ format: "csv", reason: "the sample holds no record" });
  return {
    fields: names.map((name, i) => ({
      name: name.trim() === "" ? `c${i}` : name.trim(),
      type: columnType(
        records.map((record) => record[i] ?? ""),
        options,
      ),
    })),
  };
}

function columnType(values: readonly string[], { nullLiteral }: CsvOptions): LogicalType {
  let type: LogicalType | undefined;
  for (const value of values) {
    if (value === "" || value === nullLiteral) continue;
    const found = inferTextType(value.trim());
    if (type === undefined || type.kind === found.kind) type = found;
    else {
      const kinds = new Set([type.kind, found.kind]);
      const numbers = kinds.has("BIGINT") && kinds.has("DOUBLE");
      if (!numbers) return types.string();
      type = types.double();
    }
  }
  return type ?? types.string();
}

/** The whole records of a text, as fields. */
function splitRecords(text: string, options: CsvOptions): string[][] {
  const mark = (code: number) => (code === 0 ? undefined : String.fromCharCode(code));
  const [delimiter, quote, escaper] = [options.delimiter, options.quote, options.escape].map(mark);
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === escaper) field += text[++i] ?? "";
    else if (quoted) {
      if (c !== quote) field += c;
      else if (text[i + 1] === quote) field += text[++i]!;
      else quoted = false;
    } else if (c === quote && field === "") quoted = true;
    else if (c === delimiter) {
      record.push(field);
      field = "";
    } else if (c === "\n") {
      if (field.endsWith("\r")) field = field.slice(0, -1);
      const blank = record.length === 0 && field === "";
      const comment = options.allowComments && (record[0] ?? field).startsWith("#");
      if (!blank && !comment) records.push([...record, field]);
      record = [];
      field = "";
    } else field += c;
  }
  // The sample may end within a record; the only one counts all the same.
  if (records.length === 0 && (record.length > 0 || field !== "")) records.push([...record, field]);
  return records;
}
