/**
 * LateralSnapshotJoin: JOIN LATERAL TABLE(SNAPSHOT(build)): probe rows meet the rows that the build side has when they
 * come, INNER and LEFT; until the build side is loaded they wait.
 *
 * Flow:    LOAD: both sides are kept. The build side's watermark reaches the time that is asked for, it ends, or nothing
 *          comes from it for the idle timeout → the probe rows that waited are joined → JOIN: each probe batch is joined as
 *          it comes and not kept.
 * In/out:  probe: insert-only; build: any changelog. Output: insert-only; build changes never touch rows that are out.
 * State:   "probe-records", "build-records": join key → row set; value "phase". After a restore all subtasks must have been
 *          in JOIN, else all load again.
 * Watermark: the probe side's, held back while loading; the build side's ends here.
 * TTL:     state_ttl: of a key of the build side, from its last change on.
 * Source:  Flink FLIP-579, LateralSnapshotJoinOperator. Build changes count as they come; Flink shows those behind the
 *          build side's watermark later.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { LateralSnapshotJoinNode } from "../../../foundation/plan/exec-node.ts";
import { joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import type { OperatorValue } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { JOIN_CALL_BYTES, JOIN_CALL_PAIRS, JOIN_FLAG } from "../join/join.ts";
import { JoinCondition, NO_MASK } from "../join/join-condition.ts";
import { JoinSide } from "../join/join-side.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";

/** Keys whose waiting rows are joined at once. */
const CHUNK_KEYS = 1024;

interface Phase {
  readonly joins: boolean;
  /** Watermark of the build side that ends the loading. */
  readonly loadUntilMs: number;
}

export class LateralSnapshotJoinOperator extends BaseOperator {
  readonly #node: LateralSnapshotJoinNode;
  #probe: JoinSide | undefined;
  #build: JoinSide | undefined;
  #condition: JoinCondition | undefined;
  #emitter: ChangeEmitter | undefined;
  #phase: Phase = { joins: false, loadUntilMs: 0 };
  #stored: OperatorValue | undefined;
  #call = 0;
  #probeWatermark = MIN_WATERMARK;
  #buildSeenMs = 0;

