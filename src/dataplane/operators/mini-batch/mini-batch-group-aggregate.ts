/**
 * MiniBatchGroupAggregate: GroupAggregate that holds rows back as Flink's mini-batches do, and shows one change a key and
 * mini-batch.
 *
 * Flow:    rows → bundle of the first phase → (its keys count) → bundle of the second → group-aggregate.ts → output.
 *          GlobalGroupAggregate (the node has `mergedRows`) gets what a LocalGroupAggregate made of the first phase's bundle.
 * Phases:  two, as Flink's local and global aggregate: a bundle of the first ends after `size` rows, one of the second
 *          after `size` keys of the first; one with `table.optimizer.agg-phase-strategy` = ONE_PHASE. Where the plan has
 *          no LocalGroupAggregate the first phase only decides when rows go on: they are folded once.
 * Split:   the FINAL step of an aggregate that was split by its DISTINCT values gets a bundle of the first step as one batch:
 *          its local phase ends with the batch, so that what is taken back and given anew shows as one change.
 * Ends:    also at a watermark (of a MiniBatchAssigner), a barrier and the end of input.
 * Limits:  MAX_BUNDLE_ROWS rows are held at most.
 * State:   that of GroupAggregate; what is held is none.
 * Source:  Flink MapBundleOperator, MiniBatchLocalGroupAggFunction, MiniBatchGlobalGroupAggFunction.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { GroupAggregateOperator } from "../group-aggregate/group-aggregate.ts";
import { takeInParts } from "../rows/batch-part.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { partsOf } from "../../codegen/aggregates/parts-of-input.ts";
import { PartCounter } from "../group-aggregate/part-counter.ts";
import { BundlingOperator } from "./bundling-operator.ts";
import { JavaKeyOrder } from "./java-key-order.ts";
import { KeyNumbers } from "./key-numbers.ts";
import { MAX_BUNDLE_ROWS } from "./mini-batch-size.ts";
import { RowBundle } from "./row-bundle.ts";

export class MiniBatchGroupAggregateOperator extends BundlingOperator {
  readonly #node: GroupAggregateNode;
  readonly #size: number;
  readonly #aggregate: GroupAggregateOperator;
  readonly #twoPhases: boolean;
  #rows: BatchRows | undefined;
  #local: RowBundle | undefined;
  #global: RowBundle | undefined;
  #numbers: KeyNumbers | undefined;
  #order: JavaKeyOrder | undefined;
  #parts: PartCounter | undefined;
  /** Keys that the second phase has got. */
  #keys = 0;

  constructor(node: GroupAggregateNode, context: OperatorContext, size: number) {
    super(context);
    this.#node = node;
    this.#size = size;
    this.#aggregate = new GroupAggregateOperator(node, context);
    const strategy = context.config["table.optimizer.agg-phase-strategy"]?.toUpperCase();
    this.#twoPhases = strategy !== "ONE_PHASE";
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const { grouping: fields, description: operator } = this.#node;
    const schema = inputs[0]!;
    this.#aggregate.open();
    this.#rows = new BatchRows(runtime, schema);
    this.#local = new RowBundle(runtime, schema, operator);
    this.#global = new RowBundle(runtime, schema, operator);
    this.#numbers = new KeyNumbers({ runtime, schema, fields, operator });
    this.#order = new JavaKeyOrder(runtime, this.#numbers.keys.schema);
    if (this.#node.mergedRows === undefined) return;
    const { grouping, aggregates, finalFunctions } = this.#node;
    const isResolved = finalFunctions !== undefined;
    const { retract } = this.#aggregate;
    const { columns } = partsOf({ grouping, aggregates, retract, isResolved });
    this.#parts = new PartCounter(runtime, schema, columns.part);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    if (this.#node.mergedRows !== undefined) {
      this.#addAccumulators(batch);
      return;
    }
    if (this.#twoPhases && this.#node.partialFinal === "FINAL") {
      const mark = kernels.arenaMark();
      this.#local!.add(batch);
      this.#endLocal();
      kernels.arenaRelease(mark);
      return;
    }
    const room = () => Math.min(this.#size, MAX_BUNDLE_ROWS) - this.#local!.rows;
    takeInParts(runtime, this.#rows!, batch, room, (part) => {
      this.#local!.add(part);
      if (room() === 0) this.#endLocal();
    });
  }

  /** Every accumulator is a key of a mini-batch of the first phase; the order among them is that of their first rows. */
  #addAccumulators(batch: BatchPtr): void {
    const { runtime } = this.context;
    const n = this.#rows!.rows(batch);
    const keys = this.#parts!.accumulators(batch, n);
    if (keys < n) {
      if (this.#keys + keys < this.#size) this.#keep(batch, keys);
      else this.#split(batch, this.#numbers!.number(batch));
      return;
    }
    const room = () => Math.min(this.#size, MAX_BUNDLE_ROWS) - this.#keys;
    takeInParts(runtime, this.#rows!, batch, room, (part, count) => this.#keep(part, count));
  }

  override close(): void {
    this.#local?.close();
    this.#global?.close();
    this.#numbers?.close();
    this.#aggregate.close();
    this.#local = undefined;
    this.#global = undefined;
    this.#numbers = undefined;
  }

  protected override emitBundle(): void {
    this.#endLocal();
    this.#endGlobal();
  }

  #endLocal(): void {
    const batch = this.#local!.take();
    if (batch === 0) return;
    if (!this.#twoPhases) {
      this.#aggregate.processBatch(0, batch);
      return;
    }
    const numbered = this.#numbers!.number(batch);
    if (this.#keys + numbered.count < this.#size) this.#keep(batch, numbered.count);
    else this.#split(batch, numbered);
  }

  #keep(batch: BatchPtr, keys: number): void {
    this.#global!.add(batch);
    this.#keys += keys;
    if (this.#keys >= this.#size || this.#global!.rows >= MAX_BUNDLE_ROWS) this.#endGlobal();
  }

  /** The second phase ends within this bundle: its keys go on in their order, `size` at a time. */
  #split(batch: BatchPtr, numbered: ReturnType<KeyNumbers["number"]>): void {
    const { kernels, memory } = this.context.runtime;
    const { count, owners } = numbered;
    const n = this.#rows!.rows(batch);
    const order = this.#order!.order(this.#numbers!.columns(numbered), count);
    const parts = kernels.arenaAlloc(count) >>> 0;
    for (let done = 0; done < count; ) {
      const take = Math.min(this.#size - this.#keys, count - done);
      const chosen = new Uint8Array(memory.buffer, parts, count).fill(0);
      for (const number of order.slice(done, done + take)) chosen[number] = 1;
      const list = kernels.arenaAlloc(n * 4) >>> 0;
      const rows = kernels.rowsOfOwners(n, owners, parts, 1, list);
      this.#keep(this.#rows!.gather(batch, list, rows), take);
      done += take;
    }
  }

  #endGlobal(): void {
    this.#keys = 0;
    const batch = this.#global!.take();
    if (batch !== 0) this.#aggregate.processBatch(0, batch);
  }
}
