/**
 * OverAggregate of bounded input: aggregates over the rows before and after each row of its partition.
 *
 * In/out:  insert-only → insert-only: each row once, its calls behind its fields.
 * Batch:   all rows are sorted by partition and by the sort fields, and evaluated partition by partition, about a batch of rows at
 *          a time. Streams: stream-over.ts, non-time-over.ts.
 * Memory:  rows/row-sorter.ts, on disk when there is a budget. A partition that takes LARGE_SHARE of it goes to disk by itself
 *          (large-partition.ts), if its calls can be evaluated so. In no checkpoint: batch jobs begin anew after a failure.
 * Partitions: are told apart by the bytes of their keys, which are the first column that is sorted by.
 * Metrics: spilledBytes.
 * Errors:  MR4151 rows that take back.
 * Source:  Flink BatchExecOverAggregate.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { SpillFile } from "../hash-join/row-parts.ts";
import { RowTable } from "../hash-join/row-table.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS } from "../rows/row-format.ts";
import { RowSorter, type SortedPiece } from "../rows/row-sorter.ts";
import { type Division, divisionOf, LargePartition } from "./large-partition.ts";
import { OverRows, rowsSchemaOf } from "./over-rows.ts";

const VARIABLE = -1;
/** Of the budget. */
const LARGE_SHARE = 1 / 12;

