/**
 * LocalPartialAggregate: LocalGroupAggregate of a stream whose aggregates keep more than numbers: texts, collections, DISTINCT
 * values, extremes of rows that are taken back.
 *
 * Flow:    a mini-batch of rows → partial-bundle.ts → its rows, merged by group-aggregate.ts.
 * Ends:    after `size` rows, when what it makes is a batch, at a watermark, a barrier and the end of input: there is no state.
 * Adapts:  values of COUNT(DISTINCT) of rows that only come go on as they are where folding saves too little.
 * Limits:  MAX_BUNDLE_ROWS rows are folded at most, into MAX_BATCH_ROWS at most (partial-bundle.ts).
 * Source:  Flink MiniBatchLocalGroupAggFunction, MapBundleOperator.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { isDistinctCall, valueSets } from "../../../foundation/plan/value-sets.ts";
import { compilePartialRows } from "../../codegen/aggregates/partial-code.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { BundlingOperator } from "../mini-batch/bundling-operator.ts";
import { MAX_BUNDLE_ROWS } from "../mini-batch/mini-batch-size.ts";
import { takeInParts } from "../rows/batch-part.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { PartialBundle } from "./partial-bundle.ts";

/** With room for fewer a bundle ends. */
const FEWEST_ROWS = 64;
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

/** Counting comes to the same whenever and however often a value comes; others depend on the order of their values. */
const onlyCountsDistinct = (aggregates: GroupAggregateNode["aggregates"]) =>
  aggregates.every((call) => !isDistinctCall(call) || call.function === "COUNT");

export class LocalPartialAggregateOperator extends BundlingOperator {
  readonly #node: GroupAggregateNode;
  readonly #size: number;
  #rows: BatchRows | undefined;
  #bundle: PartialBundle | undefined;
  #count = 0;
  /** That a row of the input makes at the most: an accumulator, and a value of each set. */
  #rowsEach = 1;

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
    this.#rowsEach = 1 + sets.length;
    this.#bundle = new PartialBundle({
      context,
      input,
      grouping,
      sets: sets.map((set) => ({ set, args: set.args })),
      output,
      operator,
      mayPassValues: !retract && onlyCountsDistinct(aggregates),
      compile: (hashDistance) =>
        compilePartialRows(
          { rows: input, aggregates, retract, sets, hashDistance },
          { runtime, environment, operator },
        ),
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    takeInParts(
      this.context.runtime,
      this.#rows!,
      batch,
      () => Math.min(this.#size - this.#count, this.#foldable),
      (part, count) => {
        this.#bundle!.add(part);
        this.#count += count;
        if (this.#count === this.#size || this.#foldable < FEWEST_ROWS) this.endBundle();
      },
    );
  }

  /** Rows that the bundle has room for, whatever they make. */
  get #foldable(): number {
    return Math.max(1, Math.floor((MAX_BATCH_ROWS - this.#bundle!.rows) / this.#rowsEach));
  }

  override close(): void {
    this.#bundle?.close();
    this.#bundle = undefined;
  }

  protected override emitBundle(): void {
    if (this.#count === 0) return;
    this.#count = 0;
    this.#bundle!.take();
  }
}
