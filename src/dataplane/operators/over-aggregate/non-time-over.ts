/**
 * NonTimeOver: an OVER window of a stream that is ordered by values: a row that comes or goes changes the rows behind it.
 *
 * In/out:  any changelog → retract: a new row as +I or +U with its result, one taken back as -D; then -U and +U of each row of
 *          its partition whose result has changed, in order. Frames end at the row.
 * State:   "rows": key → rows. A row that is not there cannot be taken back: it is dropped, as after an expired TTL.
 * Cost:    a change costs the rows of its partition.
 * Source:  Flink NonTimeRangeUnboundedPrecedingFunction, NonTimeRowsUnboundedPrecedingFunction.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { OverRows, rowsSchemaOf } from "./over-rows.ts";

const KIND = { insert: 0, updateBefore: 1, updateAfter: 2, delete: 3 } as const;

interface Change {
  readonly hashes: number;
  readonly key: number;
  readonly row: number;
  readonly length: number;
  readonly adds: boolean;
  readonly kind: number;
}

export class NonTimeOverOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  #rows: OverRows | undefined;
  #keys: KeyCodec | undefined;
  #results: RowCodec | undefined;
  #map: KeyedMap | undefined;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { runtime, inputs, state } = this.context;
    const { partitionKeys: fields, description: operator, output, stateTtlMs } = this.#node;
    const schema = rowsSchemaOf(inputs[0]!);
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    const distance = hashDistance(this.#keys.keyBytes);
    this.#rows = new OverRows(this.#node, this.context, { hashDistance: distance });
    this.#results = compileRowCodec({ schema: output, runtime, operator });
    this.#map = state.map({
      name: "rows",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(schema, "set", { whole: true })],
      ttlMs: stateTtlMs ?? 0,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime, inputs } = this.context;
    const { kernels, memory } = runtime;
    const data = new DataView(memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const rows = assembleBatch(runtime, n, [
      ...columnsOf(batch, 0, physicalColumns(inputs[0]!).length),
      { values: kernels.repeatTime(n, 0n) >>> 0 },
    ]);
    const { keys, hashes } = this.#keys!.encode(rows);
    const views = this.#rows!.format.encode(rows);
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    for (let row = 0; row < n; row++) {
      const mark = kernels.arenaMark();
      const now = new DataView(memory.buffer);
      const kind = kinds === 0 ? KIND.insert : now.getUint8(kinds + row);
      this.#change({
        hashes: hashes + row * 8,
        key: keys + row * width,
        row: now.getUint32(views + row * 8, true),
        length: now.getUint32(views + row * 8 + 4, true),
        adds: kind === KIND.insert || kind === KIND.updateAfter,
        kind,
      });
      kernels.arenaRelease(mark);
    }
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
  }

  #change(change: Change): void {
    const { kernels, memory } = this.context.runtime;
    const map = this.#map!.ptr;
    const entry = kernels.arenaAlloc(4) >>> 0;
    kernels.mapUpsertBatch(map, 1, change.hashes, change.key, entry);
    const stored = this.#stored(change, entry);
    const arrived = stored.map(({ address }) => address);
    const at = change.adds
      ? -1
      : arrived.findIndex((row, i) => this.#same(row, stored[i]!.length, change));
    if (!change.adds && at < 0) {
      if (stored.length === 0) kernels.setsRemove(map, 1, change.hashes, entry);
      return;
    }
    const after = change.adds ? [...arrived, change.row] : arrived.filter((_, i) => i !== at);
    const moved = change.adds ? change.row : arrived[at]!;
    this.#emitDifference(arrived, after, moved, change);
    if (change.adds) {
      const view = kernels.arenaAlloc(8) >>> 0;
      new DataView(memory.buffer).setUint32(view, change.row, true);
      new DataView(memory.buffer).setUint32(view + 4, change.length, true);
      kernels.setsAppend(map, 1, change.hashes, entry, view);
    } else
      this.#rewrite(
        stored.filter((_, i) => i !== at),
        change,
        entry,
      );
  }

  #stored({ hashes }: Change, entry: number) {
    const { kernels, memory } = this.context.runtime;
    const out = kernels.arenaAlloc(8) >>> 0;
    const count = kernels.setsRows(this.#map!.ptr, 1, hashes, entry, out) >>> 0;
    const data = new DataView(memory.buffer);
    const views = data.getUint32(out, true);
    return Array.from({ length: count }, (_, i) => ({
      address: data.getUint32(views + i * 8, true),
      length: data.getUint32(views + i * 8 + 4, true),
    }));
  }

  #same(row: number, length: number, change: Change): boolean {
    if (length !== change.length) return false;
    return this.context.runtime.kernels.bytesEqual(row, change.row, length) !== 0;
  }

  /** What changes from the rows `before` to those `after`, which differ by the row `moved`. */
  #emitDifference(
    before: readonly number[],
    after: readonly number[],
    moved: number,
    { hashes, adds, kind }: Change,
  ): void {
    const { memory } = this.context.runtime;
    const hash = new DataView(memory.buffer).getUint32(hashes + 4, true);
    const [old, now] = [before, after].map((list) => this.#rows!.sorted(list)) as [
      number[],
      number[],
    ];
    const partitions = [old, now]
      .filter((rows) => rows.length > 0)
      .map((rows) => ({ rows, history: 0, hash }));
    const { batch } = this.#rows!.evaluate(partitions, this.#map!.ptr);
    const views = this.#results!.encode(batch);
    const oldAt = new Map(old.map((row, i) => [row, i]));
    const nowAt = new Map(now.map((row, i) => [row, old.length + i]));
    // An average's sum and count change even where the result does not: Flink compares those.
    const whole = this.#node.start.kind === "unboundedPreceding";
    const averages = whole && this.#node.aggregates.some((call) => call.function === "AVG");
    const [rows, kinds]: [number[], number[]] = [[], []];
    const push = (row: number, kind: number) => {
      rows.push(row);
      kinds.push(kind);
    };
    if (adds) push(nowAt.get(moved)!, kind);
    else push(oldAt.get(moved)!, KIND.delete);
    const behind = this.#behind(adds ? now : old, moved);
    for (const row of now) {
      if (row === moved || !behind.has(row)) continue;
      const [a, b] = [oldAt.get(row)!, nowAt.get(row)!];
      if (!averages && this.#sameResult(views, a, b)) continue;
      push(a, KIND.updateBefore);
      push(b, KIND.updateAfter);
    }
    this.#rows!.emit(batch, rows, kinds);
  }

  /** The rows whose frame holds `moved`. */
  #behind(rows: readonly number[], moved: number): Set<number> {
    const { comparator } = this.#rows!;
    let from = rows.indexOf(moved);
    if (this.#node.unit === "RANGE")
      while (from > 0 && comparator.compareEncoded(rows[from - 1]!, moved) === 0) from--;
    return new Set(rows.slice(from));
  }

  #sameResult(views: number, a: number, b: number): boolean {
    const { kernels, memory } = this.context.runtime;
    const data = new DataView(memory.buffer);
    const length = data.getUint32(views + a * 8 + 4, true);
    if (length !== data.getUint32(views + b * 8 + 4, true)) return false;
    const [from, to] = [a, b].map((row) => data.getUint32(views + row * 8, true)) as [
      number,
      number,
    ];
    return kernels.bytesEqual(from, to, length) !== 0;
  }

  /** The set without one row: its rows leave the log for the arena and are appended again. */
  #rewrite(
    rows: readonly { readonly address: number; readonly length: number }[],
    { hashes, key }: Change,
    entry: number,
  ): void {
    const { kernels, memory } = this.context.runtime;
    const map = this.#map!.ptr;
    const list = kernels.arenaAlloc(rows.length * 8) >>> 0;
    rows.forEach(({ address, length }, i) => {
      const copy = kernels.arenaAlloc(length) >>> 0;
      new Uint8Array(memory.buffer).copyWithin(copy, address, address + length);
      const data = new DataView(memory.buffer);
      data.setUint32(list + i * 8, copy, true);
      data.setUint32(list + i * 8 + 4, length, true);
    });
    kernels.setsRemove(map, 1, hashes, entry);
    rows.forEach((_, i) => {
      kernels.mapUpsertBatch(map, 1, hashes, key, entry);
      kernels.setsAppend(map, 1, hashes, entry, list + i * 8);
    });
  }
}
