/**
 * SessionState: the sessions of each key, for the operators of SESSION windows: which fragment a row belongs to, and which
 * sessions are over.
 *
 * State:   map "sessions" (kernels/sessions.as.ts) and timers, keyed by the partition. What a fragment holds is the
 *          operator's: keyed by partition and fragment number.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import {
  compileKeyCodec,
  type EncodedKeys,
  type KeyCodec,
} from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { WindowClock } from "./window-clock.ts";
import { WindowTimes } from "./window-times.ts";
import { NO_FLAG, WindowTimers } from "./window-timers.ts";
import { LateRecords } from "../rows/late-records.ts";

const OUT_BYTES = 64;

/** Rows that are in an open session, with the fragment of each (lists in the arena). */
export interface SessionRows {
  readonly n: number;
  /** u32: row of the batch. */
  readonly rows: number;
  /** i64. */
  readonly fragments: number;
}

/** Sessions that are over, and their fragments (lists in the arena). */
export interface OverSessions {
  /** Keys of the timers, which the key indexes below count through. */
  readonly keys: number;
  readonly sessions: {
    readonly n: number;
    readonly keys: number;
    readonly starts: number;
    readonly ends: number;
  };
  readonly fragments: {
    readonly n: number;
    /** u32: index of the session. */
    readonly sessions: number;
    readonly keys: number;
    /** i64: the number that add() gave. */
    readonly numbers: number;
  };
}

export class SessionState {
  readonly keys: KeyCodec;
  readonly clock: WindowClock;
  readonly #context: OperatorContext;
  readonly #late: LateRecords;
  readonly #window: WindowSpec;
  readonly #builder: BatchBuilder;
  readonly #times: WindowTimes;
  readonly #map: KeyedMap;
  readonly #timers: WindowTimers;

  constructor(options: {
    readonly context: OperatorContext;
    readonly window: WindowSpec;
    readonly partition: readonly number[];
    readonly operator: string;
  }) {
    const { context, window, partition, operator } = options;
    const { runtime } = context;
    this.#context = context;
    this.#late = new LateRecords(context);
    this.#window = window;
    this.#times = new WindowTimes(context, window);
    const schema = context.inputs[0]!;
    this.keys = compileKeyCodec({ schema, fields: partition, runtime, operator });
    this.#builder = compileBatchBuilder({ output: this.keys.schema, runtime, operator });
    this.#map = context.state.map({
      name: "sessions",
      keyBytes: this.keys.keyBytes,
      valueBytes: 16,
      keyFields: this.keys.keyFields,
      valueFields: [
        { name: "records", offset: 0, type: "handle" },
        { name: "count", offset: 4, type: "counter" },
        { name: "timer", offset: 8, type: "counter" },
      ],
      ttlMs: 0,
    });
    this.#timers = new WindowTimers(context, "timers", this.keys.keyBytes);
    this.clock = new WindowClock(context, this.#timers, window.time);
  }

  add(batch: BatchPtr): SessionRows {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const encoded = this.keys.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const map = this.#map.ptr;
    kernels.mapUpsertBatch(map, rows, encoded.hashes, encoded.keys, entries);
    const { values, width, validity } = this.#times.times(batch);
    const out = kernels.arenaAlloc(OUT_BYTES) >>> 0;
    const gap = BigInt(this.#window.gapMs ?? 0);
    const over = BigInt(this.clock.overUntil);
    const { hashes } = encoded;
    kernels.sessionAdd(map, rows, hashes, entries, values, width, validity, gap, over, out);
    const data = new DataView(memory.buffer);
    const [n, list, fragments, late, timers, timerRows, moments] = Array.from(
      { length: 7 },
      (_, index) => data.getUint32(out + index * 4, true),
    ) as [number, number, number, number, number, number, number];
    this.#late.drop(late);
    if (timers > 0) this.#register(timers, timerRows, encoded, moments);
    this.clock.registered();
    return { n, rows: list, fragments };
  }

  /** Sessions of the keys that are registered for `moment` and end then or before; they are gone from here. */
  take(moment: number): OverSessions {
    const { kernels, memory } = this.#context.runtime;
    const map = this.#map.ptr;
    const { n, keys, hashes } = this.#timers.keysOf(moment);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(map, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(OUT_BYTES) >>> 0;
    kernels.sessionTake(map, n, hashes, entries, BigInt(moment), out);
    const data = new DataView(memory.buffer);
    const words = Array.from({ length: 11 }, (_, index) => data.getUint32(out + index * 4, true));
    const word = (index: number) => words[index]!;
    if (word(8) > 0) this.#register(word(8), word(9), { keys, hashes }, word(10));
    kernels.entriesRemove(map, n, entries);
    return {
      keys,
      sessions: { n: word(0), keys: word(1), starts: word(2), ends: word(3) },
      fragments: { n: word(4), sessions: word(5), keys: word(6), numbers: word(7) },
    };
  }

  /** Partition fields of the listed keys as columns. */
  keyColumns(keys: number, n: number, list: number): BatchPtr {
    const { kernels } = this.#context.runtime;
    const listed = kernels.gatherWide(keys, this.#keyWidth, n, list) >>> 0;
    const out = this.#builder.begin(n);
    this.keys.decode(listed, n, out, 0, 0);
    return this.#builder.finish(n, { insertOnly: true });
  }

  /** Ends − 1 ms as instants. */
  windowTimes(ends: number, n: number): number {
    const { kernels, memory } = this.#context.runtime;
    const values = kernels.shiftTimes(n, ends, -1n) >>> 0;
    const times = new BigInt64Array(memory.buffer, values, n);
    for (let i = 0; i < n; i++) times[i] = BigInt(this.clock.toEpoch(Number(times[i]!)));
    return values;
  }

  get #keyWidth(): number {
    return this.keys.keyBytes < 0 ? 8 : this.keys.keyBytes;
  }

  #register(n: number, list: number, { keys, hashes }: EncodedKeys, moments: number): void {
    const { kernels, memory } = this.#context.runtime;
    const listed = {
      hashes: kernels.gatherWide(hashes, 8, n, list) >>> 0,
      keys: kernels.gatherWide(keys, this.#keyWidth, n, list) >>> 0,
    };
    // Entries only say which rows to register: every one.
    const all = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, all, n).fill(1);
    this.#timers.register(n, listed, all, moments, NO_FLAG);
  }
}
