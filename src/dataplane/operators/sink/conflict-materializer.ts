/**
 * ConflictMaterializer: ON CONFLICT DO NOTHING and DO ERROR of upsert sinks: changes wait for the next watermark; what is
 * left of them by then is one row for each primary key, or a conflict.
 *
 * In/out:  any changelog → +I +U −D by primary key, with each watermark.
 * Rows:    of one identity (an upsert key of the query, else all columns) replace each other; several identities under one
 *          key are a conflict: NOTHING keeps the first, ERROR ends the job. Row by row in TypeScript.
 * State:   "pending": key → changes; "emitted": key → the sink's row; "due": watermark → keys.
 * Errors:  MR4164.
 * Source:  Flink WatermarkCompactingSinkMaterializer.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { elementBytes, type NestedType } from "../../../foundation/columnar/binary-value.ts";
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { RowKind, isAdd } from "../../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { operatorErrors } from "../errors.ts";
import { DueKeys } from "../rows/due-keys.ts";
import { KeyedCell, type StateKey, keyAt } from "../rows/keyed-cell.ts";
import { valueBatch } from "../rows/value-batch.ts";

type Row = readonly Value[];

/** Bytes as text: other bytes, other characters. */
const decoder = new TextDecoder("latin1");

export class ConflictMaterializer {
  readonly #node: SinkNode;
  readonly #context: OperatorContext;
  readonly #schema: Schema;
  readonly #keys: KeyCodec;
  readonly #reader: RowReader;
  readonly #pending: KeyedCell;
  readonly #emitted: KeyedCell;
  readonly #due: DueKeys;
  readonly #identity: readonly number[];
  #rows: Row[] = [];
  #kinds: number[] = [];
  #watermark = MIN_WATERMARK;

  constructor(node: SinkNode, context: OperatorContext) {
    const { runtime } = context;
    const schema = context.inputs[0]!;
    const { upsertKey: fields, description: operator } = node;
    this.#node = node;
    this.#context = context;
    this.#schema = schema;
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#reader = new RowReader(runtime.memory, schema);
    const columns = schema.fields.map(({ name, type }) => ({
      name,
      type: withNullable(type, true),
    }));
    const kind = { name: "$kind", type: types.tinyint(false) };
    const ttlMs = node.stateTtlMs ?? 0;
    const listOf = (row: typeof columns) => types.array(types.row(row, false), false) as NestedType;
    this.#pending = new KeyedCell(context, this.#keys, {
      name: "pending",
      type: listOf([kind, ...columns]),
      ttlMs,
    });
    this.#emitted = new KeyedCell(context, this.#keys, {
      name: "emitted",
      type: listOf(columns),
      ttlMs,
    });
    this.#due = new DueKeys(context, this.#keys, "due");
    const [shortest] = node.upsertKeys.toSorted((a, b) => a.length - b.length);
    this.#identity = shortest ?? schema.fields.map((_, index) => index);
  }

  process(batch: BatchPtr): void {
    const { memory } = this.#context.runtime;
    const encoded = this.#keys.encode(batch);
    const n = this.#reader.rows(batch);
    for (let row = 0; row < n; row++) {
      const key = keyAt(memory, this.#keys, encoded, row);
      const values = this.#reader.read(batch, row);
      this.#pending.moveTo(key);
      const waiting = this.#pending.values;
      this.#pending.values = [...waiting, [this.#reader.kind(batch, row), ...values]];
      this.#pending.write();
      if (waiting.length === 0) this.#due.register(key, this.#watermark + 1);
    }
  }

  /** Settles what has come before this watermark. */
  advance(watermark: number): void {
    const { kernels } = this.#context.runtime;
    this.#watermark = Math.max(this.#watermark, watermark);
    for (;;) {
      const mark = kernels.arenaMark();
      const due = this.#due.next(watermark);
      for (const key of due?.keys ?? []) this.#settle(key);
      this.#flush();
      kernels.arenaRelease(mark);
      if (due === undefined) return;
    }
  }

  #settle(key: StateKey): void {
    this.#pending.moveTo(key);
    this.#emitted.moveTo(key);
    const before = this.#emitted.values[0] as Row | undefined;
    const rows = new Map<string, Row>();
    if (before !== undefined) rows.set(this.#identityOf(before), before);
    for (const change of this.#pending.values as readonly Row[]) {
      const [kind, ...values] = change;
      const identity = this.#identityOf(values);
      if (isAdd(kind as RowKind)) rows.set(identity, values);
      else rows.delete(identity);
    }
    if (rows.size > 1 && this.#node.onConflict === "ERROR")
      throw operatorErrors.KEY_CONFLICT({ table: this.#node.table.name });
    const [after] = rows.values();
    this.#change(before, after);
    this.#pending.values = [];
    this.#emitted.values = after === undefined ? [] : [after];
    this.#pending.write();
    this.#emitted.write();
  }

  #change(before: Row | undefined, after: Row | undefined): void {
    if (before === undefined && after === undefined) return;
    if (before !== undefined && after !== undefined && this.#isSame(before, after)) return;
    this.#rows.push(after ?? before!);
    const kind = before === undefined ? RowKind.INSERT : RowKind.UPDATE_AFTER;
    this.#kinds.push(after === undefined ? RowKind.DELETE : kind);
  }

  #isSame(a: Row, b: Row): boolean {
    const all = this.#schema.fields.map((_, index) => index);
    return this.#bytesOf(a, all) === this.#bytesOf(b, all);
  }

  #identityOf(row: Row): string {
    return this.#bytesOf(row, this.#identity);
  }

  #bytesOf(row: Row, fields: readonly number[]): string {
    const type = types.row(
      fields.map((index) => ({ ...this.#schema.fields[index]!, name: String(index) })),
    );
    const bytes = elementBytes(
      fields.map((index) => row[index]!),
      type,
    );
    return decoder.decode(bytes);
  }

  #flush(): void {
    const { runtime, output } = this.#context;
    for (let from = 0; from < this.#rows.length; from += MAX_BATCH_ROWS) {
      const rows = this.#rows.slice(from, from + MAX_BATCH_ROWS);
      const kinds = this.#kinds.slice(from, from + MAX_BATCH_ROWS);
      output.emit(valueBatch(runtime, this.#schema, rows, kinds));
    }
    this.#rows = [];
    this.#kinds = [];
  }
}
