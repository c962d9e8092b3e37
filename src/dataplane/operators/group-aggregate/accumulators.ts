/**
 * Accumulators: append-only aggregates per key that are read when asked for: at the end of a window or of bounded input.
 *
 * Flow:    batch-group-aggregate.ts, window-aggregate → accumulate(batch) … → results(keys) → remove.
 * State:   map "groups": key → accumulators of the plain calls; per DISTINCT (arguments, filter) a map "distinct0" with the
 *          values seen, (key, arguments), and "groups0" with the accumulators of its calls: a value is folded in once.
 * Merged:  with `accumulators` the input comes from a first phase; the state is what rows would have made of it.
 * Windows: with `momentField` the values seen are registered with their window's end, so that they go with it.
 * Errors:  MR4105 for aggregates that cannot be compiled.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { countsNulls } from "../../codegen/aggregates/collection-choice.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import type { CompileOptions } from "../../codegen/calc.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { EncodedKeys, KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { assembleBatch } from "../rows/assembled-batch.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { callSets } from "./call-sets.ts";
import { DistinctValues } from "./distinct-values.ts";
import { removeEntries } from "./group-cursor.ts";

export interface AccumulatorsOptions {
  readonly context: OperatorContext;
  readonly schema: Schema;
  readonly keys: readonly number[];
  /** Fields by which rows are distributed, when they are not the keys. */
  readonly groupFields?: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  /** Field with the window's end, i64. */
  readonly momentField?: number;
  /** The field with accumulators, where the input is the output of a first phase. */
  readonly accumulators?: number | undefined;
  readonly operator: string;
}

/** Aggregates that are updated by the same rows. */
interface CallGroup {
  /** Their places among all aggregates. */
  readonly places: readonly number[];
  readonly compiled: CompiledAccumulate;
  readonly map: KeyedMap;
  readonly builder: BatchBuilder;
  /** An empty accumulator, for keys that no row of this group has. */
  readonly empty: number;
  readonly distinct: DistinctValues | undefined;
}

export interface Accumulated extends EncodedKeys {
  readonly n: number;
  /** u32[n]: entries of the plain calls, one exists for every key. */
  readonly entries: number;
}

export class Accumulators {
  readonly keys: KeyCodec;
  readonly map: KeyedMap;
  readonly #names = new Set<string>();
  readonly #options: AccumulatorsOptions;
  readonly #groups: readonly CallGroup[];
  readonly #keyBuilder: BatchBuilder;
  #keysAlone: KeyCodec | undefined;

  constructor(options: AccumulatorsOptions) {
    this.#options = options;
    const { context, schema, operator, aggregates } = options;
    const { runtime } = context;
    const { keys: fields, groupFields } = options;
    this.keys = compileGroupedKeys({ context, schema, fields, groupFields, operator });
    this.#keyBuilder = compileBatchBuilder({ output: this.keys.schema, runtime, operator });
    this.#groups = callSets(aggregates).map((places, index) => this.#createGroup(places, index));
    this.map = this.#groups[0]!.map;
  }

