/**
 * DistinctKeys: finds the entries of one DISTINCT argument list for the rows of a batch that count for it.
 *
 * Rows:    those whose argument is not NULL and which some filter lets through; when that is every row, the batch itself,
 *          else a dense batch of the key's columns (a calc), in the same order.
 * Hashes:  moved into the key group of the row's group (hashWithinGroups), so that both live in one subtask.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { call, type Expression, input } from "../../../foundation/plan/expression.ts";
import type { KeyedMapLayout, StateField } from "../state-layout.ts";
import { type CompiledCalc, type CompileOptions, compileCalc } from "../calc.ts";
import { compileKeyCodec, type KeyCodec } from "../codecs/key-codec.ts";
import type { DistinctSet } from "./aggregate-plan.ts";

const BOOLEAN = types.boolean(false);

export class DistinctKeys {
  readonly mapSpec: KeyedMapLayout;
  readonly keyBytes: number;
  readonly #options: CompileOptions;
  readonly #maxParallelism: number;
  readonly #filter: CompiledCalc | undefined;
  readonly #own: KeyCodec;
  readonly #groups: KeyCodec;

  constructor(
    spec: {
      readonly input: Schema;
      readonly grouping: readonly number[];
      readonly set: DistinctSet;
      readonly index: number;
      readonly retract: boolean;
      readonly stateTtlMs: number;
      readonly maxParallelism: number;
    },
    groups: KeyCodec,
    options: CompileOptions,
  ) {
    this.#options = options;
    this.#maxParallelism = spec.maxParallelism;
    const { runtime, operator } = options;
    const fields = [...spec.grouping, ...spec.set.args];
    const condition = countsCondition(spec.input, spec.set);
    if (condition === undefined) {
      this.#own = compileKeyCodec({ schema: spec.input, fields, runtime, operator });
      this.#groups = groups;
    } else {
      const dense = { fields: fields.map((field) => spec.input.fields[field]!) };
      const projection = fields.map((field) => input(field, spec.input.fields[field]!.type));
      this.#filter = compileCalc(
        { input: spec.input, projection, condition, output: dense },
        options,
      );
      const all = fields.map((_, index) => index);
      this.#own = compileKeyCodec({ schema: dense, fields: all, runtime, operator });
      const ofGroup = all.slice(0, spec.grouping.length);
      this.#groups = compileKeyCodec({ schema: dense, fields: ofGroup, runtime, operator });
    }
    this.keyBytes = this.#own.keyBytes;
    this.mapSpec = {
      name: `distinct${spec.set.label === undefined ? spec.index : ` ${spec.set.label}`}`,
      keyBytes: this.keyBytes,
      valueBytes: spec.set.valueBytes,
      keyFields: this.#own.keyFields,
      valueFields: valueFields(spec.set, spec.retract),
      ttlMs: spec.stateTtlMs,
    };
  }

  /** Address of the u32 list of entries, one for each row that counts. `groupHashes`: of all rows. */
  upsert(batch: BatchPtr, rows: number, groupHashes: number, map: number): number {
    const { kernels, memory } = this.#options.runtime;
    let dense = batch;
    let n = rows;
    let ofGroups = groupHashes;
    if (this.#filter !== undefined) {
      dense = this.#filter.process(batch);
      if (dense === 0) return 0;
      n = new DataView(memory.buffer).getUint32(dense + BATCH_ROWS, true);
      ofGroups = this.#groups.encode(dense).hashes;
    }
    const { keys, hashes } = this.#own.encode(dense);
    kernels.hashWithinGroups(n, ofGroups, hashes, this.#maxParallelism);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(map, n, hashes, keys, entries);
    return entries;
  }
}

/** Which rows count; undefined when all do. */
function countsCondition(schema: Schema, set: DistinctSet): Expression | undefined {
  const reference = (field: number) => input(field, schema.fields[field]!.type);
  const conditions: Expression[] = [];
  const arg = reference(set.args[0]!);
  if (arg.type.nullable && !set.nulls) conditions.push(call("IS_NOT_NULL", [arg], BOOLEAN));
  if (!set.filters.includes(-1)) {
    const filters = set.filters.map((field) => call("IS_TRUE", [reference(field)], BOOLEAN));
    conditions.push(filters.length === 1 ? filters[0]! : call("OR", filters, BOOLEAN));
  }
  return conditions.length < 2 ? conditions[0] : call("AND", conditions, BOOLEAN);
}

function valueFields(set: DistinctSet, retract: boolean): StateField[] {
  if (!retract) return [{ name: "bits", offset: 0, type: "flags", bits: set.filterLabels }];
  return set.filters.map((filter, bit) => ({
    name: filter < 0 ? "count" : `count where ${set.filterLabels[bit]}`,
    offset: bit * 8,
    type: "counter",
  }));
}
