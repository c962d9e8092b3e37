/**
 * MultiJoin: INNER and LEFT joins of several changelogs that share a key, in one operator that keeps no rows in between.
 *
 * Flow:    batch of one input → its keys and every other input's entries → joinPlace, joinKeep (its rows, into state or out of
 *          it) → tuples of rows, which grow by one input after another (multi-join-step.ts, kernels/multi-join.as.ts) → rows
 *          with a row of every input.
 * In/out:  any changelog → any. Rows carry the kind of the row that came; what is padded with NULLs is taken back as -D and
 *          comes again as +I.
 * State:   join-side.ts, one map an input, by the common key: join-input-0, join-input-1 …
 * Order:   a row of a LEFT input changes what is padded by whether its key had other rows that match at that moment. Where the
 *          key says what matches, one pass over the batch tells it; else rows of one key go in rounds, one after another.
 * Cost:    every tuple of rows before a row is gone through again for it: nothing is kept of them.
 * Source:  Flink StreamExecMultiJoin, StreamingMultiJoinOperator. A row of a LEFT input that does not match takes nothing back,
 *          and a deletion of a row that is not there brings nothing padded (Flink's counts are wrong there).
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { MultiJoinNode } from "../../../foundation/plan/exec-node.ts";
import { commonKeyNullability } from "../../../foundation/plan/join-keys.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { JOIN_CALL_BYTES, JOIN_FLAG, placeRows } from "../join/join.ts";
import { JoinSide } from "../join/join-side.ts";
import { type JoinedBatch, MultiJoinSteps } from "./multi-join-steps.ts";

export class MultiJoinOperator extends BaseOperator {
  readonly #node: MultiJoinNode;
  #sides: readonly JoinSide[] = [];
  #steps: MultiJoinSteps | undefined;
  /** What joinPlace and joinKeep read. */
  #call = 0;

  constructor(node: MultiJoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const nullableKeys = commonKeyNullability(this.#node.keys, this.context.inputs);
    this.#sides = this.#node.keys.map((_, input) => this.#createSide(input, nullableKeys));
    this.#steps = new MultiJoinSteps(this.#node, this.context, this.#sides);
    this.#call = this.context.runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
  }

  override processBatch(input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const own = this.#sides[input]!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = own.keys.encode(batch);
    const identities = own.identities(batch);
    const sizes = own.writer.sizes(batch);
    const views = kernels.arenaAlloc(rows * 8) >>> 0;
    const handles = kernels.arenaAlloc(rows * 4) >>> 0;
    const upserted = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(own.map.ptr, rows, hashes, keys, upserted);
    const entries = this.#sides.map((side, at) => {
      const found = kernels.arenaAlloc(rows * 4) >>> 0;
      if (at !== input) kernels.mapFindBatch(side.map.ptr, rows, hashes, keys, found);
      return found;
    });
    const kept = entries[input]!;
    new Uint8Array(memory.buffer).copyWithin(kept, upserted, upserted + rows * 4);
    // A row with a NULL in its key finds nothing, and nothing will ever find it.
    const marks = own.unmatchable(batch, rows);
    if (marks !== 0) for (const each of entries) kernels.clearMarked(rows, marks, each);
    const data = new DataView(memory.buffer);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const now = Math.floor(this.context.clock.nowMs() / 1000);
    const flags = own.isUnique ? JOIN_FLAG.ownUnique : 0;
    [
      [own.map.ptr, 0, rows, kinds, hashes, kept, 0, views, identities],
      [flags, 0, 0, 0, 0, 0, 0, 0, 0],
      [now, own.ttlSeconds, 0, handles],
    ]
      .flat()
      .forEach((word, index) => {
        data.setUint32(this.#call + index * 4, word, true);
      });
    placeRows(this.context, own, { call: this.#call, batch, rows, sizes });
    const joined: JoinedBatch = {
      input,
      rows,
      kinds,
      hashes,
      views,
      entries,
      now,
      keep: this.#call,
    };
    this.#steps!.join(joined);
    kernels.setsCleanup(own.map.ptr, rows, upserted);
  }

  override close(): void {
    for (const side of this.#sides) side.close();
    this.#steps?.close();
    if (this.#call !== 0) this.context.runtime.kernels.operatorFree(this.#call, JOIN_CALL_BYTES);
    this.#call = 0;
    this.#sides = [];
    this.#steps = undefined;
  }

  #createSide(input: number, nullableKeys: readonly boolean[]): JoinSide {
    const { keys, sides, stateTtlMs, description } = this.#node;
    const { unique, uniqueKey, stateTtlMs: own } = sides[input]!;
    return new JoinSide({
      context: this.context,
      schema: this.context.inputs[input]!,
      keys: keys[input]!,
      nullableKeys,
      filterNulls: keys[input]!.map(() => true),
      unique,
      uniqueKey,
      stateName: `join-input-${input}`,
      input,
      ttlMs: this.context.mode === "batch" ? 0 : (own ?? stateTtlMs ?? 0),
      operator: description,
    });
  }
}
