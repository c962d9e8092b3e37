/**
 * KeptRows: one row per key in state, for Deduplicate, WindowDeduplicate and ChangelogNormalize (kernels/keep-row.as.ts).
 *
 * State:   map "row": key → handle of the row, rowtime of it.
 * Windows: with groupFields nothing is emitted before take(keys); a byte of the value says whether a key is registered.
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { EncodedKeys, KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowWriter, type RowWriter } from "../../codegen/codecs/row-writer.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BatchRows } from "./batch-rows.ts";
import { ChangeEmitter } from "./change-emitter.ts";
import { compileGroupedKeys } from "./grouped-keys.ts";
import { RowFormat } from "./row-format.ts";
import { stateRows } from "./state-rows.ts";
import { forEachEntry } from "./state-entries.ts";

export const KEEP_MODE = {
  lastProctime: 1,
  lastRowtime: 2,
  firstRowtime: 3,
  changelog: 4,
} as const;

const FLAG = { updateBefore: 1, skipEqual: 2, silent: 4 } as const;
const CALL_BYTES = 64;
const CALL_TARGETS = 48;
const VALUE_BYTES = 16;
const REGISTERED_OFFSET = 4;

export interface KeptRowsOptions {
  readonly context: OperatorContext;
  readonly output: Schema;
  readonly keys: readonly number[];
  /** Keys are of windows: fields by which rows are distributed. */
  readonly groupFields?: readonly number[];
  readonly mode: (typeof KEEP_MODE)[keyof typeof KEEP_MODE];
  /** Field of the rowtime, for the modes that need it. */
  readonly rowtime?: number;
  /** With groupFields: changes are emitted as they come all the same, and keys go by forget(). */
  readonly emitsAtOnce?: boolean;
  readonly generateUpdateBefore: boolean;
  readonly ttlMs: number;
  readonly operator: string;
}

export class KeptRows {
  readonly #options: KeptRowsOptions;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  readonly #emitter: ChangeEmitter;
  readonly #map: KeyedMap;
  /** By rowtime rows are not compared: they are written to where they stay. */
  readonly #writer: RowWriter | undefined;
  readonly #rows: BatchRows;
  #call: number;

