/**
 * FormerKeys: entries of a map of DISTINCT values that are keyed by (group key, arguments), as earlier releases wrote them, are
 * moved into one that is keyed by (number of the group, arguments).
 *
 * Flow:    a restore → DistinctKeys.move → here, once, before the first row.
 * Keeps:   the values and the time of the last write. Both maps are in memory until the end.
 */
import {
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { CompileOptions } from "../calc.ts";
import { type BatchBuilder, compileBatchBuilder } from "../codecs/batch-builder.ts";
import { compileKeyCodec, type EncodedKeys, type KeyCodec } from "../codecs/key-codec.ts";
import type { GroupNumbers } from "./group-numbers.ts";

/** Meta word of an entry, which has the time of its last write, right before the key. */
const META_BYTES = 4;
const VALUE_BYTES = 8;

export interface MovedMaps {
  readonly from: number;
  readonly to: number;
  /** Those of GroupNumbers. */
  readonly numbers: readonly number[];
  readonly keyGroups: { readonly start: number; readonly end: number };
}

export interface FormerKeysSpec {
  readonly schema: Schema;
  readonly grouping: readonly number[];
  readonly args: readonly number[];
  /** The arguments as the new key has them. */
  readonly fields: Schema["fields"];
  /** Of the new key. */
  readonly keyBytes: number;
  readonly maxParallelism: number;
}

export class FormerKeys {
  readonly #spec: FormerKeysSpec;
  readonly #runtime: CompileOptions["runtime"];
  readonly #former: KeyCodec;
  readonly #builder: BatchBuilder;
  readonly #groups: KeyCodec;
  readonly #own: KeyCodec;
  readonly #numberColumn: number;

  constructor(spec: FormerKeysSpec, { runtime, operator }: CompileOptions) {
    this.#spec = spec;
    this.#runtime = runtime;
    const { schema, grouping, args } = spec;
    const compile = (of: Schema, fields: readonly number[]) =>
      compileKeyCodec({ schema: of, fields, runtime, operator });
    this.#former = compile(schema, [...grouping, ...args]);
    const decoded = this.#former.schema;
    this.#builder = compileBatchBuilder({ output: decoded, runtime, operator });
    this.#groups = compile(
      decoded,
      grouping.map((_, index) => index),
    );
    const numbered = {
      fields: [
        ...decoded.fields.slice(0, grouping.length),
        ...spec.fields,
        { name: "$group", type: types.bigint(false) },
      ],
    };
    const number = numbered.fields.length - 1;
    this.#own = compile(numbered, [number, ...args.map((_, index) => grouping.length + index)]);
    this.#numberColumn = physicalColumns(numbered).length - 1;
  }

  move(maps: MovedMaps, numbers: GroupNumbers): void {
    const { kernels, memory } = this.#runtime;
    const { keyBytes } = this.#former;
    const width = keyBytes < 0 ? 8 : keyBytes;
    for (let group = maps.keyGroups.start; group <= maps.keyGroups.end; group++) {
      for (let cursor = 0, n = MAX_BATCH_ROWS; n === MAX_BATCH_ROWS; ) {
        const mark = kernels.arenaMark();
        const entries = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
        const hashes = kernels.arenaAlloc(MAX_BATCH_ROWS * 8) >>> 0;
        const keys = kernels.arenaAlloc(MAX_BATCH_ROWS * width) >>> 0;
        n = kernels.entriesCollect(maps.from, group, cursor, MAX_BATCH_ROWS, entries, hashes, keys);
        if (n > 0) {
          cursor = new DataView(memory.buffer).getUint32(entries + (n - 1) * 4, true);
          this.#moveBatch(maps, numbers, { n, entries, keys });
        }
        kernels.arenaRelease(mark);
      }
    }
  }

  #moveBatch(
    maps: MovedMaps,
    numbers: GroupNumbers,
    { n, entries, keys }: { readonly n: number; readonly entries: number; readonly keys: number },
  ): void {
    const { kernels, memory } = this.#runtime;
    const out = this.#builder.begin(n);
    this.#former.decode(keys, n, out, 0, 0);
    const batch = this.#builder.finish(n, { insertOnly: true });
    const groups = this.#groups.encode(batch);
    const own = this.#own.encode(this.#numbered(batch, n, groups, maps, numbers));
    kernels.hashWithinGroups(n, groups.hashes, own.hashes, this.#spec.maxParallelism);
    const targets = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(maps.to, n, own.hashes, own.keys, targets);
    const data = new DataView(memory.buffer);
    const stored = (bytes: number) => (bytes < 0 ? 8 : bytes);
    const before = stored(this.#former.keyBytes) + META_BYTES;
    const after = stored(this.#spec.keyBytes) + META_BYTES;
    for (let i = 0; i < n; i++) {
      const from = data.getUint32(entries + i * 4, true);
      const to = data.getUint32(targets + i * 4, true);
      new Uint8Array(memory.buffer).copyWithin(to, from, from + VALUE_BYTES);
      data.setUint32(to - after, data.getUint32(from - before, true), true);
    }
  }

  #numbered(
    batch: BatchPtr,
    n: number,
    groups: EncodedKeys,
    maps: MovedMaps,
    numbers: GroupNumbers,
  ): BatchPtr {
    const { kernels, memory } = this.#runtime;
    const values = numbers.numbers(n, groups, maps.numbers);
    const extended = kernels.batchExtend(batch, 1) >>> 0;
    const at = columnPtr(extended, this.#numberColumn) + COLUMN_VALUES;
    new DataView(memory.buffer).setUint32(at, values, true);
    return extended;
  }
}
