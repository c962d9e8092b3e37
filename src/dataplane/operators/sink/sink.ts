/**
 * Sink: what lies between a query and its table's writer: NOT NULL constraints, and for upsert
 *       tables whose primary key does not
 * hold an upsert key of the query, the materialiser that puts changes of several rows under one key
 * in order.
 *
 * ON CONFLICT DO NOTHING, DO ERROR: conflict-materializer.ts.
 * Lengths and nested values: constraint-enforcer.ts.
 * Flow:    chain → here → SinkWriter.
 * In/out: any changelog → the same without rows that break a constraint; materialised: +I, +U, -D
 * by primary key.
 * State:   map "rows" (materialised only): primary key → the rows that fall on it, in order of
 *          arrival.
 * Errors:  MR4170 NULL for a NOT NULL column.
 * Source:  Flink ConstraintEnforcer, SinkUpsertMaterializer.
 */
import {
  BATCH_KINDS,
  type BatchPtr,
  COLUMN_VALIDITY,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { ConflictMaterializer } from "./conflict-materializer.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { ConstraintEnforcer } from "./constraint-enforcer.ts";

interface NotNullColumn {
  readonly name: string;
  readonly column: number;
}

export class SinkOperator extends BaseOperator {
  readonly #node: SinkNode;
  #notNull: readonly NotNullColumn[] = [];
  #rows: BatchRows | undefined;
  #enforcer: ConstraintEnforcer | undefined;
  #materializer: UpsertMaterializer | undefined;
  #conflicts: ConflictMaterializer | undefined;

  constructor(node: SinkNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { notNullFields, upsertMaterialize, onConflict } = this.#node;
    const schema = this.context.inputs[0]!;
    this.#rows = new BatchRows(this.context.runtime, schema);
    this.#notNull = notNullFields
      .filter((field) => schema.fields[field]!.type.nullable)
      .map((field) => ({
        name: this.#node.table.schema.fields[field]!.name,
        column: physicalIndex(schema, field),
      }));
    if (this.#node.typeLengthEnforcer ?? this.#node.nestedConstraintEnforcer)
      this.#enforcer = new ConstraintEnforcer(this.#node, this.context.runtime, schema);
    if (!upsertMaterialize) return;
    if (onConflict === "ERROR" || onConflict === "NOTHING")
      this.#conflicts = new ConflictMaterializer(this.#node, this.context);
    else this.#materializer = new UpsertMaterializer(this.#node, this.context);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const constrained = this.#notNull.length > 0 || this.#enforcer !== undefined;
    const checked = constrained ? this.#enforce(batch) : batch;
    if (checked === 0) return;
    const materializer = this.#conflicts ?? this.#materializer;
    if (materializer === undefined) this.context.output.emit(checked);
    else materializer.process(checked);
  }

  override processWatermark(watermark: number): void {
    this.#conflicts?.advance(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override close(): void {
    this.#materializer?.close();
    this.#materializer = undefined;
  }

  /** The rows without NULL where none may be; 0 when there is none. */
  #enforce(batch: BatchPtr): BatchPtr {
    const { buffer } = this.context.runtime.memory;
    const data = new DataView(buffer);
    const n = this.#rows!.rows(batch);
    let bad: Uint8Array | undefined;
    for (const { name, column } of this.#notNull) {
      const validity = data.getUint32(columnPtr(batch, column) + COLUMN_VALIDITY, true);
      if (validity === 0) continue;
      const valid = new Uint8Array(buffer, validity, n);
      if (!valid.includes(0)) continue;
      if (this.#node.notNullEnforcer === "ERROR")
        throw operatorErrors.NOT_NULL_VIOLATED({ column: name, table: this.#node.table.name });
      bad ??= new Uint8Array(n);
      for (let row = 0; row < n; row++) if (valid[row] === 0) bad[row] = 1;
    }
    const fitting =
      this.#enforcer?.enforce(batch, n, (row) => {
        bad ??= new Uint8Array(n);
        bad[row] = 1;
      }) ?? batch;
    return bad === undefined ? fitting : this.#without(fitting, bad);
  }

  #without(batch: BatchPtr, bad: Uint8Array): BatchPtr {
    const { kernels, memory } = this.context.runtime;
    const list = kernels.arenaAlloc(bad.length * 4) >>> 0;
    const kept = new Uint32Array(memory.buffer, list, bad.length);
    let n = 0;
    for (let row = 0; row < bad.length; row++) if (bad[row] === 0) kept[n++] = row;
    return n === 0 ? 0 : this.#rows!.gather(batch, list, n);
  }
}

class UpsertMaterializer {
  readonly #context: OperatorContext;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  readonly #emitter: ChangeEmitter;
  readonly #map: KeyedMap;
  readonly #rows: BatchRows;
  readonly #identity: { readonly rows: ProjectedRows; readonly codec: RowCodec } | undefined;

  constructor(node: SinkNode, context: OperatorContext) {
    const { runtime } = context;
    const schema = context.inputs[0]!;
    const operator = node.description;
    this.#context = context;
    this.#rows = new BatchRows(runtime, schema);
    this.#keys = compileKeyCodec({ schema, fields: node.upsertKey, runtime, operator });
    this.#format = new RowFormat(runtime, schema, operator);
    this.#emitter = new ChangeEmitter({ context, output: schema, left: this.#format });
    const [upsertKey] = node.upsertKeys.toSorted((a, b) => a.length - b.length);
    if (upsertKey !== undefined) {
      const rows = new ProjectedRows(runtime, schema, upsertKey);
      this.#identity = { rows, codec: compileRowCodec({ schema: rows.schema, runtime, operator }) };
    }
    this.#map = context.state.map({
      name: "rows",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [
        stateRows(schema, "set", { identity: upsertKey ?? [], whole: upsertKey === undefined }),
      ],
      ttlMs: node.stateTtlMs ?? 0,
    });
  }

  process(batch: BatchPtr): void {
    const { kernels, memory } = this.#context.runtime;
    const n = this.#rows.rows(batch);
    const { keys, hashes } = this.#keys.encode(batch);
    const views = this.#format.encode(batch);
    const identities = this.#identity?.codec.encode(this.#identity.rows.project(batch)) ?? 0;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, n, hashes, keys, entries);
    const kinds = new DataView(memory.buffer).getUint32(batch + BATCH_KINDS, true);
    kernels.materializeRows(this.#map.ptr, n, kinds, hashes, entries, views, identities);
    this.#emitter.emit(this.#map.ptr);
    kernels.setsCleanup(this.#map.ptr, n, entries);
  }

  close(): void {
    this.#format.close();
  }
}