  constructor(node: LateralSnapshotJoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { condition, output, description: operator } = this.#node;
    this.#probe = this.#createSide(0);
    this.#build = this.#createSide(1);
    const formats = { left: this.#probe.format, right: this.#build.format };
    if (condition !== undefined)
      this.#condition = new JoinCondition({ context, condition, ...formats, operator });
    this.#emitter = new ChangeEmitter({ context, output, ...formats });
    this.#call = context.runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
    this.#stored = context.state.operatorValue("phase");
    this.#setPhase(this.#restoredPhase());
    this.#buildSeen();
  }

  override processBatch(input: number, batch: BatchPtr): void {
    if (input === 1) this.#keepBuild(batch);
    else if (this.#phase.joins) this.#joinBatch(batch);
    else this.#keepProbe(batch);
  }

  processInputWatermark(input: number, watermark: number): void {
    if (input === 0) {
      this.#probeWatermark = watermark;
      if (this.#phase.joins) this.context.output.emitWatermark(watermark);
      return;
    }
    if (this.#phase.joins) return;
    this.#buildSeen();
    if (watermark >= this.#phase.loadUntilMs) this.#startJoining();
  }

  /** Only watermarks of one input count here. */
  override processWatermark(): void {}

  override endInput(input: number): void {
    if (input === 1 && !this.#phase.joins) this.#startJoining();
  }

  override onProcessingTime(time: number): void {
    const timeout = this.#node.idleTimeoutMs;
    if (this.#phase.joins || timeout === undefined) return;
    if (time >= this.#buildSeenMs + timeout) this.#startJoining();
  }

  override close(): void {
    this.#probe?.close();
    this.#build?.close();
    if (this.#call !== 0) this.context.runtime.kernels.operatorFree(this.#call, JOIN_CALL_BYTES);
    this.#call = 0;
    this.#probe = undefined;
    this.#build = undefined;
  }

  #createSide(input: 0 | 1): JoinSide {
    const node = this.#node;
    const [left, right] = this.context.inputs as readonly [Schema, Schema];
    return new JoinSide({
      context: this.context,
      schema: input === 0 ? left : right,
      keys: input === 0 ? node.leftKeys : node.rightKeys,
      nullableKeys: joinKeyNullability(node, left, right),
      filterNulls: node.filterNulls,
      unique: input === 0 ? "no-unique-key" : node.right.unique,
      uniqueKey: input === 0 ? undefined : node.right.uniqueKey,
      stateName: input === 0 ? "probe-records" : "build-records",
      ttlMs: input === 0 ? 0 : (node.right.stateTtlMs ?? 0),
      operator: node.description,
    });
  }

  #restoredPhase(): Phase {
    const restored = (this.#stored!.restored as readonly Phase[]).filter(Boolean);
    const loadUntilMs = this.#node.loadUntilMs ?? this.context.clock.nowMs();
    const [first] = restored;
    if (first === undefined) return { joins: false, loadUntilMs };
    return { joins: restored.every(({ joins }) => joins), loadUntilMs: first.loadUntilMs };
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#stored!.set(phase);
  }

  /** Something has come from the build side: the idle timeout begins anew. */
  #buildSeen(): void {
    const { idleTimeoutMs } = this.#node;
    if (idleTimeoutMs === undefined || this.#phase.joins) return;
    this.#buildSeenMs = this.context.clock.nowMs();
    this.context.registerProcessingTimer(this.#buildSeenMs + idleTimeoutMs);
  }

  /** As a join keeps its own side, with nobody to meet. */
  #keepBuild(batch: BatchPtr): void {
    this.#buildSeen();
    const { kernels, memory } = this.context.runtime;
    const side = this.#build!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const identities = side.identities(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(side.map.ptr, rows, hashes, keys, entries);
    const kept = kernels.gatherAll(entries, rows) >>> 0;
    const nulls = side.unmatchable(batch, rows);
    if (nulls !== 0) kernels.clearMarked(rows, nulls, kept);
    const nobody = kernels.arenaAlloc(rows * 4) >>> 0;
    new Uint8Array(memory.buffer).fill(0, nobody, nobody + rows * 4);
    const kinds = new DataView(memory.buffer).getUint32(batch + BATCH_KINDS, true);
    const flags = side.isUnique ? JOIN_FLAG.ownUnique : 0;
    const { ptr } = side.map;
    this.#setCall([ptr, 0, rows, kinds, hashes, kept, nobody, views, identities, flags]);
    kernels.joinCollect(this.#call);
    kernels.joinApply(this.#call, 0, 0);
    kernels.setsCleanup(ptr, rows, entries);
  }

  #keepProbe(batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const side = this.#probe!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(side.map.ptr, rows, hashes, keys, entries);
    const nulls = this.#node.joinType === "LEFT" ? 0 : side.unmatchable(batch, rows);
    const all = kernels.gatherAll(entries, rows) >>> 0;
    if (nulls !== 0) kernels.clearMarked(rows, nulls, entries);
    kernels.setsAppend(side.map.ptr, rows, hashes, entries, views);
    if (nulls !== 0) kernels.setsCleanup(side.map.ptr, rows, all);
  }

  #joinBatch(batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const side = this.#probe!;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = side.keys.encode(batch);
    const views = side.format.encode(batch);
    const others = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapFindBatch(this.#build!.map.ptr, rows, hashes, keys, others);
    const nulls = side.unmatchable(batch, rows);
    if (nulls !== 0) kernels.clearMarked(rows, nulls, others);
    this.#emitJoined(rows, hashes, others, views);
  }

  #startJoining(): void {
    this.#setPhase({ ...this.#phase, joins: true });
    const { kernels } = this.context.runtime;
    const { start, end } = ownKeyGroups(this.context);
    for (let group = start; group <= end; group++)
      for (let more = true; more; ) {
        const mark = kernels.arenaMark();
        more = this.#joinWaiting(group);
        kernels.arenaRelease(mark);
      }
    if (this.#probeWatermark > MIN_WATERMARK)
      this.context.output.emitWatermark(this.#probeWatermark);
  }

  /** The waiting rows of some keys of a key group; false when there are none. */
  #joinWaiting(group: number): boolean {
    const { kernels, memory } = this.context.runtime;
    const { map, keys: codec } = this.#probe!;
    const keyBytes = codec.keyBytes < 0 ? 8 : codec.keyBytes;
    const entries = kernels.arenaAlloc(CHUNK_KEYS * 4) >>> 0;
    const hashes = kernels.arenaAlloc(CHUNK_KEYS * 8) >>> 0;
    const keys = kernels.arenaAlloc(CHUNK_KEYS * Math.max(8, keyBytes)) >>> 0;
    const n = kernels.entriesCollect(map.ptr, group, 0, CHUNK_KEYS, entries, hashes, keys);
    if (n === 0) return false;
    const others = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(this.#build!.map.ptr, n, hashes, keys, others);
    const out = kernels.arenaAlloc(8) >>> 0;
    const rows = kernels.setsRows(map.ptr, n, hashes, entries, out) >>> 0;
    const data = new DataView(memory.buffer);
    const views = data.getUint32(out, true);
    const owners = data.getUint32(out + 4, true);
    const hashOfRow = kernels.gatherWide(hashes, 8, rows, owners) >>> 0;
    const otherOfRow = kernels.gatherWords(others, rows, owners) >>> 0;
    this.#emitJoined(rows, hashOfRow, otherOfRow, views);
    kernels.setsRemove(map.ptr, n, hashes, entries);
    return true;
  }

  #emitJoined(rows: number, hashes: number, others: number, views: number): void {
    const { kernels, memory } = this.context.runtime;
    const flags = JOIN_FLAG.inputLeft | (this.#node.joinType === "LEFT" ? JOIN_FLAG.ownOuter : 0);
    this.#setCall([0, this.#build!.map.ptr, rows, 0, hashes, 0, others, views, 0, flags]);
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      done = kernels.joinCollect(this.#call) !== 0;
      const pairs = new DataView(memory.buffer).getUint32(this.#call + JOIN_CALL_PAIRS, true);
      const mask =
        this.#condition === undefined || pairs === 0
          ? NO_MASK
          : this.#condition.evaluate(this.#call, pairs);
      kernels.lookupApply(this.#call, mask.values, mask.validity);
      this.#emitter!.emit();
      kernels.arenaRelease(mark);
    }
  }

  #setCall(words: readonly number[]): void {
    const data = new DataView(this.context.runtime.memory.buffer);
    for (let at = 0; at < JOIN_CALL_BYTES; at += 4)
      data.setUint32(this.#call + at, words[at / 4] ?? 0, true);
  }
}