  constructor(options: KeptRowsOptions) {
    const { context, operator, keys: fields, groupFields, ttlMs, output } = options;
    const { runtime } = context;
    const schema = context.inputs[0]!;
    this.#options = options;
    this.#keys = compileGroupedKeys({ context, schema, fields, groupFields, operator });
    this.#format = new RowFormat(runtime, schema, operator);
    this.#emitter = new ChangeEmitter({ context, output, left: this.#format });
    this.#map = context.state.map({
      name: "row",
      keyBytes: this.#keys.keyBytes,
      valueBytes: VALUE_BYTES,
      keyFields: this.#keys.keyFields,
      valueFields: [
        { name: "row", offset: 0, type: "handle" },
        { name: "rowtime", offset: 8, type: "counter" },
      ],
      rows: [stateRows(schema, "one")],
      ttlMs,
    });
    if (options.mode === KEEP_MODE.lastRowtime || options.mode === KEEP_MODE.firstRowtime)
      this.#writer = compileRowWriter({ schema, runtime, operator });
    this.#rows = new BatchRows(runtime, schema);
    this.#call = runtime.kernels.operatorAllocate(CALL_BYTES) >>> 0;
  }

  get keyBytes(): number {
    return this.#keys.keyBytes;
  }

  /** Windows: the byte of a value that is free for the caller. */
  get registeredOffset(): number {
    return REGISTERED_OFFSET;
  }

  /** `pass` and `passValidity`: u8 a row of a condition; rows that do not pass count as deleted. */
  process(
    batch: BatchPtr,
    pass = 0,
    passValidity = 0,
  ): { readonly keys: EncodedKeys; readonly entries: number } {
    const { kernels, memory } = this.#options.context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#keys.encode(batch);
    const writer = this.#writer;
    const views = writer === undefined ? this.#format.encode(batch) : writer.sizes(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, rows, hashes, keys, entries);
    const data = new DataView(memory.buffer);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const { times, width } = this.#times(batch, data);
    const { mode } = this.#options;
    const words = [this.#map.ptr, rows, kinds, hashes, entries, views, times, width, mode];
    [...words, this.#flags(), pass, passValidity].forEach((word, index) => {
      data.setUint32(this.#call + index * 4, word, true);
    });
    if (writer !== undefined) this.#keepTimed(batch, rows, writer);
    else {
      kernels.keepRows(this.#call);
      this.#emitter.emit(this.#map.ptr);
    }
    if (mode === KEEP_MODE.changelog) kernels.keepCleanup(this.#map.ptr, rows, entries);
    return { keys: { keys, hashes }, entries };
  }

  /** Windows: emits the rows of these keys as +I and forgets the keys. */
  take({ n, keys, hashes }: EncodedKeys & { readonly n: number }): void {
    const { kernels } = this.#options.context.runtime;
    const { ptr } = this.#map;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    kernels.keepFinals(ptr, n, hashes, entries);
    this.#emitter.emit(ptr);
    kernels.entriesRemove(ptr, n, entries);
  }

  /** Forgets the keys and shows nothing. */
  forget({ n, keys, hashes }: EncodedKeys & { readonly n: number }): void {
    const { kernels } = this.#options.context.runtime;
    const { ptr } = this.#map;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    kernels.keepFinals(ptr, n, hashes, entries);
    const freed = kernels.changesFreeCount();
    if (freed > 0) kernels.freeNoted(ptr, kernels.changesFrees() >>> 0, freed);
    kernels.entriesRemove(ptr, n, entries);
  }

  /** Batch mode: the kept rows as +I. */
  finish(): void {
    const { context } = this.#options;
    if (context.mode !== "batch") return;
    const { kernels } = context.runtime;
    const keyBytes = this.#keys.keyBytes < 0 ? 8 : this.#keys.keyBytes;
    forEachEntry(context, this.#map, (entry) => {
      const mark = kernels.arenaMark();
      kernels.keepFinal(this.#map.ptr, entry, keyBytes);
      this.#emitter.emit();
      kernels.arenaRelease(mark);
    });
  }

  close(): void {
    if (this.#call === 0) return;
    this.#options.context.runtime.kernels.operatorFree(this.#call, CALL_BYTES);
    this.#call = 0;
    this.#format.close();
  }

  #keepTimed(batch: BatchPtr, rows: number, writer: RowWriter): void {
    const { context, generateUpdateBefore } = this.#options;
    const { kernels, memory } = context.runtime;
    const targets = kernels.arenaAlloc(rows * 4) >>> 0;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const kinds = kernels.arenaAlloc(rows) >>> 0;
    const data = new DataView(memory.buffer);
    [targets, list, kinds].forEach((word, index) => {
      data.setUint32(this.#call + CALL_TARGETS + index * 4, word, true);
    });
    const shown = kernels.keepTimed(this.#call) >>> 0;
    writer.store(batch, targets, 0, rows);
    if (generateUpdateBefore) {
      this.#emitter.emit(this.#map.ptr);
      return;
    }
    kernels.freeNoted(this.#map.ptr, kernels.changesFrees(), kernels.changesFreeCount());
    if (shown === 0) return;
    const all = shown === rows;
    const out = all ? kernels.batchExtend(batch, 0) >>> 0 : this.#rows.gather(batch, list, shown);
    new DataView(memory.buffer).setUint32(out + BATCH_KINDS, kinds, true);
    context.output.emit(out);
  }

  #flags(): number {
    const { generateUpdateBefore, ttlMs, context, groupFields, emitsAtOnce } = this.#options;
    const waits = groupFields !== undefined && emitsAtOnce !== true;
    return (
      (generateUpdateBefore ? FLAG.updateBefore : 0) |
      (ttlMs === 0 ? FLAG.skipEqual : 0) |
      (context.mode === "batch" || waits ? FLAG.silent : 0)
    );
  }

  #times(batch: BatchPtr, data: DataView): { readonly times: number; readonly width: number } {
    const { rowtime, context } = this.#options;
    if (rowtime === undefined) return { times: 0, width: 0 };
    const schema = context.inputs[0]!;
    const at = columnPtr(batch, physicalIndex(schema, rowtime)) + COLUMN_VALUES;
    const width = PHYSICAL_WIDTH[physicalOf(schema.fields[rowtime]!.type)];
    return { times: data.getUint32(at, true), width };
  }
}
