/**
 * IncrementalGroupAggregate: between the two steps of an aggregate that was split by its DISTINCT values: counts them where they
 * are kept, by key and bucket, and gives on accumulators by key in which they are counted.
 *
 * Flow:    what a local half sends → DISTINCT values against state; the rest folded by key → partial-bundle.ts → its rows, merged
 *          by group-aggregate.ts.
 * State:   maps "distinct0" …: (key, bucket, value) → counts. What a mini-batch comes to is none: it ends before a barrier.
 * Ends:    after `size` accumulators, before it would make more than a batch, at a watermark, a barrier and the end of input.
 * Source:  Flink MiniBatchIncrementalGroupAggFunction, IncrementalAggregateRule.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { AggregatePlan } from "../../codegen/aggregates/aggregate-plan.ts";
import { DistinctKeys } from "../../codegen/aggregates/distinct-keys.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compilePartialMerge } from "../../codegen/aggregates/partial-code.ts";
import {
  distinctPart,
  isPart,
  type Parts,
  partsOf,
} from "../../codegen/aggregates/parts-of-input.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { BundlingOperator } from "../mini-batch/bundling-operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { PartCounter } from "./part-counter.ts";
import { PartialBundle } from "./partial-bundle.ts";

export class IncrementalGroupAggregateOperator extends BundlingOperator {
  readonly #node: GroupAggregateNode;
  /** What the aggregates' arguments refer to. */
  readonly #fields: Schema;
  readonly #size: number;
  #rows: BatchRows | undefined;
  #parts: PartCounter | undefined;
  #keys: KeyCodec | undefined;
  #distinct: readonly DistinctKeys[] = [];
  #maps: readonly KeyedMap[] = [];
  #bundle: PartialBundle | undefined;
  /** Accumulators that the mini-batch has got. */
  #count = 0;
  #isEmpty = true;

  constructor(node: GroupAggregateNode, fields: Schema, context: OperatorContext, size: number) {
    super(context);
    this.#node = node;
    this.#fields = fields;
    this.#size = size;
  }

  override open(): void {
    const { context } = this;
    const { runtime, state } = context;
    const { grouping, aggregates, description: operator, stateTtlMs = 0 } = this.#node;
    const input = context.inputs[0]!;
    const retract = aggregates.some((call) => call.retract);
    const parts = partsOf({ grouping, aggregates, retract });
    const options = { runtime, environment: functionEnvironment(context), operator };
    const plan = new AggregatePlan(this.#fields, aggregates, { retract });
    const keys = compileKeyCodec({ schema: input, fields: grouping, runtime, operator });
    const { maxParallelism } = state;
    const common = { input, grouping, retract, stateTtlMs, maxParallelism };
    this.#distinct = plan.distinctSets.map(
      (set, index) =>
        new DistinctKeys(
          { ...common, index, ...distinctPart(parts, set, index) },
          keys,
          false,
          options,
        ),
    );
    this.#maps = this.#distinct.map(({ mapSpec }) => state.map(mapSpec));
    this.#rows = new BatchRows(runtime, input);
    this.#parts = new PartCounter(runtime, input, parts.columns.part);
    this.#keys = keys;
    this.#bundle = this.#createBundle(parts, retract);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const n = this.#rows!.rows(batch);
    if (n === 0) return;
    // A row makes one at the most, and what a bundle makes is one batch (partial-bundle.ts).
    if (this.#bundle!.rows + n > MAX_BATCH_ROWS) this.endBundle();
    const { hashes } = this.#keys!.encode(batch);
    const pointers = this.#maps.map(({ ptr }) => ptr);
    const distinct = this.#distinct.map((keys, i) => keys.upsert(batch, n, hashes, pointers[i]!));
    this.#bundle!.add(batch, distinct);
    this.#bundle!.sweep(pointers);
    this.#isEmpty = false;
    this.#count += this.#parts!.accumulators(batch, n);
    if (this.#count >= this.#size) this.endBundle();
  }

  override close(): void {
    this.#bundle?.close();
    this.#bundle = undefined;
  }

  protected override emitBundle(): void {
    if (this.#isEmpty) return;
    this.#isEmpty = true;
    this.#count = 0;
    this.#bundle!.take();
  }

  #createBundle(parts: Parts, retract: boolean): PartialBundle {
    const { context } = this;
    const { aggregates, output, description: operator, incrementalGrouping = [] } = this.#node;
    const input = context.inputs[0]!;
    const sets = parts.sets.flatMap((set, place) =>
      set.kind === "extremes"
        ? [
            {
              set,
              args: parts.columns.sets[place]!.args,
              condition: isPart(parts.columns, place + 1),
            },
          ]
        : [],
    );
    const options = {
      runtime: context.runtime,
      environment: functionEnvironment(context),
      operator,
    };
    return new PartialBundle({
      context,
      input,
      grouping: incrementalGrouping,
      sets,
      output,
      operator,
      compile: (distance) =>
        compilePartialMerge(
          {
            input,
            rows: this.#fields,
            aggregates,
            retract,
            sets: sets.map(({ set }) => set),
            parts,
            hashDistance: distance,
            distinctHashDistances: this.#distinct.map(({ keyBytes }) => hashDistance(keyBytes)),
          },
          options,
        ),
    });
  }
}
