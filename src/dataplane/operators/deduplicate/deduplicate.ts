/**
 * Deduplicate: the first or last row per key by a time attribute (ROW_NUMBER() = 1).
 *
 * In/out:  insert-only → keep first by processing time, and keep first by rowtime with insert-only output: insert-only;
 *          else retract or upsert (generateUpdateBefore).
 * First:   by processing time the first row of a key passes, the rest is dropped: state is only that it was seen.
 *          By rowtime with insert-only output the earliest row is emitted when the watermark passes its time
 *          (first-row-by-watermark.ts); otherwise an earlier row replaces what was emitted.
 * Last:    a row that is not older replaces the last one; by processing time equal rows change nothing without TTL.
 * Errors:  MR4151 for a row that takes back.
 * Source:  Flink StreamExecDeduplicate and its functions.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { ROW_KIND_TEXT } from "../../../foundation/columnar/row-kind.ts";
import type { DeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { KEEP_MODE, KeptRows } from "../rows/kept-rows.ts";
import { FirstRowByWatermark } from "./first-row-by-watermark.ts";

const INSERT_MASK = 1;

export class DeduplicateOperator extends BaseOperator {
  readonly #node: DeduplicateNode;
  #rows: KeptRows | undefined;
  #first: SeenKeys | undefined;
  #timed: FirstRowByWatermark | undefined;
  #batchRows: BatchRows | undefined;

  constructor(node: DeduplicateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { keys, keepLast, time, generateUpdateBefore, outputInsertOnly, output, description } =
      this.#node;
    const rowtime = time.attribute === "ROWTIME";
    this.#batchRows = new BatchRows(this.context.runtime, this.context.inputs[0]!);
    if (!keepLast && !rowtime)
      this.#first = new SeenKeys(this.#node, this.context, this.#batchRows);
    else if (outputInsertOnly === true && this.context.mode !== "batch")
      this.#timed = new FirstRowByWatermark(this.#node, this.context);
    else
      this.#rows = new KeptRows({
        context: this.context,
        output,
        keys,
        mode: rowtime
          ? keepLast
            ? KEEP_MODE.lastRowtime
            : KEEP_MODE.firstRowtime
          : KEEP_MODE.lastProctime,
        ...(rowtime ? { rowtime: time.index } : {}),
        generateUpdateBefore,
        ttlMs: this.#node.stateTtlMs ?? 0,
        operator: description,
      });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#batchRows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: ROW_KIND_TEXT.slice(1).join(", "),
      });
    if (this.#first !== undefined) this.#first.process(batch);
    else if (this.#timed !== undefined) this.#timed.process(batch);
    else this.#rows!.process(batch);
  }

  override processWatermark(watermark: number): void {
    this.#timed?.advance(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override endInput(): void {
    this.#rows?.finish();
  }

  override close(): void {
    this.#rows?.close();
    this.#timed?.close();
    this.#rows = undefined;
    this.#timed = undefined;
  }
}

/** Keys that were seen; their first rows pass. */
class SeenKeys {
  readonly #context: OperatorContext;
  readonly #rows: BatchRows;
  readonly #keys: KeyCodec;
  readonly #map: KeyedMap;

  constructor(node: DeduplicateNode, context: OperatorContext, rows: BatchRows) {
    const { runtime } = context;
    this.#context = context;
    this.#rows = rows;
    this.#keys = compileKeyCodec({
      schema: context.inputs[0]!,
      fields: node.keys,
      runtime,
      operator: node.description,
    });
    this.#map = context.state.map({
      name: "seen",
      keyBytes: this.#keys.keyBytes,
      valueBytes: 8,
      keyFields: this.#keys.keyFields,
      valueFields: [{ name: "seen", offset: 4, type: "flags" }],
      ttlMs: node.stateTtlMs ?? 0,
    });
  }

  process(batch: BatchPtr): void {
    const { kernels, memory } = this.#context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#keys.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, rows, hashes, keys, entries);
    const n = kernels.keepFirst(rows, entries, list);
    if (n === rows) this.#context.output.emit(batch);
    else if (n > 0) this.#context.output.emit(this.#rows.gather(batch, list, n));
  }
}
