/**
 * Functions of VARIANT: PARSE_JSON, TRY_PARSE_JSON, v[index] and v['key'], as column functions (variant-value.ts).
 *
 * NULL:    v[i] is NULL when there is no such element or field; a NULL within JSON is a VARIANT of its own.
 * Errors:  EXPRESSION_FAILED for text that is no JSON, and for an index into what is no array or object.
 * Source:  Flink ParseJsonFunction, TryParseJsonFunction, VariantSemanticTest.
 */
import {
  decodeVariant,
  encodeVariant,
  parseVariant,
  type Variant,
  VariantFormatError,
} from "../../../foundation/columnar/variant-value.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ColumnCall } from "./registry.ts";
import { codegenErrors } from "../errors.ts";
import { rowFunction } from "./column-rows.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

function failure(name: string, reason: string) {
  return codegenErrors.EXPRESSION_FAILED({ function: name, reason, where: "a row" });
}

/** The text as a VARIANT; undefined when it is no JSON and `safe`. */
function parsed({ args: [json, duplicates] }: ColumnCall, row: number, safe: boolean) {
  try {
    return parseVariant(json!.string(row), duplicates?.boolean(row) ?? false);
  } catch (error) {
    if (!(error instanceof VariantFormatError)) throw error;
    if (safe) return undefined;
    throw failure("PARSE_JSON", `Failed to parse json string: ${error.message}`);
  }
}

function parse(safe: boolean): ColumnFunction {
  return rowFunction((columns, row) => {
    const variant = parsed(columns, row, safe);
    if (variant === undefined) columns.out.setNull(row);
    else columns.out.setBytes(row, encodeVariant(variant));
  });
}

const NO_ARRAY =
  "Integer index access on variant requires an array variant, but a non-array variant was provided.";
const NO_OBJECT =
  "String key access on variant requires an object variant, but a non-object variant was provided.";

const item: ColumnFunction = rowFunction(
  ({ args: [variant, index], out }, row) => {
    const value = decodeVariant(variant!.bytes(row));
    let part: Variant | undefined;
    if (index!.physical === "view") {
      if (!(value instanceof Map)) throw failure("ITEM", NO_OBJECT);
      part = (value as ReadonlyMap<string, Variant>).get(index!.string(row));
    } else {
      if (!Array.isArray(value)) throw failure("ITEM", NO_ARRAY);
      part = (value as readonly Variant[])[Number(index!.bigint(row)) - 1];
    }
    if (part === undefined) out.setNull(row);
    else out.setBytes(row, encodeVariant(part));
  },
  { accepts: ({ args }: Call) => args[0]?.type.kind === "VARIANT" },
);

export const variantFunctions: FunctionTable = {
  PARSE_JSON: parse(false),
  TRY_PARSE_JSON: parse(true),
  ITEM: item,
};
