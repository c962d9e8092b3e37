/**
 * GroupNumbers: a number for each group, by which the maps of DISTINCT values know it in place of its key: the texts of a
 * key are kept and hashed once for a row and not once for each DISTINCT argument.
 *
 * Maps:    "group numbers": group key → number; "last group number": the number given last, one for each key group.
 * Numbers: from 1, in the order in which groups come; none is given twice within a key group, so that values of a group that
 *          has expired are never those of another. They move with their key group, so a rescale leaves them as they are.
 * Batch:   the input's columns, then the number and the hash of the row's group (numberedSchema).
 */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { EncodedKeys, KeyCodec } from "../codecs/key-codec.ts";
import type { CodegenRuntime } from "../generated-module.ts";
import type { KeyedMapLayout } from "../state-layout.ts";

const NUMBER_BYTES = 8;
const NUMBER_FIELD = { name: "number", offset: 0, type: "counter" } as const;

/** Fields of a batch that GroupNumbers has extended. */
export function numberedSchema({ fields }: Schema): Schema {
  const type = types.bigint(false);
  return { fields: [...fields, { name: "$group", type }, { name: "$hash", type }] };
}

export class GroupNumbers {
  readonly mapSpecs: readonly KeyedMapLayout[];
  readonly #runtime: CodegenRuntime;
  readonly #columns: number;

  constructor(
    { input, stateTtlMs }: { readonly input: Schema; readonly stateTtlMs: number },
    { keyBytes, keyFields }: Pick<KeyCodec, "keyBytes" | "keyFields">,
    runtime: CodegenRuntime,
  ) {
    this.#runtime = runtime;
    this.#columns = physicalColumns(input).length;
    const common = { valueBytes: NUMBER_BYTES, valueFields: [NUMBER_FIELD] };
    this.mapSpecs = [
      { ...common, name: "group numbers", keyBytes, keyFields, ttlMs: stateTtlMs },
      { ...common, name: "last group number", keyBytes: 8, keyFields: [], ttlMs: 0 },
    ];
  }

  /** Address of the numbers of n groups, u64[n]. `maps`: those of mapSpecs. */
  numbers(n: number, { keys, hashes }: EncodedKeys, maps: readonly number[]): number {
    const { kernels } = this.#runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const numbers = kernels.arenaAlloc(n * NUMBER_BYTES) >>> 0;
    kernels.mapUpsertBatch(maps[0]!, n, hashes, keys, entries);
    kernels.numberGroups(maps[1]!, n, hashes, entries, numbers);
    return numbers;
  }

  /** The batch with the number and the hash of each row's group behind its columns. */
  extend(batch: BatchPtr, rows: number, groups: EncodedKeys, maps: readonly number[]): BatchPtr {
    const { kernels, memory } = this.#runtime;
    const numbers = this.numbers(rows, groups, maps);
    const extended = kernels.batchExtend(batch, 2) >>> 0;
    const data = new DataView(memory.buffer);
    data.setUint32(columnPtr(extended, this.#columns) + COLUMN_VALUES, numbers, true);
    data.setUint32(columnPtr(extended, this.#columns + 1) + COLUMN_VALUES, groups.hashes, true);
    return extended;
  }
}
