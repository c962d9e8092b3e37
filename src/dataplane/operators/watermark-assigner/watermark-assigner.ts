/**
 * WatermarkAssigner: emits the greatest watermark expression of the rows so far, behind each batch in which it has risen.
 *
 * Flow:    source → here → all that works on event time. Watermarks from upstream stop here, except the last one.
 * State:   none; after a restore the runtime gives the watermark of the checkpoint.
 * Errors:  MR4150 a NULL in the rowtime column (user).
 * Source:  Flink StreamExecWatermarkAssigner, WatermarkAssignerOperator. Idle timeouts are the runtime's.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { WatermarkAssignerNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { MAX_WATERMARK, MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";

export class WatermarkAssignerOperator extends BaseOperator {
  readonly #node: WatermarkAssignerNode;
  #calc: CompiledCalc | undefined;
  #watermark = MIN_WATERMARK;

  constructor(node: WatermarkAssignerNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { watermark, description } = this.#node;
    this.#calc = compileCalc(
      {
        input: this.context.inputs[0]!,
        projection: [watermark],
        output: { fields: [{ name: "watermark", type: watermark.type }] },
      },
      {
        runtime: this.context.runtime,
        environment: functionEnvironment(this.context),
        operator: description,
      },
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    this.#checkRowtime(batch);
    const watermarks = this.#calc!.process(batch);
    const most = watermarks === 0 ? MIN_WATERMARK : this.#most(watermarks);
    this.context.output.emit(batch);
    if (most <= this.#watermark) return;
    this.#watermark = most;
    this.context.output.emitWatermark(most);
  }

  override processWatermark(watermark: number): void {
    if (watermark === MAX_WATERMARK) this.context.output.emitWatermark(watermark);
  }

  #checkRowtime(batch: BatchPtr): void {
    const schema = this.context.inputs[0]!;
    const column = physicalIndex(schema, this.#node.rowtime);
    if (!physicalColumns(schema)[column]!.nullable) return;
    const { kernels, memory } = this.context.runtime;
    const list = kernels.arenaAlloc(4) >>> 0;
    new DataView(memory.buffer).setUint32(list, column, true);
    const rows = new DataView(memory.buffer).getUint32(batch, true);
    const marks = kernels.arenaAlloc(rows) >>> 0;
    if (kernels.rowsAnyNull(batch, list, 1, marks) !== 0)
      throw operatorErrors.ROWTIME_NULL({
        column: schema.fields[this.#node.rowtime]!.name,
        operator: this.#node.description,
      });
  }

  #most(watermarks: BatchPtr): number {
    const { kernels } = this.context.runtime;
    const nulls = kernels.arenaAlloc(4) >>> 0;
    const width = PHYSICAL_WIDTH[physicalOf(this.#node.watermark.type)];
    const most = Number(kernels.columnMax64(watermarks, 0, width, nulls));
    return Math.max(most, MIN_WATERMARK);
  }
}
