/**
 * HashJoin: Join of bounded inputs that only insert: the rows of the build side in a hash table, the probe side streams by.
 *
 * Flow:    build batches → keys and rows as bytes → hashTableAdd; its end → hashTableIndex. Probe batch → keys →
 *          hashTableProbe (pairs, 4,096 at a time) → condition over the pairs → probe columns gathered, build rows decoded.
 * In/out:  +I only. Rows of the probe side that come before the build side has ended are kept, and looked up then.
 * Outer:   a probe row without a match is emitted with its batch; build rows that (never) matched when both sides have ended.
 * Memory:  in pages of its own (kernels/hash-join.as.ts), in no checkpoint: batch jobs begin anew after a failure.
 * Spill:   when the worker's memory comes near its budget, the rows of both sides go to a file in parts by hash (grace hash
 *          join); when both sides have ended, part by part is joined as if it were all. A part that is too big is parted
 *          again, up to MOST_LEVELS times: rows of one key stay together, and are then joined in memory all the same.
 * Source:  Flink BatchExecHashJoin (HashJoinType).
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinNode } from "../../../foundation/plan/exec-node.ts";
import { agreeing, joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { filteringColumns, withNullableFields } from "../join/join-keys.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { RowFormat } from "../rows/row-format.ts";
import { PairCondition } from "./pair-condition.ts";
import { MOST_LEVELS, PARTS } from "./row-parts.ts";
import { RowTable } from "./row-table.ts";
import { SpilledSides } from "./spilled-sides.ts";

const CALL_BYTES = 64;
const CALL_PAIRS = 28;
const CALL_PAIR_ROWS = 32;
/** Of the budget: how much may be in use before rows are spilled, and what the build side of a part may take. */
const USED_SHARE = 0.7;
const PART_SHARE = 0.2;

interface Side {
  readonly schema: Schema;
  readonly keys: KeyCodec;
  readonly format: RowFormat;
  /** u8 a physical column. */
  readonly widths: number;
  /** u32 columns whose NULLs match nothing. */
  readonly nullColumns: number;
  readonly nullCount: number;
}

export class HashJoinOperator extends BaseOperator {
  readonly #node: JoinNode;
  readonly #build: 0 | 1;
  /** What becomes of rows that found a match or did not. */
  readonly #rules: JoinRules;
  #sides: readonly [Side, Side] | undefined;
  #table: RowTable | undefined;
  /** Probe rows that came too early. */
  #early: RowTable | undefined;
  #condition: PairCondition | undefined;
  #call = 0;
  #phase: "building" | "replaying" | "probing" | "finishing" | "done" = "building";
  #probeEnded = false;
  #spilled: SpilledSides | undefined;
  /** The join of spilled parts, piece by piece. */
  #pieces: Generator<void> | undefined;

  constructor(node: JoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#build = node.build === "left" ? 0 : 1;
    this.#rules = joinRules(node);
  }

