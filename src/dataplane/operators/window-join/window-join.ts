/**
 * WindowJoin: joins the rows of one window, INNER, LEFT, RIGHT, FULL, SEMI and ANTI, when the window is over.
 *
 * In/out:  insert-only → insert-only.
 * State:   per side a map "left-records", "right-records": join key (window bounds among them) → row set; timers by the
 *          window's end. Nothing is left behind when a window has fired.
 * Late:    rows of windows that are over are dropped and counted in numLateRecordsDropped.
 * NULLs:   a NULL in a key matches nothing; such rows are kept only where they can show up unmatched.
 * Source:  Flink StreamExecWindowJoin, WindowJoinOperator.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowJoinNode } from "../../../foundation/plan/exec-node.ts";
import { joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import { call, type Expression, input } from "../../../foundation/plan/expression.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { isSemi, JOIN_CALL_BYTES, JOIN_CALL_PAIRS, JOIN_FLAG } from "../join/join.ts";
import { JoinCondition, NO_MASK } from "../join/join-condition.ts";
import { JoinSide } from "../join/join-side.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { LateRecords } from "../rows/late-records.ts";

/** Byte behind the row set: set once the key is registered with its window. */
const REGISTERED = 16;

interface Side {
  readonly rows: BatchRows;
  readonly join: JoinSide;
  readonly timers: WindowTimers;
  readonly clock: WindowClock;
  readonly endColumn: number;
  /** Whether rows that match nothing show up. */
  readonly keepsUnmatched: boolean;
}

export class WindowJoinOperator extends BaseOperator {
  readonly #node: WindowJoinNode;
  #sides: readonly [Side, Side] | undefined;
  #condition: JoinCondition | undefined;
  #emitter: ChangeEmitter | undefined;
  #call = 0;
  #openInputs = 2;
  #late: LateRecords | undefined;

