/**
 * Join: regular streaming join of two changelogs, INNER, LEFT, RIGHT, FULL, SEMI and ANTI.
 *
 * Flow:    batch of one side → its keys and the other side's entries → joinPlace and RowWriter (its rows, straight into
 *          state) → joinCollect (candidates) → condition over the
 *          pairs → joinApply (changes of both) → ChangeEmitter. A batch changes only its own side's rows, so all candidates
 *          of a batch can be looked up at once.
 * In/out:  any changelog → any. INNER carries the kind of the row that came; outer joins give +I and -D.
 * State:   join-side.ts, one map a side.
 * Cost:    a hot key's candidates come in pieces of 4,096 pairs; taking a row back is one look into the key's index.
 * Batch:   rows without a match, and those of SEMI and ANTI, are emitted when both inputs have ended.
 * Source:  Flink StreamExecJoin, StreamingJoinOperator, StreamingSemiAntiJoinOperator. A row that replaces one with the
 *          same unique key is no additional match of an outer row (as in Flink's master, not in 2.3).
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { JoinNode, JoinType } from "../../../foundation/plan/exec-node.ts";
import { joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";
import { JoinCondition, NO_MASK } from "./join-condition.ts";
import { JoinSide } from "./join-side.ts";

export const JOIN_FLAG = {
  ownOuter: 1,
  otherOuter: 2,
  inputLeft: 4,
  ownUnique: 8,
  semi: 16,
  anti: 32,
  later: 64,
  keepOther: 128,
} as const;

/** Field offsets of the kernels' call struct (kernels/join.as.ts), in order of its words. */
export const JOIN_CALL_BYTES = 128;
export const JOIN_CALL_PAIRS = 60;
const PLACED_ROWS = 256;

export class JoinOperator extends BaseOperator {
  readonly #node: JoinNode;
  #sides: readonly [JoinSide, JoinSide] | undefined;
  #condition: JoinCondition | undefined;
  #emitter: ChangeEmitter | undefined;
  #call = 0;
  #openInputs = 2;

