/**
 * ProcessStates: the state entries of a process table function, and its timers, for the key in hand.
 *
 * State:   one map per entry: key → handle of the encoded value: ARRAY<T> of one element for a value, ARRAY<T> for a list,
 *          MAP<K, V> for a map (columnar/binary-value.ts). An entry is read when it is asked for and written after the
 *          call, when it has changed. Lists and maps are read and written whole: they should stay small (a few thousand).
 * TTL:     each map has that of its entry.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  compareBytes,
  decodeNested,
  elementBytes,
  encodeNested,
  type NestedType,
} from "../../../foundation/columnar/binary-value.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { ProcessState } from "../../../foundation/plan/process-table-function.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { ListState, MapState, ValueState } from "../../contract/process-function.ts";
import { operatorErrors } from "../errors.ts";

/** A key as keyed maps take it: hash (the upper half counts), address and length of its bytes. */
export interface StateKey {
  readonly hash: bigint;
  readonly address: number;
  readonly length: number;
}

const VALUE_BYTES = 8;
const NOTHING: readonly Value[] = [];

export type StateEntry = ValueState & ListState & MapState;

/** One entry of state, for whichever key it was last moved to. */
export class KeyedCell {
  readonly ttlMs: number;
  readonly #context: OperatorContext;
  readonly #map: KeyedMap;
  readonly #type: NestedType;
  #key: StateKey | undefined;
  #values: readonly Value[] | undefined;
  #changed = false;

  constructor(
    context: OperatorContext,
    keys: KeyCodec,
    options: { readonly name: string; readonly type: NestedType; readonly ttlMs: number },
  ) {
    this.#context = context;
    this.#type = options.type;
    this.ttlMs = options.ttlMs;
    this.#map = context.state.map({
      name: options.name,
      keyBytes: keys.keyBytes,
      valueBytes: VALUE_BYTES,
      keyFields: keys.keyFields,
      valueFields: [{ name: "value", offset: 0, type: "handle" }],
      ttlMs: options.ttlMs,
    });
  }

  /** From now on the entry of this key; what has changed of the last one must be written. */
  moveTo(key: StateKey | undefined): void {
    assert(!this.#changed, "state of another key is not written");
    this.#key = key;
    this.#values = undefined;
  }

  get values(): readonly Value[] {
    this.#values ??= this.#read();
    return this.#values;
  }

  set values(values: readonly Value[]) {
    this.#values = values;
    this.#changed = true;
  }

  write(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const { kernels, memory } = this.#context.runtime;
    const { ptr } = this.#map;
    const { hash, address, length } = this.#key!;
    const upper = upperHalf(hash);
    const found = kernels.mapFind(ptr, BigInt.asIntN(64, hash), address, length) >>> 0;
    if (this.#values!.length === 0) {
      if (found === 0) return;
      kernels.mapTouch(ptr, found);
      this.#free(found, upper);
      kernels.mapRemove(ptr, found);
      return;
    }
    const bytes = encodeNested(this.#values!, this.#type);
    const copy = kernels.arenaAlloc(bytes.length) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, copy);
    const entry = kernels.mapUpsert(ptr, BigInt.asIntN(64, hash), address, length) >>> 0;
    this.#free(entry, upper);
    const handle = kernels.logAppend(ptr, upper, copy, bytes.length) >>> 0;
    new DataView(memory.buffer).setUint32(entry, handle, true);
  }

  #free(entry: number, upper: number): void {
    const { kernels, memory } = this.#context.runtime;
    const data = new DataView(memory.buffer);
    const handle = data.getUint32(entry, true);
    if (handle !== 0) kernels.logFree(this.#map.ptr, upper, handle);
    data.setUint32(entry, 0, true);
  }

  #read(): readonly Value[] {
    if (this.#key === undefined) return NOTHING;
    const { kernels, memory } = this.#context.runtime;
    const { ptr } = this.#map;
    const { hash, address, length } = this.#key;
    const entry = kernels.mapFind(ptr, BigInt.asIntN(64, hash), address, length) >>> 0;
    if (entry === 0) return NOTHING;
    const handle = new DataView(memory.buffer).getUint32(entry, true);
    if (handle === 0) return NOTHING;
    const at = kernels.logPtr(ptr, upperHalf(hash), handle) >>> 0;
    const size = kernels.logLength(at) >>> 0;
    return decodeNested(new Uint8Array(memory.buffer, at, size).slice(), this.#type);
  }
}

const upperHalf = (hash: bigint): number => Number(BigInt.asUintN(64, hash) >> 32n);

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
