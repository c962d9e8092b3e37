/**
 * GroupSpill: rows of keys for which an aggregation of bounded input has no room, in parts by hash on disk.
 *
 * Flow:    a batch → admit → the rows that are folded now; the end of input → drain the groups → replay: rows of one part after
 *          another, which come back through admit, and in between the groups are drained.
 * Rule:    when the worker's memory comes near its budget, keys that have a group keep it: their rows go on to be folded in. Rows of
 *          new keys go to the file. A part that is too big is parted again, up to MOST_LEVELS times; then state does what it can.
 * Errors:  MR4172 the file cannot be written or read.
 * Source:  hybrid hashing; Flink's HashAggregate sorts what it spilled instead.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { MOST_LEVELS, PARTS, RowParts, SpillFile } from "../hash-join/row-parts.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { RowFormat } from "../rows/row-format.ts";

/** Of the budget: how much may be in use before rows of new keys are spilled. */
const USED_SHARE = 0.7;
/** Fewer groups are not what the memory went to. */
const LEAST_GROUPS = 4096;

/** The groups are complete: they are to be emitted and removed. */
export const DRAIN = 0;

export interface GroupSpillOptions {
  readonly context: OperatorContext;
  /** Of the input. */
  readonly schema: Schema;
  readonly keys: KeyCodec;
  readonly operator: string;
}

export class GroupSpill {
  readonly #options: GroupSpillOptions;
  readonly #format: RowFormat;
  readonly #rows: BatchRows;
  #file: SpillFile | undefined;
  /** Of the rows that come now. */
  #parts: RowParts | undefined;
  #level = 0;

  constructor(options: GroupSpillOptions) {
    const { context, schema, operator } = options;
    this.#options = options;
    this.#format = new RowFormat(context.runtime, schema, operator);
    this.#rows = new BatchRows(context.runtime, schema);
    context.metrics.gauge("spilledBytes", () => this.#file?.bytes ?? 0);
  }

  /** Whether rows were spilled, now or before: the groups' memory is then wanted back. */
  get hasSpilled(): boolean {
    return this.#file !== undefined;
  }

  /** The rows of a batch that are folded now; undefined: none. `map`: of the groups. */
  admit(batch: BatchPtr, map: number): BatchPtr | undefined {
    this.#begin(map);
    if (this.#parts === undefined) return batch;
    const { kernels, memory } = this.#options.context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#options.keys.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(map, n, hashes, keys, entries);
    const found = kernels.arenaAlloc(n) >>> 0;
    const words = new Uint32Array(memory.buffer, entries, n);
    new Uint8Array(memory.buffer, found, n).set(words.map((entry) => (entry === 0 ? 0 : 1)));
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const absent = kernels.rowsWithByte(n, found, 0, list);
    if (absent === 0) return batch;
    const views = this.#format.encode(batch);
    this.#parts.add(
      absent,
      kernels.gatherWide(hashes, 8, absent, list) >>> 0,
      kernels.gatherWide(views, 8, absent, list) >>> 0,
    );
    if (absent === n) return undefined;
    return this.#rows.gather(batch, list, kernels.rowsWithByte(n, found, 1, list));
  }

  /** Batches that were spilled, part by part, each good until the next one; DRAIN behind each part. */
  *replay(): Generator<BatchPtr | typeof DRAIN> {
    const parts = this.#parts;
    if (parts !== undefined) yield* this.#replayParts(parts, 0);
  }

  close(): void {
    this.#parts?.close();
    this.#parts = undefined;
    this.#file?.close();
    this.#file = undefined;
    this.#format.close();
  }

  *#replayParts(parts: RowParts, level: number): Generator<BatchPtr | typeof DRAIN> {
    parts.flush();
    for (let part = 0; part < PARTS; part++) {
      this.#parts = undefined;
      this.#level = level + 1;
      yield* parts.batches(part, this.#format);
      yield DRAIN;
      const inner = this.#parts as RowParts | undefined;
      if (inner !== undefined) yield* this.#replayParts(inner, level + 1);
    }
    this.#parts = undefined;
    parts.close();
  }

  #begin(map: number): void {
    const { runtime, spill } = this.#options.context;
    if (spill === undefined || this.#parts !== undefined || this.#level >= MOST_LEVELS) return;
    if (runtime.kernels.memoryUsedBytes() <= spill.budgetBytes * USED_SHARE) return;
    if (runtime.kernels.mapEntries(map) >>> 0 < LEAST_GROUPS) return;
    this.#file ??= new SpillFile(spill.createFile());
    this.#parts = new RowParts(runtime, this.#file, this.#level, spill.budgetBytes);
  }
}
