/**
 * ProcessTimers: the timers of a process table function, by key, in state.
 *
 * State:   map "timers": key → its timers (name or NULL, time); "due" (windows/window-timers.ts): time → keys. A timer that
 *          was moved or cleared leaves its key behind in "due", where it is then found without timers: nothing happens.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { NestedType } from "../../../foundation/columnar/binary-value.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";
import { KeyedCell, type StateKey } from "./process-state.ts";

interface Timer {
  readonly name: string | null;
  readonly time: number;
}

export interface DueKeys {
  readonly time: number;
  readonly keys: readonly StateKey[];
  /** As KeyCodec.decode takes them. */
  readonly address: number;
}

const TIMERS = types.array(
  types.row(
    [
      { name: "name", type: types.string() },
      { name: "time", type: types.bigint(false) },
    ],
    false,
  ),
  false,
) as NestedType;
const VIEW_BYTES = 8;

export class ProcessTimers {
  readonly #context: OperatorContext;
  readonly #codec: KeyCodec;
  readonly #cell: KeyedCell;
  readonly #due: WindowTimers;
  #key: StateKey | undefined;

  constructor(context: OperatorContext, codec: KeyCodec) {
    this.#context = context;
    this.#codec = codec;
    this.#cell = new KeyedCell(context, codec, { name: "timers", type: TIMERS, ttlMs: 0 });
    this.#due = new WindowTimers(context, "due", codec.keyBytes);
  }

  moveTo(key: StateKey | undefined): void {
    this.#key = key;
    this.#cell.moveTo(key);
  }

  write(): void {
    this.#cell.write();
  }

  register(time: number, name: string | null): void {
    const at = Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, time));
    const others = this.#timers().filter((timer) =>
      name === null ? timer.name !== null || timer.time !== at : timer.name !== name,
    );
    this.#set([...others, { name, time: at }]);
    const { kernels, memory } = this.#context.runtime;
    const { hash, address, length } = this.#key!;
    const scratch = kernels.arenaAlloc(32) >>> 0;
    const data = new DataView(memory.buffer);
    data.setBigUint64(scratch, BigInt.asUintN(64, hash), true);
    data.setBigInt64(scratch + 8, BigInt(at), true);
    data.setUint32(scratch + 16, address, true);
    data.setUint32(scratch + 20, length, true);
    data.setUint32(scratch + 24, scratch, true);
    const keys = this.#codec.keyBytes < 0 ? scratch + 16 : address;
    this.#due.register(1, { hashes: scratch, keys }, scratch + 24, scratch + 8, NO_FLAG);
  }

  clear(timer: string | number): void {
    const kept = this.#timers().filter(({ name, time }) =>
      typeof timer === "string" ? name !== timer : name !== null || time !== timer,
    );
    this.#set(kept);
  }

  clearAll(): void {
    this.#set([]);
  }

  /** Takes one timer of the key that is due at `time`. */
  take(time: number): Timer | undefined {
    const all = this.#timers();
    const due = all.find((timer) => timer.time === time);
    if (due !== undefined) this.#set(all.filter((timer) => timer !== due));
    return due;
  }

  /** Keys with something at the earliest time up to `until`; they are forgotten, their timers are not. */
  next(until: number): DueKeys | undefined {
    const time = this.#due.first;
    if (time === undefined || time > until) return undefined;
    const { n, hashes, keys } = this.#due.keysOf(time);
    const result = this.#copied(time, n, hashes, keys);
    this.#due.removeFirst();
    return result;
  }

  /** Variable keys lie in the pages that removing the moment frees. */
  #copied(time: number, n: number, hashes: number, keys: number): DueKeys {
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

  #timers(): readonly Timer[] {
    return (this.#cell.values as readonly (readonly [string | null, bigint])[]).map(
      ([name, time]) => ({ name, time: Number(time) }),
    );
  }

  #set(timers: readonly Timer[]): void {
    this.#cell.values = timers.map(({ name, time }): Value => [name, BigInt(time)]);
  }
}
