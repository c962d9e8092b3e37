/**
 * OverRows: evaluates partitions whose rows are encoded in state, and emits the input's fields with the calls behind them.
 *
 * Rows:    the input's fields, then "$time": BIGINT, epoch ms of the event or of the arrival, 0 in batch mode.
 * Frames:  RANGE offsets are in ms for times and days, else in the sort field's unit (DECIMAL: by its scale).
 */
import { type BatchPtr, BatchView, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { RowFormat } from "../rows/row-format.ts";
import type { Frame, FrameValue } from "./frame-bounds.ts";
import { OverCalls, type OverSegment } from "./over-calls.ts";

const DAY_MS = 86_400_000;

/** A partition's rows in order: addresses of encoded rows. */
export interface OverPartition {
  readonly rows: readonly number[];
  /** How many of them come before the rows that are emitted. */
  readonly history: number;
  readonly hash: number;
}

export function rowsSchemaOf(input: Schema): Schema {
  return { fields: [...input.fields, { name: "$time", type: types.bigint(false) }] };
}

export class OverRows {
  readonly schema: Schema;
  readonly format: RowFormat;
  readonly calls: OverCalls;
  readonly comparator: RowComparator;
  readonly #node: OverAggregateNode;
  readonly #context: OperatorContext;
  readonly #inputColumns: number;
  readonly #callColumns: number;
  readonly #outputRows: BatchRows;
  readonly #view: BatchView;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    const { runtime } = context;
    const input = context.inputs[0]!;
    const operator = node.description;
    this.#node = node;
    this.#context = context;
    this.schema = rowsSchemaOf(input);
    this.format = new RowFormat(runtime, this.schema, operator);
    this.comparator = compileRowComparator({
      schema: this.schema,
      sort: node.sort,
      runtime,
      operator,
    });
    const { schema } = this;
    const frame = this.#frame();
    this.calls = new OverCalls({
      context,
      schema,
      calls: node.aggregates,
      frame,
      operator,
    });
    this.#inputColumns = physicalColumns(input).length;
    this.#callColumns = physicalColumns(node.output).length - this.#inputColumns;
    this.#outputRows = new BatchRows(runtime, node.output);
    this.#view = new BatchView(runtime.memory);
  }

  /** All rows with their calls' values, and the numbers of those that are emitted, partition by partition. */
  evaluate(
    partitions: readonly OverPartition[],
    map: number,
  ): { readonly batch: BatchPtr; readonly emitted: number[] } {
    const { runtime } = this.#context;
    const { kernels, memory } = runtime;
    const addresses = partitions.flatMap(({ rows }) => rows as number[]);
    const n = addresses.length;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, list, n).set(addresses);
    const batch = kernels.batchCreate(n, this.format.columns, 0) >>> 0;
    this.format.decode(list, n, batch, 0);
    const emitted: number[] = [];
    const peers = new Int32Array(n);
    const values = this.#values(batch, n);
    let start = 0;
    const segments = partitions.map(({ rows, history, hash }): OverSegment => {
      const end = start + rows.length;
      for (let row = start + 1; row < end; row++)
        peers[row] = peers[row - 1]! + (this.#isPeer(addresses, row) ? 0 : 1);
      for (let row = start + history; row < end; row++) emitted.push(row);
      const emitFrom = start + history;
      const segment = { start, end, peers, values, emitFrom, hash };
      start = end;
      return segment;
    });
    const calls = this.calls.evaluate(batch, segments, map);
    return {
      emitted,
      batch: assembleBatch(runtime, n, [
        ...columnsOf(batch, 0, this.#inputColumns),
        ...columnsOf(calls, 0, this.#callColumns),
      ]),
    };
  }

  /** These rows of a batch as one of their own. */
  gather(batch: BatchPtr, rows: readonly number[]): BatchPtr {
    const { kernels, memory } = this.#context.runtime;
    const list = kernels.arenaAlloc(Math.max(1, rows.length) * 4) >>> 0;
    new Uint32Array(memory.buffer, list, rows.length).set(rows);
    return this.#outputRows.gather(batch, list, rows.length);
  }

  /** Emits these rows of a batch, in this order. */
  emit(batch: BatchPtr, rows: readonly number[], kinds?: readonly number[]): void {
    const { kernels, memory } = this.#context.runtime;
    for (let from = 0; from < rows.length; from += MAX_BATCH_ROWS) {
      const part = rows.slice(from, from + MAX_BATCH_ROWS);
      const list = kernels.arenaAlloc(part.length * 4) >>> 0;
      new Uint32Array(memory.buffer, list, part.length).set(part);
      const out = this.#outputRows.gather(batch, list, part.length);
      const bytes = kinds === undefined ? 0 : kernels.arenaAlloc(part.length) >>> 0;
      if (kinds !== undefined)
        new Uint8Array(memory.buffer, bytes, part.length).set(
          kinds.slice(from, from + part.length),
        );
      new DataView(memory.buffer).setUint32(out + 4, bytes, true);
      this.#context.output.emit(out);
    }
  }

  /** Sorts by the sort fields; stable. */
  sorted(rows: readonly number[]): number[] {
    if (this.#node.sort.length === 0) return [...rows];
    const { kernels, memory } = this.#context.runtime;
    const list = kernels.arenaAlloc(rows.length * 4) >>> 0;
    new Uint32Array(memory.buffer, list, rows.length).set(rows);
    this.comparator.sortEncoded(list, rows.length);
    return [...new Uint32Array(memory.buffer, list, rows.length)];
  }

  close(): void {
    this.format.close();
  }

  #isPeer(addresses: readonly number[], row: number): boolean {
    if (this.#node.sort.length === 0) return true;
    return this.comparator.compareEncoded(addresses[row - 1]!, addresses[row]!) === 0;
  }

  #values(batch: BatchPtr, n: number): FrameValue[] {
    const { sort, unit, start, end } = this.#node;
    const offsets = unit === "RANGE" && ("offset" in start || "offset" in end);
    if (!offsets || sort.length === 0) return [];
    const field = sort[0]!.index;
    const kind = this.schema.fields[field]!.type.kind;
    const negate = sort[0]!.descending;
    return Array.from({ length: n }, (_, row) => {
      const value = readField(this.#view, this.schema, batch, row, field);
      const number = frameValue(value, kind);
      if (number === null || !negate) return number;
      return typeof number === "bigint" ? -number : -number;
    });
  }

  #frame(): Frame {
    const { unit, start, end, sort } = this.#node;
    const type = this.schema.fields[sort[0]?.index ?? 0]?.type;
    const decimals = type?.kind === "DECIMAL" ? 10 ** type.scale : 1;
    return { unit, start, end, scale: (offset) => Math.round(offset * decimals * 1e9) / 1e9 };
  }
}

/** Time of row `$time` of an encoded batch. */
export function timeColumnOf(schema: Schema): number {
  return physicalIndex(schema, schema.fields.length - 1);
}

function frameValue(value: ReturnType<typeof readField>, kind: string): FrameValue {
  if (value === null) return null;
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return kind === "DATE" ? value * DAY_MS : value;
  if (typeof value === "object" && "millis" in value) return value.millis + value.nanos / 1e6;
  if (typeof value === "object" && "unscaled" in value) return value.unscaled;
  return null;
}
