/**
 * DueKeys: keys that wait for a moment, one by one, for operators that work row by row in TypeScript.
 *
 * State:   windows/window-timers.ts. A key may stand there more than once.
 */
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";
import type { StateKey } from "./keyed-cell.ts";

export interface KeysAt {
  readonly time: number;
  readonly keys: readonly StateKey[];
  /** As KeyCodec.decode takes them. */
  readonly address: number;
}

const VIEW_BYTES = 8;
/** u64 hash, i64 moment, u64 view of the key, u32 place of an entry that is not 0. */
const SCRATCH_BYTES = 32;

export class DueKeys {
  readonly #context: OperatorContext;
  readonly #codec: KeyCodec;
  readonly #due: WindowTimers;

  constructor(context: OperatorContext, codec: KeyCodec, name: string) {
    this.#context = context;
    this.#codec = codec;
    this.#due = new WindowTimers(context, name, codec.keyBytes);
  }

  register({ hash, address, length }: StateKey, time: number): void {
    const { kernels, memory } = this.#context.runtime;
    const scratch = kernels.arenaAlloc(SCRATCH_BYTES) >>> 0;
    const data = new DataView(memory.buffer);
    data.setBigUint64(scratch, BigInt.asUintN(64, hash), true);
    data.setBigInt64(scratch + 8, BigInt(time), true);
    data.setUint32(scratch + 16, address, true);
    data.setUint32(scratch + 20, length, true);
    data.setUint32(scratch + 24, scratch, true);
    const keys = this.#codec.keyBytes < 0 ? scratch + 16 : address;
    this.#due.register(1, { hashes: scratch, keys }, scratch + 24, scratch + 8, NO_FLAG);
  }

  /** Takes the keys of the earliest moment up to `until`. */
  next(until: number): KeysAt | undefined {
    const time = this.#due.first;
    if (time === undefined || time > until) return undefined;
    const { n, hashes, keys } = this.#due.keysOf(time);
    const result = this.#copied(time, n, hashes, keys);
    this.#due.removeFirst();
    return result;
  }

  /** Variable keys lie in the pages that removing the moment frees. */
  #copied(time: number, n: number, hashes: number, keys: number): KeysAt {
    const { kernels, memory } = this.#context.runtime;
    const { keyBytes } = this.#codec;
    const all: StateKey[] = [];
    for (let i = 0; i < n; i++) {
      const hash = new DataView(memory.buffer).getBigUint64(hashes + i * 8, true);
      if (keyBytes >= 0) {
        all.push({ hash, address: keys + i * keyBytes, length: keyBytes });
        continue;
      }
      const view = keys + i * VIEW_BYTES;
      const length = new DataView(memory.buffer).getUint32(view + 4, true);
      const address = kernels.arenaAlloc(length) >>> 0;
      const data = new DataView(memory.buffer);
      const from = data.getUint32(view, true);
      new Uint8Array(memory.buffer).copyWithin(address, from, from + length);
      data.setUint32(view, address, true);
      all.push({ hash, address, length });
    }
    return { time, keys: all, address: keys };
  }
}
