/**
 * RankEngine: Top-N per key for Rank, SortLimit and Limit: keeps rows in order in keyed state and emits the changes.
 *
 * Flow:    batch → keys, rows and sort keys (generated and kernels) → rankProcess → changes → ChangeEmitter.
 * State:   map "rows": partition key → row set with its order (kernels/rank.as.ts). TTL counts from the last row of the key.
 * Cost:    see kernels/rank.as.ts: a partition of m kept rows costs log2(m) comparisons and up to 4·m bytes moved a row.
 * Windows: with groupFields nothing is emitted before take(keys); a byte of the value says whether a key is registered.
 * Batch:   nothing is emitted before the end of input, then the ranked rows as +I, partition by partition.
 * Source:  Flink AbstractTopNFunction and its four implementations.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import type { EncodedKeys, KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import { compileRowWriter, type RowWriter } from "../../codegen/codecs/row-writer.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { SortKeys } from "../rows/sort-keys.ts";
import { stateRows } from "../rows/state-rows.ts";
import { forEachEntry } from "../rows/state-entries.ts";

const FLAG = { numbered: 1, updateBefore: 2, top1: 4, update: 8, retract: 16, silent: 32 } as const;
const CALL_BYTES = 64;
const CALL_TARGETS = 40;

export interface RankSpec {
  readonly input: Schema;
  readonly output: Schema;
  readonly partitionKeys: readonly number[];
  /** Partitions are of windows: fields by which rows are distributed. */
  readonly groupFields?: readonly number[];
  readonly sort: readonly SortField[];
  readonly rankStart: number;
  readonly rankEnd: number;
  readonly outputRankNumber: boolean;
  readonly strategy: "append" | "update" | "retract";
  /** Strategy update: fields that identify a row. */
  readonly primaryKey?: readonly number[];
  readonly generateUpdateBefore: boolean;
  /** One row of rank 1 only is updated in place (Rank does, SortLimit does not). */
  readonly fastTop1: boolean;
  /** Emits nothing before finish(), as in batch mode. */
  readonly atEnd?: boolean;
  readonly ttlMs: number;
  readonly operator: string;
}

export class RankEngine {
  readonly #spec: RankSpec;
  readonly #context: OperatorContext;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  /** Rows that are never looked for are written to where they stay, those that stay. */
  readonly #writer: RowWriter | undefined;
  readonly #sortKeys: SortKeys;
  readonly #unique: { readonly rows: ProjectedRows; readonly codec: RowCodec } | undefined;
  readonly #emitter: ChangeEmitter;
  readonly #map: KeyedMap;
  #call: number;

