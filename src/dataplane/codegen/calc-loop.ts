/**
 * The generated function of one calc stage: (batch) → output batch or 0.
 *
 * Without condition:  computed columns in one loop, the others share the input's pointers.
 * With condition:     one loop tests it, computes and writes the computed columns of rows that pass and lists their
 *                     numbers; behind it the passed-through columns are gathered by that list, or shared when all passed.
 *                     Without computed columns the loop has no branch: the list grows by the condition's value.
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from "../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../foundation/columnar/schema.ts";
import type { Expression } from "../../foundation/plan/expression.ts";
import { KERNEL_SIGNATURES } from "../kernels/kernels.generated.ts";
import { BatchColumns, columnOffset } from "./batch-columns.ts";
import type { FunctionBuilder, Label, Local } from "./emitter/function-builder.ts";
import type { ModuleBuilder } from "./emitter/module-builder.ts";
import { expressionContext } from "./expression-compiler.ts";
import type { ExpressionContext } from "./expression-context.ts";
import { pushTrue } from "./expressions/conditional.ts";
import { flattenProjection, type OutputSource } from "./expressions/flatten.ts";
import type { FunctionEnvironment, FunctionTable } from "./functions/registry.ts";
import { GatherFunctions } from "./gather.ts";
import type { CallSite } from "./generated-module.ts";
import { type OutputColumn, OutputColumns } from "./output-columns.ts";
import { Prologue } from "./prologue.ts";

export interface CalcLoopSpec {
  readonly name: string;
  readonly input: Schema;
  readonly projection: readonly Expression[];
  readonly condition?: Expression | undefined;
  readonly output: Schema;
}

export interface LoopTarget {
  readonly module: ModuleBuilder;
  readonly environment: FunctionEnvironment;
  readonly functions?: FunctionTable | undefined;
  readonly sites: CallSite[];
}

/** Adds the exported function `spec.name` to the module. */
export function generateCalcLoop(spec: CalcLoopSpec, target: LoopTarget): void {
  new CalcLoop(spec, target).generate();
}

class CalcLoop {
  readonly #spec: CalcLoopSpec;
  readonly #target: LoopTarget;
  readonly #f: FunctionBuilder;
  readonly #batch: Local;
  readonly #rows: Local;
  readonly #row: Local;
  readonly #sources: readonly OutputSource[];
  readonly #out: OutputColumns;

