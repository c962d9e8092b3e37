/**
 * Options of the datagen connector. `fields.<name>.…` exist per column, by its type: of a ROW's fields `fields.<row>.<field>.…`, of what
 * is in a collection `fields.<array>.element.…`, `fields.<map>.key.…` and `fields.<map>.value.…`.
 * Source: Flink DataGenConnectorOptions; `seed` is ours.
 */
import { WATERMARK_OPTIONS } from "../../contract/watermark-options.ts";
import type { LogicalType, RowField } from "../../../foundation/columnar/logical-type.ts";
import type { TableOption } from "../../contract/table-option.ts";

export const MAX_LENGTH = 65536;
/** Entries of a collection that says no length. */
const COLLECTION_LENGTH = 3;
const TEXT_LENGTH = 100;

export const DATAGEN_OPTIONS: readonly TableOption[] = [
  ...WATERMARK_OPTIONS,
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
    key: "scan.parallelism",
    type: "integer",
    min: 1,
    description: "How many subtasks make rows; default: all of the job's.",
  },
  {
    key: "seed",
    type: "integer",
    description: "Seed of the random values; without it every job draws its own.",
  },
];

const KIND: TableOption = {
  key: "fields.#.kind",
  type: "enum",
  default: "random",
  values: ["random", "sequence"],
  description: "Random values, or start to end, each once. Within collections all is random.",
};
const RANGE: readonly TableOption[] = [
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
];
const PAST: TableOption = {
  key: "fields.#.max-past",
  type: "duration",
  default: "0",
  description: "Random dates and timestamps lie at most this long before now.",
};
const LENGTH: TableOption = {
  key: "fields.#.length",
  type: "integer",
  min: 1,
  max: MAX_LENGTH,
  description:
    "Characters of random strings, bytes of random binaries (default: as declared, 100 of STRING and BYTES), entries of ARRAY, MAP and MULTISET (default 3). CHAR(n) and BINARY(n) have no such option.",
};
const VARIES: TableOption = {
  key: "fields.#.var-len",
  type: "boolean",
  default: "false",
  description: "Random lengths from 1 to length, for VARCHAR and VARBINARY.",
};
const SEQUENCE: readonly TableOption[] = [
  { key: "fields.#.start", type: "integer", description: "First value of a sequence." },
  { key: "fields.#.end", type: "integer", description: "Last value of a sequence." },
];
const NULLS: TableOption = {
  key: "fields.#.null-rate",
  type: "number",
  default: "0",
  min: 0,
  max: 1,
  description: "Share of NULLs.",
};

/** Of one field; `#` stands for its name in the documentation. */
export const DATAGEN_FIELD_OPTIONS: readonly TableOption[] = [
  KIND,
  ...RANGE,
  PAST,
  LENGTH,
  VARIES,
  ...SEQUENCE,
  NULLS,
];

/** All options of a column of this name and type, and of what is in it. `within`: it is in a collection. */
export function fieldOptions(
  path: string,
  type: LogicalType,
  within = false,
): readonly TableOption[] {
  const own = [...ownOptions(type), ...(within || !canCount(type) ? [] : [KIND, ...SEQUENCE])];
  const named = own.map((option) => ({
    ...option,
    key: option.key.replace("#", path.replaceAll("$", "$$$$")),
  }));
  const inner = within || type.kind !== "ROW";
  const parts = partsOf(type).flatMap(({ name, type: part }) =>
    fieldOptions(`${path}.${name}`, part, inner),
  );
  return [...named, ...parts];
}

/** What a value is made of: a ROW's fields, a collection's `element`, a map's `key` and `value`. */
export function partsOf(type: LogicalType): readonly RowField[] {
  if (type.kind === "ROW") return type.fields;
  if (type.kind === "ARRAY" || type.kind === "MULTISET")
    return [{ name: "element", type: type.element }];
  if (type.kind !== "MAP") return [];
  return [
    { name: "key", type: type.key },
    { name: "value", type: type.value },
  ];
}

/** Types that `kind` = `sequence` counts through. */
export function canCount(type: LogicalType): boolean {
  if (type.kind === "DECIMAL") return type.precision <= 18;
  return COUNTED.has(type.kind);
}
const COUNTED: ReadonlySet<string> = new Set([
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "INTERVAL_YEAR_MONTH",
  "INTERVAL_DAY_TIME",
  "FLOAT",
  "DOUBLE",
  "CHAR",
  "VARCHAR",
]);

function ownOptions(type: LogicalType): readonly TableOption[] {
  switch (type.kind) {
    case "VARCHAR":
    case "VARBINARY": {
      const declared = type.length <= MAX_LENGTH ? type.length : TEXT_LENGTH;
      const max = Math.min(type.length, MAX_LENGTH);
      return [{ ...LENGTH, default: String(declared), max }, VARIES, NULLS];
    }
    case "ARRAY":
    case "MAP":
    case "MULTISET":
      return [{ ...LENGTH, default: String(COLLECTION_LENGTH) }, NULLS];
    case "DATE":
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return [PAST, NULLS];
    case "DECIMAL":
      return [...RANGE, NULLS];
    default:
      return COUNTED.has(type.kind) && type.kind !== "CHAR" ? [...RANGE, NULLS] : [NULLS];
  }
}