  constructor(spec: RankSpec, context: OperatorContext) {
    const { runtime } = context;
    const { input, operator } = spec;
    this.#spec = spec;
    this.#context = context;
    const { partitionKeys: fields, groupFields } = spec;
    this.#keys = compileGroupedKeys({ context, schema: input, fields, groupFields, operator });
    this.#format = new RowFormat(runtime, input, operator);
    if (spec.strategy !== "retract")
      this.#writer = compileRowWriter({ schema: input, runtime, operator });
    this.#sortKeys = new SortKeys(runtime, input, spec.sort, operator);
    if (spec.strategy === "update") {
      const rows = new ProjectedRows(runtime, input, spec.primaryKey ?? []);
      this.#unique = { rows, codec: compileRowCodec({ schema: rows.schema, runtime, operator }) };
    }
    this.#emitter = new ChangeEmitter({
      context,
      output: spec.output,
      left: this.#format,
      ranked: spec.outputRankNumber,
    });
    this.#map = context.state.map({
      name: "rows",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES + (groupFields === undefined ? 0 : 8),
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [
        stateRows(input, "ranked", {
          identity: [
            ...spec.sort.map(({ index }) => index),
            ...(this.#unique === undefined ? [] : (spec.primaryKey ?? [])),
          ],
          whole: spec.strategy === "retract",
        }),
      ],
      ttlMs: spec.ttlMs,
    });
    this.#call = runtime.kernels.operatorAllocate(CALL_BYTES) >>> 0;
    this.#prepareCall();
  }

  get keyBytes(): number {
    return this.#keys.keyBytes;
  }

  /** Windows: the byte of a value that is free for the caller. */
  get registeredOffset(): number {
    return ROW_SET_BYTES;
  }

  process(batch: BatchPtr): { readonly keys: EncodedKeys; readonly entries: number } {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#keys.encode(batch);
    const writer = this.#writer;
    const views = writer === undefined ? this.#format.encode(batch) : writer.sizes(batch);
    const targets = writer === undefined ? 0 : kernels.arenaAlloc(rows * 4) >>> 0;
    const unique =
      this.#unique === undefined ? 0 : this.#unique.codec.encode(this.#unique.rows.project(batch));
    const identities = this.#sortKeys.encode(batch, rows, unique);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, rows, hashes, keys, entries);
    const data = new DataView(memory.buffer);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const words = [this.#map.ptr, rows, kinds, hashes, entries, views, identities];
    words.forEach((word, index) => {
      data.setUint32(this.#call + index * 4, word, true);
    });
    data.setUint32(this.#call + CALL_TARGETS, targets, true);
    if (targets !== 0) new Uint32Array(memory.buffer, targets, rows).fill(0);
    for (let from = 0; from < rows; ) {
      const mark = kernels.arenaMark();
      const to = kernels.rankProcess(this.#call, from) >>> 0;
      writer?.store(batch, targets, from, to);
      from = to;
      this.#emitter.emit(this.#map.ptr);
      kernels.arenaRelease(mark);
    }
    if (this.#spec.strategy === "retract") kernels.setsCleanup(this.#map.ptr, rows, entries);
    return { keys: { keys, hashes }, entries };
  }

  /** Windows: emits the ranked rows of these keys as +I and forgets the keys. */
  take({ n, keys, hashes }: EncodedKeys & { readonly n: number }): void {
    const { kernels } = this.#context.runtime;
    const { ptr } = this.#map;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    kernels.rankFinals(this.#call, n, hashes, entries);
    this.#emitter.emit(ptr);
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  /** Batch mode, or atEnd: the result. */
  finish(): void {
    if (this.#context.mode !== "batch" && this.#spec.atEnd !== true) return;
    const { kernels } = this.#context.runtime;
    const keyBytes = this.#keys.keyBytes < 0 ? 8 : this.#keys.keyBytes;
    forEachEntry(this.#context, this.#map, (entry) => {
      const mark = kernels.arenaMark();
      kernels.rankFinal(this.#call, entry, keyBytes);
      this.#emitter.emit(this.#map.ptr);
      kernels.arenaRelease(mark);
    });
  }

  close(): void {
    if (this.#call === 0) return;
    this.#context.runtime.kernels.operatorFree(this.#call, CALL_BYTES);
    this.#call = 0;
    this.#format.close();
  }

  #prepareCall(): void {
    const { spec, top1 } = { spec: this.#spec, top1: this.#isTop1() };
    let flags = spec.outputRankNumber || spec.rankStart > 1 ? FLAG.numbered : 0;
    if (spec.generateUpdateBefore) flags |= FLAG.updateBefore;
    if (top1) flags |= FLAG.top1;
    if (spec.strategy === "update") flags |= FLAG.update;
    if (spec.strategy === "retract") flags |= FLAG.retract;
    const waits = spec.groupFields !== undefined || spec.atEnd === true;
    if (this.#context.mode === "batch" || waits) flags |= FLAG.silent;
    const data = new DataView(this.#context.runtime.memory.buffer);
    [this.#map.ptr, 0, 0, 0, 0, 0, 0, flags, spec.rankStart, spec.rankEnd].forEach(
      (word, index) => {
        data.setUint32(this.#call + index * 4, word, true);
      },
    );
  }

  #isTop1(): boolean {
    const { rankStart, rankEnd, strategy, fastTop1 } = this.#spec;
    return fastTop1 && strategy !== "retract" && rankStart === 1 && rankEnd === 1;
  }
}