  override open(): void {
    const { runtime } = this.context;
    const { condition, description } = this.#node;
    const [left, right] = this.context.inputs as readonly [Schema, Schema];
    this.#sides = [this.#createSide(0, left, right), this.#createSide(1, left, right)];
    this.#table = new RowTable(runtime, this.#buildSide.keys.keyBytes);
    this.context.metrics.gauge("spilledBytes", () => this.#spilled?.file.bytes ?? 0);
    if (condition !== undefined)
      this.#condition = new PairCondition({
        context: this.context,
        left,
        right,
        condition,
        operator: description,
      });
    this.#call = runtime.kernels.operatorAllocate(CALL_BYTES) >>> 0;
  }

  wantsInput(input: number): boolean {
    return input === this.#build || this.#phase !== "building";
  }

  override processBatch(input: number, batch: BatchPtr): void {
    if (this.#spilled !== undefined) this.#spill(this.#spilled, input, batch);
    else if (input === this.#build) this.#add(batch);
    else if (this.#phase === "building") this.#keep(batch);
    else this.#probe(batch);
  }

  override endInput(input: number): void {
    if (this.#spilled !== undefined) {
      if (input === this.#build) this.#phase = "probing";
      else this.#probeEnded = true;
      if (this.#phase === "probing" && this.#probeEnded)
        this.#pieces = this.#joinParts(this.#spilled, 0);
      return;
    }
    if (input === this.#build) {
      this.#table!.index();
      this.#phase = this.#early === undefined ? "probing" : "replaying";
      this.#early?.scan();
    } else this.#probeEnded = true;
    this.#finishWhenEnded();
  }

  emitPiece(): boolean {
    if (this.#pieces !== undefined) return this.#pieces.next().done !== true;
    if (this.#phase === "replaying") this.#replayPiece();
    else if (this.#phase === "finishing") this.#finalPiece();
    return this.#phase === "replaying" || this.#phase === "finishing";
  }

  override close(): void {
    this.#table?.close();
    this.#early?.close();
    this.#spilled?.close();
    this.#spilled = undefined;
    this.#pieces = undefined;
    this.#table = undefined;
    this.#early = undefined;
    const { kernels } = this.context.runtime;
    for (const side of this.#sides ?? []) {
      side.format.close();
      kernels.operatorFree(side.widths, Math.max(1, side.format.columns));
      kernels.operatorFree(side.nullColumns, Math.max(4, side.nullCount * 4));
    }
    this.#sides = undefined;
    if (this.#call !== 0) kernels.operatorFree(this.#call, CALL_BYTES);
    this.#call = 0;
  }

  get #buildSide(): Side {
    return this.#sides![this.#build]!;
  }

  get #probeSide(): Side {
    return this.#sides![1 - this.#build]!;
  }

  #createSide(input: 0 | 1, left: Schema, right: Schema): Side {
    const { runtime } = this.context;
    const { kernels, memory } = runtime;
    const node = this.#node;
    const schema = input === 0 ? left : right;
    const fields = input === 0 ? node.leftKeys : node.rightKeys;
    const keySchema = withNullableFields(schema, fields, comparedNulls(node, left, right));
    const operator = node.description;
    const format = new RowFormat(runtime, schema, operator);
    const nulls = filteringColumns(schema, fields, node.filterNulls);
    const widths = kernels.operatorAllocate(Math.max(1, format.columns)) >>> 0;
    const nullColumns = kernels.operatorAllocate(Math.max(4, nulls.length * 4)) >>> 0;
    const bytes = physicalColumns(schema).map(({ physical }) => PHYSICAL_WIDTH[physical]);
    new Uint8Array(memory.buffer).set(bytes, widths);
    new Uint32Array(memory.buffer, nullColumns).set(nulls);
    return {
      schema,
      keys: compileKeyCodec({ schema: keySchema, fields, runtime, operator }),
      format,
      widths,
      nullColumns,
      nullCount: nulls.length,
    };
  }

  #rowsOf(batch: BatchPtr): number {
    return new DataView(this.context.runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
  }

  /** u8[rows], 1 = a NULL keeps the row from matching; 0 when there is none. */
  #unmatchable(side: Side, batch: BatchPtr, rows: number): number {
    if (side.nullCount === 0) return 0;
    const { kernels } = this.context.runtime;
    const marks = kernels.arenaAlloc(rows) >>> 0;
    return kernels.rowsAnyNull(batch, side.nullColumns, side.nullCount, marks) === 0 ? 0 : marks;
  }

  /** Rows of either side to its parts. */
  #spill({ parts }: SpilledSides, input: number, batch: BatchPtr): void {
    const side = this.#sides![input]!;
    const { hashes } = side.keys.encode(batch);
    parts[input]!.add(this.#rowsOf(batch), hashes, side.format.encode(batch));
  }

  /** When memory runs short before anything was emitted: all rows so far go to the file. */
  #makeRoom(): void {
    const { runtime, spill } = this.context;
    const { kernels } = runtime;
    if (spill === undefined || this.#phase !== "building") return;
    if (kernels.memoryUsedBytes() <= spill.budgetBytes * USED_SHARE) return;
    if (this.#table!.pages + (this.#early?.pages ?? 0) === 0) return;
    const spilled = new SpilledSides(runtime, spill.budgetBytes, spill.createFile());
    this.#spilled = spilled;
    for (const [input, table] of [
      [this.#build, this.#table],
      [1 - this.#build, this.#early],
    ] as const) {
      table?.scan();
      for (let more = table !== undefined; more; ) {
        const mark = kernels.arenaMark();
        const rows = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
        const count = table!.next("all", rows, MAX_BATCH_ROWS);
        if (count > 0) this.#spill(spilled, input, this.#decode(this.#sides![input]!, rows, count));
        more = count === MAX_BATCH_ROWS;
        kernels.arenaRelease(mark);
      }
    }
    this.#table!.clear();
    this.#early?.close();
    this.#early = undefined;
  }

  /** Joins part after part; a yield is a good moment to look whether there is room downstream. */
  *#joinParts({ parts, file }: SpilledSides, level: number): Generator<void> {
    const { runtime, spill } = this.context;
    const [build, probe] = [parts[this.#build], parts[1 - this.#build]!];
    for (const side of parts) side.flush();
    for (let part = 0; part < PARTS; part++) {
      if (build.bytes(part) > spill!.budgetBytes * PART_SHARE && level + 1 < MOST_LEVELS) {
        const inner = new SpilledSides(runtime, spill!.budgetBytes, file, level + 1);
        for (const input of [0, 1])
          for (const rows of parts[input]!.batches(part, this.#sides![input]!.format)) {
            this.#spill(inner, input, rows);
            yield;
          }
        yield* this.#joinParts(inner, level + 1);
        inner.close();
        continue;
      }
      for (const rows of build.batches(part, this.#buildSide.format)) {
        this.#add(rows);
        yield;
      }
      this.#table!.index();
      for (const rows of probe.batches(part, this.#probeSide.format)) {
        this.#probe(rows);
        yield;
      }
      if (this.#rules.emitsBuild !== undefined) {
        this.#phase = "finishing";
        this.#table!.scan();
        while (this.#phase === "finishing") {
          this.#finalPiece();
          yield;
        }
      }
      this.#table!.clear();
    }
  }

  #add(batch: BatchPtr): void {
    this.#makeRoom();
    if (this.#spilled !== undefined && this.#pieces === undefined) {
      this.#spill(this.#spilled, this.#build, batch);
      return;
    }
    const side = this.#buildSide;
    const rows = this.#rowsOf(batch);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const marks = this.#unmatchable(side, batch, rows);
    this.#table!.add(rows, { keys, hashes, views, marks }, this.#rules.emitsBuild !== undefined);
  }

  #keep(batch: BatchPtr): void {
    this.#makeRoom();
    if (this.#spilled !== undefined) {
      this.#spill(this.#spilled, 1 - this.#build, batch);
      return;
    }
    this.#early ??= new RowTable(this.context.runtime, 0);
    const views = this.#probeSide.format.encode(batch);
    this.#early.add(this.#rowsOf(batch), { keys: 0, hashes: 0, views, marks: 0 }, true);
  }

  #replayPiece(): void {
    const { kernels } = this.context.runtime;
    const { format } = this.#probeSide;
    const rows = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    const count = this.#early!.next("all", rows, MAX_BATCH_ROWS);
    if (count > 0) {
      const batch = kernels.batchCreate(count, format.columns, 0) >>> 0;
      format.decode(rows, count, batch, 0);
      this.#probe(batch);
    }
    if (count === MAX_BATCH_ROWS) return;
    this.#early!.close();
    this.#early = undefined;
    this.#phase = "probing";
    this.#finishWhenEnded();
  }

  #finishWhenEnded(): void {
    if (this.#phase !== "probing" || !this.#probeEnded) return;
    this.#phase = this.#rules.emitsBuild === undefined ? "done" : "finishing";
    this.#table!.scan();
  }

  /** Build rows that matched, or that did not, with NULLs in place of the probe side. */
  #finalPiece(): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const rows = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    const count = this.#table!.next(this.#rules.emitsBuild!, rows, MAX_BATCH_ROWS);
    if (count < MAX_BATCH_ROWS) this.#phase = "done";
    if (count === 0) return;
    const build = this.#decode(this.#buildSide, rows, count);
    if (this.#rules.onlyLeft) {
      this.context.output.emit(build);
      return;
    }
    const nulls = kernels.arenaAlloc(count * 4) >>> 0;
    new Uint8Array(runtime.memory.buffer, nulls, count * 4).fill(0);
    this.#emit(count, this.#decode(this.#probeSide, nulls, count), build);
  }

  #decode({ format }: Side, rows: number, count: number): BatchPtr {
    const { kernels } = this.context.runtime;
    const batch = kernels.batchCreate(count, format.columns, 0) >>> 0;
    format.decode(rows, count, batch, 0);
    return batch;
  }

  #probe(batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const side = this.#probeSide;
    const rows = this.#rowsOf(batch);
    const { keys, hashes } = side.keys.encode(batch);
    const marks = this.#unmatchable(side, batch, rows);
    const data = new DataView(memory.buffer);
    [this.#table!.ptr, rows, hashes, keys, marks, 0, 0].forEach((word, index) => {
      data.setUint32(this.#call + index * 4, word, true);
    });
    const { emitsProbe, emitsBuild, emitsPairs } = this.#rules;
    if (this.#condition === undefined && !emitsPairs) {
      if (emitsBuild !== undefined) kernels.hashTableMarkAll(this.#call);
      if (emitsProbe === undefined) return;
      const found = kernels.arenaAlloc(rows) >>> 0;
      kernels.hashTableContains(this.#call, found);
      this.#emitProbe(batch, rows, found);
      return;
    }
    let matched = 0;
    if (emitsProbe !== undefined) {
      matched = kernels.arenaAlloc(rows) >>> 0;
      new Uint8Array(memory.buffer, matched, rows).fill(0);
    }
    // The first call leaves what later ones read in the arena: only what comes behind it is given back in between.
    let more = kernels.hashTableProbe(this.#call) === 0;
    this.#pairs(batch, matched);
    // Of rows with very many matches the first ones may be enough.
    while (more && this.context.output.satisfied !== true) {
      const mark = kernels.arenaMark();
      more = kernels.hashTableProbe(this.#call) === 0;
      this.#pairs(batch, matched);
      kernels.arenaRelease(mark);
    }
    if (matched !== 0) this.#emitProbe(batch, rows, matched);
  }

  /** The pairs that hashTableProbe has listed: condition, marks, output. */
  #pairs(batch: BatchPtr, matched: number): void {
    const { kernels, memory } = this.context.runtime;
    const count = () => new DataView(memory.buffer).getUint32(this.#call + CALL_PAIRS, true);
    if (count() === 0) return;
    if (this.#condition !== undefined) {
      const { values, validity } = this.#condition.evaluate(
        count(),
        ...this.#columnsOfPairs(batch, count()),
      );
      kernels.hashPairsFilter(this.#call, values, validity);
    }
    kernels.hashPairsMark(this.#call, matched, this.#rules.emitsBuild !== undefined ? 1 : 0);
    const n = count();
    if (n > 0 && this.#rules.emitsPairs) this.#emit(n, ...this.#pairSides(batch, n));
  }

  #columnsOfPairs(batch: BatchPtr, n: number): [BatchPtr, BatchPtr] {
    const [probe, build] = this.#pairSides(batch, n);
    return this.#build === 0 ? [build, probe] : [probe, build];
  }

  /** Probe and build rows of the pairs, as two batches. */
  #pairSides(batch: BatchPtr, n: number): [probe: BatchPtr, build: BatchPtr] {
    const { kernels, memory } = this.context.runtime;
    const list = new DataView(memory.buffer).getUint32(this.#call + CALL_PAIR_ROWS, true);
    const probe = kernels.batchGather(batch, this.#probeSide.widths, n, list, 0) >>> 0;
    const build = this.#decode(this.#buildSide, kernels.hashPairsRows(this.#call) >>> 0, n);
    return [probe, build];
  }

  #emit(n: number, probe: BatchPtr, build: BatchPtr): void {
    const columns: ColumnFrom[] = [probe, build].flatMap((batch, index) => {
      const side = index === 0 ? this.#probeSide : this.#buildSide;
      return columnsOf(batch, 0, side.format.columns);
    });
    const probeColumns = this.#probeSide.format.columns;
    const ordered =
      this.#build === 0
        ? [...columns.slice(probeColumns), ...columns.slice(0, probeColumns)]
        : columns;
    this.context.output.emit(assembleBatch(this.context.runtime, n, ordered));
  }

  /** Probe rows that found a match (SEMI) or none (ANTI, outer). `matched`: u8[rows]. */
  #emitProbe(batch: BatchPtr, rows: number, matched: number): void {
    const { runtime } = this.context;
    const { kernels, memory } = runtime;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const wanted = this.#rules.emitsProbe === "matched" ? 1 : 0;
    const n = kernels.rowsWithByte(rows, matched, wanted, list);
    if (n === 0) return;
    const probe = kernels.batchGather(batch, this.#probeSide.widths, n, list, 0) >>> 0;
    if (this.#rules.onlyLeft) {
      this.context.output.emit(probe);
      return;
    }
    const nulls = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint8Array(memory.buffer, nulls, n * 4).fill(0);
    this.#emit(n, probe, this.#decode(this.#buildSide, nulls, n));
  }
}

/**
 * By key: whether its NULLs must be told apart from values. Those that match nothing are left out before keys are compared:
 * keys of fixed width are shorter without a place for them. A text that is NULL may point anywhere, so it keeps its place.
 */
function comparedNulls(node: JoinNode, left: Schema, right: Schema): boolean[] {
  const compared = joinKeyNullability(node, left, right).map((nullable, index) => {
    const physical = physicalOf(left.fields[node.leftKeys[index]!]!.type);
    const isFixed = physical !== "view" && physical !== "row";
    return nullable && !(isFixed && node.filterNulls[index] !== false);
  });
  return agreeing(node, compared);
}

type Emitted = "matched" | "unmatched" | undefined;

interface JoinRules {
  /** Rows of one side by themselves: with NULLs for the other, or alone (SEMI, ANTI). */
  readonly emitsProbe: Emitted;
  readonly emitsBuild: Emitted;
  readonly emitsPairs: boolean;
  /** The output has the left side's fields only. */
  readonly onlyLeft: boolean;
}

function joinRules({ joinType, build }: JoinNode): JoinRules {
  const onlyLeft = joinType === "SEMI" || joinType === "ANTI";
  const left: Emitted =
    joinType === "SEMI"
      ? "matched"
      : joinType === "ANTI" || joinType === "LEFT" || joinType === "FULL"
        ? "unmatched"
        : undefined;
  const right: Emitted = joinType === "RIGHT" || joinType === "FULL" ? "unmatched" : undefined;
  return {
    emitsProbe: build === "left" ? right : left,
    emitsBuild: build === "left" ? left : right,
    emitsPairs: !onlyLeft,
    onlyLeft,
  };
}
