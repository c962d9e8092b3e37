/**
 * TimedSides: what joins bounded by time share: both inputs' keys and rows, one map for both, the condition, the changes.
 *
 * Flow:    IntervalJoin, TemporalJoin → here → kernels/timed-rows.as.ts.
 * State:   map "records": join key → row set of the left side, row set of the right side, the operator's own bytes.
 * Errors:  MR4150 the time attribute is NULL.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type {
  IntervalJoinNode,
  TemporalJoinNode,
  TimeColumn,
} from "../../../foundation/plan/exec-node.ts";
import { joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap, StateField } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { operatorErrors } from "../errors.ts";
import { JOIN_CALL_BYTES, JOIN_CALL_PAIRS, JOIN_FLAG } from "../join/join.ts";
import { JoinCondition, type Mask, NO_MASK } from "../join/join-condition.ts";
import { JoinSide } from "../join/join-side.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";

/** Offsets in the map's value. */
export const LEFT_SET = 0;
export const RIGHT_SET = ROW_SET_BYTES;
export const SETS_BYTES = 2 * ROW_SET_BYTES;

/** One batch of one side, as the kernels take it. */
export interface TimedBatch extends EncodedKeys {
  readonly rows: number;
  readonly kinds: number;
  readonly views: number;
  /** u32[rows]: the key's entry. */
  readonly entries: number;
  /** u32[rows]: 0 where a NULL in the key matches nothing. */
  readonly matchable: number;
  /** i64[rows] epoch milliseconds. */
  readonly times: number;
}

export class TimedSides {
  readonly map: KeyedMap;
  readonly call: number;
  readonly emitter: ChangeEmitter;
  readonly #context: OperatorContext;
  readonly #node: IntervalJoinNode | TemporalJoinNode;
  readonly #sides: readonly [JoinSide, JoinSide];
  readonly #condition: JoinCondition | undefined;
  #closed = false;

