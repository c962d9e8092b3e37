/**
 * VectorSearchTableFunction: each row with the `topK` rows of a table whose vectors are nearest to its own, nearest first.
 *
 * Flow:    prepare(): the table is read whole. Batch → vectors of the rows (generated) → every vector of the table → rows.
 * Score:   cosine similarity, from −1 to 1; of a vector without length 0. Equal scores keep the table's order.
 * In/out:  any changelog; changes keep their kinds. NULL, or another number of dimensions, finds nothing.
 * State:   none: the table is read again after a restart.
 * Limits:  every row is compared with the whole table: rows · dimensions multiplications a row.
 * Source:  Flink StreamExecVectorSearchTableFunction; the measure is the connector's there.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type { VectorSearchTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { type TableScan, vectorScanOf } from "../../contract/lookup.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { decodedValue } from "../rows/decoded-value.ts";
import { valueBatch } from "../rows/value-batch.ts";

interface Entry {
  readonly vector: Float64Array;
  readonly values: readonly Value[];
}

export class VectorSearchOperator extends BaseOperator {
  readonly #node: VectorSearchTableFunctionNode;
  readonly #schema: Schema;
  readonly #reader: RowReader;
  #queries: { readonly calc: CompiledCalc; readonly reader: RowReader } | undefined;
  #scan: TableScan | undefined;
  #entries: Entry[] = [];

  constructor(node: VectorSearchTableFunctionNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#schema = node.table.schema;
    this.#reader = new RowReader(context.runtime.memory, context.inputs[0]!);
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { query, description: operator } = this.#node;
    if (context.scanTable === undefined)
      throw baseErrors.UNSUPPORTED({
        what: "a vector search without connectors",
        remedy: "Run it in a job.",
      });
    this.#scan = context.scanTable(vectorScanOf(this.#node));
    const output = { fields: [{ name: "query", type: query.type }] };
    this.#queries = {
      calc: compileCalc(
        { input: context.inputs[0]!, projection: [query], output },
        { runtime, environment: functionEnvironment(context), operator },
      ),
      reader: new RowReader(runtime.memory, output),
    };
  }

  async prepare(): Promise<void> {
    const reader = new RowReader(this.context.runtime.memory, this.#schema);
    const entries: Entry[] = [];
    await this.#scan!.read((batch) => {
      for (let row = 0; row < reader.rows(batch); row++) {
        const values = reader.read(batch, row);
        const { column } = this.#node;
        const vector = unit(decodedValue(values[column]!, this.#schema.fields[column]!.type));
        if (vector !== undefined) entries.push({ vector, values });
      }
    });
    this.#entries = entries;
    this.context.metrics.gauge("numCachedRecords", () => this.#entries.length);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime, output } = this.context;
    const { calc, reader } = this.#queries!;
    const queries = calc.process(batch);
    const { type } = this.#node.query;
    const outer = this.#node.joinType === "LEFT";
    const rows: (readonly Value[])[] = [];
    const kinds: number[] = [];
    for (let row = 0; row < this.#reader.rows(batch); row++) {
      const own = this.#reader.read(batch, row);
      const query = unit(decodedValue(reader.read(queries, row)[0]!, type));
      const found = query === undefined ? [] : this.#nearest(query);
      for (const { entry, score } of found) rows.push([...own, ...entry.values, score]);
      const none = found.length === 0 && outer;
      if (none) rows.push(own);
      const kind = this.#reader.kind(batch, row);
      kinds.push(...new Array<number>(found.length + (none ? 1 : 0)).fill(kind));
    }
    for (let from = 0; from < rows.length; from += MAX_BATCH_ROWS) {
      const part = rows.slice(from, from + MAX_BATCH_ROWS);
      const own = kinds.slice(from, from + MAX_BATCH_ROWS);
      const plain = own.every((kind) => kind === 0);
      output.emit(valueBatch(runtime, this.#node.output, part, plain ? undefined : own));
    }
  }

  override close(): void {
    const scan = this.#scan;
    this.#scan = undefined;
    this.#entries = [];
    // What a reader says when it is stopped no longer matters.
    scan?.close().catch(() => undefined);
  }

  /** The best `topK`, kept in order while all are looked at. */
  #nearest(query: Float64Array): { readonly entry: Entry; readonly score: number }[] {
    const best: { entry: Entry; score: number }[] = [];
    const { topK } = this.#node;
    for (const entry of this.#entries) {
      const { vector } = entry;
      if (vector.length !== query.length) continue;
      let score = 0;
      for (let i = 0; i < vector.length; i++) score += vector[i]! * query[i]!;
      if (best.length === topK && score <= best[topK - 1]!.score) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { entry, score });
      if (best.length > topK) best.pop();
    }
    return best;
  }
}

/** Of length 1; undefined for NULL, or a vector that holds NULL. */
function unit(value: Value): Float64Array | undefined {
  if (!Array.isArray(value) || value.includes(null)) return undefined;
  const vector = Float64Array.from(value as readonly number[]);
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((part) => part / length);
}
