/**
 * compileCalc: projection and condition of one row as one fused loop over a batch.
 *
 * Flow:    operators/calc (and whoever filters or projects) → compileCalc() once → process(batch) per batch.
 * Loop:    the condition is tested with only the columns that it needs; rows that pass are computed and written densely.
 *          Without a condition, columns that are passed through share the input's pointers and the RowKinds too.
 *          With one, plain columns are gathered behind the loop from the list of surviving rows.
 * Stages:  column functions (functions/registry.ts) split the work into stages; see calc-stages.ts.
 * Output:  a batch in the arena, or 0 when no row passes. The RowKind column is carried.
 * Errors:  those of expressions; the batch in which one occurs gives no output.
 */
import { BATCH_ROWS, type BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Expression } from "../../foundation/plan/expression.ts";
import { CalcStages } from "./calc-stages.ts";
import type { FunctionEnvironment, FunctionTable } from "./functions/registry.ts";
import type { CodegenRuntime } from "./generated-module.ts";

export interface CalcSpec {
  readonly input: Schema;
  readonly projection: readonly Expression[];
  readonly condition?: Expression | undefined;
  readonly output: Schema;
}

export interface CompileOptions {
  readonly runtime: CodegenRuntime;
  readonly environment: FunctionEnvironment;
  /** Names the operator in error messages, for example "Calc(select=[a])". */
  readonly operator: string;
  /** Functions of the job beyond the library, asked after it: user-defined ones. */
  readonly functions?: FunctionTable;
}

export interface CompiledCalc {
  /** The result lives in the arena as long as the input does; 0 when it is empty. */
  process(batch: BatchPtr): BatchPtr;
  /** The generated WebAssembly, for `explain`. */
  toText(): string;
}

export function compileCalc(spec: CalcSpec, options: CompileOptions): CompiledCalc {
  const stages = new CalcStages(spec, options);
  const { memory } = options.runtime;
  let words = new Uint32Array(memory.buffer);
  return {
    process(batch) {
      if (words.buffer !== memory.buffer) words = new Uint32Array(memory.buffer);
      if (words[(batch + BATCH_ROWS) >>> 2] === 0) return 0;
      return stages.process(batch);
    },
    toText: () => stages.toText(),
  };
}
