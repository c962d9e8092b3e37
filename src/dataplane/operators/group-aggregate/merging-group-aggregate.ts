/**
 * MergingGroupAggregate: the second half of an aggregation of bounded input: accumulators of a key are merged, then read.
 *
 * In:      the grouping fields, then an accumulator as bytes (local-group-aggregate.ts).
 * State:   map "groups": key → accumulator. Order: by key group, then as inserted. Spill: group-spill.ts.
 * Sorted:  accumulators that come in the order of their keys are emitted as they go (sorted-groups.ts).
 * Empty:   without grouping there is one row even when there was no input.
 * Source:  Flink BatchExecHashAggregate and BatchExecSortAggregate (isMerge = true, isFinal = true).
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { GroupCursor } from "./group-cursor.ts";
import { DRAIN, GroupSpill } from "./group-spill.ts";
import { compilePartial, type PartialAccumulators } from "./partial-accumulators.ts";
import { SortedGroups } from "./sorted-groups.ts";

export class MergingGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  /** What the aggregates' arguments refer to: the input of the first half. */
  readonly #rows: Schema;
  #parts: PartialAccumulators | undefined;
  #builder: BatchBuilder | undefined;
  #map: KeyedMap | undefined;
  #column = 0;
  #spill: GroupSpill | undefined;
  /** Of rows that come sorted. */
  #sorted: SortedGroups | undefined;
  /** What is left to do at the end of input, piece by piece. */
  #pieces: Generator<void> | undefined;

  constructor(node: GroupAggregateNode, rows: Schema, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#rows = rows;
  }

  override open(): void {
    const { runtime, inputs, state } = this.context;
    const input = inputs[0]!;
    const { aggregates, description } = this.#node;
    this.#parts = compilePartial(this.context, this.#node, input, this.#rows);
    const { keys, compiled } = this.#parts;
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    this.#builder = compileBatchBuilder({ output, runtime, operator: description });
    this.#column = physicalColumns(input).length - 1;
    this.#map = state.map({
      name: "groups",
      keyBytes: keys.keyBytes,
      valueBytes: compiled.valueBytes,
      keyFields: keys.keyFields,
      valueFields: compiled.valueFields,
      ttlMs: 0,
    });
    const { context } = this;
    if (this.#node.grouping.length === 0) return;
    const common = { context, schema: input, keys };
    if (this.#node.sorted === true) {
      const { ptr: map } = this.#map;
      const fold = (batch: BatchPtr) => this.#fold(batch);
      this.#sorted = new SortedGroups({ ...common, map, fold, drain: () => this.#drain() });
    } else this.#spill = new GroupSpill({ ...common, operator: description });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#sorted !== undefined) {
      this.#sorted.take(batch);
      return;
    }
    const own = this.#spill === undefined ? batch : this.#spill.admit(batch, this.#map!.ptr);
    if (own !== undefined) this.#fold(own);
  }

  override endInput(): void {
    this.#pieces = this.#finish();
  }

  emitPiece(): boolean {
    return this.#pieces?.next().done === false;
  }

  override close(): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#pieces = undefined;
  }

  *#finish(): Generator<void> {
    yield* this.#drain();
    for (const step of this.#spill?.replay() ?? []) {
      if (step === DRAIN) yield* this.#drain();
      else {
        this.processBatch(0, step);
        yield;
      }
    }
  }

  /** Emits all groups; when rows were spilled or come sorted, the groups go, so that there is room for others. */
  *#drain(): Generator<void> {
    const { map, keys } = { map: this.#map!, keys: this.#parts!.keys };
    const cursor = new GroupCursor(this.context, map.ptr, keys.keyBytes);
    const removes = this.#sorted !== undefined || this.#spill?.hasSpilled === true;
    for (let piece = cursor.next(); piece !== undefined; piece = cursor.next()) {
      this.#emit(piece.n, piece.keys, piece.entries);
      if (removes) {
        this.#drop(piece.n, piece.entries);
        cursor.removed();
      }
      yield;
    }
    if (removes) this.context.runtime.kernels.mapTrim(map.ptr);
    if (cursor.emitted === 0 && this.#node.grouping.length === 0) this.#emitEmpty();
  }

  #fold(batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const { keys: codec, compiled } = this.#parts!;
    const { ptr } = this.#map!;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = codec.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(ptr, n, hashes, keys, entries);
    const at = columnPtr(batch, this.#column) + COLUMN_VALUES;
    const views = new DataView(memory.buffer).getUint32(at, true);
    compiled.merge(entries, kernels.narrow(n, views) >>> 0, n, ptr);
  }

  #drop(n: number, entries: number): void {
    const { kernels } = this.context.runtime;
    const { ptr } = this.#map!;
    kernels.entriesTouch(ptr, n, entries);
    this.#parts!.compiled.free(entries, n, ptr);
    kernels.entriesRemove(ptr, n, entries);
  }

  #emitEmpty(): void {
    const { kernels, memory } = this.context.runtime;
    const { keys, compiled } = this.#parts!;
    const distance = hashDistance(keys.keyBytes);
    const value = kernels.zeroedValues(1, distance + compiled.valueBytes) >>> 0;
    const entries = kernels.arenaAlloc(4) >>> 0;
    new DataView(memory.buffer).setUint32(entries, value + distance, true);
    this.#emit(1, value, entries);
  }

  #emit(n: number, keys: number, entries: number): void {
    const { keys: codec, keyBuilder, compiled } = this.#parts!;
    const builder = this.#builder!;
    const out = builder.begin(n);
    compiled.results(entries, n, this.#map!.ptr, out, 0, 0);
    const results = builder.finish(n, { insertOnly: true });
    const keyOut = keyBuilder.begin(n);
    codec.decode(keys, n, keyOut, 0, 0);
    const keyBatch = keyBuilder.finish(n, { insertOnly: true });
    const columns = [
      ...columnsOf(keyBatch, 0, physicalColumns(codec.schema).length),
      ...columnsOf(results, 0, this.#node.aggregates.length),
    ];
    this.context.output.emit(assembleBatch(this.context.runtime, n, columns));
  }
}
