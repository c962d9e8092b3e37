/**
 * ProcessTimers: the timers of a process table function, by key, in state.
 *
 * State:   map "timers": key → its timers (name or NULL, time); "due" (rows/due-keys.ts): time → keys. A timer that
 *          was moved or cleared leaves its key behind in "due", where it is then found without timers: nothing happens.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { NestedType } from "../../../foundation/columnar/binary-value.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { DueKeys, type KeysAt } from "../rows/due-keys.ts";
import { KeyedCell, type StateKey } from "../rows/keyed-cell.ts";

interface Timer {
  readonly name: string | null;
  readonly time: number;
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

export class ProcessTimers {
  readonly #cell: KeyedCell;
  readonly #due: DueKeys;
  #key: StateKey | undefined;

  constructor(context: OperatorContext, codec: KeyCodec) {
    this.#cell = new KeyedCell(context, codec, { name: "timers", type: TIMERS, ttlMs: 0 });
    this.#due = new DueKeys(context, codec, "due");
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
    this.#due.register(this.#key!, at);
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
  next(until: number): KeysAt | undefined {
    return this.#due.next(until);
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
