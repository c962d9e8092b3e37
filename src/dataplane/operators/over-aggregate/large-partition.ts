/**
 * LargePartition: the rows of one OVER partition that are too many for memory: on disk in their order, read window by window.
 *
 * Flow:    over-aggregate.ts → add(records) … → emit(), piece by piece: each window of rows with those around it that its frames,
 *          LAG and LEAD look at.
 * Running: frames that begin with the partition have accumulators that go from window to window. Where rows of equal sort values
 *          share a result, a window ends with such rows; more of them than a window are folded first, and then read again.
 * Limits:  divisionOf: frames of ROWS up to MOST_CONTEXT rows away, or from the beginning to the current row or the end; not DISTINCT,
 *          NTILE and IGNORE NULLS. Other partitions must fit into memory.
 * Errors:  MR4172 the file cannot be written or read.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type {
  OverAggregateCall,
  OverAggregateNode,
  OverBound,
} from "../../../foundation/plan/exec-node.ts";
import { type CompiledOverFold, compileOverFold } from "../../codegen/aggregates/over-fold.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import type { SpillFile } from "../hash-join/row-parts.ts";
import { RowTable } from "../hash-join/row-table.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { SortedPieces } from "../rows/sorted-pieces.ts";
import { type Extent, RunWriter } from "../rows/sorted-runs.ts";
import { asAggregate, isAggregate } from "./over-calls.ts";
import { OverRows } from "./over-rows.ts";

const MOST_CONTEXT = 4096;
const HASH_DISTANCE = 8;
const VARIABLE = -1;
/** Of the budget: a window's rows. */
const WINDOW_SHARE = 1 / 32;
const SHIFTS = new Set(["LAG", "LEAD"]);
const POSITIONS = new Set(["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST"]);
const SAME_WITHOUT_DISTINCT = new Set(["MIN", "MAX"]);

/** How a partition may be evaluated in windows. */
export interface Division {
  /** Rows before and behind a row that its result depends on. */
  readonly around: number;
  /** Frames begin with the partition. */
  readonly isRunning: boolean;
  /** Rows with equal sort values have one result; or all rows have ("whole"). */
  readonly shared: "peers" | "whole" | undefined;
}

/** Undefined: the partition must be in memory. */
export function divisionOf(node: OverAggregateNode): Division | undefined {
  const { aggregates: calls, unit, start, end } = node;
  const shifts = calls.filter(({ function: name }) => SHIFTS.has(name));
  const folds = calls.filter((call) => isAggregate(call));
  const positions = calls.length - shifts.length - folds.length;
  if (calls.some((call) => !isDivisible(call))) return undefined;
  const shifted = shifts.map(({ offset, args }) =>
    args[1] === undefined ? 1 : (offset ?? Infinity),
  );
  const isRunning = folds.length === 0 || start.kind === "unboundedPreceding";
  const framed = isRunning ? [] : [distanceOf(start, unit), distanceOf(end, unit)];
  const around = Math.max(1, ...[...shifted, ...framed].map(Math.abs));
  if (around > MOST_CONTEXT || (!isRunning && positions > 0)) return undefined;
  if (!isRunning) return { around, isRunning, shared: undefined };
  const isWhole = folds.length > 0 && end.kind === "unboundedFollowing";
  if (folds.length > 0 && !isWhole && end.kind !== "currentRow") return undefined;
  const byPeers =
    (folds.length > 0 && unit === "RANGE") ||
    calls.some(({ function: name }) => name === "CUME_DIST");
  if (isWhole && positions > 0) return undefined;
  return { around, isRunning, shared: isWhole ? "whole" : byPeers ? "peers" : undefined };
}

function isDivisible({ function: name, distinct, ignoreNulls }: OverAggregateCall): boolean {
  if (SHIFTS.has(name)) return !ignoreNulls;
  if (POSITIONS.has(name)) return true;
  return name !== "NTILE" && (!distinct || SAME_WITHOUT_DISTINCT.has(name));
}

function distanceOf(bound: OverBound, unit: "ROWS" | "RANGE"): number {
  if (unit === "RANGE" || bound.kind.startsWith("unbounded")) return Number.POSITIVE_INFINITY;
  return "offset" in bound ? bound.offset : 0;
}

