/**
 * BeforeImages: the results that the keys of a folded batch had before it, as far as its changes need them.
 *
 * Flow:    group-loop.ts: fold keeps image i of the i-th key it meets → changes reads it.
 * Forms:   none          nobody asks for them: no -U, rows are only added, and every row changes the result
 *          accumulators  copies of the accumulators, read as results are
 *          results       columns of a batch, for accumulators that keep values behind handles: an update may free them
 */
import {
  type PhysicalColumn,
  physicalColumns,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns } from "../batch-columns.ts";
import type { FunctionBuilder, GlobalRef, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import { OutputColumns } from "../output-columns.ts";
import type { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import type { AggregateTarget } from "./aggregate-code.ts";
import type { AggregatePlan } from "./aggregate-plan.ts";
import { copyView } from "./value-compare.ts";

/** Beyond it, columns of results are shorter than accumulators. */
const MOST_ACCUMULATOR_BYTES = 256;

export class BeforeImages {
  readonly form: "none" | "accumulators" | "results";
  readonly #module: ModuleBuilder;
  readonly #plan: AggregatePlan;
  readonly #schema: Schema;
  /** The first accumulator, or the batch. */
  readonly #address: GlobalRef;
  #columns: OutputColumns | undefined;

  /** `schema`: of the results. */
  constructor(
    module: ModuleBuilder,
    { plan, schema, needed }: { plan: AggregatePlan; schema: Schema; needed: boolean },
  ) {
    this.#module = module;
    this.#plan = plan;
    this.#schema = {
      fields: schema.fields.map(({ name, type }) => ({ name, type: { ...type, nullable: true } })),
    };
    this.#address = module.global("before", "i32");
    const { handles, valueBytes } = plan.layout;
    if (!needed) this.form = "none";
    else if (handles.length === 0 && valueBytes <= MOST_ACCUMULATOR_BYTES)
      this.form = "accumulators";
    else this.form = "results";
  }

  /** Code: room for the images of `keys` keys. */
  allocate(f: FunctionBuilder, keys: Local): void {
    const arenaAlloc = this.#module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
    if (this.form === "accumulators") {
      f.get(keys).i32(this.#plan.layout.valueBytes).op("i32.mul").call(arenaAlloc);
      f.globalSet(this.#address);
    } else if (this.form === "results") {
      const columns = physicalColumns(this.#schema);
      this.#columns = new OutputColumns(f, {
        count: columns.length,
        columns: new Map<number, PhysicalColumn>(columns.entries()),
      });
      this.#columns.allocate(keys, arenaAlloc, { kinds: false });
      f.get(this.#columns.batch).globalSet(this.#address);
    }
  }

  /** Code, within the function that allocated: image `index` is the accumulator as it is now. */
  keep(target: AggregateTarget, index: Local): void {
    if (this.form === "accumulators") this.#copyAccumulator(target, index);
    else if (this.form === "results")
      this.#plan.codes.forEach((code, column) => {
        const value = code.result(target);
        const kept = value.physical === "view" ? copyView(target, value) : value;
        this.#columns!.write(column, index, kept);
      });
  }

  /** Code of a loop over `index`; the function given back writes code for the results of its image. */
  open(target: AggregateTarget, prologue: Prologue, index: Local): () => Value[] {
    const { f } = target;
    const address = prologue.hoist("images", "i32", () => f.globalGet(this.#address));
    if (this.form === "accumulators") {
      const entry = f.local("i32", "image");
      return () => {
        f.get(address).get(index).i32(this.#plan.layout.valueBytes).op("i32.mul").op("i32.add");
        f.set(entry);
        return this.#plan.codes.map((code) => code.result({ ...target, entry }));
      };
    }
    const ones = this.#module.onesGlobal;
    const image = { prologue, ones, schema: this.#schema, batch: address, row: index, name: "b" };
    const columns = new BatchColumns(image);
    return () => columns.columns.map((_, column) => columns.load(column));
  }

  #copyAccumulator({ f, entry }: AggregateTarget, index: Local): void {
    const { valueBytes } = this.#plan.layout;
    const to = f.local("i32");
    f.globalGet(this.#address).get(index).i32(valueBytes).op("i32.mul").op("i32.add").set(to);
    let at = 0;
    for (; at + 16 <= valueBytes; at += 16)
      f.get(to).get(entry).load("v128.load", at).store("v128.store", at);
    if (at < valueBytes) f.get(to).get(entry).load("i64.load", at).store("i64.store", at);
  }
}
