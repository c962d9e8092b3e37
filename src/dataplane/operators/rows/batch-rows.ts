/** BatchRows: picks, repeats and filters rows of batches of one schema; the columns are copied, views are shared. */
import { BATCH_KINDS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

export class BatchRows {
  readonly #runtime: WorkerRuntime;
  readonly #widths: number;

  constructor(runtime: WorkerRuntime, schema: Schema) {
    this.#runtime = runtime;
    const widths = physicalColumns(schema).map(({ physical }) => PHYSICAL_WIDTH[physical]);
    this.#widths = runtime.kernels.operatorAllocate(Math.max(1, widths.length)) >>> 0;
    new Uint8Array(runtime.memory.buffer).set(widths, this.#widths);
  }

  rows(batch: BatchPtr): number {
    return this.#view().getUint32(batch, true);
  }

  /** Address of the kinds, 0 when every row is +I. */
  kinds(batch: BatchPtr): number {
    return this.#view().getUint32(batch + BATCH_KINDS, true);
  }

  /** The rows in `list` (u32[n]) with `extra` empty columns behind. */
  gather(batch: BatchPtr, list: number, n: number, extra = 0): BatchPtr {
    return this.#runtime.kernels.batchGather(batch, this.#widths, n, list, extra) >>> 0;
  }

  /** The rows whose kind is in `mask` (bit = kind); 0 when there is none, the batch itself when all are. */
  ofKinds(batch: BatchPtr, mask: number): BatchPtr {
    const rows = this.rows(batch);
    if (this.kinds(batch) === 0) return (mask & 1) === 1 ? batch : 0;
    const { kernels } = this.#runtime;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const n = kernels.rowsOfKinds(batch, mask, list);
    if (n === rows) return batch;
    return n === 0 ? 0 : this.gather(batch, list, n);
  }

  #view(): DataView {
    return new DataView(this.#runtime.memory.buffer);
  }
}