  constructor(spec: CalcLoopSpec, target: LoopTarget) {
    this.#spec = spec;
    this.#target = target;
    const f = target.module.exportFunction(spec.name, { params: ["i32"], results: ["i32"] }, [
      "batch",
    ]);
    this.#f = f;
    this.#batch = f.params[0]!;
    this.#rows = f.local("i32", "rows");
    this.#row = f.local("i32", "row");
    this.#sources = flattenProjection(spec.input, spec.projection, spec.output);
    this.#out = new OutputColumns(f, {
      count: this.#sources.length,
      columns: this.#computedColumns(),
    });
  }

  generate(): void {
    const f = this.#f;
    f.get(this.#batch).load("i32.load", BATCH_ROWS).set(this.#rows);
    this.#out.allocate(this.#rows, this.#arenaAlloc(), { kinds: false });
    if (this.#spec.condition === undefined) this.#project();
    else this.#filter(this.#spec.condition);
    f.get(this.#out.batch);
  }

  #computedColumns(): ReadonlyMap<number, OutputColumn> {
    const columns = new Map<number, OutputColumn>();
    const output = physicalColumns(this.#spec.output);
    this.#sources.forEach((source, index) => {
      if (source.kind === "column") return;
      const { physical, nullable } = output[index]!;
      columns.set(index, { physical, nullable });
    });
    return columns;
  }

  #arenaAlloc() {
    return this.#target.module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  }

  #context(prologue: Prologue): ExpressionContext {
    const columns = new BatchColumns({
      prologue,
      ones: this.#target.module.onesGlobal,
      schema: this.#spec.input,
      batch: this.#batch,
      row: this.#row,
      name: "c",
    });
    return expressionContext({
      ...this.#target,
      prologue,
      input: this.#spec.input,
      columns,
      row: this.#row,
    });
  }

  #project(): void {
    const f = this.#f;
    const out = this.#out.batch;
    f.get(out).get(this.#rows).store("i32.store", BATCH_ROWS);
    f.get(out).get(this.#batch).load("i32.load", BATCH_KINDS).store("i32.store", BATCH_KINDS);
    this.#share();
    if (!this.#sources.some(({ kind }) => kind !== "column")) return;
    const prologue = new Prologue(f);
    const context = this.#context(prologue);
    f.i32(0).set(this.#row);
    f.for(this.#row, this.#rows, () => {
      this.#writeComputed(context, this.#row);
    });
    prologue.close();
  }

  #share(): void {
    this.#sources.forEach((source, index) => {
      if (source.kind === "column") this.#out.share(index, this.#batch, source.column);
    });
  }

  #writeComputed(context: ExpressionContext, at: Local): void {
    this.#sources.forEach((source, index) => {
      if (source.kind === "value") {
        this.#out.write(index, at, context.compile(source.expression));
      } else if (source.kind === "present") {
        const isNull = context.rowNull(source.expression);
        this.#out.writeNull(index, at, () => context.pushNotNull(isNull), isNull === "never");
      }
    });
  }

  #filter(condition: Expression): void {
    const f = this.#f;
    const list = f.local("i32", "list");
    const count = f.local("i32", "count");
    f.get(this.#rows).i32(2).op("i32.shl").call(this.#arenaAlloc()).set(list);
    const prologue = new Prologue(f);
    const context = this.#context(prologue);
    const append = () => {
      f.get(list).get(count).i32(2).op("i32.shl").op("i32.add").get(this.#row).store("i32.store");
    };
    f.i32(0).set(this.#row).i32(0).set(count);
    const computes = this.#sources.some(({ kind }) => kind !== "column");
    f.for(this.#row, this.#rows, (next) => {
      if (computes) {
        branchUnlessTrue(context, condition, next);
        append();
        this.#writeComputed(context, count);
        f.get(count).i32(1);
      } else {
        const value = context.compile(condition);
        append();
        f.get(count);
        pushTrue(context, value);
      }
      f.op("i32.add").set(count);
    });
    prologue.close();
    f.get(count)
      .op("i32.eqz")
      .if(() => f.i32(0).return());
    this.#out.setRows(count);
    this.#gather(list, count);
  }

  /** Shares the passed-through columns when every row passed, gathers them otherwise. */
  #gather(list: Local, count: Local): void {
    const f = this.#f;
    const out = this.#out.batch;
    const gather = new GatherFunctions(this.#target.module);
    const input = physicalColumns(this.#spec.input);
    f.get(count).get(this.#rows).op("i32.eq");
    f.if(
      () => {
        f.get(out).get(this.#batch).load("i32.load", BATCH_KINDS).store("i32.store", BATCH_KINDS);
        this.#share();
      },
      () => {
        const gatherTo = (from: number, to: number, width: number) => {
          f.get(out).get(this.#batch).load("i32.load", from).get(list).get(count);
          f.call(gather.of(width)).store("i32.store", to);
        };
        gatherTo(BATCH_KINDS, BATCH_KINDS, 1);
        this.#sources.forEach((source, index) => {
          if (source.kind !== "column") return;
          const { physical, nullable } = input[source.column]!;
          const from = columnOffset(source.column);
          const to = columnOffset(index);
          if (nullable) gatherTo(from + COLUMN_VALIDITY, to + COLUMN_VALIDITY, 1);
          else
            f.get(out)
              .i32(0)
              .store("i32.store", to + COLUMN_VALIDITY);
          const width = PHYSICAL_WIDTH[physical];
          if (width > 0) gatherTo(from + COLUMN_VALUES, to + COLUMN_VALUES, width);
          else
            f.get(out)
              .i32(0)
              .store("i32.store", to + COLUMN_VALUES);
        });
      },
    );
  }
}

/** Branches to `no` unless the condition is TRUE; the parts of an AND are tested one after the other. */
export function branchUnlessTrue(
  context: ExpressionContext,
  condition: Expression,
  no: Label,
): void {
  if (condition.kind === "call" && condition.function === "AND") {
    for (const arg of condition.args) branchUnlessTrue(context, arg, no);
    return;
  }
  pushTrue(context, context.compile(condition));
  context.f.op("i32.eqz").brIf(no);
}
