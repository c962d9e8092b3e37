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
 *          again, up to MOST_LEVELS times. Where that does not help, rows of few keys are too many for memory, and the
 *          part is sorted and merged (sort-merge-join/merge-join.ts).
 * Source:  Flink BatchExecHashJoin (HashJoinType).
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { JoinNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { MergeJoin } from "../sort-merge-join/merge-join.ts";
import { JoinSides } from "./join-sides.ts";
import { MOST_LEVELS, PARTS } from "./row-parts.ts";
import { RowTable } from "./row-table.ts";
import { SpilledSides } from "./spilled-sides.ts";

const CALL_BYTES = 64;
const CALL_PAIRS = 28;
const CALL_PAIR_ROWS = 32;
/** Of the budget: how much may be in use before rows are spilled, and what the build side of a part may take. */
const USED_SHARE = 0.7;
const PART_SHARE = 0.2;
/** Of the part that it was parted from: a part with more of it has rows of few keys. */
const SKEWED_SHARE = 0.9;

export class HashJoinOperator extends BaseOperator {
  readonly #node: JoinNode;
  readonly #build: 0 | 1;
  #sides: JoinSides | undefined;
  #table: RowTable | undefined;
  /** Probe rows that came too early. */
  #early: RowTable | undefined;
  #call = 0;
  #phase: "building" | "replaying" | "probing" | "finishing" | "done" = "building";
  #probeEnded = false;
  #spilled: SpilledSides | undefined;
  /** The join of spilled parts, piece by piece. */
  #pieces: Generator<void> | undefined;

  /** Of a part that is too big. */
  #merge: MergeJoin | undefined;
  #mergedBytes = 0;

  constructor(node: JoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#build = node.build === "left" ? 0 : 1;
  }

  override open(): void {
    const { runtime } = this.context;
    this.#sides = new JoinSides(this.#node, this.context);
    this.#table = new RowTable(runtime, this.#join.buildSide.keys.keyBytes);
    this.context.metrics.gauge(
      "spilledBytes",
      () => (this.#spilled?.file.bytes ?? 0) + this.#mergedBytes,
    );
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
    this.#merge?.close();
    this.#merge = undefined;
    this.#spilled?.close();
    this.#spilled = undefined;
    this.#pieces = undefined;
    this.#table = undefined;
    this.#early = undefined;
    const { kernels } = this.context.runtime;
    this.#sides?.close();
    this.#sides = undefined;
    if (this.#call !== 0) kernels.operatorFree(this.#call, CALL_BYTES);
    this.#call = 0;
  }

  get #join(): JoinSides {
    return this.#sides!;
  }

  /** Rows of either side to its parts. */
  #spill({ parts }: SpilledSides, input: number, batch: BatchPtr): void {
    const side = this.#join.sides[input]!;
    const { hashes } = side.keys.encode(batch);
    parts[input]!.add(this.#join.rowsOf(batch), hashes, side.format.encode(batch));
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
        if (count > 0)
          this.#spill(spilled, input, this.#join.decode(this.#join.sides[input]!, rows, count));
        more = count === MAX_BATCH_ROWS;
        kernels.arenaRelease(mark);
      }
    }
    this.#table!.clear();
    this.#early?.close();
    this.#early = undefined;
  }

  /** Joins part after part; a yield is a good moment to look whether there is room downstream. */
  *#joinParts({ parts, file }: SpilledSides, level: number, whole = 0): Generator<void> {
    const { runtime, spill } = this.context;
    const [build, probe] = [parts[this.#build], parts[1 - this.#build]!];
    for (const side of parts) side.flush();
    for (let part = 0; part < PARTS; part++) {
      const bytes = build.bytes(part);
      const isBig = bytes > spill!.budgetBytes * PART_SHARE;
      if (isBig && (level + 1 === MOST_LEVELS || (level > 0 && bytes > whole * SKEWED_SHARE))) {
        yield* this.#mergePart(parts, part);
        continue;
      }
      if (isBig) {
        const inner = new SpilledSides(runtime, spill!.budgetBytes, file, level + 1);
        for (const input of [0, 1])
          for (const rows of parts[input]!.batches(part, this.#join.sides[input]!.format)) {
            this.#spill(inner, input, rows);
            yield;
          }
        yield* this.#joinParts(inner, level + 1, bytes);
        inner.close();
        continue;
      }
      for (const rows of build.batches(part, this.#join.buildSide.format)) {
        this.#add(rows);
        yield;
      }
      this.#table!.index();
      for (const rows of probe.batches(part, this.#join.probeSide.format)) {
        this.#probe(rows);
        yield;
      }
      if (this.#join.rules.emitsBuild !== undefined) {
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

  /** A part whose build side is too big for a table, because rows of one key stay together. */
  *#mergePart(parts: SpilledSides["parts"], part: number): Generator<void> {
    const merge = new MergeJoin(this.context, this.#join, this.#node.description);
    this.#merge = merge;
    for (const input of [0, 1])
      for (const rows of parts[input]!.batches(part, this.#join.sides[input]!.format)) {
        merge.add(input, rows);
        yield;
      }
    yield* merge.join();
    this.#mergedBytes += merge.spilledBytes;
    merge.close();
    this.#merge = undefined;
  }

  #add(batch: BatchPtr): void {
    this.#makeRoom();
    if (this.#spilled !== undefined && this.#pieces === undefined) {
      this.#spill(this.#spilled, this.#build, batch);
      return;
    }
    const side = this.#join.buildSide;
    const rows = this.#join.rowsOf(batch);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const marks = this.#join.unmatchable(side, batch, rows);
    this.#table!.add(
      rows,
      { keys, hashes, views, marks },
      this.#join.rules.emitsBuild !== undefined,
    );
  }

  #keep(batch: BatchPtr): void {
    this.#makeRoom();
    if (this.#spilled !== undefined) {
      this.#spill(this.#spilled, 1 - this.#build, batch);
      return;
    }
    this.#early ??= new RowTable(this.context.runtime, 0);
    const views = this.#join.probeSide.format.encode(batch);
    this.#early.add(this.#join.rowsOf(batch), { keys: 0, hashes: 0, views, marks: 0 }, true);
  }

  #replayPiece(): void {
    const { kernels } = this.context.runtime;
    const { format } = this.#join.probeSide;
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
    this.#phase = this.#join.rules.emitsBuild === undefined ? "done" : "finishing";
    this.#table!.scan();
  }

  /** Build rows that matched, or that did not, with NULLs in place of the probe side. */
  #finalPiece(): void {
    const { kernels } = this.context.runtime;
    const rows = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    const count = this.#table!.next(this.#join.rules.emitsBuild!, rows, MAX_BATCH_ROWS);
    if (count < MAX_BATCH_ROWS) this.#phase = "done";
    if (count === 0) return;
    const { build, buildSide } = this.#join;
    this.#join.emitAlone(build, count, this.#join.decode(buildSide, rows, count));
  }

  #probe(batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const side = this.#join.probeSide;
    const rows = this.#join.rowsOf(batch);
    const { keys, hashes } = side.keys.encode(batch);
    const marks = this.#join.unmatchable(side, batch, rows);
    const data = new DataView(memory.buffer);
    [this.#table!.ptr, rows, hashes, keys, marks, 0, 0].forEach((word, index) => {
      data.setUint32(this.#call + index * 4, word, true);
    });
    const { emitsProbe, emitsBuild, emitsPairs } = this.#join.rules;
    if (this.#join.condition === undefined && !emitsPairs) {
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
    if (this.#join.condition !== undefined) {
      const { values, validity } = this.#join.condition.evaluate(
        count(),
        ...this.#columnsOfPairs(batch, count()),
      );
      kernels.hashPairsFilter(this.#call, values, validity);
    }
    kernels.hashPairsMark(this.#call, matched, this.#join.rules.emitsBuild !== undefined ? 1 : 0);
    const n = count();
    if (n > 0 && this.#join.rules.emitsPairs) this.#join.emitPairs(n, ...this.#pairSides(batch, n));
  }

  #columnsOfPairs(batch: BatchPtr, n: number): [BatchPtr, BatchPtr] {
    const [probe, build] = this.#pairSides(batch, n);
    return this.#build === 0 ? [build, probe] : [probe, build];
  }

  /** Probe and build rows of the pairs, as two batches. */
  #pairSides(batch: BatchPtr, n: number): [probe: BatchPtr, build: BatchPtr] {
    const { kernels, memory } = this.context.runtime;
    const list = new DataView(memory.buffer).getUint32(this.#call + CALL_PAIR_ROWS, true);
    const probe = this.#join.gather(this.#join.probeSide, batch, n, list);
    const build = this.#join.decode(
      this.#join.buildSide,
      kernels.hashPairsRows(this.#call) >>> 0,
      n,
    );
    return [probe, build];
  }

  /** Probe rows that found a match (SEMI) or none (ANTI, outer). `matched`: u8[rows]. */
  #emitProbe(batch: BatchPtr, rows: number, matched: number): void {
    const { kernels } = this.context.runtime;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const wanted = this.#join.rules.emitsProbe === "matched" ? 1 : 0;
    const n = kernels.rowsWithByte(rows, matched, wanted, list);
    if (n === 0) return;
    const { build, probeSide } = this.#join;
    this.#join.emitAlone(1 - build, n, this.#join.gather(probeSide, batch, n, list));
  }
}
