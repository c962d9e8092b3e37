/**
 * MergeJoin: the rows of two bounded inputs in the order of their keys, and their pairs.
 *
 * Flow:    sort-merge-join.ts, and hash-join.ts for rows that fit into no table → add(input, batch) … → join(), piece by piece.
 * How:     the probe side is read once; each of its pieces meets the pieces of the other side from the first row on that has a
 *          key of the piece. Rows of one key on that side are read again for each piece, so a key may have any number of rows.
 * Memory:  rows/row-sorter.ts: both sides sorted, in runs on disk when memory runs short; then one piece of each side, and a bit
 *          for each row of the build side where it must be known which ones matched.
 * NULLs:   rows whose key matches nothing are not sorted: they are emitted as they come, or left out.
 * Order:   pairs by key; build rows without a match come at the end.
 * Source:  Flink SortMergeInnerJoinIterator, SortMergeOneSideOuterJoinIterator, SortMergeFullOuterJoinIterator.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { JoinSide, JoinSides } from "../hash-join/join-sides.ts";
import { assembleBatch } from "../rows/assembled-batch.ts";
import { RowSorter } from "../rows/row-sorter.ts";
import type { LoadedPiece, SortedPieces } from "../rows/sorted-pieces.ts";

const CALL_BYTES = 64;
const CALL_PAIRS = 28;
const CALL_PAIR_LEFT = 32;
const CALL_PAIR_RIGHT = 36;
const KEY_SCHEMA: Schema = { fields: [{ name: "$key", type: types.bytes(false) }] };
const BY_KEY = [{ index: 0, descending: false, nullsFirst: true }] as const;

/** A row of the build side: its piece, and its place there. */
interface Place {
  readonly piece: number;
  readonly index: number;
}

export class MergeJoin {
  readonly #context: OperatorContext;
  readonly #join: JoinSides;
  readonly #sorters: readonly [RowSorter, RowSorter];
  #pieces: SortedPieces | undefined;
  #call: number;
  /** u32[MAX_BATCH_ROWS] records of the probe piece, u8[MAX_BATCH_ROWS] whether they matched. */
  #list: number;
  #matched: number;
  /** A bit for each row of the build side; 0: nobody asks. */
  #bits = 0;
  /** From here on the next probe rows look. */
  #start: Place = { piece: 0, index: 0 };

  constructor(context: OperatorContext, join: JoinSides, operator: string) {
    const { kernels } = context.runtime;
    this.#context = context;
    this.#join = join;
    const sorter = ({ schema }: JoinSide) =>
      new RowSorter({ context, schema, sortSchema: KEY_SCHEMA, sort: BY_KEY, operator });
    this.#sorters = [sorter(join.sides[0]), sorter(join.sides[1])];
    this.#call = kernels.operatorAllocate(CALL_BYTES) >>> 0;
    this.#list = kernels.operatorAllocate(MAX_BATCH_ROWS * 4) >>> 0;
    this.#matched = kernels.operatorAllocate(MAX_BATCH_ROWS) >>> 0;
  }

  get spilledBytes(): number {
    return this.#sorters[0].spilledBytes + this.#sorters[1].spilledBytes;
  }

  add(input: number, batch: BatchPtr): void {
    const { runtime } = this.#context;
    const side = this.#join.sides[input]!;
    const rows = this.#matchable(input, batch);
    if (rows === undefined) return;
    const n = this.#join.rowsOf(rows);
    const { keys } = side.keys.encode(rows);
    const { keyBytes } = side.keys;
    const values = keyBytes < 0 ? keys : runtime.kernels.viewsOfFixed(n, keys, keyBytes) >>> 0;
    this.#sorters[input]!.add(rows, assembleBatch(runtime, n, [{ values }]));
  }

