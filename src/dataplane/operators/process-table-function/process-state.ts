/**
 * The state entries of a process table function as its author sees them.
 *
 * State:   one KeyedCell per entry, with its own TTL: ARRAY<T> of one element for a value, ARRAY<T> for a list, MAP<K, V>
 *          for a map. Lists and maps are read and written whole: they should stay small (a few thousand).
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  compareBytes,
  elementBytes,
  type NestedType,
} from "../../../foundation/columnar/binary-value.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { ProcessState } from "../../../foundation/plan/process-table-function.ts";
import type { ListState, MapState, ValueState } from "../../contract/process-function.ts";
import { operatorErrors } from "../errors.ts";
import type { KeyedCell } from "../rows/keyed-cell.ts";

const NOTHING: readonly Value[] = [];

export type StateEntry = ValueState & ListState & MapState;

export function typeOfState({ kind, type, keyType }: ProcessState): NestedType {
  if (kind !== "map") return types.array(type, false) as NestedType;
  assert(keyType !== undefined, "a map needs the type of its keys");
  return types.map(keyType, type, false) as NestedType;
}

/** What the author of a function sees of an entry, whatever its kind. */
export function stateEntry(cell: KeyedCell, state: ProcessState): StateEntry {
  const refuseNull = (value: Value, what: string): void => {
    if (value === null) throw operatorErrors.PROCESS_FAILED({ message: what });
  };
  const { keyType } = state;
  const same = (a: Value, b: Value): boolean =>
    a === b ||
    (a !== null &&
      b !== null &&
      keyType !== undefined &&
      compareBytes(elementBytes(a, keyType), elementBytes(b, keyType)) === 0);
  const entries = () => cell.values as readonly (readonly [Value, Value])[];
  const others = (key: Value) => entries().filter(([known]) => !same(known, key));
  const entry = {
    get(key?: Value): never {
      const found: unknown =
        state.kind === "value"
          ? (cell.values[0] ?? null)
          : state.kind === "list"
            ? cell.values
            : (entries().find(([known]) => same(known, key ?? null))?.[1] ?? null);
      return found as never;
    },
    set(value: Value | readonly Value[]): void {
      if (state.kind === "list") {
        for (const item of value as readonly Value[])
          refuseNull(item, "List views don't support null values.");
        cell.values = [...(value as readonly Value[])];
      } else cell.values = value === null ? NOTHING : [value as Value];
    },
    add(value: Value): void {
      refuseNull(value, "List views don't support null values.");
      cell.values = [...cell.values, value];
    },
    entries,
    has: (key: Value): boolean => entries().some(([known]) => same(known, key)),
    put(key: Value, value: Value): void {
      refuseNull(key, "Map views don't support null keys.");
      cell.values = [...others(key), [key, value]];
    },
    remove(key: Value): void {
      cell.values = others(key);
    },
    clear(): void {
      cell.values = NOTHING;
    },
  };
  return entry;
}
