/**
 * GroupAggregate: keeps one accumulator per group key and emits the changes of its result row.
 *
 * Flow:    batch → compileGroupAggregate (codegen/aggregates: keys, accumulators, DISTINCT, retractable MIN and MAX) → output.
 * In/out:  any changelog → retract, or upsert without generateUpdateBefore; -U and +U are adjacent, in that order.
 *          With `table.exec.mini-batch.enabled` = 'false' every input row shows its own change; otherwise changes of a key
 *          are folded per batch.
 * State:   map "groups": key → accumulator; maps "distinct0" …: (key, arguments) → counts, or (number of the group, arguments)
 *          with maps "group numbers" and "last group number". Nothing is held back at a barrier.
 * Merged:  GlobalGroupAggregate of a stream: the input holds accumulators of mini-batches; state is the same as of one phase.
 * Batch:   one +I per key at the end of input; without grouping also when there was no row (batch-group-aggregate.ts).
 * Source:  Flink StreamExecGroupAggregate, GroupAggFunction.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import {
  type CompiledGroupAggregate,
  compileGroupAggregate,
} from "../../codegen/aggregates/group-aggregate.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";

const MINI_BATCH = "table.exec.mini-batch.enabled";

export class GroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #compiled: CompiledGroupAggregate | undefined;
  #maps: readonly KeyedMap[] = [];
  readonly #emit: (batch: BatchPtr) => void;

  constructor(node: GroupAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#emit = (batch) => {
      context.output.emit(batch);
    };
  }

  /** Without aggregates (DISTINCT) the plan does not say whether rows are taken back. */
  get retract(): boolean {
    const { aggregates } = this.#node;
    return aggregates.length === 0 || aggregates.some(({ retract }) => retract);
  }

  override open(): void {
    const { grouping, aggregates, generateUpdateBefore, output, description } = this.#node;
    const { runtime, state, config } = this.context;
    this.#compiled = compileGroupAggregate(
      {
        input: this.context.inputs[0]!,
        output,
        grouping,
        aggregates,
        generateUpdateBefore,
        retract: this.retract,
        mergedRows: this.#node.mergedRows,
        isResolved: this.#node.finalFunctions !== undefined,
        mode: config[MINI_BATCH] === "false" ? "rows" : "folded",
        stateTtlMs: this.#node.stateTtlMs ?? 0,
        maxParallelism: state.maxParallelism,
      },
      { runtime, environment: functionEnvironment(this.context), operator: description },
    );
    this.#maps = this.#compiled.mapSpecs.map((spec) => state.map(spec));
    this.#compiled.moveFormer(this.#maps, ownKeyGroups(this.context));
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    this.#compiled!.process(batch, this.#maps, this.#emit);
  }
}
