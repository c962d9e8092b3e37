/**
 * CalcStages: runs a calc in as many stages as its column functions need.
 *
 * Flow:    stage k computes, for every row of the batch, the arguments and guard masks of the column functions of depth k;
 *          TypeScript applies each function to whole columns; their results are further columns of the batch that later
 *          stages read. The last stage is the fused loop of calc-loop.ts.
 * Guards:  a call inside CASE, AND, OR, COALESCE or IF is applied only to the rows that reach it (column-calls.ts).
 * Filter:  with a condition and column functions in the projection, the condition runs first as a calc of its own, so
 *          that functions see only rows that pass.
 */
import {
  batchBytes,
  BATCH_COLUMNS,
  BATCH_ROWS,
  columnPtr,
} from "../../foundation/columnar/batch.ts";
import type { LogicalType, RowField } from "../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../foundation/columnar/schema.ts";
import { type Call, type Expression, input } from "../../foundation/plan/expression.ts";
import { generateCalcLoop } from "./calc-loop.ts";
import type { CalcSpec, CompileOptions } from "./calc.ts";
import { type ColumnCallPlan, extractColumnCalls } from "./column-calls.ts";
import { ColumnReader, ColumnWriter, MemoryView } from "./column-access.ts";
import { ModuleBuilder } from "./emitter/module-builder.ts";
import { functionTables } from "./expression-compiler.ts";
import type { ColumnCall } from "./functions/registry.ts";
import { type CallSite, GeneratedModule } from "./generated-module.ts";

interface PreparedCall {
  readonly call: Call;
  readonly apply: (columns: ColumnCall) => void;
  /** Physical columns of the stage's argument batch; -1 = no mask. */
  readonly args: readonly number[];
  readonly mask: number;
  /** Physical column that the result takes in the widened batch. */
  readonly result: number;
}

interface Stage {
  readonly name: string;
  readonly argTypes: readonly RowField[];
  readonly calls: readonly PreparedCall[];
}

type BatchFunction = (batch: number) => number;

export class CalcStages {
  readonly #options: CompileOptions;
  readonly #builder = new ModuleBuilder();
  readonly #module: GeneratedModule;
  readonly #filter: BatchFunction | undefined;
  readonly #stages: readonly Stage[];
  readonly #final: BatchFunction;
  readonly #widened: number;
  readonly #inputColumns: number;
  readonly #view: MemoryView;

