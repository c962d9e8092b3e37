/**
 * AccumulatorLayout: where the parts of all aggregates of one operator lie within the value of a keyed entry.
 *
 *      0  i64  rows        rows added minus rows taken back; 0 = the entry is fresh (or about to be removed)
 *      8  u32  flags       one bit for each aggregate that must know whether it has a value
 *     12  u32  touched     only during a folded batch: number of the key within the batch + 1; 0 in state
 *     16  …    slots       in order of the aggregates; 4- or 8-byte aligned
 *
 * Counters: the number of values that are not NULL and pass the filter is kept once for each pair (argument, filter) and
 *           shared; for an argument that is never NULL without filter it is `rows`.
 * View slot (8 bytes): u32 handle of a copy in the log | 0xFFFFFFFF << 32. In temporary accumulators (merge) a view.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { StateField } from "../state-layout.ts";

export const ROWS_OFFSET = 0;
export const FLAGS_OFFSET = 8;
export const TOUCHED_OFFSET = 12;
const FIRST_SLOT = 16;
const FLAG_BITS = 32;

export interface Flag {
  readonly offset: number;
  readonly mask: number;
}

export class AccumulatorLayout {
  #bits: string[] = [];
  readonly fields: StateField[] = [
    { name: "rows", offset: ROWS_OFFSET, type: "counter" },
    { name: "flags", offset: FLAGS_OFFSET, type: "flags", width: 4, bits: this.#bits },
  ];
  /** Which rows count for what is laid out next: names its fields in snapshots. */
  condition = "";
  /** Offsets of view slots: what must be freed with an entry. */
  readonly handles: number[] = [];
  readonly #counters = new Map<string, number>();
  #next = FIRST_SLOT;
  #hole = -1;
  #flagOffset = FLAGS_OFFSET;
  #flags = 0;

  /** A multiple of 8. */
  get valueBytes(): number {
    return (this.#next + 7) & ~7;
  }

  slot(
    name: string,
    width: 4 | 8 | 16,
    type: StateField["type"],
    more: Pick<StateField, "flat" | "bits"> = {},
  ): number {
    const offset = this.#allocate(width);
    const { condition } = this;
    this.fields.push({ name: this.#unique(name), offset, type, width, condition, ...more });
    return offset;
  }

  /** A view slot. */
  handle(name: string, more: Pick<StateField, "flat"> = {}): number {
    const offset = this.slot(name, 8, "handle", more);
    this.handles.push(offset);
    return offset;
  }

  flag(name: string): Flag {
    if (this.#flags === FLAG_BITS) {
      this.#flags = 0;
      this.#bits = [];
      this.#flagOffset = this.slot("flags", 4, "flags", { bits: this.#bits });
    }
    this.#bits.push(name);
    return { offset: this.#flagOffset, mask: 1 << this.#flags++ };
  }

  /** The counter of a pair (argument, filter); `create` makes it when it is not kept yet. */
  counter(key: string, create: boolean): number | undefined {
    let offset = this.#counters.get(key);
    if (offset === undefined && create) {
      offset = this.slot(`count ${this.condition}`, 8, "counter");
      this.#counters.set(key, offset);
    }
    return offset;
  }

  #unique(name: string): string {
    const taken = (other: string) => this.fields.some((field) => field.name === other);
    let unique = name;
    for (let n = 2; taken(unique); n++) unique = `${name} ${n}`;
    return unique;
  }

  #allocate(width: 4 | 8 | 16): number {
    if (width === 4) {
      if (this.#hole >= 0) {
        const offset = this.#hole;
        this.#hole = -1;
        return offset;
      }
      this.#hole = this.#next + 4;
      this.#next += 8;
      return this.#hole - 4;
    }
    const offset = this.#next;
    this.#next += width;
    return offset;
  }
}

/** The type that names a slot in snapshots. */
export const BIGINT: LogicalType = types.bigint(false);
