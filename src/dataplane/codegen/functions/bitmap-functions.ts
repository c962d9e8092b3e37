/**
 * Functions over BITMAP, as column functions (bitmap-value.ts). BITMAP_BUILD takes INT as unsigned
 * and skips NULL.
 *
 * Errors:  EXPRESSION_FAILED for bytes that are no bitmap, and for one too large for an array.
 * Source:  Flink's classes BitmapAndFunction … BitmapToStringFunction.
 */
import {
  type Bitmap,
  BitmapFormatError,
  bitmapOf,
  bitmapText,
  bitmapValues,
  cardinality,
  combine,
  decodeBitmap,
  encodeBitmap,
} from "../../../foundation/columnar/bitmap-value.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import { codegenErrors } from "../errors.ts";
import type { ColumnReader } from "../column-access.ts";
import { rowFunction } from "./column-rows.ts";
import { readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

/** The most elements of an array in Java. */
const MOST_ELEMENTS = 2147483647;

const bitmapAt = (reader: ColumnReader | undefined, row: number) =>
  decodeBitmap(reader!.bytes(row));

function fromBitmap(compute: (bitmap: Bitmap) => Value): ColumnFunction {
  return rowFunction(({ args: [bitmap], out }, row) =>
    writeValue(out, row, compute(bitmapAt(bitmap, row))),
  );
}

function ofTwo(keep: (inA: boolean, inB: boolean) => boolean): ColumnFunction {
  return rowFunction(({ args: [a, b], out }, row) =>
    out.setBytes(row, encodeBitmap(combine(bitmapAt(a, row), bitmapAt(b, row), keep))),
  );
}

function failure(name: string, text: string) {
  return codegenErrors.EXPRESSION_FAILED({ function: name, reason: text, where: "a row" });
}

/** Bytes from outside, made canonical. */
function fromBytes(bytes: Uint8Array): Uint8Array {
  try {
    return encodeBitmap(decodeBitmap(bytes));
  } catch (error) {
    if (!(error instanceof BitmapFormatError)) throw error;
    throw failure("BITMAP_FROM_BYTES", `Failed to deserialize bitmap from bytes: ${error.message}`);
  }
}

function toArray(bitmap: Bitmap): Value {
  if (cardinality(bitmap) > MOST_ELEMENTS)
    throw failure("BITMAP_TO_ARRAY", "Failed to convert bitmap to an array.");
  return Array.from(bitmapValues(bitmap), (value) => value | 0);
}

export const bitmapFunctions: FunctionTable = {
  BITMAP_AND: ofTwo((a, b) => a && b),
  BITMAP_OR: ofTwo((a, b) => a || b),
  BITMAP_XOR: ofTwo((a, b) => a !== b),
  BITMAP_ANDNOT: ofTwo((a, b) => a && !b),
  BITMAP_BUILD: rowFunction(({ args: [array], out }, row) => {
    const values = readValue(array!, row) as readonly (number | null)[];
    out.setBytes(row, encodeBitmap(bitmapOf(values.filter((value) => value !== null))));
  }),
  BITMAP_CARDINALITY: fromBitmap((bitmap) => BigInt(cardinality(bitmap))),
  BITMAP_FROM_BYTES: rowFunction(({ args: [bytes], out }, row) =>
    out.setBytes(row, fromBytes(bytes!.bytes(row).slice())),
  ),
  BITMAP_TO_ARRAY: fromBitmap(toArray),
  BITMAP_TO_BYTES: rowFunction(({ args: [bitmap], out }, row) =>
    out.setBytes(row, bitmap!.bytes(row).slice()),
  ),
  BITMAP_TO_STRING: fromBitmap(bitmapText),
};
