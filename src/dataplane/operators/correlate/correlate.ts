/**
 * Correlate: each row with the rows that a table function makes of it. UNNEST is one.
 *
 * Flow:    batch → RowExpansion (rows of the function, the row each belongs to) → the batch's rows repeated beside them →
 *          condition → output.
 * In/out:  any changelog; each result has the kind of its row. LEFT: a row without results, or without
 *          one that meets the condition (outer-matches.ts), leaves once, with NULLs.
 * State:   none. Limits: MAX_BATCH_ROWS rows a batch that leaves.
 * Source:  Flink StreamExecCorrelate, BatchExecCorrelate.
 */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  MAX_BATCH_ROWS,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { CorrelateNode } from "../../../foundation/plan/exec-node.ts";
import { type Call, input } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import type { ExpandedRows, RowExpansion } from "./expanded-rows.ts";
import { OuterMatches } from "./outer-matches.ts";
import { Unnest } from "./unnest.ts";
import { UserTable } from "./user-table.ts";

export class CorrelateOperator extends BaseOperator {
  readonly #node: CorrelateNode;
  readonly #columns: number;
  #rows: BatchRows | undefined;
  #expansion: RowExpansion | undefined;
  #condition: CompiledCalc | undefined;
  #outer: OuterMatches | undefined;

  constructor(node: CorrelateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#columns = physicalColumns(context.inputs[0]!).length;
  }

  override open(): void {
    const { call, condition, joinType, output } = this.#node;
    this.#rows = new BatchRows(this.context.runtime, this.context.inputs[0]!);
    this.#expansion = this.#expansionOf(call as Call);
    if (condition === undefined) return;
    if (joinType === "INNER") this.#condition = this.#filter(condition);
    else {
      const { runtime } = this.context;
      this.#outer = new OuterMatches(runtime, output, condition, this.#compileOptions());
    }
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { output, runtime } = this.context;
    const { kernels } = runtime;
    const expanded = this.#expansion!.expand(batch);
    if (this.#outer !== undefined) {
      const join = (from: number) => this.#join(batch, expanded, from);
      this.#outer.emit(expanded, join, (result) => output.emit(result));
      return;
    }
    for (let from = 0; from < expanded.rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const joined = this.#join(batch, expanded, from);
      const result = this.#condition?.process(joined) ?? joined;
      if (result !== 0) output.emit(result);
      kernels.arenaRelease(mark);
    }
  }

  override close(): void {
    this.#expansion?.close?.();
    this.#expansion = undefined;
  }

  #expansionOf(call: Call): RowExpansion {
    const { runtime } = this.context;
    const keepsEmpty = this.#node.joinType === "LEFT";
    const args = this.#arguments(call);
    const process = (batch: BatchPtr) => args?.process(batch) ?? batch;
    const collection = call.args[0];
    const ordinality = call.function === "UNNEST_WITH_ORDINALITY";
    if (collection !== undefined && (ordinality || call.function === "UNNEST"))
      return new Unnest({
        runtime,
        collection: collection.type,
        ordinality,
        keepsEmpty,
        collections: process,
      });
    const environment = functionEnvironment(this.context);
    return new UserTable({ runtime, environment, call, keepsEmpty, arguments: process });
  }

  /** The call's arguments as a batch of their own; undefined when there are none. */
  #arguments({ args }: Call): CompiledCalc | undefined {
    if (args.length === 0) return undefined;
    const fields = args.map(({ type }, i) => ({ name: `a${i}`, type }));
    return compileCalc(
      { input: this.context.inputs[0]!, projection: args, output: { fields } },
      this.#compileOptions(),
    );
  }

  #filter(condition: NonNullable<CorrelateNode["condition"]>): CompiledCalc {
    const { output } = this.#node;
    const projection = output.fields.map(({ type }, index) => input(index, type));
    return compileCalc({ input: output, projection, condition, output }, this.#compileOptions());
  }

  #compileOptions() {
    const { context } = this;
    return {
      runtime: context.runtime,
      environment: functionEnvironment(context),
      operator: this.#node.description,
    };
  }

  #join(batch: BatchPtr, { rows, list, columns }: ExpandedRows, from: number): BatchPtr {
    const n = Math.min(MAX_BATCH_ROWS, rows - from);
    const joined = this.#rows!.gather(batch, list + from * 4, n, columns.length);
    const data = new DataView(this.context.runtime.memory.buffer);
    columns.forEach(({ validity, values, width }, i) => {
      const at = columnPtr(joined, this.#columns + i);
      data.setUint32(at + COLUMN_VALIDITY, validity + from, true);
      data.setUint32(at + COLUMN_VALUES, values === 0 ? 0 : values + from * width, true);
    });
    return joined;
  }
}
