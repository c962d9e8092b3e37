/**
 * LocalWindowAggregate: the first half of a window aggregation in two phases: rows of a key are folded by slice before they are
 * moved to the key's subtask, and DISTINCT values are passed on once.
 *
 * Out:     phase-parts.ts: accumulators, DISTINCT values, or rows as they came; read by window-aggregate.ts and
 *          slice-aggregate.ts.
 * Memory:  bounded tables (group-table.ts; log-table.ts for texts and lists) by key and slice, and by key, slice and value for each DISTINCT; when one is full all
 *          go out and are begun anew.
 * Flushed: also by a watermark behind the end of a slice, before it is passed on, so that no row gets late here; at a barrier
 *          and at the end of input, so that there is no state.
 * Adapts:  where folding saves too little, rows go on as they came for a while (folding-judge.ts).
 * Late:    nothing is dropped here: the second half knows which windows are over.
 * Source:  Flink LocalSlicingWindowAggOperator, RecordsWindowBuffer.LocalFactory.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, physicalCount } from "../../../foundation/columnar/schema.ts";
import { argumentFields } from "../../../foundation/plan/aggregate-phases.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { callSets } from "../group-aggregate/call-sets.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { FoldingJudge } from "../rows/folding-judge.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { WindowTimes, wallClockAfter } from "../windows/window-times.ts";
import { DistinctTable } from "./distinct-table.ts";
import { GroupTable, type GroupTablePiece } from "./group-table.ts";
import { LogTable } from "./log-table.ts";
import { WindowSlices } from "./window-slices.ts";

/** Of the widest physical column. */
const WIDEST = 16;