export interface LargePartitionOptions {
  readonly context: OperatorContext;
  readonly node: OverAggregateNode;
  readonly division: Division;
  readonly rows: OverRows;
  readonly file: SpillFile;
  /** Where texts of accumulators are, and the upper half of the partition's hash. */
  readonly map: number;
  readonly hash: number;
}

/** Accumulators of the whole partition. */
interface Running {
  readonly places: readonly number[];
  readonly fold: CompiledOverFold;
  readonly builder: BatchBuilder;
  readonly results: BatchRows;
  readonly bytes: number;
  /** With the hash before it. */
  readonly memory: number;
}

export class LargePartition {
  readonly #options: LargePartitionOptions;
  readonly #input: Schema;
  readonly #writer: RunWriter;
  readonly #extents: Extent[] = [];
  readonly #window: RowTable;
  readonly #shiftRows: OverRows | undefined;
  readonly #shiftPlaces: readonly number[];
  #running: Running | undefined;
  #pieces: SortedPieces | undefined;
  /** Addresses of the window's rows, the first of which is this one of the partition. */
  #addresses: Uint32Array = new Uint32Array(0);
  #low = 0;
  /** Rows that are folded. */
  #folded = 0;
  /** Of the last row that was emitted: where its peers begin, and how many such groups there were. */
  #peerStart = 0;
  #groups = 0;

