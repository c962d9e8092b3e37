/** DistinctTable: the values of one DISTINCT by key and slice, each once, until they are passed on. */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { type AggregateCall, input } from "../../../foundation/plan/expression.ts";
import { countsNulls } from "../../codegen/aggregates/collection-choice.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext, WorkerRuntime } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { countsCondition } from "../group-aggregate/distinct-values.ts";
import { GroupTable, type GroupTablePiece } from "./group-table.ts";

export interface DistinctTableOptions {
  readonly context: OperatorContext;
  readonly schema: Schema;
  /** Grouping and bounds of the window. */
  readonly keys: readonly number[];
  /** One of the calls: its arguments and filter are those of all. */
  readonly call: AggregateCall;
  readonly operator: string;
}

/** Values that count, of one batch. */
export type CountedValues = (EncodedKeys & { readonly n: number }) | undefined;

export class DistinctTable {
  readonly call: AggregateCall;
  readonly #runtime: WorkerRuntime;
  readonly #table: GroupTable;
  readonly #filter: CompiledCalc;

  constructor({ context, schema, keys, call, operator }: DistinctTableOptions) {
    const { runtime } = context;
    this.call = call;
    this.#runtime = runtime;
    this.#table = new GroupTable({ runtime, schema, fields: [...keys, ...call.args], operator });
    this.#table.open(0);
    const { args, filter } = call;
    this.#filter = compileCalc(
      {
        input: schema,
        projection: schema.fields.map(({ type }, field) => input(field, type)),
        condition: countsCondition({ schema, args, filter, nulls: countsNulls(call) }),
        output: schema,
      },
      { runtime, environment: functionEnvironment(context), operator },
    );
  }

  values(batch: BatchPtr): CountedValues {
    const counted = this.#filter.process(batch);
    if (counted === 0) return undefined;
    const n = new DataView(this.#runtime.memory.buffer).getUint32(counted + BATCH_ROWS, true);
    return n === 0 ? undefined : { n, ...this.#table.keys.encode(counted) };
  }

  hasRoom(values: CountedValues): boolean {
    return values === undefined || this.#table.hasRoom(values.n, values);
  }

  add(values: CountedValues): void {
    if (values !== undefined) this.#table.upsert(values.n, values);
  }

  drain(emit: (piece: GroupTablePiece) => void): number {
    return this.#table.drain(emit);
  }

  close(): void {
    this.#table.close();
  }
}
