/**
 * A process table function of the user: eval() for each row, onTimer() for each timer.
 *
 * Flow:    batch → rows of its table argument, one by one, each with the state of its partition key → rows collected → batch.
 * In/out:  what the declaration says; a kind that it does not name is refused.
 * Time:    a table's own watermark releases its rows with ORDER BY, the combined one fires timers.
 *          After a restore the function sees no watermark before a new one has come, as in Flink.
 * State:   process-state.ts, process-timers.ts, ordered-table.ts; value "watermarks".
 * Errors:  MR4162 no such function here, MR4163 what the function does wrong or throws.
 * Source:  Flink AbstractProcessTableOperator, ProcessSetTableOperator, ProcessRowTableOperator.
 */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { ROW_KIND_NAMES, RowKind } from "../../../foundation/columnar/row-kind.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import {
  RowReader,
  type TimestampValue,
  type Value,
} from "../../../foundation/columnar/value-reader.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import {
  nullableKeys,
  type UserProcess,
  withKeys,
} from "../../../foundation/plan/process-table-function.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorValue } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import type { ProcessArguments, ProcessFunction } from "../../contract/process-function.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import type { KeysAt } from "../rows/due-keys.ts";
import { keyAt } from "../rows/keyed-cell.ts";
import { valueBatch } from "../rows/value-batch.ts";
import { OrderedTable } from "./ordered-table.ts";
import { FunctionContext } from "./function-context.ts";
import { ProcessTimers } from "./process-timers.ts";
import { TableRow, constants, tableFields } from "./process-values.ts";

interface StoredWatermarks {
  readonly combined: number;
  /** By table. */
  readonly inputs: readonly number[];
}

export class UserProcessOperator extends BaseOperator {
  readonly #node: ProcessTableFunctionNode;
  readonly #spec: UserProcess;
  readonly #function: ProcessFunction;
  readonly #readers: readonly RowReader[];
  /** Of the tables, with the statement's names. */
  readonly #schemas: readonly Schema[];
  readonly #args: Record<string, ProcessArguments[string]> = {};
  #codec: KeyCodec | undefined;
  #timers: ProcessTimers | undefined;
  #ordered: (OrderedTable | undefined)[] = [];
  #call: FunctionContext | undefined;
  #rows: (readonly Value[])[] = [];
  #kinds: number[] = [];
  /** What stands before the function's own columns in the rows that it collects now. */
  #prefix: readonly Value[] = [];
  #rowtime: readonly Value[] = [];
  #watermark = MIN_WATERMARK;
  readonly #inputWatermarks: number[];
  readonly #nullable: readonly boolean[];
  #stored: OperatorValue | undefined;

