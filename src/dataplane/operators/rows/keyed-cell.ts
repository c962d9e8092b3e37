/**
 * KeyedCell: one nested value (ARRAY or MAP) by key in state, for operators that work row by row in TypeScript.
 *
 * State:   map <name>: key → handle of the value's bytes (columnar/binary-value.ts); an empty value is no entry. It is read
 *          when it is asked for, and written by write() when it has changed; always whole.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  decodeNested,
  encodeNested,
  type NestedType,
} from "../../../foundation/columnar/binary-value.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";

/** A key as keyed maps take it: hash (the upper half counts), address and length of its bytes. */
export interface StateKey {
  readonly hash: bigint;
  readonly address: number;
  readonly length: number;
}

const VALUE_BYTES = 8;
const NOTHING: readonly Value[] = [];

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

/** The key of row `row` in what KeyCodec.encode gave. */
export function keyAt(
  memory: WebAssembly.Memory,
  codec: KeyCodec,
  encoded: { readonly keys: number; readonly hashes: number },
  row: number,
): StateKey {
  const data = new DataView(memory.buffer);
  const hash = data.getBigUint64(encoded.hashes + row * 8, true);
  const { keyBytes } = codec;
  if (keyBytes >= 0) return { hash, address: encoded.keys + row * keyBytes, length: keyBytes };
  const view = encoded.keys + row * 8;
  return { hash, address: data.getUint32(view, true), length: data.getUint32(view + 4, true) };
}
