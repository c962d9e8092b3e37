/**
 * FirstRowByWatermark: the earliest row per key, emitted once, when the watermark has reached its time.
 *
 * State:   map "waiting" (no TTL): key → earliest row so far and its time; map "emitted" (TTL): keys that are done; timers.
 * Late:    rows before the watermark are dropped and counted in numLateRecordsDropped.
 * Source:  Flink RowTimeDeduplicateKeepFirstRowFunction.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { DeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { RowFormat } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";
import { LateRecords } from "../rows/late-records.ts";

export class FirstRowByWatermark {
  readonly #node: DeduplicateNode;
  readonly #context: OperatorContext;
  readonly #late: LateRecords;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  readonly #emitter: ChangeEmitter;
  readonly #waiting: KeyedMap;
  readonly #emitted: KeyedMap;
  readonly #timers: WindowTimers;
  #watermark = MIN_WATERMARK;

  constructor(node: DeduplicateNode, context: OperatorContext) {
    const { runtime, state } = context;
    const operator = node.description;
    const schema = context.inputs[0]!;
    this.#node = node;
    this.#context = context;
    this.#late = new LateRecords(context);
    this.#keys = compileKeyCodec({ schema, fields: node.keys, runtime, operator });
    this.#format = new RowFormat(runtime, schema, operator);
    this.#emitter = new ChangeEmitter({ context, output: node.output, left: this.#format });
    const { keyBytes, keyFields } = this.#keys;
    this.#waiting = state.map({
      name: "waiting",
      keyBytes,
      valueBytes: 16,
      keyFields,
      valueFields: [
        { name: "row", offset: 0, type: "handle" },
        { name: "rowtime", offset: 8, type: "counter" },
      ],
      rows: [stateRows(schema, "one")],
      ttlMs: 0,
    });
    this.#emitted = state.map({
      name: "emitted",
      keyBytes,
      valueBytes: 8,
      keyFields,
      valueFields: [{ name: "emitted", offset: 0, type: "flags" }],
      ttlMs: node.stateTtlMs ?? 0,
    });
    this.#timers = new WindowTimers(context, "timers", keyBytes);
  }

  process(batch: BatchPtr): void {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const encoded = this.#keys.encode(batch);
    const { keys, hashes } = encoded;
    const views = this.#format.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const emitted = kernels.arenaAlloc(rows * 4) >>> 0;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const late = kernels.arenaAlloc(4) >>> 0;
    kernels.mapUpsertBatch(this.#waiting.ptr, rows, hashes, keys, entries);
    kernels.mapFindBatch(this.#emitted.ptr, rows, hashes, keys, emitted);
    const { times, width } = this.#times(batch);
    const n = kernels.keepEarliest(
      this.#waiting.ptr,
      rows,
      hashes,
      entries,
      emitted,
      views,
      times,
      width,
      BigInt(this.#watermark),
      list,
      late,
    );
    const dropped = new DataView(memory.buffer).getUint32(late, true);
    this.#late.drop(dropped);
    if (n > 0) this.#register(n, list, encoded, entries, this.#momentsOf(times, width, rows));
    kernels.keepCleanup(this.#waiting.ptr, rows, entries);
  }

  advance(watermark: number): void {
    this.#watermark = watermark;
    const { kernels } = this.#context.runtime;
    for (let moment = this.#timers.first; moment !== undefined; moment = this.#timers.first) {
      if (moment > watermark) return;
      const mark = kernels.arenaMark();
      this.#emitDue(moment);
      this.#timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  close(): void {
    this.#format.close();
  }

  #register(
    n: number,
    list: number,
    { keys, hashes }: { readonly keys: number; readonly hashes: number },
    entries: number,
    moments: number,
  ): void {
    const { kernels } = this.#context.runtime;
    const keyBytes = this.#keys.keyBytes < 0 ? 8 : this.#keys.keyBytes;
    const listed = {
      hashes: kernels.gatherWide(hashes, 8, n, list) >>> 0,
      keys: kernels.gatherWide(keys, keyBytes, n, list) >>> 0,
    };
    const ofRows = kernels.gatherWords(entries, n, list) >>> 0;
    const times = kernels.gatherWide(moments, 8, n, list) >>> 0;
    this.#timers.register(n, listed, ofRows, times, NO_FLAG);
  }

  #emitDue(moment: number): void {
    const { kernels } = this.#context.runtime;
    const { n, hashes, keys } = this.#timers.keysOf(moment);
    if (n === 0) return;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(this.#waiting.ptr, n, hashes, keys, entries);
    kernels.keepDue(this.#waiting.ptr, n, hashes, entries, BigInt(moment));
    const done = kernels.arenaAlloc(n * 4) >>> 0;
    // A key may be listed for a time that an earlier row has replaced: it is marked as done only by its own time.
    const due = kernels.rowsNotZero(n, entries, done);
    if (due > 0) {
      const keyBytes = this.#keys.keyBytes < 0 ? 8 : this.#keys.keyBytes;
      const hashesDue = kernels.gatherWide(hashes, 8, due, done) >>> 0;
      const keysDue = kernels.gatherWide(keys, keyBytes, due, done) >>> 0;
      const marks = kernels.arenaAlloc(due * 4) >>> 0;
      kernels.mapUpsertBatch(this.#emitted.ptr, due, hashesDue, keysDue, marks);
    }
    this.#emitter.emit(this.#waiting.ptr);
    kernels.entriesRemove(this.#waiting.ptr, n, entries);
  }

  #times(batch: BatchPtr): { readonly times: number; readonly width: number } {
    const schema = this.#context.inputs[0]!;
    const { index } = this.#node.time;
    const at = columnPtr(batch, physicalIndex(schema, index)) + COLUMN_VALUES;
    const times = new DataView(this.#context.runtime.memory.buffer).getUint32(at, true);
    return { times, width: PHYSICAL_WIDTH[physicalOf(schema.fields[index]!.type)] };
  }

  /** i64[rows]: the milliseconds alone when the column holds nanoseconds too. */
  #momentsOf(times: number, width: number, rows: number): number {
    return width === 8 ? times : this.#context.runtime.kernels.millisOf(times, rows) >>> 0;
  }
}
