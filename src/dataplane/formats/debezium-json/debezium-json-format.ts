/**
 * The debezium-json format, for writing: `{"before":…,"after":…,"op":"c"}` a row; +I and +U are `c`, -U and -D are `d`.
 *
 * Source:  Flink DebeziumJsonSerializationSchema. Reading is refused (MR3108).
 */
import type { FormatFactory } from "../../contract/format.ts";
import { checkOptions, type TableOption } from "../../contract/table-option.ts";
import { formatErrors } from "../errors.ts";
import { JsonEncoder } from "../json/json-encoder.ts";
import { JSON_OPTIONS } from "../json/json-options.ts";
import { checkJsonType } from "../json/json-plan.ts";

const WRITING = new Set([
  "json.timestamp-format.standard",
  "json.encode.decimal-as-plain-number",
  "json.encode.ignore-null-fields",
]);

export const DEBEZIUM_JSON_OPTIONS: readonly TableOption[] = JSON_OPTIONS.filter(({ key }) =>
  WRITING.has(key),
).map((option) => ({ ...option, key: `debezium-${option.key}` }));

export const debeziumJsonFormat: FormatFactory = {
  identifier: "debezium-json",
  splittable: true,
  fileExtension: ".json",
  options: DEBEZIUM_JSON_OPTIONS.map(({ key }) => key),
  validate: (options, schema) => {
    checkOptions(
      "format debezium-json",
      DEBEZIUM_JSON_OPTIONS,
      ownOptions(options, "debezium-json."),
    );
    for (const { name, type } of schema.fields) checkJsonType([name], type);
  },
  createDecoder: () => {
    throw formatErrors.FORMAT_WRITES_ONLY({ format: "debezium-json" });
  },
  createEncoder: (context) => {
    const own = Object.entries(ownOptions(context.options, "debezium-json."));
    const options = Object.fromEntries(
      own.map(([key, value]) => [key.replace(/^debezium-/, ""), value]),
    );
    return new JsonEncoder({ ...context, options }, { envelope: true });
  },
};

function ownOptions(options: Readonly<Record<string, string>>, prefix: string) {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key.startsWith(prefix)));
}