export class OverAggregateOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  #rows: OverRows | undefined;
  #batchRows: BatchRows | undefined;
  /** Of the partition's key; undefined: there is one partition. */
  #keys: KeyCodec | undefined;
  #sorter: RowSorter | undefined;
  /** Where texts of accumulators are while a partition is evaluated; it has no entries. */
  #scratch: KeyedMap | undefined;
  /** Upper half of the hash of some key of this subtask. */
  #hash = 0;
  #ended = false;
  /** Rows that are not evaluated yet, partition by partition; the last one may go on. */
  #held: number[][] = [];
  /** With a budget: the records of the last partition, and their bytes. */
  #records: number[] = [];
  #recordBytes = 0;
  #division: Division | undefined;
  #file: SpillFile | undefined;
  /** The last partition, when it is large; then what is left to emit of it. */
  #large: LargePartition | undefined;
  #pieces: Generator<void> | undefined;
  /** Copies of them, where the sorter's own would go. */
  #copies: RowTable | undefined;
  /** The partition of the last row. */
  #last: { readonly address: number; readonly bytes: number } | undefined;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { partitionKeys: fields, sort, description: operator } = this.#node;
    const schema = rowsSchemaOf(context.inputs[0]!);
    const columns = schema.fields.length;
    if (fields.length > 0) this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#batchRows = new BatchRows(runtime, schema);
    this.#rows = new OverRows(this.#node, context);
    const key = { name: "$key", type: types.bytes(false) };
    const byKey = { index: columns, descending: false, nullsFirst: true };
    const sorter = new RowSorter({
      context,
      schema,
      sortSchema: { fields: this.#keys === undefined ? schema.fields : [...schema.fields, key] },
      sort: this.#keys === undefined ? sort : [byKey, ...sort],
      operator,
    });
    this.#sorter = sorter;
    context.metrics.gauge("spilledBytes", () => sorter.spilledBytes + (this.#file?.bytes ?? 0));
    this.#division = context.spill === undefined ? undefined : divisionOf(this.#node);
    this.#scratch = context.state.map({
      name: "history",
      keyBytes: 8,
      valueBytes: ROW_SET_BYTES,
      keyFields: [],
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
    const columns = [
      ...columnsOf(batch, 0, physicalColumns(inputs[0]!).length),
      { values: kernels.repeatTime(n, 0n) >>> 0 },
    ];
    const rows = assembleBatch(runtime, n, columns);
    if (this.#keys === undefined) this.#sorter!.add(rows);
    else {
      const { keys, hashes } = this.#keys.encode(rows);
      this.#hash = new DataView(memory.buffer).getUint32(hashes + 4, true);
      const { keyBytes } = this.#keys;
      const views = keyBytes < 0 ? keys : kernels.viewsOfFixed(n, keys, keyBytes) >>> 0;
      this.#sorter!.add(rows, assembleBatch(runtime, n, [...columns, { values: views }]));
    }
  }

  override endInput(): void {
    this.#sorter!.finish();
    if (this.#sorter!.isVolatile) this.#copies = new RowTable(this.context.runtime, VARIABLE);
    this.#ended = true;
  }

  emitPiece(): boolean {
    if (this.#pieces !== undefined) {
      if (this.#pieces.next().done !== true) return true;
      this.#large!.close();
      this.#large = undefined;
      this.#pieces = undefined;
    }
    if (!this.#ended) return false;
    const piece = this.#sorter!.nextRecords();
    if (piece === undefined) {
      this.#evaluate();
      this.#pieces = this.#large?.emit();
      this.#ended = false;
      return this.#pieces !== undefined;
    }
    const begins = this.#begins(piece);
    if (this.#large !== undefined) {
      this.#goOn(this.#large, piece, begins);
      return true;
    }
    const open = begins.lastIndexOf(1);
    if (open >= 0) {
      this.#hold(piece, begins, 0, open);
      this.#evaluate();
    }
    this.#hold(piece, begins, Math.max(0, open), piece.count);
    this.#parkLarge();
    return true;
  }

  /** Rows of a large partition, and those behind it. */
  #goOn(large: LargePartition, piece: SortedPiece, begins: Uint8Array): void {
    const first = begins.indexOf(1);
    const own = first < 0 ? piece.count : first;
    if (own > 0) large.add(piece.rows, own);
    if (first < 0) return;
    this.#hold(piece, begins, first, piece.count);
    this.#pieces = large.emit();
  }

  /** The last partition to the file, when it is too large to be evaluated at once. */
  #parkLarge(): void {
    const { spill, runtime } = this.context;
    if (this.#division === undefined || this.#recordBytes <= spill!.budgetBytes * LARGE_SHARE)
      return;
    this.#evaluate(1);
    this.#file ??= new SpillFile(spill!.createFile());
    const { kernels, memory } = runtime;
    this.#large = new LargePartition({
      context: this.context,
      node: this.#node,
      division: this.#division,
      rows: this.#rows!,
      file: this.#file,
      map: this.#scratch!.ptr,
      hash: this.#hash,
    });
    const list = kernels.arenaAlloc(this.#records.length * 4) >>> 0;
    new Uint32Array(memory.buffer, list, this.#records.length).set(this.#records);
    this.#large.add(list, this.#records.length);
    this.#forgetHeld();
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
    this.#sorter?.close();
    this.#sorter = undefined;
    this.#copies?.close();
    this.#copies = undefined;
    this.#pieces = undefined;
    this.#large?.close();
    this.#large = undefined;
    this.#file?.close();
    this.#file = undefined;
    this.#held = [];
    this.#forgetLast();
  }

  /** By row: 1 where a partition begins. */
  #begins({ rows, count }: SortedPiece): Uint8Array {
    const { kernels, memory } = this.context.runtime;
    if (this.#keys === undefined) {
      const begins = new Uint8Array(count);
      if (this.#held.length === 0 && this.#large === undefined) begins[0] = 1;
      return begins;
    }
    const out = kernels.arenaAlloc(count) >>> 0;
    const { address = 0, bytes = 0 } = this.#last ?? {};
    kernels.recordsParted(count, rows, address, bytes, out);
    this.#forgetLast();
    const record = new DataView(memory.buffer).getUint32(rows + (count - 1) * 4, true);
    const part = BigInt.asUintN(64, kernels.recordPart(record));
    const from = Number(part & 0xffffffffn);
    const length = Number(part >> 32n);
    const copy = kernels.operatorAllocate(length) >>> 0;
    new Uint8Array(memory.buffer).copyWithin(copy, from, from + length);
    this.#last = { address: copy, bytes: length };
    return new Uint8Array(memory.buffer, out, count).slice();
  }

  #forgetLast(): void {
    if (this.#last !== undefined)
      this.context.runtime.kernels.operatorFree(this.#last.address, this.#last.bytes);
    this.#last = undefined;
  }

  /** Keeps rows from … to − 1 of a piece. */
  #hold({ rows }: SortedPiece, begins: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    const { kernels, memory } = this.context.runtime;
    const at = rows + from * 4;
    if (this.#copies !== undefined) kernels.recordsCopy(to - from, at, this.#copies.ptr);
    if (this.#division !== undefined) this.#noteRecords(at, begins, from, to);
    kernels.recordRows(to - from, at);
    const addresses = new Uint32Array(memory.buffer, at, to - from);
    addresses.forEach((address, index) => {
      if (begins[from + index] === 1) this.#held.push([address]);
      else this.#held.at(-1)!.push(address);
    });
  }

  #noteRecords(at: number, begins: Uint8Array, from: number, to: number): void {
    const { kernels, memory } = this.context.runtime;
    new Uint32Array(memory.buffer, at, to - from).forEach((record, index) => {
      if (begins[from + index] === 1) {
        this.#records = [];
        this.#recordBytes = 0;
      }
      this.#records.push(record);
      this.#recordBytes += kernels.recordBytes(record) >>> 0;
    });
  }

  /** The partitions that are held, which are whole but for the last `open` ones. */
  #evaluate(open = 0): void {
    const whole = this.#held.splice(0, this.#held.length - open);
    if (whole.length > 0) {
      const partitions = whole.map((rows) => ({ rows, history: 0, hash: this.#hash }));
      const { batch, emitted } = this.#rows!.evaluate(partitions, this.#scratch!.ptr);
      this.#rows!.emit(batch, emitted);
    }
    if (open === 0) this.#forgetHeld();
  }

  #forgetHeld(): void {
    this.#held = [];
    this.#records = [];
    this.#recordBytes = 0;
    this.#copies?.clear();
  }
}
