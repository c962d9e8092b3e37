/**
 * LocalPartialAggregate: LocalGroupAggregate of a stream whose aggregates keep more than numbers: texts, collections, DISTINCT
 * values, extremes of rows that are taken back.
 *
 * Flow:    a mini-batch of rows → partial-bundle.ts → its rows, merged by group-aggregate.ts.
 * Ends:    after `size` rows, at a watermark, a barrier and the end of input: there is no state.
 * Limits:  MAX_BUNDLE_ROWS rows are folded at most.
 * Source:  Flink MiniBatchLocalGroupAggFunction, MapBundleOperator.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { valueSets } from "../../../foundation/plan/value-sets.ts";
import { compilePartialRows } from "../../codegen/aggregates/partial-code.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { MAX_BUNDLE_ROWS } from "../mini-batch/mini-batch-size.ts";
import { batchPart } from "../rows/batch-part.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { PartialBundle } from "./partial-bundle.ts";

const NUMBERS = new Set(["COUNT", "SUM", "$SUM0", "SUM0", "AVG", "MIN", "MAX"]);

/** Whether a local half needs more than accumulators of fixed width (local-group-aggregate.ts). */
export function keepsMoreThanNumbers({ aggregates }: GroupAggregateNode, input: Schema): boolean {
  const retract = aggregates.some((call) => call.retract);
  if (valueSets(aggregates, retract).length > 0) return true;
  const isNumber = (type: LogicalType) => !["view", "row"].includes(physicalOf(type));
  return !aggregates.every(
    ({ function: name, args, type }) =>
      NUMBERS.has(name) && [type, ...args.map((arg) => input.fields[arg]!.type)].every(isNumber),
  );
}

export class LocalPartialAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  readonly #size: number;
  #rows: BatchRows | undefined;
  #bundle: PartialBundle | undefined;
  #count = 0;

  constructor(node: GroupAggregateNode, context: OperatorContext, size: number) {
    super(context);
    this.#node = node;
    this.#size = Math.min(size, MAX_BUNDLE_ROWS);
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { grouping, aggregates, output, description: operator } = this.#node;
    const input = context.inputs[0]!;
    const retract = aggregates.some((call) => call.retract);
    const sets = valueSets(aggregates, retract);
    const environment = functionEnvironment(context);
    this.#rows = new BatchRows(runtime, input);
    this.#bundle = new PartialBundle({
      context,
      input,
      grouping,
      sets: sets.map((set) => ({ set, args: set.args })),
      output,
      operator,
      compile: (hashDistance) =>
        compilePartialRows(
          { rows: input, aggregates, retract, sets, hashDistance },
          { runtime, environment, operator },
        ),
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime } = this.context;
    const n = new DataView(runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
    for (let from = 0; from < n; ) {
      const mark = runtime.kernels.arenaMark();
      const count = Math.min(this.#size - this.#count, n - from);
      this.#bundle!.add(batchPart(runtime, this.#rows!, batch, { from, count }));
      from += count;
      this.#count += count;
      if (this.#count === this.#size) this.#end();
      runtime.kernels.arenaRelease(mark);
    }
  }

  override processWatermark(watermark: number): void {
    this.#end();
    this.context.output.emitWatermark(watermark);
  }

  override prepareSnapshot(): void {
    this.#end();
  }

  override endInput(): void {
    this.#end();
  }

  override close(): void {
    this.#bundle?.close();
    this.#bundle = undefined;
  }

  #end(): void {
    if (this.#count === 0) return;
    const { kernels } = this.context.runtime;
    const mark = kernels.arenaMark();
    this.#count = 0;
    this.#bundle!.take();
    kernels.arenaRelease(mark);
  }
}
