/** The formats by name. Flow: connectors/registry.ts → here; nobody else imports a format. */
import { baseErrors, type MillraceError } from "../../foundation/base/errors.ts";
import type { FormatFactory } from "../contract/format.ts";
import { nearest } from "../../foundation/base/text.ts";
import type { TableOption } from "../contract/table-option.ts";
import { csvFormat } from "./csv/csv-format.ts";
import { CSV_OPTIONS } from "./csv/csv-options.ts";
import { DEBEZIUM_JSON_OPTIONS, debeziumJsonFormat } from "./debezium-json/debezium-json-format.ts";
import { jsonFormat } from "./json/json-format.ts";
import { JSON_OPTIONS } from "./json/json-options.ts";
import { RAW_OPTIONS, rawFormat } from "./raw/raw-format.ts";

const FORMATS: readonly FormatFactory[] = [csvFormat, debeziumJsonFormat, jsonFormat, rawFormat];

/** Options by format: what docs, console forms and completion are made of. */
export const FORMAT_OPTIONS: Readonly<Record<string, readonly TableOption[]>> = {
  csv: CSV_OPTIONS,
  "debezium-json": DEBEZIUM_JSON_OPTIONS,
  json: JSON_OPTIONS,
  raw: RAW_OPTIONS,
};

export function builtinFormats(): readonly FormatFactory[] {
  return FORMATS;
}

/** The format of this name, MR1003 when there is none. */
export function findFormat(identifier: string): FormatFactory {
  const found = FORMATS.find((format) => format.identifier === identifier);
  if (found !== undefined) return found;
  throw unknownFormat(identifier);
}

export function unknownFormat(identifier: string): MillraceError {
  const known = FORMATS.map((format) => format.identifier);
  return baseErrors.OPTION_INVALID(
    { key: "format", value: identifier, expected: `one of ${known.join(", ")}` },
    { didYouMean: nearest(identifier, known) },
  );
}
