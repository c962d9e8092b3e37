/**
 * JoinSide: one input of a join: its keys, its rows as bytes, and the rows that it keeps in state.
 *
 * State:   map "left-records" or "right-records": join key → row set (kernels/row-set.as.ts). Rows carry the number of rows
 *          of the other side that they match, which counts when this side is outer (or the left one of SEMI, ANTI).
 * Unique:  "join-key-unique": one row a key; "has-unique-key": rows are told apart by the unique key; "no-unique-key": by
 *          all their bytes, equal rows are kept side by side. The index that finds a row of a key is built only when more
 *          than 16 rows are there and one must be found.
 * TTL:     of each row from its last write on (a change of its matches counts, as in Flink), and of the key as a whole.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinInputUnique } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import { compileRowWriter, type RowWriter } from "../../codegen/codecs/row-writer.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { filteringColumns, withNullableFields } from "./join-keys.ts";

export interface JoinSideOptions {
  readonly context: OperatorContext;
  readonly schema: Schema;
  readonly keys: readonly number[];
  /** By key: whether it is nullable on either side, so that both sides encode it alike. */
  readonly nullableKeys: readonly boolean[];
  /** Key fields (by position) whose NULL matches nothing. */
  readonly filterNulls: readonly boolean[];
  readonly unique: JoinInputUnique;
  readonly uniqueKey?: readonly number[] | undefined;
  readonly stateName: string;
  readonly ttlMs: number;
  /** Which input it is, where the state's name does not say so. */
  readonly input?: number;
  /** Room behind the row set in the map's value, for the operator. */
  readonly extraValueBytes?: number;
  /** The map, when both sides share one. */
  readonly createMap?: (keys: KeyCodec) => KeyedMap;
  readonly operator: string;
}

/** In place of identities: a key has one row at most. */
const SINGLE_ROW = 1;
const FIRST_INPUT = /^(left|probe)-/;

export class JoinSide {
  readonly keys: KeyCodec;
  readonly format: RowFormat;
  readonly map: KeyedMap;
  readonly isUnique: boolean;
  readonly #options: JoinSideOptions;
  #writer: RowWriter | undefined;
  readonly #identity: { readonly rows: ProjectedRows; readonly codec: RowCodec } | undefined;
  readonly #nullColumns: number;
  readonly #nullCount: number;

  constructor(options: JoinSideOptions) {
    this.#options = options;
    const { context, schema, operator, unique, uniqueKey } = options;
    const { runtime } = context;
    const schemaOfKeys = withNullableFields(schema, options.keys, options.nullableKeys);
    this.keys = compileKeyCodec({ schema: schemaOfKeys, fields: options.keys, runtime, operator });
    this.format = new RowFormat(runtime, schema, operator);
    this.isUnique = unique !== "no-unique-key";
    if (unique === "has-unique-key") {
      const rows = new ProjectedRows(runtime, schema, uniqueKey ?? []);
      this.#identity = { rows, codec: compileRowCodec({ schema: rows.schema, runtime, operator }) };
    }
    this.map = options.createMap?.(this.keys) ?? this.#ownMap();
    const columns = filteringColumns(schema, options.keys, options.filterNulls);
    this.#nullCount = columns.length;
    this.#nullColumns = runtime.kernels.operatorAllocate(Math.max(4, columns.length * 4)) >>> 0;
    new Uint32Array(runtime.memory.buffer, this.#nullColumns).set(columns);
  }

  /** Writes rows to where they stay in state. */
  get writer(): RowWriter {
    const { context, schema, operator } = this.#options;
    this.#writer ??= compileRowWriter({ schema, runtime: context.runtime, operator });
    return this.#writer;
  }

  /** After so many seconds a row is gone; 0 = never. As the state backend rounds it. */
  get ttlSeconds(): number {
    return Math.ceil(this.#options.ttlMs / 1000);
  }

  /** u64[n] views of what tells rows of a key apart; 0 = the rows themselves, 1 = there is one row at most. */
  identities(batch: BatchPtr): number {
    if (this.#options.unique === "join-key-unique") return SINGLE_ROW;
    if (this.#identity === undefined) return 0;
    return this.#identity.codec.encode(this.#identity.rows.project(batch));
  }

  /** u8[rows], 1 = a NULL keeps the row from matching; 0 when there is none. */
  unmatchable(batch: BatchPtr, rows: number): number {
    if (this.#nullCount === 0) return 0;
    const { kernels } = this.#options.context.runtime;
    const marks = kernels.arenaAlloc(rows) >>> 0;
    return kernels.rowsAnyNull(batch, this.#nullColumns, this.#nullCount, marks) === 0 ? 0 : marks;
  }

  close(): void {
    this.format.close();
  }

  #ownMap(): KeyedMap {
    const { context, stateName, extraValueBytes = 0, ttlMs, unique, uniqueKey } = this.#options;
    const input = this.#options.input ?? (FIRST_INPUT.test(stateName) ? 0 : 1);
    return context.state.map({
      name: stateName,
      keyBytes: this.keys.keyBytes,
      valueBytes: ROW_SET_BYTES + extraValueBytes,
      keyFields: this.keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [
        stateRows(this.#options.schema, "set", {
          input,
          identity: this.#identity === undefined ? [] : (uniqueKey ?? []),
          whole: unique === "no-unique-key",
        }),
      ],
      ttlMs,
    });
  }
}
