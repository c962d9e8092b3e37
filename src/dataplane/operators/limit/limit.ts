/**
 * Limit: the rows offset + 1 … offset + limit in order of arrival.
 *
 * In/out:  insert-only input: passes those rows on and drops the rest; only their number is state.
 *          `retract`: all rows are kept (rank-engine.ts without a sort key), so that one that is taken back is replaced.
 * State:   map "count": one entry (no key) → rows seen, u64. Or that of the Top-N.
 * Source:  Flink StreamExecLimit.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { LimitNode } from "../../../foundation/plan/exec-node.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { RankEngine } from "../rank/rank-engine.ts";

const KEY_BYTES = 8;

export class LimitOperator extends BaseOperator {
  readonly #node: LimitNode;
  #engine: RankEngine | undefined;
  #rows: BatchRows | undefined;
  #map: KeyedMap | undefined;
  #satisfied = false;

  constructor(node: LimitNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const input = this.context.inputs[0]!;
    if (this.#node.retract) {
      this.#engine = this.#createEngine();
      return;
    }
    this.#rows = new BatchRows(this.context.runtime, input);
    this.#map = this.context.state.map({
      name: "count",
      keyBytes: KEY_BYTES,
      valueBytes: 8,
      keyFields: [],
      valueFields: [{ name: "rows", offset: 0, type: "counter" }],
      ttlMs: 0,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#engine !== undefined) {
      if (this.#node.limit !== 0) this.#engine.process(batch);
      return;
    }
    const { kernels, memory } = this.context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const entry = this.#countEntry();
    const data = new DataView(memory.buffer);
    const seen = Number(data.getBigUint64(entry, true));
    data.setBigUint64(entry, BigInt(seen + rows), true);
    const from = Math.max(0, this.#node.offset - seen);
    this.#satisfied =
      this.context.mode === "batch" && seen + rows >= this.#node.offset + this.#node.limit;
    const to = Math.min(rows, this.#node.offset + this.#node.limit - seen);
    if (from >= to) return;
    if (from === 0 && to === rows) {
      this.context.output.emit(batch);
      return;
    }
    const list = kernels.arenaAlloc((to - from) * 4) >>> 0;
    const words = new Uint32Array(memory.buffer, list, to - from);
    for (let i = from; i < to; i++) words[i - from] = i;
    this.context.output.emit(this.#rows!.gather(batch, list, to - from));
  }

  isSatisfied(): boolean {
    return this.#satisfied;
  }

  override endInput(): void {
    this.#engine?.finish();
  }

  override close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }

  /** The one entry; its key is 8 zero bytes, as that of a global aggregate. */
  #countEntry(): number {
    const { kernels, memory } = this.context.runtime;
    const key = kernels.arenaAlloc(KEY_BYTES) >>> 0;
    new DataView(memory.buffer).setBigUint64(key, 0n, true);
    return (
      kernels.mapUpsert(this.#map!.ptr, kernels.hashFixed(key, KEY_BYTES), key, KEY_BYTES) >>> 0
    );
  }

  #createEngine(): RankEngine {
    const { offset, limit, generateUpdateBefore, output, description, stateTtlMs } = this.#node;
    return new RankEngine(
      {
        input: this.context.inputs[0]!,
        output,
        partitionKeys: [],
        sort: [],
        rankStart: offset + 1,
        rankEnd: offset + limit,
        outputRankNumber: false,
        strategy: "retract",
        generateUpdateBefore,
        fastTop1: false,
        ttlMs: stateTtlMs ?? 0,
        operator: description,
      },
      this.context,
    );
  }
}