export class LocalWindowAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  readonly #slices: WindowSlices;
  readonly #zone: string;
  #rows: BatchRows | undefined;
  #times: WindowTimes | undefined;
  #compiled: CompiledAccumulate | undefined;
  /** Of plain accumulators, or of such as keep something in a log. */
  #table: GroupTable | undefined;
  #logged: LogTable | undefined;
  #distinct: readonly DistinctTable[] = [];
  #keyFields: ProjectedRows | undefined;
  #argFields: ProjectedRows | undefined;
  #args: readonly number[] = [];
  #inputColumns = 0;
  #keyColumns = 0;
  #argColumns = 0;
  /** Folded since the tables were empty. */
  #folded = 0;
  readonly #judge = new FoldingJudge();
  /** Number of the slice that the watermark is in. */
  #slice = Number.NEGATIVE_INFINITY;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#slices = new WindowSlices(node.window);
    this.#zone = node.window.time.type.kind === "TIMESTAMP_LTZ" ? context.timeZone : "UTC";
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { grouping, aggregates, attached, window, description: operator } = this.#node;
    const input = context.inputs[0]!;
    const end = { name: "$slice_end", type: types.bigint(false) };
    const schema = attached === undefined ? { fields: [...input.fields, end] } : input;
    const bounds = attached === undefined ? [input.fields.length] : [attached.start, attached.end];
    const fields = [...grouping, ...bounds];
    if (attached === undefined) {
      const slice = { ...window, kind: "TUMBLE" as const, sizeMs: this.#slices.sizeMs };
      this.#times = new WindowTimes(context, slice);
    }
    this.#rows = new BatchRows(runtime, input);
    this.#inputColumns = physicalColumns(input).length;
    this.#keyFields = new ProjectedRows(runtime, schema, fields);
    this.#args = argumentFields(this.#node);
    this.#argFields = new ProjectedRows(runtime, input, this.#args);
    this.#keyColumns = physicalColumns(this.#keyFields.schema).length;
    this.#argColumns = physicalColumns(this.#argFields.schema).length;
    this.#table = new GroupTable({ runtime, schema, fields, operator });
    const [plain, ...sets] = callSets(aggregates);
    this.#compiled = compileAccumulate(
      {
        input,
        aggregates: plain!.map((place) => ({ ...aggregates[place]!, distinct: false })),
        hashDistance: hashDistance(this.#table.keys.keyBytes),
      },
      { runtime, environment: functionEnvironment(context), operator },
    );
    if (this.#compiled.handles.length === 0) this.#table.open(this.#compiled.valueBytes);
    else {
      this.#logged = new LogTable({ runtime, schema, fields, operator });
      this.#logged.open(this.#compiled);
    }
    this.#distinct = sets.map(
      ([place]) =>
        new DistinctTable({ context, schema, keys: fields, call: aggregates[place!]!, operator }),
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const sliced = this.#times === undefined ? batch : this.#withSlices(batch, this.#times);
    if (sliced === 0) return;
    const n = this.#rows!.rows(sliced);
    if (this.#judge.passes) {
      this.#pass(sliced, n);
      return;
    }
    if (!this.#fold(sliced, n)) {
      this.#flush();
      if (this.#judge.passes || !this.#fold(sliced, n)) this.#pass(sliced, n);
    }
  }

  override processWatermark(watermark: number): void {
    const after = wallClockAfter(watermark, this.#zone);
    const slice = Math.floor((after - this.#node.window.offsetMs) / this.#slices.sizeMs);
    if (slice !== this.#slice) this.#flush();
    this.#slice = slice;
    this.context.output.emitWatermark(watermark);
  }

  override prepareSnapshot(): void {
    this.#flush();
  }

  override endInput(): void {
    this.#flush();
  }

  override close(): void {
    this.#table?.close();
    this.#logged?.close();
    for (const table of this.#distinct) table.close();
    this.#table = undefined;
    this.#logged = undefined;
    this.#distinct = [];
  }

  /** False when a table has no room; then nothing is folded. */
  #fold(batch: BatchPtr, n: number): boolean {
    const table = this.#table!;
    const keys = table.keys.encode(batch);
    const hasRoom = this.#logged === undefined ? table.hasRoom(n, keys) : this.#logged.hasRoom(n);
    if (!hasRoom) return false;
    const values = this.#distinct.map((distinct) => distinct.values(batch));
    if (!this.#distinct.every((distinct, i) => distinct.hasRoom(values[i]))) return false;
    if (this.#logged === undefined) this.#compiled!.accumulate(batch, table.upsert(n, keys), 0);
    else this.#logged.fold(batch, keys);
    this.#distinct.forEach((distinct, i) => {
      distinct.add(values[i]);
    });
    this.#folded += n;
    return true;
  }

  /** The rows that have a time, with the end of their slice behind; 0 when there is none. */
  #withSlices(batch: BatchPtr, times: WindowTimes): BatchPtr {
    const { runtime } = this.context;
    const slices = times.assign(batch);
    if (slices.count === 0) return 0;
    const all = slices.count === this.#rows!.rows(batch);
    const rows = all ? batch : this.#rows!.gather(batch, slices.rows, slices.count);
    const columns = columnsOf(rows, 0, this.#inputColumns);
    return assembleBatch(runtime, slices.count, [...columns, { values: slices.ends }]);
  }

  #flush(): void {
    if (this.#folded === 0) return;
    let made = (this.#logged ?? this.#table!).drain((piece) => {
      this.#emitAccumulators(piece);
    });
    this.#distinct.forEach((distinct, set) => {
      made += distinct.drain((piece) => {
        this.#emitValues(piece, distinct, set);
      });
    });
    this.#judge.folded(this.#folded, made);
    this.#folded = 0;
  }

  #emitAccumulators({ n, keys, views }: GroupTablePiece): void {
    const values = this.#zeros(n);
    const args = Array.from({ length: this.#argColumns }, () => ({ values }));
    this.#emit(n, [...columnsOf(keys, 0, this.#keyColumns), { values: views }, ...args]);
  }

  /** Arguments in their columns, a filter that let them through; the others hold nothing. */
  #emitValues({ n, keys }: GroupTablePiece, { call }: DistinctTable, set: number): void {
    const { kernels, memory } = this.context.runtime;
    const nothing = this.#zeros(n);
    const passed = kernels.arenaAlloc(n) >>> 0;
    new Uint8Array(memory.buffer, passed, n).fill(1);
    const number = kernels.arenaAlloc(1) >>> 0;
    new Uint8Array(memory.buffer)[number] = set;
    const { fields } = this.context.inputs[0]!;
    const args = this.#args.flatMap((field): ColumnFrom[] => {
      const width = physicalCount(fields[field]!.type);
      if (field === call.filter) return [{ values: passed }];
      const at = call.args.indexOf(field);
      if (at < 0) return Array.from({ length: width }, () => ({ values: nothing }));
      const before = call.args.slice(0, at).map((arg) => physicalCount(fields[arg]!.type));
      const first = before.reduce((sum, count) => sum + count, this.#keyColumns);
      return columnsOf(keys, first, width);
    });
    const views = { values: kernels.strideViews(number, 0, 1, n) >>> 0 };
    this.#emit(n, [...columnsOf(keys, 0, this.#keyColumns), views, ...args]);
  }

  /** The rows as they came. */
  #pass(batch: BatchPtr, n: number): void {
    this.#emit(n, [
      ...columnsOf(this.#keyFields!.project(batch), 0, this.#keyColumns),
      { values: this.#zeros(n) },
      ...columnsOf(this.#argFields!.project(batch), 0, this.#argColumns),
    ]);
    this.#judge.passed(n);
  }

  #zeros(n: number): number {
    return this.context.runtime.kernels.zeroedValues(n, WIDEST) >>> 0;
  }

  #emit(n: number, columns: readonly ColumnFrom[]): void {
    this.context.output.emit(assembleBatch(this.context.runtime, n, columns));
  }
}