  /** Emits the result; nothing is added from then on. A yield is a good moment to look whether there is room downstream. */
  *join(): Generator<void> {
    const { runtime, output } = this.#context;
    const { kernels } = runtime;
    const { build, rules } = this.#join;
    const probe = this.#sorters[1 - build]!;
    probe.finish();
    yield;
    this.#pieces = this.#sorters[build].finishPieces();
    if (rules.emitsBuild !== undefined) this.#bits = kernels.operatorAllocate(this.#bitBytes) >>> 0;
    yield;
    while (output.satisfied !== true) {
      const piece = probe.nextRecords();
      if (piece === undefined) break;
      yield* this.#joinPiece(piece.rows, piece.count);
    }
    if (this.#bits !== 0 && output.satisfied !== true) yield* this.#emitBuild();
  }

  close(): void {
    if (this.#call === 0) return;
    const { kernels } = this.#context.runtime;
    if (this.#bits !== 0) kernels.operatorFree(this.#bits, this.#bitBytes);
    kernels.operatorFree(this.#call, CALL_BYTES);
    kernels.operatorFree(this.#list, MAX_BATCH_ROWS * 4);
    kernels.operatorFree(this.#matched, MAX_BATCH_ROWS);
    this.#call = 0;
    this.#bits = 0;
    this.#pieces?.close();
    this.#pieces = undefined;
    for (const sorter of this.#sorters) sorter.close();
  }

  get #bitBytes(): number {
    return Math.max(1, Math.ceil(this.#pieces!.rows / 8));
  }

  /** The rows whose keys may match; the others are emitted now, if at all. */
  #matchable(input: number, batch: BatchPtr): BatchPtr | undefined {
    const { kernels } = this.#context.runtime;
    const side = this.#join.sides[input]!;
    const n = this.#join.rowsOf(batch);
    const marks = this.#join.unmatchable(side, batch, n);
    if (marks === 0) return n === 0 ? undefined : batch;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const { emitsBuild, emitsProbe } = this.#join.rules;
    if ((input === this.#join.build ? emitsBuild : emitsProbe) === "unmatched") {
      const alone = kernels.rowsWithByte(n, marks, 1, list);
      this.#join.emitAlone(input, alone, this.#join.gather(side, batch, alone, list));
    }
    const rest = kernels.rowsWithByte(n, marks, 0, list);
    return rest === 0 ? undefined : this.#join.gather(side, batch, rest, list);
  }

  /** Probe rows (u32[count] records in the arena, which a yield gives back) against what may match them. */
  *#joinPiece(records: number, count: number): Generator<void> {
    const { runtime, output } = this.#context;
    const { kernels, memory } = runtime;
    const bytes = new Uint8Array(memory.buffer);
    bytes.copyWithin(this.#list, records, records + count * 4);
    bytes.fill(0, this.#matched, this.#matched + count);
    const last = new DataView(memory.buffer).getUint32(this.#list + (count - 1) * 4, true);
    const { emitsPairs, emitsProbe, emitsBuild } = this.#join.rules;
    const asks = this.#join.condition === undefined && !emitsPairs;
    const pieces = this.#pieces!;
    let next: Place | undefined;
    for (let at = this.#start; at.piece < pieces.count; at = { piece: at.piece + 1, index: 0 }) {
      const piece = pieces.load(at.piece);
      const from = kernels.mergeLower(piece.count, piece.list, last);
      if (next === undefined && from < piece.count)
        next = { piece: at.piece, index: Math.max(from, at.index) };
      this.#begin(piece, at.index, count);
      if (asks)
        kernels.mergeMark(
          this.#call,
          emitsProbe === undefined ? 0 : this.#matched,
          this.#bits,
          piece.base,
        );
      else yield* this.#pairs(at.piece);
      const isDone = asks && emitsBuild === undefined && this.#lastMatched(count);
      if (isDone || output.satisfied === true || this.#isBehind(pieces.load(at.piece), last)) break;
      yield;
    }
    this.#start = next ?? { piece: pieces.count, index: 0 };
    if (emitsProbe !== undefined) this.#emitProbe(count);
    yield;
  }

  /** The call of the kernels: all probe rows that may match, and a piece of the build side from `index` on. */
  #begin({ list, count: rows }: LoadedPiece, index: number, count: number): void {
    const { kernels, memory } = this.#context.runtime;
    const at = Math.min(index, rows - 1);
    const first = new DataView(memory.buffer).getUint32(list + at * 4, true);
    const from = kernels.mergeLower(count, this.#list, first);
    const data = new DataView(memory.buffer);
    [this.#list, count, list, rows, from, index, index, 0].forEach((word, place) => {
      data.setUint32(this.#call + place * 4, word, true);
    });
  }

  /** Whether a piece ends with a key greater than this record's. */
  #isBehind({ list, count }: LoadedPiece, record: number): boolean {
    const { kernels, memory } = this.#context.runtime;
    const last = new DataView(memory.buffer).getUint32(list + (count - 1) * 4, true);
    return kernels.mergeCompare(last, record) > 0;
  }

  #lastMatched(count: number): boolean {
    return new Uint8Array(this.#context.runtime.memory.buffer)[this.#matched + count - 1] === 1;
  }

  /** The pairs of a call: condition, marks, output. */
  *#pairs(number: number): Generator<void> {
    const { runtime, output } = this.#context;
    const { kernels, memory } = runtime;
    const { emitsPairs, emitsProbe } = this.#join.rules;
    const word = (offset: number) =>
      new DataView(memory.buffer).getUint32(this.#call + offset, true);
    for (let more = true; more && output.satisfied !== true; ) {
      more = kernels.mergePairs(this.#call) === 0;
      if (word(CALL_PAIRS) > 0) {
        const piece = this.#pieces!.load(number);
        this.#filter(word(CALL_PAIRS), piece);
        const matched = emitsProbe === undefined ? 0 : this.#matched;
        kernels.mergeMarkPairs(this.#call, matched, this.#bits, piece.base);
        const n = word(CALL_PAIRS);
        if (n > 0 && emitsPairs) this.#join.emitPairs(n, ...this.#sidesOfPairs(n, piece));
      }
      if (more) yield;
    }
  }

  #filter(n: number, piece: LoadedPiece): void {
    if (this.#join.condition === undefined) return;
    const [probe, build] = this.#sidesOfPairs(n, piece);
    const [left, right] = this.#join.build === 0 ? [build, probe] : [probe, build];
    const { values, validity } = this.#join.condition.evaluate(n, left, right);
    this.#context.runtime.kernels.hashPairsFilter(this.#call, values, validity);
  }

  #sidesOfPairs(n: number, piece: LoadedPiece): [probe: BatchPtr, build: BatchPtr] {
    const { probeSide, buildSide } = this.#join;
    const rows = (list: number, offset: number) => {
      const { kernels, memory } = this.#context.runtime;
      const indexes = new DataView(memory.buffer).getUint32(this.#call + offset, true);
      return kernels.mergeRows(list, n, indexes) >>> 0;
    };
    return [
      this.#join.decode(probeSide, rows(this.#list, CALL_PAIR_LEFT), n),
      this.#join.decode(buildSide, rows(piece.list, CALL_PAIR_RIGHT), n),
    ];
  }

  /** Rows of the probe piece that found a match (SEMI) or none. */
  #emitProbe(count: number): void {
    const { kernels } = this.#context.runtime;
    const { rules, build, probeSide } = this.#join;
    const list = kernels.arenaAlloc(count * 4) >>> 0;
    const wanted = rules.emitsProbe === "matched" ? 1 : 0;
    const n = kernels.rowsWithByte(count, this.#matched, wanted, list);
    if (n === 0) return;
    const rows = kernels.mergeRows(this.#list, n, list) >>> 0;
    this.#join.emitAlone(1 - build, n, this.#join.decode(probeSide, rows, n));
  }

  /** Build rows that matched (SEMI), or that did not. */
  *#emitBuild(): Generator<void> {
    const { kernels } = this.#context.runtime;
    const { rules, build, buildSide } = this.#join;
    const wanted = rules.emitsBuild === "matched" ? 1 : 0;
    const pieces = this.#pieces!;
    for (let number = 0; number < pieces.count; number++)
      for (let from = 0, count = 1; from < count; from += MAX_BATCH_ROWS) {
        const piece = pieces.load(number);
        count = piece.count;
        const to = Math.min(count, from + MAX_BATCH_ROWS);
        const list = kernels.arenaAlloc((to - from) * 4) >>> 0;
        const n = kernels.mergeBits(from, to, this.#bits, piece.base, wanted, list);
        if (n > 0) {
          const rows = kernels.mergeRows(piece.list, n, list) >>> 0;
          this.#join.emitAlone(build, n, this.#join.decode(buildSide, rows, n));
        }
        yield;
      }
  }
}
