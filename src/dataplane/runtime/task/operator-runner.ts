/**
 * OperatorRunner: one operator within a chain: hands it batches, watermarks and ends of its inputs,
 *                 and passes on what it emits.
 *
 * Flow:    head or operator before → input(i) → operator → (Output) → targets.
 * Rules:   the operator sees the combined watermark of its inputs only when it has risen; idleness
 *          of all inputs passes by it. Errors that are not of the catalogue, traps of generated
 *          code among them, become MR5008 with the operator's name.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import type { Counter } from "../../contract/metrics.ts";
import {
  MAX_WATERMARK,
  MIN_WATERMARK,
  type Operator,
  type Output,
} from "../../contract/operator.ts";
import type { KernelExports } from "../../kernels/kernels.generated.ts";
import { kernelError } from "../../state/errors.ts";
import { runtimeErrors } from "../errors.ts";
import { nodeName } from "../graph/job-graph.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ChainTarget, Gate } from "./chain-target.ts";
import { largestRow, withLargestRow } from "./largest-row.ts";
import { UnlocatedError } from "./row-origin.ts";
import type { TaskMetricGroup } from "./task-metrics.ts";
import { WatermarkCombiner } from "./watermarks.ts";

export class OperatorRunner implements Output {
  readonly node: ExecNode;
  readonly targets: readonly ChainTarget[];
  readonly metrics: TaskMetricGroup;
  readonly #view: BatchView;
  readonly #kernels: KernelExports;
  readonly #gate: Gate;
  /** There is a LIMIT or an exchange behind it, whatever way its rows go. */
  readonly #canBeSatisfied: boolean;
  /** Of its inputs. */
  readonly #schemas: readonly Schema[];
  readonly #combiner: WatermarkCombiner;
  readonly #recordsIn: Counter;
  readonly #recordsOut: Counter;
  #operator: Operator | undefined;
  #openInputs: number;
  #idle = false;
  #outputWatermark = MIN_WATERMARK;
  #restored = MIN_WATERMARK;
  #skipped = false;
  /** Its inputs have ended, but it still emits what that left to do. */
  #working = false;
  #waits = false;

  constructor(options: {
    readonly node: ExecNode;
    readonly targets: readonly ChainTarget[];
    readonly metrics: TaskMetricGroup;
    readonly view: BatchView;
    readonly kernels: KernelExports;
    readonly gate: Gate;
    /** Of its inputs. */
    readonly schemas: readonly Schema[];
  }) {
    this.node = options.node;
    this.targets = options.targets;
    this.metrics = options.metrics;
    this.#view = options.view;
    this.#kernels = options.kernels;
    this.#gate = options.gate;
    this.#canBeSatisfied =
      options.node.type === "Limit" ||
      (options.targets.length > 0 && options.targets.every((t) => t.satisfied !== undefined));
    this.#schemas = options.schemas;
    const inputs = Math.max(1, options.node.inputs.length);
    this.#combiner = new WatermarkCombiner(inputs);
    this.#openInputs = inputs;
    this.#recordsIn = options.metrics.counter("numRecordsIn");
    this.#recordsOut = options.metrics.counter("numRecordsOut");
    options.metrics.gauge("currentInputWatermark", () => this.#combiner.combined);
    options.metrics.gauge("currentOutputWatermark", () => this.#outputWatermark);
  }

  get watermark(): number {
    return this.#combiner.combined;
  }

  get outputWatermark(): number {
    return this.#outputWatermark;
  }

  /** The watermark that has come since the start; what a restore brought back does not count, as in Flink. */
  get currentWatermark(): number {
    const { combined } = this.#combiner;
    return combined > this.#restored ? combined : MIN_WATERMARK;
  }

  /** True when all its inputs have ended, and what that left to do is done. */
  get ended(): boolean {
    return this.#openInputs === 0 && !this.#working && !this.#waits;
  }

  /** True when all its inputs have ended, but it waits for answers from outside. */
  get waits(): boolean {
    return this.#waits;
  }

  /** True while emitPiece() has something to do. */
  get working(): boolean {
    return this.#working;
  }

  /** Whether rows that come would be dropped, or what is made of them. Asked once a batch of a head: chains may be long. */
  get satisfied(): boolean {
    if (!this.#canBeSatisfied) return false;
    if (this.#operator?.isSatisfied?.() === true) return true;
    return this.targets.length > 0 && this.targets.every((target) => target.satisfied === true);
  }

  /** One piece of what ends of inputs have left to do. */
  emitPiece(): void {
    this.#guard(() => {
      this.#working = !this.satisfied && (this.#operator?.emitPiece?.() ?? false);
    });
    this.#passEnd();
  }

  /** False while the operator would only keep the rows of this input. */
  wants(input: number): boolean {
    return this.#operator?.wantsInput?.(input) ?? true;
  }

  /**
   * The checkpoint that is restored says that it had ended: its operator is not made, ends and
   * watermarks pass through.
   */
  skip(): void {
    this.#skipped = true;
  }

  /** After a restore: the watermark as of the checkpoint, so that late rows stay late. */
  restoreWatermark(watermark: number): void {
    this.#restored = watermark;
    if (this.#skipped || watermark <= MIN_WATERMARK) return;
    this.#advanced(this.#combiner.restore(watermark));
  }

  /** Makes and opens the operator; downstream operators are open already. */
  open(create: (output: Output) => Operator): void {
    if (this.#skipped) return;
    this.#guard(() => {
      this.#operator = create(this);
      this.#operator.open();
    });
  }

  /** Loads what the operator must have before its first row. */
  async prepare(): Promise<void> {
    try {
      await this.#operator?.prepare?.();
    } catch (error) {
      throw asOperatorError(kernelError(error, this.#kernels), this.node);
    }
  }

  input(index: number): ChainTarget {
    const isSatisfied = () => (this.#canBeSatisfied ? this.satisfied : undefined);
    return {
      get satisfied() {
        return isSatisfied();
      },
      receive: (batch) => {
        this.#recordsIn.value += this.#view.rows(batch);
        if (this.#operator?.isSatisfied?.() !== true) this.#guardBatch(index, batch);
      },
      watermark: (watermark) => this.#inputWatermark(index, watermark),
      idle: (idle) => {
        this.#advanced(this.#combiner.setIdle(index, idle));
        this.passIdle(this.#combiner.allIdle);
      },
      end: () => this.#endInput(index),
    };
  }

  /** An operator without inputs (Values) emits its rows when its input ends, which is at once. */
  produce(): void {
    this.#guard(() => this.#operator?.endInput(0));
    this.emitWatermark(MAX_WATERMARK);
    this.#openInputs = 0;
    for (const target of this.targets) target.end();
  }

  emit(batch: BatchPtr): boolean {
    const rows = this.#view.rows(batch);
    if (rows > 0) {
      this.#recordsOut.value += rows;
      for (const target of this.targets) target.receive(batch);
    }
    return !this.#gate.blocked;
  }

  emitWatermark(watermark: number): void {
    if (watermark <= this.#outputWatermark) return;
    this.#outputWatermark = watermark;
    for (const target of this.targets) target.watermark(watermark);
  }

  /** Tells the targets that this operator's output is idle, or active again. */
  passIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    for (const target of this.targets) target.idle(idle);
  }

  onProcessingTime(time: number): void {
    this.#guard(() => this.#operator!.onProcessingTime(time));
    if (!this.#waits) return;
    this.#waits = this.#operator?.pending?.() ?? false;
    this.#passEnd();
  }

  prepareSnapshot(): void {
    this.#guard(() => this.#operator?.prepareSnapshot());
  }

  close(): void {
    const operator = this.#operator;
    this.#operator = undefined;
    if (operator !== undefined) this.#guard(() => operator.close());
  }

  #endInput(index: number): void {
    this.#guard(() => this.#operator?.endInput(index));
    this.#openInputs--;
    this.#working = this.#operator?.emitPiece !== undefined;
    if (this.#openInputs === 0) this.#waits = this.#operator?.pending?.() ?? false;
    this.#passEnd();
  }

  #passEnd(): void {
    if (this.ended) for (const target of this.targets) target.end();
  }

  #inputWatermark(index: number, watermark: number): void {
    const risen = this.#combiner.watermark(index, watermark);
    const operator = this.#operator;
    if (operator?.processInputWatermark !== undefined)
      this.#guard(() => operator.processInputWatermark!(index, watermark));
    this.#advanced(risen);
  }

  #advanced(risen: boolean): void {
    if (!risen) return;
    if (this.#skipped) this.emitWatermark(this.#combiner.combined);
    else this.#guard(() => this.#operator!.processWatermark(this.#combiner.combined));
  }

  #guardBatch(index: number, batch: BatchPtr): void {
    try {
      this.#operator!.processBatch(index, batch);
    } catch (error) {
      const failed = asOperatorError(kernelError(error, this.#kernels), this.node);
      // Others may number rows of their own: groups, or what they have kept.
      const isOfInput = this.node.type === "Calc" || this.node.type === "WatermarkAssigner";
      const known = isOfInput && failed.place.row !== undefined ? failed.at({ batch }) : failed;
      const schema = this.#schemas[index];
      throw withLargestRow(known, nodeName(this.node), () =>
        schema === undefined ? undefined : largestRow(this.#view, batch, schema),
      );
    }
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw asOperatorError(kernelError(error, this.#kernels), this.node);
    }
  }
}

/** A catalogue error stays what it is; anything else gets the operator's name. */
export function asOperatorError(error: unknown, node: ExecNode): MillraceError {
  if (error instanceof MillraceError) return error;
  if (error instanceof UnlocatedError) return error.error;
  const reason = error instanceof Error ? error.message : String(error);
  return runtimeErrors.OPERATOR_FAILED({ operator: nodeName(node), reason }, { cause: error });
}