  constructor(node: WindowJoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    this.#late = new LateRecords(context);
    const { joinType, output, description } = this.#node;
    const left = this.#createSide(0);
    const right = this.#createSide(1);
    this.#sides = [left, right];
    const condition = this.#wholeCondition();
    const formats = { left: left.join.format, right: right.join.format };
    if (condition !== undefined)
      this.#condition = new JoinCondition({
        context,
        condition,
        ...formats,
        operator: description,
      });
    this.#emitter = new ChangeEmitter({
      context,
      output,
      left: formats.left,
      ...(isSemi(joinType) ? {} : { right: formats.right }),
    });
    this.#call = context.runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
  }

  override processBatch(inputIndex: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const side = this.#sides![inputIndex]!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const ends = this.#ends(side, batch);
    const kept = kernels.rowsAbove(rows, ends, 8, 0, BigInt(side.clock.overUntil), list);
    this.#late!.drop(rows - kept);
    if (kept > 0)
      this.#keep(side, kept === rows ? batch : side.rows.gather(batch, list, kept), kept);
    side.clock.registered();
  }

  override processWatermark(watermark: number): void {
    this.#advance((clock, fire) => clock.watermark(watermark, fire));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#advance((clock, fire) => clock.processingTime(time, fire));
  }

  override endInput(): void {
    this.#openInputs--;
    if (this.#openInputs === 0 && this.context.mode === "batch")
      this.#advance((clock, fire) => clock.end(fire));
  }

  override close(): void {
    for (const side of this.#sides ?? []) side.join.close();
    if (this.#call !== 0) this.context.runtime.kernels.operatorFree(this.#call, JOIN_CALL_BYTES);
    this.#call = 0;
    this.#sides = undefined;
  }

  #createSide(index: 0 | 1): Side {
    const { context } = this;
    const node = this.#node;
    const { joinType } = node;
    const [leftSchema, rightSchema] = context.inputs as readonly [Schema, Schema];
    const schema = index === 0 ? leftSchema : rightSchema;
    const join = new JoinSide({
      context,
      schema,
      keys: index === 0 ? node.leftKeys : node.rightKeys,
      nullableKeys: joinKeyNullability(node, leftSchema, rightSchema),
      filterNulls: node.leftKeys.map(() => true),
      unique: "no-unique-key",
      stateName: index === 0 ? "left-records" : "right-records",
      ttlMs: 0,
      extraValueBytes: 8,
      operator: node.description,
    });
    const name = index === 0 ? "left-timers" : "right-timers";
    const timers = new WindowTimers(context, name, join.keys.keyBytes);
    const leftKeeps = joinType === "LEFT" || joinType === "FULL" || joinType === "ANTI";
    const rightKeeps = joinType === "RIGHT" || joinType === "FULL";
    const end = index === 0 ? node.leftWindowEnd : node.rightWindowEnd;
    return {
      rows: new BatchRows(context.runtime, schema),
      join,
      timers,
      clock: new WindowClock(context, timers, { attribute: node.attribute }),
      endColumn: physicalIndex(schema, end),
      keepsUnmatched: index === 0 ? leftKeeps : rightKeeps,
    };
  }

  /** FULL keeps rows with NULL keys on both sides: they must not find each other. */
  #wholeCondition(): Expression | undefined {
    const { condition, joinType, leftKeys } = this.#node;
    if (joinType !== "FULL") return condition;
    const left = this.context.inputs[0]!;
    const boolean = types.boolean(false);
    const parts = leftKeys
      .filter((field) => left.fields[field]!.type.nullable)
      .map((field): Expression => {
        return call("IS_NOT_NULL", [input(field, left.fields[field]!.type)], boolean);
      });
    if (condition !== undefined) parts.push(condition);
    return parts.length < 2 ? parts[0] : call("AND", parts, types.boolean());
  }

  #ends(side: Side, batch: BatchPtr): number {
    const at = columnPtr(batch, side.endColumn) + COLUMN_VALUES;
    return new DataView(this.context.runtime.memory.buffer).getUint32(at, true);
  }

  #keep(side: Side, batch: BatchPtr, rows: number): void {
    const { kernels } = this.context.runtime;
    const { join } = side;
    const encoded = join.keys.encode(batch);
    const views = join.format.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(join.map.ptr, rows, encoded.hashes, encoded.keys, entries);
    const marks = side.keepsUnmatched ? 0 : join.unmatchable(batch, rows);
    const all = marks === 0 ? entries : kernels.gatherAll(entries, rows) >>> 0;
    if (marks !== 0) kernels.clearMarked(rows, marks, entries);
    kernels.setsAppend(join.map.ptr, rows, encoded.hashes, entries, views);
    side.timers.register(rows, encoded, entries, this.#ends(side, batch), REGISTERED);
    if (marks !== 0) kernels.setsCleanup(join.map.ptr, rows, all);
  }

  /**
   * Both sides' windows in order of their ends. The left side's fire first and take the right one's rows with them; what
   * is left on the right matched nothing.
   */
  #advance(drive: (clock: WindowClock, fire: (moment: number) => void) => void): void {
    const [left, right] = this.#sides!;
    drive(left.clock, (moment) => this.#fireLeft(moment));
    drive(right.clock, (moment) => this.#fireRight(moment));
  }

  #fireLeft(moment: number): void {
    const { kernels, memory } = this.context.runtime;
    const [left, right] = this.#sides!;
    const { n, keys, hashes } = left.timers.keysOf(moment);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const others = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(left.join.map.ptr, n, hashes, keys, entries);
    kernels.mapFindBatch(right.join.map.ptr, n, hashes, keys, others);
    const out = kernels.arenaAlloc(8) >>> 0;
    const rows = kernels.setsRows(left.join.map.ptr, n, hashes, entries, out) >>> 0;
    const data = new DataView(memory.buffer);
    const views = data.getUint32(out, true);
    const owners = data.getUint32(out + 4, true);
    const hashOfRow = kernels.gatherWide(hashes, 8, rows, owners) >>> 0;
    const otherOfRow = kernels.gatherWords(others, rows, owners) >>> 0;
    const { ptr } = left.join.map;
    const words = [ptr, right.join.map.ptr, rows, 0, hashOfRow, 0, otherOfRow, views, 0];
    [...words, this.#flags(), 0, 0, 0, 0, 0].forEach((word, index) => {
      new DataView(memory.buffer).setUint32(this.#call + index * 4, word, true);
    });
    for (let done = false; !done; ) {
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
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  #fireRight(moment: number): void {
    const { kernels } = this.context.runtime;
    const right = this.#sides![1];
    const { ptr } = right.join.map;
    const { n, keys, hashes } = right.timers.keysOf(moment);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    if (right.keepsUnmatched) {
      kernels.setsUnmatched(ptr, n, hashes, entries);
      this.#emitter!.emit();
    }
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  #flags(): number {
    const { joinType } = this.#node;
    let flags: number = JOIN_FLAG.inputLeft | JOIN_FLAG.keepOther;
    if (joinType === "LEFT" || joinType === "FULL") flags |= JOIN_FLAG.ownOuter;
    if (joinType === "RIGHT" || joinType === "FULL") flags |= JOIN_FLAG.otherOuter;
    if (joinType === "SEMI") flags |= JOIN_FLAG.semi;
    if (joinType === "ANTI") flags |= JOIN_FLAG.anti;
    return flags;
  }
}
