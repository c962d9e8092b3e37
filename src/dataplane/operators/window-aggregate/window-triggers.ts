/**
 * WindowTriggers: what the early and late firings of a window have seen of it, and when it fires next.
 *
 * State:   map "fired": key → flags (registered for the end, for going; fired at its end), next early and next late firing
 *          (epoch ms; 0 = none). Timers "ends" (with lateness) and "periods" (processing time).
 * Rules:   equal delays of early and late share one next firing, as Flink's do.
 * Source:  Flink EventTimeTriggers.AfterEndOfWindowEarlyAndLate and -NoLate, ProcessingTimeTriggers.AfterFirstElementPeriodic.
 */
import type { WindowEmit } from "../../../foundation/plan/window-spec.ts";
import type { EncodedKeys, KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";

const AT_END = 0;
const GOING = 1;
const HAS_FIRED = 2;
const EARLY = 8;
const LATE = 16;
const VALUE_BYTES = 24;

type Keys = EncodedKeys & { readonly n: number };

/** Rows that may be folded in together: no key twice; `fires`: which of them fire then, as numbers within the round. */
export interface Round {
  /** u32[count]. */
  readonly list: number;
  readonly count: number;
  readonly fires: readonly number[];
}

export class WindowTriggers {
  readonly ends: WindowTimers;
  readonly #context: OperatorContext;
  readonly #keyBytes: number;
  readonly #map: KeyedMap;
  readonly #periods: WindowTimers;
  readonly #early: number | undefined;
  readonly #late: number | undefined;
  readonly #keepsEnds: boolean;

  constructor(context: OperatorContext, codec: KeyCodec, emit: WindowEmit) {
    const { keyBytes, keyFields } = codec;
    this.#context = context;
    this.#keyBytes = keyBytes < 0 ? 8 : keyBytes;
    this.#early = emit.earlyMs;
    this.#late = emit.lateMs;
    this.#keepsEnds = emit.latenessMs > 0;
    this.#map = context.state.map({
      name: "fired",
      keyBytes,
      valueBytes: VALUE_BYTES,
      keyFields,
      valueFields: [
        { name: "flags", offset: 0, type: "flags" },
        { name: "early", offset: EARLY, type: "counter" },
        { name: "late", offset: LATE, type: "counter" },
      ],
      ttlMs: 0,
    });
    this.ends = new WindowTimers(context, "ends", keyBytes);
    this.#periods = new WindowTimers(context, "periods", keyBytes);
    this.ask();
  }

  /** Asks for a call at the next firing by processing time. */
  ask(): void {
    const { first } = this.#periods;
    if (first !== undefined) this.#context.registerProcessingTimer(first);
  }

  /**
   * Rows come in, each with the end of its window (i64[n]). Undefined: none of them fires at once. Else the rounds in
   * which they must be folded in.
   */
  onRows(
    { n, keys, hashes }: Keys,
    ends: number,
    { overUntil, now }: { readonly overUntil: number; readonly now: number },
  ): readonly Round[] | undefined {
    const { kernels, memory } = this.#context.runtime;
    const entries = this.#upserted({ n, keys, hashes });
    const data = new DataView(memory.buffer);
    const early: number[] = [];
    const late: number[] = [];
    const notOver: number[] = [];
    const fires = new Set<number>();
    for (let i = 0; i < n; i++) {
      const entry = data.getUint32(entries + i * 4, true);
      const isOver = Number(data.getBigInt64(ends + i * 8, true)) <= overUntil;
      if (data.getUint8(entry + HAS_FIRED) !== 0) late.push(i);
      else if (isOver) fires.add(i);
      else {
        notOver.push(i);
        if (this.#early === 0) fires.add(i);
        else if (this.#early !== undefined) early.push(i);
      }
    }
    const all = { n, keys, hashes };
    if (this.#keepsEnds && notOver.length > 0) {
      const part = this.#picked(all, entries, ends, notOver);
      this.ends.register(part.n, part, part.entries, part.ends, AT_END);
    }
    this.#startPeriods(all, entries, early, EARLY, now + (this.#early ?? 0));
    this.#startPeriods(all, entries, late, this.#lateSlot, now + (this.#late ?? 0));
    if (fires.size === 0) return undefined;
    return this.#rounds(new Uint32Array(memory.buffer, entries, n).slice(), fires, kernels);
  }

  registerGoing(keys: Keys, moments: number, going: WindowTimers): void {
    going.register(keys.n, keys, this.#upserted(keys), moments, GOING);
  }

  /** From here on the late trigger counts, if there is one with a delay. */
  firedAtEnd(keys: Keys): void {
    if (this.#late === undefined || this.#late === 0) return;
    const { memory } = this.#context.runtime;
    const entries = this.#upserted(keys);
    const data = new DataView(memory.buffer);
    for (let i = 0; i < keys.n; i++)
      data.setUint8(data.getUint32(entries + i * 4, true) + HAS_FIRED, 1);
  }

  /** Fires what is due by the clock, and sets the next firing of each. */
  due(now: number, fire: (keys: Keys) => void): void {
    const { kernels } = this.#context.runtime;
    for (let first = this.#periods.first; first !== undefined; first = this.#periods.first) {
      if (first > now) break;
      const mark = kernels.arenaMark();
      const due = this.#dueKeys(this.#periods.keysOf(first), first, now);
      if (due !== undefined) {
        fire(due.early);
        fire(due.late);
      }
      this.#periods.removeFirst();
      kernels.arenaRelease(mark);
    }
    this.ask();
  }

  forget(keys: Keys): void {
    const { kernels } = this.#context.runtime;
    kernels.entriesRemove(this.#map.ptr, keys.n, this.#found(keys));
  }

  get #lateSlot(): number {
    return this.#late === this.#early ? EARLY : LATE;
  }

  /** Of the keys that wait for `moment` those that still do. Their next firing is behind `now`: between, nothing changes. */
  #dueKeys(all: Keys, moment: number, now: number) {
    const { memory } = this.#context.runtime;
    const entries = this.#found(all);
    const data = new DataView(memory.buffer);
    const due: Record<"early" | "late", number[]> = { early: [], late: [] };
    for (let i = 0; i < all.n; i++) {
      const entry = data.getUint32(entries + i * 4, true);
      if (entry === 0) continue;
      const phase = data.getUint8(entry + HAS_FIRED) === 0 ? "early" : "late";
      const slot = phase === "early" ? EARLY : this.#lateSlot;
      if (Number(data.getBigInt64(entry + slot, true)) === moment) due[phase].push(i);
    }
    if (due.early.length + due.late.length === 0) return undefined;
    return {
      early: this.#again(all, entries, due.early, EARLY, { moment, now, every: this.#early }),
      late: this.#again(all, entries, due.late, this.#lateSlot, { moment, now, every: this.#late }),
    };
  }

  #again(
    all: Keys,
    entries: number,
    list: readonly number[],
    slot: number,
    period: { readonly moment: number; readonly now: number; readonly every: number | undefined },
  ): Keys {
    const { moment, now, every = 1 } = period;
    const part = this.#picked(all, entries, 0, list);
    const next = moment + (Math.floor((now - moment) / every) + 1) * every;
    this.#setNext(part, slot, next);
    return part;
  }

  #startPeriods(
    all: Keys,
    entries: number,
    list: readonly number[],
    slot: number,
    next: number,
  ): void {
    const data = new DataView(this.#context.runtime.memory.buffer);
    const seen = new Set<number>();
    const fresh = list.filter((i) => {
      const entry = data.getUint32(entries + i * 4, true);
      if (seen.has(entry) || data.getBigInt64(entry + slot, true) !== 0n) return false;
      return seen.add(entry);
    });
    if (fresh.length > 0) this.#setNext(this.#picked(all, entries, 0, fresh), slot, next);
  }

  #setNext(part: Keys & { readonly entries: number }, slot: number, next: number): void {
    if (part.n === 0) return;
    const { kernels, memory } = this.#context.runtime;
    kernels.entriesTouch(this.#map.ptr, part.n, part.entries);
    const data = new DataView(memory.buffer);
    for (let i = 0; i < part.n; i++)
      data.setBigInt64(data.getUint32(part.entries + i * 4, true) + slot, BigInt(next), true);
    const moments = kernels.repeatTime(part.n, BigInt(next)) >>> 0;
    this.#periods.register(part.n, part, part.entries, moments, NO_FLAG);
  }

  #picked(all: Keys, entries: number, ends: number, list: readonly number[]) {
    const { kernels, memory } = this.#context.runtime;
    const n = list.length;
    const rows = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, rows, n).set(list);
    return {
      n,
      keys: kernels.gatherWide(all.keys, this.#keyBytes, n, rows) >>> 0,
      hashes: kernels.gatherWide(all.hashes, 8, n, rows) >>> 0,
      entries: kernels.gatherWords(entries, n, rows) >>> 0,
      ends: ends === 0 ? 0 : kernels.gatherWide(ends, 8, n, rows) >>> 0,
    };
  }

  /** The k-th row of a key is in round k. */
  #rounds(
    entries: Uint32Array,
    fires: ReadonlySet<number>,
    kernels: OperatorContext["runtime"]["kernels"],
  ): readonly Round[] {
    const times = new Map<number, number>();
    const lists: number[][] = [];
    for (const [i, entry] of entries.entries()) {
      const round = times.get(entry) ?? 0;
      times.set(entry, round + 1);
      const list = lists[round] ?? [];
      list.push(i);
      lists[round] = list;
    }
    return lists.map((rows): Round => {
      const list = kernels.arenaAlloc(rows.length * 4) >>> 0;
      new Uint32Array(this.#context.runtime.memory.buffer, list, rows.length).set(rows);
      return {
        list,
        count: rows.length,
        fires: rows.flatMap((row, at) => (fires.has(row) ? [at] : [])),
      };
    });
  }

  #upserted({ n, keys, hashes }: Keys): number {
    const { kernels } = this.#context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, n, hashes, keys, entries);
    return entries;
  }

  #found({ n, keys, hashes }: Keys): number {
    const { kernels } = this.#context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(this.#map.ptr, n, hashes, keys, entries);
    return entries;
  }
}