  constructor(spec: CalcSpec, options: CompileOptions) {
    this.#options = options;
    this.#view = new MemoryView(options.runtime.memory);
    const tables = functionTables(options.functions);
    const sites: CallSite[] = [];
    const target = { ...options, module: this.#builder, sites };
    const ofCondition = spec.condition === undefined ? [] : [spec.condition];
    const expressions = spec.projection;
    const all = extractColumnCalls(spec.input, { expressions, condition: spec.condition }, tables);
    const split =
      all.calls.length > 0 &&
      spec.condition !== undefined &&
      extractColumnCalls(spec.input, { expressions: ofCondition }, tables).calls.length === 0;
    const plan = split ? extractColumnCalls(spec.input, { expressions }, tables) : all;
    if (split) {
      const fields = spec.input.fields;
      const projection = fields.map((field, index) => input(index, field.type));
      const { condition } = spec;
      generateCalcLoop(
        { name: "filter", input: spec.input, projection, condition, output: spec.input },
        target,
      );
    }
    const schema: Schema = { fields: [...spec.input.fields, ...plan.results] };
    this.#inputColumns = physicalColumns(spec.input).length;
    this.#widened = physicalColumns(schema).length;
    this.#stages = this.#generateStages(plan.calls, schema, target);
    generateCalcLoop(
      {
        name: "process",
        input: plan.calls.length === 0 ? spec.input : schema,
        projection: plan.expressions,
        condition: plan.condition,
        output: spec.output,
      },
      target,
    );
    this.#module = new GeneratedModule({ ...options, module: this.#builder, sites });
    const { exports } = this.#module;
    this.#final = exports.process as BatchFunction;
    this.#filter = split ? (exports.filter as BatchFunction) : undefined;
  }

  process(batch: number): number {
    let current = batch;
    if (this.#filter !== undefined) {
      current = this.#filter(current) >>> 0;
      this.#module.check();
      if (current === 0) return 0;
    }
    if (this.#stages.length > 0) current = this.#widen(current);
    for (const stage of this.#stages) this.#run(stage, current);
    const result = this.#final(current) >>> 0;
    this.#module.check();
    return result;
  }

  toText(): string {
    return this.#builder.toText();
  }

  #generateStages(
    calls: readonly ColumnCallPlan[],
    schema: Schema,
    target: Parameters<typeof generateCalcLoop>[1],
  ): Stage[] {
    const stages: Stage[] = [];
    const depths = new Set(calls.map(({ depth }) => depth));
    for (const depth of [...depths].sort((a, b) => a - b)) {
      const expressions: Expression[] = [];
      const place = (expression: Expression) => expressions.push(expression) - 1;
      const prepared: PreparedCall[] = [];
      for (const plan of calls.filter((call) => call.depth === depth)) {
        const args = plan.args.map(place);
        const mask = plan.guard === undefined ? -1 : place(plan.guard);
        const { call } = plan;
        const apply = plan.implementation.prepare(call, this.#options.environment);
        const result = physicalIndex(schema, plan.resultField);
        prepared.push({ call, apply, args, mask, result });
      }
      const fields = expressions.map(({ type }, index) => ({ name: `a${index}`, type }));
      const name = `stage${depth}`;
      generateCalcLoop(
        { name, input: schema, projection: expressions, output: { fields } },
        target,
      );
      stages.push({ name, argTypes: fields, calls: prepared });
    }
    return stages;
  }

  /** A descriptor with room for the results behind the input's columns. */
  #widen(batch: number): number {
    const { kernels } = this.#options.runtime;
    const wide = kernels.arenaAlloc(batchBytes(this.#widened)) >>> 0;
    const { bytes, data } = this.#view;
    bytes.copyWithin(wide, batch, batch + batchBytes(this.#inputColumns));
    bytes.fill(0, wide + batchBytes(this.#inputColumns), wide + batchBytes(this.#widened));
    data.setUint32(wide + BATCH_COLUMNS, this.#widened, true);
    return wide;
  }

  #run(stage: Stage, wide: number): void {
    const compute = this.#module.exports[stage.name] as BatchFunction;
    const args = compute(wide) >>> 0;
    this.#module.check();
    const rows = this.#view.data.getUint32(wide + BATCH_ROWS, true);
    const schema: Schema = { fields: stage.argTypes };
    for (const { call, apply, args: indexes, mask, result } of stage.calls) {
      const out = new ColumnWriter(this.#options.runtime, this.#view, call.type, rows);
      apply({
        call,
        rows,
        mask: mask < 0 ? undefined : this.#mask(args, physicalIndex(schema, mask), rows),
        args: indexes.map((index) => this.#reader(args, schema, index)),
        out,
        environment: this.#options.environment,
        runtime: this.#options.runtime,
      });
      this.#place(out, wide, result);
    }
  }

  /** A result's columns into the widened batch; returns the column behind them. */
  #place(out: ColumnWriter, wide: number, column: number): number {
    const { data } = this.#view;
    data.setUint32(columnPtr(wide, column), out.validity, true);
    data.setUint32(columnPtr(wide, column) + 4, out.values, true);
    return out.fields.reduce((next, field) => this.#place(field, wide, next), column + 1);
  }

  #reader(batch: number, schema: Schema, field: number): ColumnReader {
    return this.#columnReader(batch, schema.fields[field]!.type, physicalIndex(schema, field));
  }

  #columnReader(batch: number, type: LogicalType, column: number): ColumnReader {
    const at = columnPtr(batch, column);
    const { data } = this.#view;
    let child = column + 1;
    const parts = type.kind === "ROW" || type.kind === "STRUCTURED" ? type.fields : [];
    const fields = parts.map((part) => {
      const reader = this.#columnReader(batch, part.type, child);
      child += physicalCount(part.type);
      return reader;
    });
    const [validity, values] = [data.getUint32(at, true), data.getUint32(at + 4, true)];
    return new ColumnReader(this.#view, type, validity, values, fields);
  }

  /** A copy: the memory may grow while the function runs. */
  #mask(batch: number, column: number, rows: number): Uint8Array {
    const values = this.#view.data.getUint32(columnPtr(batch, column) + 4, true);
    return this.#view.bytes.slice(values, values + rows);
  }
}