  constructor(options: {
    readonly context: OperatorContext;
    readonly node: IntervalJoinNode | TemporalJoinNode;
    /** What the map's value holds behind the two sets. */
    readonly extra: { readonly bytes: number; readonly fields: readonly StateField[] };
    readonly ttlMs: number;
  }) {
    const { context, node, extra, ttlMs } = options;
    this.#context = context;
    this.#node = node;
    let map: KeyedMap | undefined;
    const side = (index: 0 | 1) =>
      this.#createSide(index, (keys) => {
        map ??= context.state.map({
          name: "records",
          keyBytes: keys.keyBytes,
          valueBytes: SETS_BYTES + extra.bytes,
          keyFields: keys.keyFields,
          valueFields: [...setFields("left", LEFT_SET), ...setFields("right", RIGHT_SET)].concat(
            extra.fields,
          ),
          rows: context.inputs.map((schema, input) =>
            stateRows(schema, "set", {
              name: input === 0 ? "left" : "right",
              offset: input === 0 ? LEFT_SET : RIGHT_SET,
              input,
            }),
          ),
          ttlMs,
        });
        return map;
      });
    this.#sides = [side(0), side(1)];
    this.map = this.#sides[0].map;
    const [{ format: left }, { format: right }] = this.#sides;
    const { condition, output, description: operator } = node;
    if (condition !== undefined)
      this.#condition = new JoinCondition({ context, condition, left, right, operator });
    this.emitter = new ChangeEmitter({ context, output, left, right });
    this.call = context.runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
  }

  /** What state's timers take as the width of keys. */
  get keyBytes(): number {
    return this.#sides[0].keys.keyBytes;
  }

  /** Encodes a batch, finds or makes its entries. */
  encode(input: number, batch: BatchPtr, times: (rows: number) => number): TimedBatch {
    const { kernels, memory } = this.#context.runtime;
    const side = this.#sides[input]!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const moments = times(rows);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(this.map.ptr, rows, hashes, keys, entries);
    const marks = side.unmatchable(batch, rows);
    const matchable = marks === 0 ? entries : kernels.gatherAll(entries, rows) >>> 0;
    if (marks !== 0) kernels.clearMarked(rows, marks, matchable);
    const kinds = new DataView(memory.buffer).getUint32(batch + 4, true);
    return { rows, kinds, keys, hashes, views, entries, matchable, times: moments };
  }

  /** i64[rows] of a time column. */
  timesOf(input: number, batch: BatchPtr, column: TimeColumn, rows: number): number {
    const { kernels, memory } = this.#context.runtime;
    const schema = this.#context.inputs[input]!;
    const data = new DataView(memory.buffer);
    const at = columnPtr(batch, physicalIndex(schema, column.index));
    const validity = data.getUint32(at + COLUMN_VALIDITY, true);
    if (validity !== 0 && new Uint8Array(memory.buffer, validity, rows).includes(0))
      throw operatorErrors.ROWTIME_NULL({
        column: schema.fields[column.index]!.name,
        operator: this.#node.description,
      });
    const values = data.getUint32(at + COLUMN_VALUES, true);
    const width = PHYSICAL_WIDTH[physicalOf(column.type)];
    return width === 8 ? values : kernels.millisOf(values, rows) >>> 0;
  }

  /** Writes the call struct: words from the start, then i64s from word 22 on. */
  setCall(words: readonly number[], longs: readonly number[]): void {
    const data = new DataView(this.#context.runtime.memory.buffer);
    for (let at = 0; at < JOIN_CALL_BYTES; at += 4) data.setUint32(this.call + at, 0, true);
    words.forEach((word, index) => {
      data.setUint32(this.call + index * 4, word, true);
    });
    longs.forEach((value, index) => {
      data.setBigInt64(this.call + FIRST_LONG + index * 8, BigInt(value), true);
    });
  }

  /** Of the pairs that a kernel has listed. */
  mask(): Mask {
    const data = new DataView(this.#context.runtime.memory.buffer);
    const pairs = data.getUint32(this.call + JOIN_CALL_PAIRS, true);
    if (this.#condition === undefined || pairs === 0) return NO_MASK;
    return this.#condition.evaluate(this.call, pairs);
  }

  flags(input: number): number {
    const { joinType } = this.#node;
    const leftOuter = joinType === "LEFT" || joinType === "FULL";
    const rightOuter = joinType === "RIGHT" || joinType === "FULL";
    let flags: number = input === 0 ? JOIN_FLAG.inputLeft : 0;
    if (input === 0 ? leftOuter : rightOuter) flags |= JOIN_FLAG.ownOuter;
    if (input === 0 ? rightOuter : leftOuter) flags |= JOIN_FLAG.otherOuter;
    return flags;
  }

  /** The listed keys (u32[n] indexes) on their own, for timers. */
  pick(
    encoded: EncodedKeys,
    n: number,
    list: number,
  ): { readonly hashes: number; readonly keys: number } {
    const { kernels } = this.#context.runtime;
    const keyBytes = this.keyBytes < 0 ? 8 : this.keyBytes;
    return {
      hashes: kernels.gatherWide(encoded.hashes, 8, n, list) >>> 0,
      keys: kernels.gatherWide(encoded.keys, keyBytes, n, list) >>> 0,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const side of this.#sides) side.close();
    this.#context.runtime.kernels.operatorFree(this.call, JOIN_CALL_BYTES);
  }

  #createSide(input: 0 | 1, createMap: (keys: JoinSide["keys"]) => KeyedMap): JoinSide {
    const node = this.#node;
    const [left, right] = this.#context.inputs as readonly [Schema, Schema];
    return new JoinSide({
      context: this.#context,
      schema: input === 0 ? left : right,
      keys: input === 0 ? node.leftKeys : node.rightKeys,
      nullableKeys: joinKeyNullability(node, left, right),
      filterNulls: node.filterNulls,
      unique: "no-unique-key",
      stateName: "records",
      ttlMs: 0,
      createMap,
      operator: node.description,
    });
  }
}

/** Offset of the first i64 in the call struct. */
const FIRST_LONG = 88;

function setFields(side: string, offset: number): StateField[] {
  return ROW_SET_FIELDS.map((field) => ({
    ...field,
    name: `${side}-${field.name}`,
    offset: offset + field.offset,
  }));
}
