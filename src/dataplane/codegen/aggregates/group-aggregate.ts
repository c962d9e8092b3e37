/**
 * compileGroupAggregate: the whole of GroupAggregate but its state and output, which the operator wires.
 *
 * Flow:    operators/group-aggregate: mapSpecs → KeyedStateBackend.map() for each → process(batch, maps, emit) per batch.
 * Modes:   "rows": every input row shows its own change, as Flink without mini-batch. "folded": one change for each key and
 *          batch, as Flink with mini-batch (its bundle is our batch). "merged": the same of what a local half sends
 *          (mergedRows): foundation/plan/value-sets.ts.
 * Maps:    first the groups: key → accumulator (accumulator-layout.ts); then one for each DISTINCT argument list:
 *          (key, arguments) → counts or bits. Entries of the latter get hashes within the key group of their group.
 *          Where rows are only added to groups with texts in their key, (number of the group, arguments) and two maps more
 *          for the numbers (group-numbers.ts).
 * Output:  emit() is called with batches of at most MAX_BATCH_ROWS rows, in the arena. Nothing is held back.
 * Errors:  AGGREGATE_UNSUPPORTED, TYPE_UNSUPPORTED.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import type { KeyedMapLayout } from "../state-layout.ts";
import type { CompileOptions } from "../calc.ts";
import { compileKeyCodec, type KeyCodec } from "../codecs/key-codec.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { GeneratedModule } from "../generated-module.ts";
import { AggregatePlan } from "./aggregate-plan.ts";
import { DistinctKeys } from "./distinct-keys.ts";
import type { MovedMaps } from "./former-keys.ts";
import { GroupNumbers } from "./group-numbers.ts";
import { GroupLoops } from "./group-loop.ts";
import { distinctPart, partsOf } from "./parts-of-input.ts";
import { aggregateHostFunctions } from "./host-functions.ts";

export interface GroupAggregateSpec {
  readonly input: Schema;
  readonly output: Schema;
  readonly grouping: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  readonly generateUpdateBefore: boolean;
  /** True when the input may hold -U or -D. */
  readonly retract: boolean;
  readonly mode: "rows" | "folded";
  /** The input is what a local half sends; the aggregates' arguments refer to these fields. */
  readonly mergedRows?: Schema | undefined;
  /** DISTINCT values were counted before. */
  readonly isResolved?: boolean | undefined;
  /** TTL of the state; with one, updates that change nothing are emitted too, as in Flink. */
  readonly stateTtlMs: number;
  /** Of the state backend. */
  readonly maxParallelism: number;
}

export interface CompiledGroupAggregate {
  /** Maps to be created, in the order in which process() wants them. */
  readonly mapSpecs: readonly KeyedMapLayout[];
  process(
    batch: BatchPtr,
    maps: readonly { readonly ptr: number }[],
    emit: (out: BatchPtr) => void,
  ): void;
  /** Moves what restored maps hold under their former keys; before the first batch. */
  moveFormer(maps: readonly AggregateMap[], keyGroups: MovedMaps["keyGroups"]): void;
  toText(): string;
}

export interface AggregateMap {
  readonly ptr: number;
  readonly former?: { readonly ptr: number; release(): void };
}

/** Bytes before the key of an entry: hash and meta (contract/keyed-state.ts). */
const ENTRY_HEADER = 8;
const HANDLE_KEY_BYTES = 8;

/** Bytes from an EntryPtr back to the entry's hash. */
export function hashDistance(keyBytes: number): number {
  return (keyBytes < 0 ? HANDLE_KEY_BYTES : keyBytes) + ENTRY_HEADER;
}

export function compileGroupAggregate(
  spec: GroupAggregateSpec,
  options: CompileOptions,
): CompiledGroupAggregate {
  return new GroupAggregate(spec, options);
}

type Numbers = (...args: number[]) => number;

class GroupAggregate implements CompiledGroupAggregate {
  readonly mapSpecs: readonly KeyedMapLayout[];
  readonly #options: CompileOptions;
  readonly #builder = new ModuleBuilder();
  readonly #module: GeneratedModule;
  readonly #keys: KeyCodec;
  readonly #distinct: readonly DistinctKeys[];
  /** Where DISTINCT values are kept by them. */
  readonly #numbers: GroupNumbers | undefined;
  readonly #mode: "rows" | "folded" | "merged";
  readonly #step: number;