  constructor(node: JoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const left = this.#createSide(0);
    const right = this.#createSide(1);
    const { condition, joinType, output, description } = this.#node;
    this.#sides = [left, right];
    if (condition !== undefined)
      this.#condition = new JoinCondition({
        context: this.context,
        condition,
        left: left.format,
        right: right.format,
        operator: description,
      });
    this.#emitter = new ChangeEmitter({
      context: this.context,
      output,
      left: left.format,
      ...(isSemi(joinType) ? {} : { right: right.format }),
    });
    this.#call = this.context.runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
  }

  override processBatch(input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const own = this.#sides![input]!;
    const other = this.#sides![1 - input]!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = own.keys.encode(batch);
    const identities = own.identities(batch);
    const sizes = own.writer.sizes(batch);
    const views = kernels.arenaAlloc(rows * 8) >>> 0;
    const handles = kernels.arenaAlloc(rows * 4) >>> 0;
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const kept = kernels.arenaAlloc(rows * 4) >>> 0;
    const others = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(own.map.ptr, rows, hashes, keys, entries);
    kernels.mapFindBatch(other.map.ptr, rows, hashes, keys, others);
    new Uint8Array(memory.buffer).copyWithin(kept, entries, entries + rows * 4);
    this.#leaveOutNulls(input, batch, rows, kept, others);
    const data = new DataView(memory.buffer);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    [
      [own.map.ptr, other.map.ptr, rows, kinds, hashes, kept, others, views, identities],
      [this.#flags(input), 0, 0, 0, 0, 0, 0, 0, 0],
      [this.#second(), own.ttlSeconds, other.ttlSeconds, handles],
    ]
      .flat()
      .forEach((word, index) => {
        data.setUint32(this.#call + index * 4, word, true);
      });
    placeRows(this.context, own, { call: this.#call, batch, rows, sizes });
    this.#run();
    kernels.setsCleanup(own.map.ptr, rows, entries);
  }

  override endInput(): void {
    this.#openInputs--;
    if (this.#openInputs > 0 || this.context.mode !== "batch") return;
    const { joinType } = this.#node;
    if (joinType === "LEFT" || joinType === "FULL") this.#emitFinal(0, false);
    if (joinType === "RIGHT" || joinType === "FULL") this.#emitFinal(1, false);
    if (joinType === "SEMI") this.#emitFinal(0, true);
    if (joinType === "ANTI") this.#emitFinal(0, false);
  }

  override close(): void {
    for (const side of this.#sides ?? []) side.close();
    if (this.#call !== 0) this.context.runtime.kernels.operatorFree(this.#call, JOIN_CALL_BYTES);
    this.#call = 0;
    this.#sides = undefined;
  }

  /** Epoch seconds, by which rows expire. */
  #second(): number {
    return Math.floor(this.context.clock.nowMs() / 1000);
  }

  #createSide(input: 0 | 1): JoinSide {
    const node = this.#node;
    const side = input === 0 ? node.left : node.right;
    const [leftSchema, rightSchema] = this.context.inputs as [
      OperatorContext["inputs"][0],
      OperatorContext["inputs"][0],
    ];
    return new JoinSide({
      context: this.context,
      schema: input === 0 ? leftSchema : rightSchema,
      keys: input === 0 ? node.leftKeys : node.rightKeys,
      nullableKeys: joinKeyNullability(node, leftSchema, rightSchema),
      filterNulls: node.filterNulls,
      unique: side.unique,
      uniqueKey: side.uniqueKey,
      stateName: input === 0 ? "left-records" : "right-records",
      ttlMs: this.context.mode === "batch" ? 0 : (side.stateTtlMs ?? node.stateTtlMs ?? 0),
      operator: node.description,
    });
  }

  /** Rows with a NULL in their key find nothing; where they can never show up later they are not kept either. */
  #leaveOutNulls(input: number, batch: BatchPtr, rows: number, kept: number, others: number): void {
    const marks = this.#sides![input]!.unmatchable(batch, rows);
    if (marks === 0) return;
    const { kernels } = this.context.runtime;
    kernels.clearMarked(rows, marks, others);
    if ((this.#flags(input) & JOIN_FLAG.later) === 0) kernels.clearMarked(rows, marks, kept);
  }

  #run(): void {
    const { kernels, memory } = this.context.runtime;
    let done = false;
    while (!done) {
      const mark = kernels.arenaMark();
      done = kernels.joinCollect(this.#call) !== 0;
      const pairs = new DataView(memory.buffer).getUint32(this.#call + JOIN_CALL_PAIRS, true);
      const mask =
        this.#condition === undefined || pairs === 0
          ? NO_MASK
          : this.#condition.evaluate(this.#call, pairs);
      kernels.joinApply(this.#call, mask.values, mask.validity);
      this.#emitter!.emit();
      kernels.arenaRelease(mark);
    }
  }

  #flags(input: number): number {
    const { joinType } = this.#node;
    const leftOuter = joinType === "LEFT" || joinType === "FULL";
    const rightOuter = joinType === "RIGHT" || joinType === "FULL";
    let flags = input === 0 ? JOIN_FLAG.inputLeft : 0;
    if (input === 0 ? leftOuter : rightOuter) flags |= JOIN_FLAG.ownOuter;
    if (input === 0 ? rightOuter : leftOuter) flags |= JOIN_FLAG.otherOuter;
    if (this.#sides![input]!.isUnique) flags |= JOIN_FLAG.ownUnique;
    if (joinType === "SEMI") flags |= JOIN_FLAG.semi;
    if (joinType === "ANTI") flags |= JOIN_FLAG.anti;
    if (this.context.mode === "batch" && joinType !== "INNER")
      flags |= JOIN_FLAG.later | JOIN_FLAG.keepOther;
    return flags;
  }

  #emitFinal(side: 0 | 1, matched: boolean): void {
    const { kernels } = this.context.runtime;
    const { start, end } = ownKeyGroups(this.context);
    const { map, keys } = this.#sides![side]!;
    const keyBytes = keys.keyBytes < 0 ? 8 : keys.keyBytes;
    // What the kernel remembers between calls is read and set around each emit, which may run other joins.
    let cursor = { group: start, entry: 0, handle: 0 };
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      kernels.joinFinalBegin(cursor.group, cursor.entry, cursor.handle);
      const isLeft = side === 0 ? 1 : 0;
      done = kernels.joinFinal(map.ptr, keyBytes, end, isLeft, matched ? 1 : 0) !== 0;
      cursor = {
        group: kernels.joinFinalGroup(),
        entry: kernels.joinFinalEntry(),
        handle: kernels.joinFinalHandle(),
      };
      this.#emitter!.emit();
      kernels.arenaRelease(mark);
    }
  }
}

/** Writes the rows to where they stay, some at a time: what was laid out is written while it is in the cache. */
export function placeRows(
  { runtime: { kernels } }: OperatorContext,
  own: JoinSide,
  options: {
    readonly call: number;
    readonly batch: BatchPtr;
    readonly rows: number;
    readonly sizes: number;
  },
): void {
  const { call, batch, rows, sizes } = options;
  const targets = kernels.arenaAlloc(rows * 4) >>> 0;
  for (let from = 0; from < rows; from += PLACED_ROWS) {
    const to = Math.min(rows, from + PLACED_ROWS);
    kernels.joinPlace(call, sizes, targets, from, to);
    own.writer.store(batch, targets, from, to);
  }
}

export function isSemi(joinType: JoinType): boolean {
  return joinType === "SEMI" || joinType === "ANTI";
}