  /** Folds the rows in. */
  accumulate(batch: BatchPtr): Accumulated {
    const { memory } = this.#options.context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const encoded = this.keys.encode(batch);
    const plain = this.#groups[0]!;
    const entries = this.#upsert(plain, n, encoded);
    plain.compiled.accumulate(batch, entries, plain.map.ptr);
    for (const group of this.#groups.slice(1)) this.#addFresh(group, batch);
    return { n, entries, ...encoded };
  }

  /** Merges the accumulators of the plain calls that the rows hold. */
  mergeRows(batch: BatchPtr): Accumulated {
    const { memory } = this.#options.context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const encoded = this.keys.encode(batch);
    const plain = this.#groups[0]!;
    const entries = this.#upsert(plain, n, encoded);
    const { compiled, map } = plain;
    const { kernels } = this.#options.context.runtime;
    const scratch = kernels.arenaAlloc(hashDistance(this.keys.keyBytes) + compiled.valueBytes);
    compiled.mergeInto(entries, this.#accumulatorsOf(batch, n), n, map.ptr, scratch >>> 0);
    return { n, entries, ...encoded };
  }

  /** Folds rows into the calls of one DISTINCT alone, the set-th. */
  addValues(batch: BatchPtr, set: number): void {
    this.#addFresh(this.#groups[set + 1]!, batch);
  }

  #addFresh(group: CallGroup, batch: BatchPtr): void {
    const { memory } = this.#options.context.runtime;
    const fresh = group.distinct!.fresh(batch);
    if (fresh === 0) return;
    const rows = new DataView(memory.buffer).getUint32(fresh + BATCH_ROWS, true);
    const own = this.#upsert(group, rows, this.keys.encode(fresh));
    group.compiled.accumulate(fresh, own, group.map.ptr);
  }

  /** The aggregates of n keys as columns in their order. `entries`: of the plain calls. */
  results(n: number, { keys, hashes }: EncodedKeys, entries: number): BatchPtr {
    const { runtime } = this.#options.context;
    const { kernels } = runtime;
    const columns: { batch: BatchPtr; column: number }[] = [];
    this.#groups.forEach((group, index) => {
      let own = entries;
      if (index > 0) {
        own = kernels.arenaAlloc(n * 4) >>> 0;
        kernels.mapFindBatch(group.map.ptr, n, hashes, keys, own);
      }
      kernels.entriesOr(n, own, group.empty);
      const out = group.builder.begin(n);
      group.compiled.results(own, n, group.map.ptr, out, 0, 0);
      const batch = group.builder.finish(n, { insertOnly: true });
      group.places.forEach((place, column) => {
        columns[place] = { batch, column };
      });
    });
    return assembleBatch(runtime, n, columns);
  }

  /** Keys of a batch that has the key fields as its columns. */
  encodeKeys(batch: BatchPtr): EncodedKeys {
    const { context, operator, keys, groupFields } = this.#options;
    const { schema } = this.keys;
    this.#keysAlone ??= compileGroupedKeys({
      context,
      schema,
      fields: keys.map((_, index) => index),
      groupFields: groupFields?.map((field) => keys.indexOf(field)),
      operator,
    });
    return this.#keysAlone.encode(batch);
  }

  /**
   * Merges the accumulators of lists of keys into `targets` temporary ones, key i of a list into number owners[i] (u32).
   * Returns their addresses, u32[targets]; read their results before the keys are removed. Not with DISTINCT.
   */
  mergeSlices(
    targets: number,
    lists: readonly (EncodedKeys & { readonly n: number; readonly owners: number })[],
  ): number {
    const { kernels, memory } = this.#options.context.runtime;
    const { compiled, map } = this.#groups[0]!;
    const distance = hashDistance(this.keys.keyBytes);
    const width = distance + compiled.valueBytes;
    const base = kernels.arenaAlloc(targets * width) >>> 0;
    new Uint8Array(memory.buffer, base, targets * width).fill(0);
    for (const { n, keys, hashes, owners } of lists) {
      const sources = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.mapFindBatch(map.ptr, n, hashes, keys, sources);
      const into = kernels.elementsAt(base + distance, width, n, owners) >>> 0;
      compiled.merge(into, sources, n, map.ptr);
    }
    const list = kernels.arenaAlloc(targets * 4) >>> 0;
    const words = new Uint32Array(memory.buffer, list, targets);
    for (let i = 0; i < targets; i++) words[i] = base + distance + i * width;
    return list;
  }

  /** The aggregates of n accumulators (u32[n] addresses) as columns. Not with DISTINCT. */
  resultsOf(n: number, accumulators: number): BatchPtr {
    const { compiled, map, builder } = this.#groups[0]!;
    const out = builder.begin(n);
    compiled.results(accumulators, n, map.ptr, out, 0, 0);
    return builder.finish(n, { insertOnly: true });
  }

  /** The key fields of n keys as columns. */
  keyColumns(n: number, keys: number): BatchPtr {
    const out = this.#keyBuilder.begin(n);
    this.keys.decode(keys, n, out, 0, 0);
    return this.#keyBuilder.finish(n, { insertOnly: true });
  }

  /** Frees and removes n keys; with `momentField` also the distinct values of the windows that end at `moment`. */
  remove(n: number, { keys, hashes }: EncodedKeys, moment: number): void {
    const { kernels } = this.#options.context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    for (const { map, compiled, distinct } of this.#groups) {
      kernels.mapFindBatch(map.ptr, n, hashes, keys, entries);
      const list = kernels.arenaAlloc(n * 4) >>> 0;
      const found = kernels.rowsNotZero(n, entries, list);
      const live = kernels.gatherWords(entries, found, list) >>> 0;
      kernels.entriesTouch(map.ptr, found, live);
      compiled.free(live, found, map.ptr);
      kernels.entriesRemove(map.ptr, found, live);
      distinct?.removeUntil(moment);
    }
  }

  /** Frees and removes n entries of the plain calls. Not with DISTINCT. */
  drop(n: number, entries: number): void {
    const { kernels } = this.#options.context.runtime;
    const { map, compiled } = this.#groups[0]!;
    kernels.entriesTouch(map.ptr, n, entries);
    compiled.free(entries, n, map.ptr);
    kernels.entriesRemove(map.ptr, n, entries);
  }

  get hasDistinct(): boolean {
    return this.#groups.length > 1;
  }

  /** Frees and removes all keys, and the values seen. */
  clear(): void {
    const { context } = this.#options;
    const { kernels } = context.runtime;
    for (const { map, compiled, distinct } of this.#groups) {
      removeEntries(context, map, this.keys.keyBytes, (n, entries) => {
        kernels.entriesTouch(map.ptr, n, entries);
        compiled.free(entries, n, map.ptr);
      });
      distinct?.clear();
    }
  }

  /** Addresses, u32[n]. */
  #accumulatorsOf(batch: BatchPtr, n: number): number {
    const { context, schema, accumulators } = this.#options;
    const { kernels, memory } = context.runtime;
    const at = columnPtr(batch, physicalIndex(schema, accumulators ?? 0)) + COLUMN_VALUES;
    const views = new DataView(memory.buffer).getUint32(at, true);
    const { handles } = this.#groups[0]!.compiled;
    if (handles.length === 0) return kernels.narrow(n, views) >>> 0;
    return kernels.accumulatorsUnpack(n, views, this.#handles(handles), handles.length) >>> 0;
  }

  /** u16 offsets, in the arena. */
  #handles(handles: readonly number[]): number {
    const { kernels, memory } = this.#options.context.runtime;
    const at = kernels.arenaAlloc(handles.length * 2) >>> 0;
    new Uint16Array(memory.buffer, at, handles.length).set(handles);
    return at;
  }

  #upsert({ map }: CallGroup, n: number, { keys, hashes }: EncodedKeys): number {
    const { kernels } = this.#options.context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(map.ptr, n, hashes, keys, entries);
    return entries;
  }

  /** Columns that are computed alike have one label: state tells them apart by their order. */
  #named(label: string): string {
    let name = label;
    for (let i = 2; this.#names.has(name); i++) name = `${label} #${i}`;
    this.#names.add(name);
    return name;
  }

  #createGroup(places: readonly number[], index: number): CallGroup {
    const { context, schema, operator, aggregates } = this.#options;
    const { runtime } = context;
    const first = aggregates[places[0] ?? 0];
    // A DISTINCT group sees only rows that pass its filter, each value once.
    const calls = places.map((place) => {
      const aggregate = { ...aggregates[place]!, distinct: false };
      return index === 0 ? aggregate : { ...aggregate, filter: -1 };
    });
    const { keyBytes, keyFields } = this.keys;
    const options: CompileOptions = {
      runtime,
      environment: functionEnvironment(context),
      operator,
    };
    const distance = hashDistance(keyBytes);
    const compiled = compileAccumulate(
      { input: schema, aggregates: calls, hashDistance: distance },
      options,
    );
    const output = { fields: calls.map(({ name, type }) => ({ name, type })) };
    const empty = runtime.kernels.operatorAllocate(distance + compiled.valueBytes) >>> 0;
    return {
      places,
      compiled,
      map: context.state.map({
        name: this.#named(index === 0 ? "groups" : `groups${label(first, index - 1)}`),
        keyBytes,
        valueBytes: compiled.valueBytes,
        keyFields,
        valueFields: compiled.valueFields,
        ttlMs: 0,
        mayGrow: index === 0,
      }),
      builder: compileBatchBuilder({ output, runtime, operator }),
      empty: empty + distance,
      distinct:
        index === 0 || first === undefined
          ? undefined
          : new DistinctValues({
              ...this.#options,
              args: first.args,
              filter: first.filter,
              nulls: countsNulls(first),
              name: this.#named(`distinct${label(first, index)}`),
            }),
    };
  }
}

/** What tells the maps of distinct values apart: what they are of, else a number. */
function label(call: AggregateCall | undefined, index: number): string {
  if (call?.state === undefined) return String(index);
  return ` ${call.state.args.join(", ")}${call.filter < 0 ? "" : ` FILTER (${call.state.filter})`}`;
}