  constructor(spec: GroupAggregateSpec, options: CompileOptions) {
    this.#options = options;
    const { runtime, operator } = options;
    const { input, grouping, retract, isResolved } = spec;
    const rows = spec.mergedRows ?? input;
    this.#mode = spec.mergedRows === undefined ? spec.mode : "merged";
    const plan = new AggregatePlan(rows, spec.aggregates, { retract, isResolved });
    const parts = spec.mergedRows === undefined ? undefined : partsOf(spec);
    this.#keys = compileKeyCodec({ schema: input, fields: grouping, runtime, operator });
    const isNumbered = !retract && this.#keys.keyBytes < 0 && plan.distinctSets.length > 0;
    if (isNumbered) this.#numbers = new GroupNumbers(spec, this.#keys, runtime);
    this.#distinct = plan.distinctSets.map((set, index) => {
      const of = { ...spec, set, index };
      const own = parts === undefined ? of : { ...of, ...distinctPart(parts, set, index) };
      return new DistinctKeys(own, this.#keys, isNumbered, options);
    });
    const loops = new GroupLoops(this.#builder, {
      ...spec,
      plan,
      parts,
      hashDistance: hashDistance(this.#keys.keyBytes),
      distinctHashDistances: this.#distinct.map(({ keyBytes }) => hashDistance(keyBytes)),
      emitUnchanged: spec.stateTtlMs > 0,
    });
    loops.generate(spec.mode);
    const host = aggregateHostFunctions({ ...spec, input: rows }, options);
    this.#module = new GeneratedModule({
      runtime,
      module: this.#builder,
      sites: [],
      operator,
      host,
    });
    this.#step =
      spec.generateUpdateBefore || this.#mode !== "rows" ? MAX_BATCH_ROWS / 2 : MAX_BATCH_ROWS;
    this.mapSpecs = [
      {
        name: "groups",
        keyBytes: this.#keys.keyBytes,
        valueBytes: plan.layout.valueBytes,
        keyFields: this.#keys.keyFields,
        valueFields: plan.layout.fields,
        ttlMs: spec.stateTtlMs,
        mayGrow: !retract,
      },
      ...this.#distinct.map((distinct) => distinct.mapSpec),
      ...(this.#numbers?.mapSpecs ?? []),
    ];
  }

  process(
    batch: BatchPtr,
    maps: readonly { readonly ptr: number }[],
    emit: (out: BatchPtr) => void,
  ): void {
    const { kernels, memory } = this.#options.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    if (rows === 0) return;
    const pointers = maps.map(({ ptr }) => ptr);
    const groups = pointers[0]!;
    const { keys, hashes } = this.#keys.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(groups, rows, hashes, keys, entries);
    const numbering = pointers.slice(1 + this.#distinct.length);
    const numbered = this.#numbers?.extend(batch, rows, { keys, hashes }, numbering) ?? batch;
    const lists = this.#distinct.map((distinct, index) =>
      distinct.upsert(numbered, rows, hashes, pointers[index + 1]!),
    );
    const { exports } = this.#module;
    (exports.begin as Numbers)(...lists);
    const forward = (out: number) => {
      if (out !== 0) emit(out >>> 0);
    };
    if (this.#mode === "rows") {
      const process = exports.rows as Numbers;
      for (let from = 0; from < rows; from += this.#step)
        forward(process(batch, entries, groups, from, Math.min(rows, from + this.#step)));
    } else {
      const touched =
        this.#mode === "merged"
          ? (exports.merge as Numbers)(batch, entries, groups)
          : (exports.fold as Numbers)(batch, entries, groups);
      const changes = exports.changes as Numbers;
      for (let from = 0; from < touched; from += this.#step)
        forward(changes(batch, groups, from, Math.min(touched, from + this.#step)));
    }
    (exports.sweep as Numbers)(...pointers.slice(0, 1 + this.#distinct.length));
    this.#module.check();
  }

  moveFormer(maps: readonly AggregateMap[], keyGroups: MovedMaps["keyGroups"]): void {
    const numbers = maps.slice(1 + this.#distinct.length).map(({ ptr }) => ptr);
    for (const [index, distinct] of this.#distinct.entries()) {
      const { ptr: to, former } = maps[index + 1]!;
      if (former === undefined || this.#numbers === undefined) continue;
      distinct.move({ from: former.ptr, to, numbers, keyGroups }, this.#numbers);
      former.release();
    }
  }

  toText(): string {
    return this.#builder.toText();
  }
}