  constructor(
    node: ProcessTableFunctionNode,
    spec: UserProcess,
    own: ProcessFunction,
    context: OperatorContext,
  ) {
    super(context);
    this.#node = node;
    this.#spec = spec;
    this.#function = own;
    this.#schemas = node.tables.map((table, i) => ({
      fields: tableFields(table, context.inputs[i]!),
    }));
    this.#nullable = nullableKeys(node.tables, context.inputs);
    this.#inputWatermarks = context.inputs.map(() => MIN_WATERMARK);
    this.#readers = context.inputs.map((schema) => new RowReader(context.runtime.memory, schema));
  }

  override open(): void {
    const { context } = this;
    const { description: operator, tables } = this.#node;
    const { runtime } = context;
    this.#codec = compileKeyCodec({
      schema: this.#keySchema(),
      fields: this.#keySchema().fields.map((_, i) => i),
      runtime,
      operator,
    });
    if (this.#spec.timers) this.#timers = new ProcessTimers(context, this.#codec);
    this.#ordered = tables.map((table, index) =>
      table.sort.length === 0
        ? undefined
        : new OrderedTable(context, {
            index,
            schema: context.inputs[index]!,
            nullable: this.#nullable,
            table,
            operator,
          }),
    );
    this.#call = new FunctionContext({
      node: this.#node,
      spec: this.#spec,
      context,
      keys: this.#codec,
      timers: this.#timers,
      collect: (values, kind) => this.#collect(values, kind),
    });
    this.#restoreWatermarks(context.state.operatorValue("watermarks"));
    const values = constants(this.#node, context);
    this.#node.arguments.forEach((argument, i) => {
      const name = this.#spec.parameters[i];
      if (name === undefined) return;
      this.#args[name] = argument.kind === "descriptor" ? argument.columns : (values[i] ?? null);
    });
  }

  override processBatch(input: number, batch: BatchPtr): void {
    const ordered = this.#ordered[input];
    if (ordered === undefined) this.#process(input, batch);
    else ordered.add(batch, this.#inputWatermarks[input]!);
    this.#flush();
  }

  /** Rows of a table with ORDER BY wait for its own watermark; they still see the one before. */
  processInputWatermark(input: number, watermark: number): void {
    this.#ordered[input]?.release(watermark, (batch) => {
      this.#process(input, batch);
      this.#flush();
    });
    if (watermark <= this.#inputWatermarks[input]!) return;
    this.#inputWatermarks[input] = watermark;
    this.#call!.tableWatermarks[input] = watermark;
    this.#store();
  }

  override processWatermark(watermark: number): void {
    if (watermark > this.#watermark) {
      this.#watermark = watermark;
      this.#call!.watermark = watermark;
      this.#store();
    }
    this.#fire(watermark);
    this.#flush();
    this.context.output.emitWatermark(watermark);
  }

  override close(): void {
    for (const ordered of this.#ordered) ordered?.close();
    this.#ordered = [];
  }

  /** What was late before the savepoint stays late. */
  #restoreWatermarks(stored: OperatorValue): void {
    for (const value of stored.restored as readonly StoredWatermarks[]) {
      this.#watermark = Math.max(this.#watermark, value.combined);
      value.inputs.forEach((watermark, input) => {
        const known = this.#inputWatermarks[input] ?? MIN_WATERMARK;
        this.#inputWatermarks[input] = Math.max(known, watermark);
      });
    }
    this.#stored = stored;
    this.#store();
  }

  #store(): void {
    const value: StoredWatermarks = {
      combined: this.#watermark,
      inputs: [...this.#inputWatermarks],
    };
    this.#stored!.set(value);
  }

  /** The partition's key, with one layout for all tables; without one a constant. */
  #keySchema(): Schema {
    const { tables } = this.#node;
    const at = tables.findIndex(({ partitionKeys }) => partitionKeys.length > 0);
    if (at < 0) return { fields: [] };
    const { partitionKeys } = tables[at]!;
    const schema = withKeys(this.context.inputs[at]!, partitionKeys, this.#nullable);
    return { fields: partitionKeys.map((index) => schema.fields[index]!) };
  }

  #keyColumns(input: number, batch: BatchPtr): ColumnFrom[] {
    const schema = this.context.inputs[input]!;
    return (this.#node.tables[input]?.partitionKeys ?? []).flatMap((index) =>
      columnsOf(batch, physicalIndex(schema, index), physicalCount(schema.fields[index]!.type)),
    );
  }

  #process(input: number, batch: BatchPtr): void {
    const { runtime } = this.context;
    const reader = this.#readers[input]!;
    const table = this.#node.tables[input];
    const n = reader.rows(batch);
    const keyBatch = assembleBatch(runtime, n, this.#keyColumns(input, batch));
    const encoded = this.#codec!.encode(keyBatch);
    const timeField = this.#node.onTime[input] ?? table?.sort[0]?.index;
    for (let row = 0; row < n; row++) {
      const values = reader.read(batch, row);
      const kind = reader.kind(batch, row);
      const time = timeField === undefined ? null : (values[timeField] as TimestampValue | null);
      if (table !== undefined)
        this.#args[table.name] = new TableRow(this.#schemas[input]!, kind, values);
      this.#prefix = this.#prefixOf(input, values);
      this.#rowtime = this.#node.onTime.length === 0 ? [] : [time];
      const call = this.#call!;
      call.moveTo(keyAt(runtime.memory, this.#codec!, encoded, row), input, time?.millis ?? null);
      this.#run(() => this.#function.eval(call, this.#args));
      call.write();
    }
    if (table !== undefined) this.#args[table.name] = null;
  }

  /** Keys of each table, or all columns of the one that is passed through. */
  #prefixOf(input: number, values: readonly Value[]): readonly Value[] {
    const table = this.#node.tables[input];
    if (table === undefined) return [];
    if (table.passThrough) return values;
    const keys = table.partitionKeys.map((index) => values[index]!);
    return this.#node.tables.flatMap(({ partitionKeys }) => (partitionKeys.length > 0 ? keys : []));
  }

  #fire(watermark: number): void {
    const timers = this.#timers;
    if (timers === undefined) return;
    const { kernels } = this.context.runtime;
    for (;;) {
      const mark = kernels.arenaMark();
      const due = timers.next(watermark);
      if (due !== undefined) this.#fireDue(due);
      this.#flush();
      kernels.arenaRelease(mark);
      if (due === undefined) return;
    }
  }

  #fireDue({ time, keys, address }: KeysAt): void {
    const { runtime } = this.context;
    const schema = { fields: this.#codec!.schema.fields };
    const batch = valueBatch(
      runtime,
      schema,
      keys.map(() => schema.fields.map(() => null)),
    );
    // The codec writes validity only where there can be NULL.
    physicalColumns(schema).forEach(({ nullable }, column) => {
      if (nullable) return;
      const data = new DataView(runtime.memory.buffer);
      data.setUint32(columnPtr(batch, column) + COLUMN_VALIDITY, 0, true);
    });
    if (schema.fields.length > 0) this.#codec!.decode(address, keys.length, batch, 0, 0);
    const reader = new RowReader(runtime.memory, schema);
    keys.forEach((key, i) => {
      const own = schema.fields.length === 0 ? [] : reader.read(batch, i);
      const keyed = this.#node.tables.filter(({ partitionKeys }) => partitionKeys.length > 0);
      this.#prefix = keyed.flatMap(() => own);
      this.#rowtime = this.#node.onTime.length === 0 ? [] : [{ millis: time, nanos: 0 }];
      const call = this.#call!;
      call.moveTo(key, -1, time);
      for (const timer of call.dueTimers(time))
        this.#run(() => this.#function.onTimer?.(call, timer));
      call.write();
    });
  }

  /** What the user's code throws becomes an error of the job; ours pass. */
  #run(body: () => void): void {
    try {
      body();
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw operatorErrors.PROCESS_FAILED(
        { message: `${this.#node.function}: ${message}` },
        { cause },
      );
    }
  }

  #collect(values: readonly Value[], kind: RowKind): void {
    const changes = this.#call!.changes;
    if (!changes.kinds.includes(ROW_KIND_NAMES[kind]))
      throw operatorErrors.PROCESS_FAILED({
        message: `Invalid row kind received: ${ROW_KIND_NAMES[kind]}. Expected produced changelog mode: [${changes.kinds.join(", ")}]`,
      });
    this.#rows.push([...this.#prefix, ...values, ...this.#rowtime]);
    this.#kinds.push(kind);
  }

  #flush(): void {
    const { runtime, output } = this.context;
    for (let from = 0; from < this.#rows.length; from += MAX_BATCH_ROWS) {
      const rows = this.#rows.slice(from, from + MAX_BATCH_ROWS);
      const kinds = this.#kinds.slice(from, from + MAX_BATCH_ROWS);
      const plain = kinds.every((kind) => kind === RowKind.INSERT);
      output.emit(valueBatch(runtime, this.#node.output, rows, plain ? undefined : kinds));
    }
    this.#rows = [];
    this.#kinds = [];
  }
}
