/**
 * KeptAnswers: what was answered for each row that stays, so that it is taken back with what it was given.
 *
 * State:   map "answers": the row's unique key → set of the answer's rows; no entry: none. Where rows have no unique key, the
 *          whole row → the answers of all rows that are equal to it, each answer with its number and at least one row.
 * Use:     keep() when a row comes, over what its unique key had; take() when it goes: of equal rows the last one's answer.
 * Source:  Flink KeyedLookupJoinWrapper, which keeps one answer for all equal rows.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { withNullable, types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { decodedValue } from "../rows/decoded-value.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { valueBatch } from "../rows/value-batch.ts";
import type { Answer } from "./async-requests.ts";

export interface KeptAnswersOptions {
  readonly context: OperatorContext;
  /** Of the rows, and the fields of theirs that are unique, or all. */
  readonly input: Schema;
  readonly keyFields: readonly number[];
  readonly answers: Schema;
  readonly keepsEqual: boolean;
  readonly ttlMs: number;
  readonly operator: string;
}

export class KeptAnswers {
  readonly #context: OperatorContext;
  /** Of the rows of the sets. */
  readonly #answers: Schema;
  readonly #keepsEqual: boolean;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  readonly #reader: RowReader;
  readonly #map: KeyedMap;

  constructor(options: KeptAnswersOptions) {
    const { context, input, keyFields, keepsEqual, ttlMs, operator } = options;
    const { runtime } = context;
    const answers = keepsEqual ? numbered(options.answers) : options.answers;
    this.#context = context;
    this.#answers = answers;
    this.#keepsEqual = keepsEqual;
    this.#keys = compileKeyCodec({ schema: input, fields: keyFields, runtime, operator });
    this.#format = new RowFormat(runtime, answers, operator);
    this.#reader = new RowReader(runtime.memory, answers);
    this.#map = context.state.map({
      name: "answers",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(answers, "set", { whole: true })],
      ttlMs,
    });
  }

  /** The key groups of a batch's rows. */
  groups(batch: BatchPtr, n: number): number[] {
    const { runtime, state } = this.#context;
    const { hashes } = this.#keys.encode(batch);
    const data = new DataView(runtime.memory.buffer);
    return Array.from({ length: n }, (_, i) =>
      Math.floor((data.getUint32(hashes + i * 8 + 4, true) * state.maxParallelism) / 2 ** 32),
    );
  }

  /** The answer to the only row of a batch. */
  keep(row: BatchPtr, answer: Answer): void {
    if (!this.#keepsEqual) {
      this.#replace(row, answer);
      return;
    }
    const before = this.#rows(row);
    const number = 1n + before.reduce((most, values) => maximum(most, values[0] as bigint), 0n);
    const found = answer.map((values) => [number, true, ...values]);
    const none = this.#answers.fields.map((_, i) => (i === 0 ? number : i === 1 ? false : null));
    this.#replace(row, [...before, ...(found.length === 0 ? [none] : found)]);
  }

  /** What was kept for the only row of a batch; it is forgotten. */
  take(row: BatchPtr): Answer {
    const kept = this.#rows(row);
    if (!this.#keepsEqual) {
      this.#replace(row, []);
      return kept;
    }
    const last = kept.reduce((most, values) => maximum(most, values[0] as bigint), 0n);
    const others = kept.filter(([number]) => number !== last);
    this.#replace(row, others);
    const own = kept.filter(([number, isFound]) => number === last && isFound === true);
    return own.map((values) => values.slice(2));
  }

  close(): void {
    this.#format.close();
  }

  #replace(row: BatchPtr, answer: Answer): void {
    const { runtime } = this.#context;
    const { kernels, memory } = runtime;
    const { keys, hashes, entries } = this.#find(row);
    kernels.setsRemove(this.#map.ptr, 1, hashes, entries);
    if (answer.length === 0) return;
    const views = this.#format.encode(valueBatch(runtime, this.#answers, answer));
    kernels.mapUpsertBatch(this.#map.ptr, 1, hashes, keys, entries);
    const entry = new DataView(memory.buffer).getUint32(entries, true);
    for (let at = 0; at < answer.length; at++) {
      new DataView(memory.buffer).setUint32(entries, entry, true);
      kernels.setsAppend(this.#map.ptr, 1, hashes, entries, views + at * 8);
    }
  }

  #rows(row: BatchPtr): Answer {
    const { kernels, memory } = this.#context.runtime;
    const { hashes, entries } = this.#find(row);
    const out = kernels.arenaAlloc(8) >>> 0;
    const n = kernels.setsRows(this.#map.ptr, 1, hashes, entries, out) >>> 0;
    if (n === 0) return [];
    const list = kernels.viewAddresses(n, new DataView(memory.buffer).getUint32(out, true)) >>> 0;
    const batch = kernels.batchCreate(n, this.#format.columns, 0) >>> 0;
    this.#format.decode(list, n, batch, 0);
    return Array.from({ length: n }, (_, at) => this.#values(batch, at));
  }

  #values(batch: BatchPtr, at: number): readonly Value[] {
    const { fields } = this.#answers;
    return this.#reader.read(batch, at).map((value, i) => decodedValue(value, fields[i]!.type));
  }

  #find(row: BatchPtr) {
    const { kernels } = this.#context.runtime;
    const { keys, hashes } = this.#keys.encode(row);
    const entries = kernels.arenaAlloc(4) >>> 0;
    kernels.mapFindBatch(this.#map.ptr, 1, hashes, keys, entries);
    return { keys, hashes, entries };
  }
}

/** Rows of answers with their answer's number, and whether the row is one: an answer may have none. */
function numbered({ fields }: Schema): Schema {
  return {
    fields: [
      { name: "$number", type: types.bigint(false) },
      { name: "$found", type: types.boolean(false) },
      ...fields.map((field) => ({ ...field, type: withNullable(field.type, true) })),
    ],
  };
}

const maximum = (a: bigint, b: bigint): bigint => (a > b ? a : b);
