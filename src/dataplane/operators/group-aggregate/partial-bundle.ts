/**
 * PartialBundle: what a local or an incremental half folds its input into until a mini-batch ends: accumulators by key, and value
 * sets by key and value. They go on as rows (foundation/plan/value-sets.ts), a key's accumulator before its values.
 *
 * Flow:    add(batch) … → take(): the rows to the output, and all is empty.
 * Whole:   the next half's mini-batches end between batches: what a bundle makes must be one batch, or a key's values would count
 *          without its accumulator, or not yet. Whoever adds takes the bundle before `rows` passes MAX_BATCH_ROWS.
 * Memory:  scratch maps outside state: a bundle ends before a barrier.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  partColumns,
  type PartColumns,
  type ValueSet,
} from "../../../foundation/plan/value-sets.ts";
import { DistinctKeys } from "../../codegen/aggregates/distinct-keys.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import type { CompiledPartial } from "../../codegen/aggregates/partial-code.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { FoldingJudge } from "../rows/folding-judge.ts";
import { PartWriter, pieceColumns } from "./part-writer.ts";
import { type ScratchEntries, ScratchMap } from "./scratch-map.ts";
import { ValueList } from "./value-list.ts";

export interface PartialBundleOptions {
  readonly context: OperatorContext;
  readonly input: Schema;
  /** Field indexes of the input by which it is folded. */
  readonly grouping: readonly number[];
  /** Those that go on, and where their arguments are in the input; `condition`: which rows count, when the set does not say. */
  readonly sets: readonly {
    readonly set: ValueSet;
    readonly args: readonly number[];
    readonly condition?: Expression;
  }[];
  readonly output: Schema;
  readonly operator: string;
  /** Values may go on more than once, where folding them saves too little (folding-judge.ts). */
  readonly mayPassValues?: boolean;
  readonly compile: (hashDistance: number) => CompiledPartial;
}

interface SetMap {
  readonly keys: DistinctKeys;
  readonly map: ScratchMap;
  /** Instead of the map, while values are passed on. */
  readonly list: ValueList;
  readonly judge: FoldingJudge;
  readonly builder: BatchBuilder;
  readonly counts: number;
  /** Rows in the map. */
  folded: number;
}

export class PartialBundle {
  readonly #options: PartialBundleOptions;
  readonly #keys: KeyCodec;
  readonly #keyBuilder: BatchBuilder;
  readonly #compiled: CompiledPartial;
  readonly #map: ScratchMap;
  readonly #sets: readonly SetMap[];
  readonly #writer: PartWriter;
  readonly #columns: PartColumns;

  constructor(options: PartialBundleOptions) {
    this.#options = options;
    const { context, input, grouping, output, operator } = options;
    const { runtime } = context;
    this.#keys = compileKeyCodec({ schema: input, fields: grouping, runtime, operator });
    this.#keyBuilder = compileBatchBuilder({ output: this.#keys.schema, runtime, operator });
    this.#compiled = options.compile(hashDistance(this.#keys.keyBytes));
    const { valueBytes } = this.#compiled.plan.layout;
    this.#map = new ScratchMap(runtime, this.#keys.keyBytes, valueBytes);
    this.#sets = options.sets.map((each, index) => this.#createSet(each, index));
    const sets = options.sets.map(({ set }) => set);
    this.#columns = partColumns(grouping.length, sets);
    const emit = (batch: BatchPtr) => context.output.emit(batch);
    this.#writer = new PartWriter({ runtime, output, operator, emit });
  }

  /** That go on at the most. */
  get rows(): number {
    const sets = this.#sets.map(({ map, list }) => map.count + list.rows);
    return sets.reduce((sum, rows) => sum + rows, this.#map.count);
  }

  /** `distinct`: entries of state, of an incremental half. */
  add(batch: BatchPtr, distinct: readonly number[] = []): void {
    const { kernels, memory } = this.#options.context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#keys.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, n, hashes, keys, entries);
    const lists = this.#sets.map((set) => this.#addValues(set, batch, n, hashes));
    this.#compiled.fold({ batch, entries, map: this.#map.ptr, lists, distinct });
  }

  #addValues(set: SetMap, batch: BatchPtr, n: number, hashes: number): number {
    if (this.#options.mayPassValues === true && set.judge.passes) {
      const values = set.keys.encode(batch, n);
      return values.n === 0 ? 0 : set.list.append(values.n, values.keys);
    }
    const entries = set.keys.upsert(batch, n, hashes, set.map.ptr);
    set.folded += set.keys.counted;
    return entries;
  }

