/** Makes ExpressionContexts over rows of batches, with the operators, the library and the job's own functions. */
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { ColumnSource } from "./batch-columns.ts";
import type { Local } from "./emitter/function-builder.ts";
import type { ModuleBuilder } from "./emitter/module-builder.ts";
import { ExpressionContext } from "./expression-context.ts";
import { operatorTable } from "./expressions/operators.ts";
import { functionLibrary } from "./functions/index.ts";
import type { FunctionEnvironment, FunctionTable } from "./functions/registry.ts";
import type { CallSite } from "./generated-module.ts";
import type { Prologue } from "./prologue.ts";

export function functionTables(own?: FunctionTable): readonly FunctionTable[] {
  return own === undefined
    ? [operatorTable, functionLibrary]
    : [operatorTable, functionLibrary, own];
}

export function expressionContext(options: {
  readonly module: ModuleBuilder;
  readonly prologue: Prologue;
  readonly input: Schema;
  readonly columns: ColumnSource;
  readonly row: Local;
  readonly environment: FunctionEnvironment;
  readonly functions?: FunctionTable | undefined;
  readonly sites: CallSite[];
}): ExpressionContext {
  return new ExpressionContext({ ...options, tables: functionTables(options.functions) });
}
