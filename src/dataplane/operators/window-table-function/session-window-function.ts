/**
 * SessionWindowFunction: SESSION as a table function: rows are kept until their session is over, then emitted with its bounds.
 *
 * In/out:  insert-only → insert-only: input fields, window_start, window_end, window_time.
 * State:   sessions (windows/session-state.ts) by the window's partition keys; map "rows": partition and fragment → row set.
 * Late:    rows whose session is over are dropped and counted in numLateRecordsDropped.
 * Errors:  MR4151 rows that take back.
 * Source:  Flink UnalignedWindowTableFunctionOperator.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { WindowTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { SessionState } from "../windows/session-state.ts";

const INSERT_MASK = 1;

export class SessionWindowFunctionOperator extends BaseOperator {
  readonly #node: WindowTableFunctionNode;
  #rows: BatchRows | undefined;
  #sessions: SessionState | undefined;
  #format: RowFormat | undefined;
  /** Partition and fragment, of input rows with the fragment behind them and of partition fields alone. */
  #rowKeys: KeyCodec | undefined;
  #fragmentKeys: KeyCodec | undefined;
  #map: KeyedMap | undefined;

  constructor(node: WindowTableFunctionNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { window, description: operator } = this.#node;
    const partition = window.partitionKeys ?? [];
    const input = context.inputs[0]!;
    const fragment = { name: "$fragment", type: types.bigint(false) };
    this.#rows = new BatchRows(context.runtime, input);
    this.#format = new RowFormat(context.runtime, input, operator);
    this.#sessions = new SessionState({ context, window, partition, operator });
    this.#rowKeys = compileGroupedKeys({
      context,
      schema: { fields: [...input.fields, fragment] },
      fields: [...partition, input.fields.length],
      groupFields: partition,
      operator,
    });
    this.#fragmentKeys = compileGroupedKeys({
      context,
      schema: this.#rowKeys.schema,
      fields: [...partition.map((_, index) => index), partition.length],
      groupFields: partition.map((_, index) => index),
      operator,
    });
    this.#map = context.state.map({
      name: "rows",
      keyBytes: this.#rowKeys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: this.#rowKeys.keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    const { kernels } = this.context.runtime;
    const { n, rows, fragments } = this.#sessions!.add(batch);
    if (n === 0) return;
    const kept = n === this.#rows!.rows(batch) ? batch : this.#rows!.gather(batch, rows, n);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    const { keys, hashes } = this.#rowKeys!.encode(
      assembleBatch(this.context.runtime, n, [
        ...columnsOf(kept, 0, columns),
        { values: fragments },
      ]),
    );
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map!.ptr, n, hashes, keys, entries);
    kernels.setsAppend(this.#map!.ptr, n, hashes, entries, this.#format!.encode(kept));
  }

  override processWatermark(watermark: number): void {
    this.#sessions!.clock.watermark(watermark, (moment) => this.#fire(moment));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#sessions!.clock.processingTime(time, (moment) => this.#fire(moment));
  }

  override endInput(): void {
    if (this.context.mode === "batch") this.#sessions!.clock.end((moment) => this.#fire(moment));
  }

  override close(): void {
    this.#format?.close();
    this.#format = undefined;
  }

  #fire(moment: number): void {
    const { sessions, fragments, keys } = this.#sessions!.take(moment);
    if (sessions.n === 0) return;
    const { runtime } = this.context;
    const { kernels, memory } = runtime;
    const partition = physicalColumns(this.#sessions!.keys.schema).length;
    const ofFragments = this.#sessions!.keyColumns(keys, fragments.n, fragments.keys);
    const encoded = this.#fragmentKeys!.encode(
      assembleBatch(runtime, fragments.n, [
        ...columnsOf(ofFragments, 0, partition),
        { values: fragments.numbers },
      ]),
    );
    const { ptr } = this.#map!;
    const entries = kernels.arenaAlloc(fragments.n * 4) >>> 0;
    kernels.mapFindBatch(ptr, fragments.n, encoded.hashes, encoded.keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const rows = kernels.setsRows(ptr, fragments.n, encoded.hashes, entries, out) >>> 0;
    const data = new DataView(memory.buffer);
    const addresses = kernels.viewAddresses(rows, data.getUint32(out, true)) >>> 0;
    const owners = data.getUint32(out + 4, true);
    const session = kernels.gatherWords(fragments.sessions, rows, owners) >>> 0;
    const starts = kernels.gatherWide(sessions.starts, 8, rows, session) >>> 0;
    const ends = kernels.gatherWide(sessions.ends, 8, rows, session) >>> 0;
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, rows - from);
      this.#emit(n, addresses + from * 4, starts + from * 8, ends + from * 8);
      kernels.arenaRelease(mark);
    }
    kernels.setsRemove(ptr, fragments.n, encoded.hashes, entries);
  }

  #emit(n: number, addresses: number, starts: number, ends: number): void {
    const { runtime } = this.context;
    const { columns } = this.#format!;
    const rows = runtime.kernels.batchCreate(n, columns, 0) >>> 0;
    this.#format!.decode(addresses, n, rows, 0);
    const batch = assembleBatch(runtime, n, [
      ...columnsOf(rows, 0, columns),
      { values: starts },
      { values: ends },
      { values: this.#sessions!.windowTimes(ends, n) },
    ]);
    this.context.output.emit(batch);
  }
}
