/**
 * Options of the datagen connector. `fields.<name>.…` exist per column (of a ROW: fields.<row>.<field>.…).
 * Source: Flink DataGenConnectorOptions; `seed` is ours.
 */
import type { TableOption } from "../../contract/table-option.ts";

export const DATAGEN_OPTIONS: readonly TableOption[] = [
  { key: "connector", type: "string", required: true, description: "`datagen`." },
  {
    key: "rows-per-second",
    type: "integer",
    default: "10000",
    min: 1,
    description: "Rows emitted per second, of all subtasks together.",
  },
  {
    key: "number-of-rows",
    type: "integer",
    min: 0,
    description:
      "How many rows there are in all; without it and without a sequence there is no end.",
  },
  {
    key: "seed",
    type: "integer",
    description: "Seed of the random values; without it every job draws its own.",
  },
];

/** Of one field; `#` stands for its name in the documentation. */
export const DATAGEN_FIELD_OPTIONS: readonly TableOption[] = [
  {
    key: "fields.#.kind",
    type: "enum",
    default: "random",
    values: ["random", "sequence"],
    description: "Random values, or start to end, each once.",
  },
  {
    key: "fields.#.min",
    type: "number",
    description: "Smallest random value; default: the type's.",
  },
  {
    key: "fields.#.max",
    type: "number",
    description: "Largest random value; default: the type's.",
  },
  {
    key: "fields.#.max-past",
    type: "duration",
    default: "0",
    description: "Random dates and timestamps lie at most this long before now.",
  },
  {
    key: "fields.#.length",
    type: "integer",
    default: "100",
    min: 1,
    max: 65536,
    description:
      "Characters of random strings, bytes of random binaries. Fixed by CHAR(n) and BINARY(n).",
  },
  {
    key: "fields.#.var-len",
    type: "boolean",
    default: "false",
    description: "Random lengths from 1 to length, for VARCHAR and VARBINARY.",
  },
  { key: "fields.#.start", type: "integer", description: "First value of a sequence." },
  { key: "fields.#.end", type: "integer", description: "Last value of a sequence." },
  {
    key: "fields.#.null-rate",
    type: "number",
    default: "0",
    min: 0,
    max: 1,
    description: "Share of NULLs.",
  },
];

/** The catalogue for one field: the options above with its name. */
export function fieldOptions(path: string): readonly TableOption[] {
  return DATAGEN_FIELD_OPTIONS.map((option) => ({
    ...option,
    key: option.key.replace("#", path.replaceAll("$", "$$$$")),
  }));
}
