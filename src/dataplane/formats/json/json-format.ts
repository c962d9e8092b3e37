/** The json format: JSON lines, with Flink's options and conversions. Source: Flink's flink-json, see its parts here. */
import type { FormatFactory } from "../../contract/format.ts";
import { JsonDecoder } from "./json-decoder.ts";
import { JsonEncoder } from "./json-encoder.ts";
import { JSON_OPTIONS, readJsonOptions } from "./json-options.ts";
import { checkJsonType } from "./json-plan.ts";
import { inferJsonSchema } from "./json-schema.ts";

export const jsonFormat: FormatFactory = {
  identifier: "json",
  splittable: true,
  fileExtension: ".json",
  options: JSON_OPTIONS.map(({ key }) => key),
  validate: (options, schema) => {
    readJsonOptions(options);
    for (const { name, type } of schema.fields) checkJsonType([name], type);
  },
  createDecoder: (context) => new JsonDecoder(context),
  createEncoder: (context) => new JsonEncoder(context),
  inferSchema: (sample) => inferJsonSchema(sample),
};
