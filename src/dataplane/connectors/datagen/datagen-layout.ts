/**
 * The columns of a datagen table as kernels/datagen.as.ts reads them: descriptors, and behind those of the batch's columns what
 * they refer to.
 *
 * Layout:  COLUMN_BYTES a column of the batch · then descriptors of what is in collections, siblings side by side · and lists of
 *          the ROWs around a column, AROUND_BYTES each (u64 seed, f64 share of NULLs).
 */
import type { GeneratedField } from "./datagen-columns.ts";

/** A column of the batch, and the ROWs that it is in: where one of them is NULL, it is NULL. */
export interface LaidOutColumn {
  readonly field: GeneratedField;
  readonly around: readonly GeneratedField[];
}

const COLUMN_BYTES = 80;
const AROUND_BYTES = 16;
const ROW = 18;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** The columns of a batch that a field takes: a ROW and, behind it, its fields. */
export function batchColumns(
  field: GeneratedField,
  around: readonly GeneratedField[] = [],
): LaidOutColumn[] {
  const nested = field.column.kind === ROW ? field.children : [];
  const inside = field.column.nullRate > 0 ? [...around, field] : around;
  return [{ field, around }, ...nested.flatMap((child) => batchColumns(child, inside))];
}

export function layoutBytes(columns: readonly LaidOutColumn[]): number {
  const parts = (field: GeneratedField): number =>
    field.children.reduce((sum, child) => sum + COLUMN_BYTES + parts(child), 0);
  const bytes = columns.map(
    ({ field, around }) =>
      COLUMN_BYTES + (field.column.kind === ROW ? 0 : parts(field)) + around.length * AROUND_BYTES,
  );
  return Math.max(
    1,
    bytes.reduce((sum, size) => sum + size, 0),
  );
}

/** Bytes of a row's texts and collections, each at its largest. */
export function rowBytes(columns: readonly LaidOutColumn[]): number {
  return columns.reduce((sum, { field: { column } }) => sum + column.width + column.sizeBytes, 0);
}

export function writeLayout(
  view: DataView,
  address: number,
  columns: readonly LaidOutColumn[],
  seed: string,
): void {
  let next = address + columns.length * COLUMN_BYTES;
  const write = (at: number, { field, around }: LaidOutColumn, within: boolean): void => {
    const children = within || field.column.kind !== ROW ? field.children : [];
    writeColumn(view, at, field, seed);
    view.setUint32(at + 8, next, true);
    view.setUint32(at + 12, children.length, true);
    const first = next;
    next += children.length * COLUMN_BYTES;
    children.forEach((child, i) => {
      write(first + i * COLUMN_BYTES, { field: child, around: [] }, true);
    });
    view.setUint32(at + 72, next, true);
    view.setUint32(at + 76, around.length, true);
    for (const { path, column } of around) {
      view.setBigUint64(next, columnSeed(seed, path), true);
      view.setFloat64(next + 8, column.nullRate, true);
      next += AROUND_BYTES;
    }
  };
  columns.forEach((column, i) => {
    write(address + i * COLUMN_BYTES, column, false);
  });
}

function writeColumn(view: DataView, at: number, field: GeneratedField, seed: string): void {
  const { path, column } = field;
  view.setUint32(at, column.kind, true);
  view.setUint32(at + 4, column.width, true);
  view.setBigInt64(at + 16, column.low, true);
  view.setBigInt64(at + 24, column.high, true);
  view.setFloat64(at + 32, column.lowNumber, true);
  view.setFloat64(at + 40, column.highNumber, true);
  view.setBigUint64(at + 48, columnSeed(seed, path), true);
  view.setFloat64(at + 56, column.nullRate, true);
  view.setUint32(at + 64, column.length, true);
  view.setUint32(at + 68, column.varies ? 1 : 0, true);
}

/** By name, so that a projection changes no values. */
function columnSeed(seed: string, path: string): bigint {
  let hash = BigInt(`0x${seed}`);
  for (const byte of new TextEncoder().encode(path))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * GOLDEN + 1n);
  return hash;
}
