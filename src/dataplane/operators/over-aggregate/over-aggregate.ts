/**
 * OverAggregate of bounded input: aggregates over the rows before and after each row of its partition.
 *
 * In/out:  insert-only → insert-only: each row once, its calls behind its fields.
 * Batch:   all rows are kept, sorted by partition at the end of input and emitted. Streams: stream-over.ts, non-time-over.ts.
 * State:   "history": key → rows.
 * Errors:  MR4151 rows that take back.
 * Source:  Flink BatchExecOverAggregate.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS } from "../rows/row-format.ts";
import { forEachEntry } from "../rows/state-entries.ts";
import { OverRows, rowsSchemaOf } from "./over-rows.ts";

export class OverAggregateOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  #rows: OverRows | undefined;
  #batchRows: BatchRows | undefined;
  #keys: KeyCodec | undefined;
  #history: KeyedMap | undefined;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { partitionKeys: fields, description: operator } = this.#node;
    const schema = rowsSchemaOf(context.inputs[0]!);
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#batchRows = new BatchRows(runtime, schema);
    const distance = hashDistance(this.#keys.keyBytes);
    this.#rows = new OverRows(this.#node, context, { hashDistance: distance });
    this.#history = context.state.map({
      name: "history",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime, inputs } = this.context;
    const { kernels, memory } = runtime;
    const data = new DataView(memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    if (data.getUint32(batch + BATCH_KINDS, true) !== 0)
      if (this.#batchRows!.ofKinds(batch, 1) !== batch)
        throw operatorErrors.RETRACTION_UNEXPECTED({
          operator: this.#node.description,
          kind: "-U, +U, -D",
        });
    const rows = assembleBatch(runtime, n, [
      ...columnsOf(batch, 0, physicalColumns(inputs[0]!).length),
      { values: kernels.repeatTime(n, 0n) >>> 0 },
    ]);
    const { keys, hashes } = this.#keys!.encode(rows);
    const views = this.#rows!.format.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#history!.ptr, n, hashes, keys, entries);
    kernels.setsAppend(this.#history!.ptr, n, hashes, entries, views);
  }

  override endInput(): void {
    const { kernels } = this.context.runtime;
    const map = this.#history!;
    forEachEntry(this.context, map, (entry) => {
      const mark = kernels.arenaMark();
      const hash = this.#hashOf(map, entry);
      const rows = this.#rows!.sorted(this.#rowsOf(map, entry, hash));
      const { batch, emitted } = this.#rows!.evaluate([{ rows, history: 0, hash }], map.ptr);
      this.#rows!.emit(batch, emitted);
      kernels.arenaRelease(mark);
    });
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
  }

  /** Addresses of an entry's rows. */
  #rowsOf(map: KeyedMap, entry: number, hash: number): number[] {
    const { kernels, memory } = this.context.runtime;
    const list = kernels.arenaAlloc(4) >>> 0;
    const wide = kernels.arenaAlloc(8) >>> 0;
    const out = kernels.arenaAlloc(8) >>> 0;
    new DataView(memory.buffer).setUint32(list, entry, true);
    new DataView(memory.buffer).setUint32(wide + 4, hash, true);
    const count = kernels.setsRows(map.ptr, 1, wide, list, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    const addresses = kernels.viewAddresses(count, views) >>> 0;
    return [...new Uint32Array(memory.buffer, addresses, count)];
  }

  /** Upper half of the hash of an entry's key. */
  #hashOf({ spec }: KeyedMap, entry: number): number {
    const { memory } = this.context.runtime;
    return new DataView(memory.buffer).getUint32(entry - hashDistance(spec.keyBytes), true);
  }
}