  /** Removes DISTINCT values from state that the batch has emptied. */
  sweep(maps: readonly number[]): void {
    this.#compiled.sweep(maps);
  }

  take(): void {
    for (const piece of this.#map.pieces()) this.#appendAccumulators(piece);
    this.#sets.forEach((set, index) => {
      this.#takeValues(set, index);
    });
    // What is written refers to the bytes of texts there until it is flushed.
    this.#writer.flush();
    this.#map.clear();
    for (const { map, list } of this.#sets) {
      map.clear();
      list.clear();
    }
  }

  close(): void {
    this.#map.close();
    for (const { map, list } of this.#sets) {
      map.close();
      list.close();
    }
  }

  #takeValues(set: SetMap, index: number): void {
    let made = 0;
    for (const piece of set.map.pieces()) made += this.#appendValues(set, index, piece);
    for (const piece of set.list.pieces()) this.#appendValues(set, index, piece);
    const passed = set.list.rows;
    // Of one bundle all rows are folded or all are passed on.
    if (passed > 0) set.judge.passed(passed);
    else set.judge.folded(set.folded, made);
    set.folded = 0;
  }

  #appendAccumulators({ n, keys, entries }: ScratchEntries): void {
    const { runtime } = this.#options.context;
    const out = this.#keyBuilder.begin(n);
    this.#keys.decode(keys, n, out, 0, 0);
    const batch = this.#keyBuilder.finish(n, { insertOnly: true });
    const views = this.#compiled.accumulators(entries, n, this.#map.ptr);
    const own = physicalColumns(this.#keys.schema).map((_, column) => column);
    this.#writer.append(
      n,
      new Map([
        ...pieceColumns(runtime, batch, own),
        [this.#place(this.#columns.accumulators), { values: views, validity: 0 }],
      ]),
    );
  }

  /** How many rows it made of them. */
  #appendValues(
    { keys: { codec }, builder, counts }: SetMap,
    set: number,
    piece: ScratchEntries,
  ): number {
    const { runtime } = this.#options.context;
    const { kernels, memory } = runtime;
    const { n, entries } = piece;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const values = kernels.arenaAlloc(n * 8 * counts) >>> 0;
    const kept = this.#compiled.counts(set, entries, n, list, values);
    if (kept === 0) return 0;
    const width = codec.keyBytes < 0 ? 8 : codec.keyBytes;
    const keys = kept === n ? piece.keys : kernels.gatherWide(piece.keys, width, kept, list) >>> 0;
    const out = builder.begin(kept);
    codec.decode(keys, kept, out, 0, 0);
    const batch = builder.finish(kept, { insertOnly: true });
    const parts = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    new Int32Array(memory.buffer, parts, kept).fill(set + 1);
    const places = this.#columns.sets[set]!;
    this.#writer.append(
      kept,
      new Map([
        ...pieceColumns(runtime, batch, this.#valuePlaces(codec, set)),
        ...places.counts.map(
          (field, i) => [this.#place(field), { values: values + i * n * 8, validity: 0 }] as const,
        ),
        [this.#place(this.#columns.part), { values: parts, validity: 0 }],
      ]),
    );
    return kept;
  }

  /** Physical columns of the output for those of a set's key: the group's fields, then the arguments. */
  #valuePlaces({ schema }: KeyCodec, set: number): number[] {
    const groups = physicalColumns(this.#keys.schema).length;
    const first = this.#place(this.#columns.sets[set]!.args[0]!);
    return physicalColumns(schema).map((_, column) =>
      column < groups ? column : first + column - groups,
    );
  }

  /** Physical column of a field of the output. */
  #place(field: number): number {
    return physicalIndex(this.#options.output, field);
  }

  #createSet({ set, args, condition }: PartialBundleOptions["sets"][0], index: number): SetMap {
    const { context, input, grouping, operator } = this.#options;
    const { runtime } = context;
    const counts = set.filters.length;
    const valueBytes = counts * 8;
    const keys = new DistinctKeys(
      {
        input,
        grouping,
        set: { ...set, args, filterLabels: [], valueBytes },
        index,
        retract: true,
        stateTtlMs: 0,
        maxParallelism: 1,
        condition,
      },
      this.#keys,
      false,
      { runtime, environment: functionEnvironment(context), operator },
    );
    const map = new ScratchMap(runtime, keys.keyBytes, valueBytes);
    return {
      keys,
      map,
      list: new ValueList(runtime, keys.keyBytes, valueBytes),
      judge: new FoldingJudge(),
      folded: 0,
      builder: compileBatchBuilder({ output: keys.codec.schema, runtime, operator }),
      counts,
    };
  }
}
