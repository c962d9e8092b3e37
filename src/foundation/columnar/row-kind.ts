/** RowKind: the change that a row stands for, as one byte. Source: Flink RowKind. */
export const RowKind = { INSERT: 0, UPDATE_BEFORE: 1, UPDATE_AFTER: 2, DELETE: 3 } as const;
export type RowKind = (typeof RowKind)[keyof typeof RowKind];

/** Short texts by byte: +I, -U, +U, -D. */
export const ROW_KIND_TEXT = ["+I", "-U", "+U", "-D"] as const;

/** Names by byte, as Flink writes them. */
export const ROW_KIND_NAMES = ["INSERT", "UPDATE_BEFORE", "UPDATE_AFTER", "DELETE"] as const;

/** True for the kinds that add a row (+I, +U). */
export function isAdd(kind: RowKind): boolean {
  return (kind & 1) === 0;
}