  constructor(options: LargePartitionOptions) {
    const { context, node, file, division } = options;
    const { runtime, spill } = context;
    this.#options = options;
    this.#input = context.inputs[0]!;
    this.#writer = new RunWriter(runtime, file, Math.floor(spill!.budgetBytes * WINDOW_SHARE));
    this.#window = new RowTable(runtime, VARIABLE);
    const placesOf = (wanted: (call: OverAggregateCall) => boolean) =>
      node.aggregates.flatMap((call, place) => (wanted(call) ? [place] : []));
    this.#shiftPlaces = placesOf(({ function: name }) => SHIFTS.has(name));
    if (!division.isRunning) return;
    if (this.#shiftPlaces.length > 0) this.#shiftRows = this.#createShifts();
    const folds = placesOf(isAggregate);
    if (folds.length > 0) this.#running = this.#createRunning(folds);
  }

  /** Records: u32[count]. */
  add(records: number, count: number): void {
    this.#writer.write(records, count, this.#extents);
  }

  *emit(): Generator<void> {
    const { context, file, division } = this.#options;
    this.#pieces = new SortedPieces(context.runtime, { file, extents: this.#extents });
    const { rows } = this.#pieces;
    if (division.shared === "whole") yield* this.#foldTo(rows);
    for (let from = 0; from < rows && context.output.satisfied !== true; ) {
      let end = this.#load(from);
      if (!division.isRunning) this.#emitFrames(from, end);
      else {
        const isFolded = this.#folded > from;
        if (isFolded) end = Math.min(end, this.#folded);
        else if (division.shared === "peers") {
          const boundary = this.#lastBoundary(from, end);
          if (boundary === undefined) {
            yield* this.#foldPeers(from);
            continue;
          }
          end = boundary;
        }
        this.#emitRunning(from, end, isFolded);
      }
      from = end;
      yield;
    }
  }

  close(): void {
    const { kernels } = this.#options.context.runtime;
    if (this.#running !== undefined)
      kernels.operatorFree(this.#running.memory, this.#running.bytes);
    this.#running = undefined;
    this.#shiftRows?.close();
    this.#pieces?.close();
    this.#pieces = undefined;
    this.#window.close();
  }

  #createShifts(): OverRows {
    const { context, node } = this.#options;
    const aggregates = this.#shiftPlaces.map((place) => node.aggregates[place]!);
    const fields = aggregates.map(({ name, type }) => ({ name, type }));
    const row = { kind: "currentRow" } as const;
    const output = { fields: [...this.#input.fields, ...fields] };
    return new OverRows(
      { ...node, aggregates, output, unit: "ROWS", start: row, end: row },
      context,
    );
  }

  #createRunning(places: readonly number[]): Running {
    const { context, node, rows, hash } = this.#options;
    const { runtime } = context;
    const { description: operator } = node;
    const aggregates = places.map((place) => asAggregate(node.aggregates[place]!));
    const fold = compileOverFold(
      { input: rows.schema, aggregates, hashDistance: HASH_DISTANCE, slides: false },
      { runtime, environment: functionEnvironment(context), operator },
    );
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    const bytes = HASH_DISTANCE + fold.valueBytes;
    const memory = runtime.kernels.operatorAllocate(bytes) >>> 0;
    new DataView(runtime.memory.buffer).setUint32(memory, hash, true);
    const builder = compileBatchBuilder({ output, runtime, operator });
    return { places, fold, builder, results: new BatchRows(runtime, output), bytes, memory };
  }

  /** Brings rows from `from` on into memory with those around; returns the end of those that may be emitted. */
  #load(from: number): number {
    const { context, division } = this.#options;
    const { kernels, memory } = context.runtime;
    const pieces = this.#pieces!;
    const bytes = this.#extents.reduce((sum, extent) => sum + extent.bytes, 0);
    const room = (context.spill!.budgetBytes * WINDOW_SHARE) / (bytes / pieces.rows);
    const end = Math.min(pieces.rows, from + Math.max(1, Math.min(MAX_BATCH_ROWS, room | 0)));
    const low = Math.max(0, from - division.around);
    const high = Math.min(pieces.rows, end + division.around);
    this.#window.clear();
    this.#low = low;
    this.#addresses = new Uint32Array(high - low);
    for (let piece = 0; piece < pieces.count; piece++) {
      const { first, behind } = pieces.range(piece);
      if (behind <= low || first >= high) continue;
      const { list } = pieces.load(piece);
      const mark = kernels.arenaMark();
      const [begin, finish] = [Math.max(first, low), Math.min(behind, high)];
      const records = kernels.arenaAlloc((finish - begin) * 4) >>> 0;
      const source = list + (begin - first) * 4;
      new Uint8Array(memory.buffer).copyWithin(records, source, source + (finish - begin) * 4);
      kernels.recordsCopy(finish - begin, records, this.#window.ptr);
      kernels.recordRows(finish - begin, records);
      const addresses = new Uint32Array(memory.buffer, records, finish - begin);
      this.#addresses.set(addresses, begin - low);
      kernels.arenaRelease(mark);
    }
    return end;
  }

  /** Whether a row of the window, which is not the partition's first, has the sort values of the one before. */
  #isPeer(row: number): boolean {
    if (this.#options.node.sort.length === 0) return true;
    const at = row - this.#low;
    const { comparator } = this.#options.rows;
    return comparator.compareEncoded(this.#addresses[at - 1]!, this.#addresses[at]!) === 0;
  }

  #isBoundary(row: number): boolean {
    return row === 0 || row === this.#pieces!.rows || !this.#isPeer(row);
  }

  #lastBoundary(from: number, end: number): number | undefined {
    for (let row = end; row > from; row--) if (this.#isBoundary(row)) return row;
    return undefined;
  }

  /** Folds the rows up to `end`. */
  *#foldTo(end: number): Generator<void> {
    while (this.#folded < end) {
      const from = this.#folded;
      this.#fold(from, this.#load(from));
      yield;
    }
  }

  /** Folds a row and its peers, which are more than a window. */
  *#foldPeers(from: number): Generator<void> {
    for (let isEnd = false; !isEnd; ) {
      const begin = Math.max(from, this.#folded);
      const end = this.#load(begin);
      let behind = begin + 1;
      while (behind < end && !this.#isBoundary(behind)) behind++;
      this.#fold(begin, behind);
      isEnd = this.#isBoundary(behind);
      yield;
    }
  }

  #fold(from: number, end: number): void {
    const { map } = this.#options;
    if (this.#running !== undefined)
      this.#running.fold.accumulate(this.#decode(from, end), this.#entries(end - from), map);
    this.#folded = end;
  }

  /** u32[n], all the same. */
  #entries(n: number): number {
    const { kernels, memory } = this.#options.context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const entry = this.#running!.memory + HASH_DISTANCE;
    new Uint32Array(memory.buffer, entries, n).fill(entry);
    return entries;
  }

  #decode(from: number, end: number): BatchPtr {
    const { context, rows } = this.#options;
    const { kernels, memory } = context.runtime;
    const n = end - from;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const own = this.#addresses.subarray(from - this.#low, end - this.#low);
    new Uint32Array(memory.buffer, list, n).set(own);
    const batch = kernels.batchCreate(n, rows.format.columns, 0) >>> 0;
    rows.format.decode(list, n, batch, 0);
    return batch;
  }

  /** Frames of rows around each row. */
  #emitFrames(from: number, end: number): void {
    const { rows, map, hash } = this.#options;
    const history = from - this.#low;
    const partition = { rows: [...this.#addresses], history, hash };
    const { batch, emitted } = rows.evaluate([partition], map);
    rows.emit(batch, emitted.slice(0, end - from));
  }

  #emitRunning(from: number, end: number, isFolded: boolean): void {
    const { context, node } = this.#options;
    const { runtime, output } = context;
    const n = end - from;
    const ends = this.#peerEnds(from, end, isFolded);
    const batch = this.#decode(from, end);
    const columns: ColumnFrom[][] = node.aggregates.map(() => []);
    const place = (made: BatchPtr, places: readonly number[], first: number) => {
      let column = first;
      for (const index of places) {
        const field = { name: "", type: node.aggregates[index]!.type };
        const count = physicalColumns({ fields: [field] }).length;
        columns[index] = columnsOf(made, column, count);
        column += count;
      }
    };
    if (this.#running !== undefined)
      place(this.#results(batch, from, ends, isFolded), this.#running.places, 0);
    this.#folded = Math.max(this.#folded, end);
    const inputColumns = physicalColumns(this.#input).length;
    if (this.#shiftRows !== undefined)
      place(this.#shifts(from, end), this.#shiftPlaces, inputColumns);
    this.#rank(from, end, ends, columns);
    const all = [...columnsOf(batch, 0, inputColumns), ...columns.flat()];
    output.emit(assembleBatch(runtime, n, all));
  }

  /** By row: behind the last of its peers. */
  #peerEnds(from: number, end: number, isFolded: boolean): Uint32Array {
    const ends = new Uint32Array(end - from).fill(isFolded ? this.#folded : end);
    if (isFolded) return ends;
    for (let row = end - 1; row > from; row--)
      ends[row - 1 - from] = this.#isPeer(row) ? ends[row - from]! : row;
    return ends;
  }

  #results(batch: BatchPtr, from: number, ends: Uint32Array, isFolded: boolean): BatchPtr {
    const { context, map, division } = this.#options;
    const { kernels, memory } = context.runtime;
    const { fold, builder, results } = this.#running!;
    const n = ends.length;
    const out = builder.begin(n);
    if (isFolded) fold.results(this.#entries(n), n, map, out);
    else fold.running(batch, this.#entries(n), 0, map, out);
    const made = builder.finish(n, { insertOnly: true });
    if (isFolded || division.shared === undefined) return made;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, list, n).set(ends.map((behind) => behind - 1 - from));
    return results.gather(made, list, n);
  }

  /** Input fields, then LAG and LEAD. */
  #shifts(from: number, end: number): BatchPtr {
    const { map, hash } = this.#options;
    const rows = this.#shiftRows!;
    const history = from - this.#low;
    const partition = { rows: [...this.#addresses], history, hash };
    const { batch, emitted } = rows.evaluate([partition], map);
    return rows.gather(batch, emitted.slice(0, end - from));
  }

  #rank(from: number, end: number, ends: Uint32Array, columns: ColumnFrom[][]): void {
    const { context, node } = this.#options;
    const { kernels, memory } = context.runtime;
    const total = this.#pieces!.rows;
    const n = end - from;
    const ranks = new Float64Array(n);
    const dense = new Float64Array(n);
    for (let row = from; row < end; row++) {
      if (row === 0 || !this.#isPeer(row)) {
        this.#peerStart = row;
        this.#groups++;
      }
      ranks[row - from] = this.#peerStart + 1;
      dense[row - from] = this.#groups;
    }
    node.aggregates.forEach(({ function: name, type }, index) => {
      if (!POSITIONS.has(name)) return;
      const values = kernels.arenaAlloc(n * 8) >>> 0;
      const shares = ranks.map((rank) => (total === 1 ? 0 : (rank - 1) / (total - 1)));
      const numbers = name === "RANK" ? ranks : name === "DENSE_RANK" ? dense : shares;
      const own =
        name === "CUME_DIST" ? Float64Array.from(ends, (behind) => behind / total) : numbers;
      const physical = physicalOf(type);
      if (physical === "f64") new Float64Array(memory.buffer, values, n).set(own);
      else if (physical === "i32") new Int32Array(memory.buffer, values, n).set(own);
      else new BigInt64Array(memory.buffer, values, n).set(Array.from(own, BigInt));
      columns[index] = [{ values }];
    });
  }
}
