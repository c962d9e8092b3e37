/**
 * DistinctValues: of the rows of a batch those whose arguments are seen for the first time under their key.
 *
 * State:   map "distinct<i>": (key, arguments) → flag; hashes lie in the key group of the key. With a moment field (the end
 *          of the window that is part of the key) also timers "distinct<i>-timers", by which removeUntil finds them.
 * Rows:    with a NULL argument or without the filter do not count.
 */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";
import { removeEntries } from "./group-cursor.ts";

export interface DistinctValuesOptions {
  readonly context: OperatorContext;
  readonly schema: Schema;
  readonly keys: readonly number[];
  readonly groupFields?: readonly number[];
  readonly args: readonly number[];
  readonly filter: number;
  /** Whether NULL is one of the values. */
  readonly nulls?: boolean;
  /** Of its map; with a suffix of its timers. */
  readonly name: string;
  readonly momentField?: number;
  readonly ttlMs?: number;
  readonly operator: string;
}

const BOOLEAN = types.boolean(false);

export class DistinctValues {
  readonly #options: DistinctValuesOptions;
  readonly #filter: CompiledCalc;
  readonly #groupKeys: KeyCodec;
  readonly #keys: KeyCodec;
  readonly #map: KeyedMap;
  readonly #rows: BatchRows;
  readonly #timers: WindowTimers | undefined;

  constructor(options: DistinctValuesOptions) {
    this.#options = options;
    const { context, schema, args, operator, name, momentField } = options;
    const { runtime, state } = context;
    const fields = [...options.keys, ...args];
    this.#filter = compileCalc(
      {
        input: schema,
        projection: schema.fields.map(({ type }, field) => input(field, type)),
        condition: countsCondition(options),
        output: schema,
      },
      { runtime, environment: functionEnvironment(context), operator },
    );
    const { keys, groupFields } = options;
    this.#groupKeys = compileGroupedKeys({ context, schema, fields: keys, groupFields, operator });
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#rows = new BatchRows(runtime, schema);
    this.#map = state.map({
      name,
      keyBytes: this.#keys.keyBytes,
      valueBytes: 8,
      keyFields: this.#keys.keyFields,
      valueFields: [{ name: "seen", offset: 0, type: "flags" }],
      ttlMs: options.ttlMs ?? 0,
    });
    if (momentField !== undefined)
      this.#timers = new WindowTimers(context, `${name}-timers`, this.#keys.keyBytes);
  }

  /** A batch of them; 0 when there is none. */
  fresh(batch: BatchPtr): BatchPtr {
    const { kernels } = this.#options.context.runtime;
    const counted = this.#filter.process(batch);
    if (counted === 0) return 0;
    const rows = this.#rows.rows(counted);
    const encoded = this.#keys.encode(counted);
    const { maxParallelism } = this.#options.context.state;
    const ofGroups = this.#groupKeys.encode(counted).hashes;
    kernels.hashWithinGroups(rows, ofGroups, encoded.hashes, maxParallelism);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map.ptr, rows, encoded.hashes, encoded.keys, entries);
    const n = kernels.entriesFresh(rows, entries, 0, list);
    if (n === 0) return 0;
    const fresh = n === rows ? counted : this.#rows.gather(counted, list, n);
    if (this.#timers !== undefined) {
      const keyBytes = this.#keys.keyBytes < 0 ? 8 : this.#keys.keyBytes;
      const listed = {
        hashes: kernels.gatherWide(encoded.hashes, 8, n, list) >>> 0,
        keys: kernels.gatherWide(encoded.keys, keyBytes, n, list) >>> 0,
      };
      const ofRows = kernels.gatherWords(entries, n, list) >>> 0;
      this.#timers.register(n, listed, ofRows, this.#moments(fresh), NO_FLAG);
    }
    return fresh;
  }

  /** Forgets the values of windows that end at `moment` or before. */
  removeUntil(moment: number): void {
    const timers = this.#timers;
    if (timers === undefined) return;
    const { kernels } = this.#options.context.runtime;
    for (let first = timers.first; first !== undefined && first <= moment; first = timers.first) {
      const mark = kernels.arenaMark();
      const { n, hashes, keys } = timers.keysOf(first);
      const entries = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.mapFindBatch(this.#map.ptr, n, hashes, keys, entries);
      kernels.entriesRemove(this.#map.ptr, n, entries);
      timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  /** Forgets all values. */
  clear(): void {
    const { context } = this.#options;
    removeEntries(context, this.#map, this.#keys.keyBytes, (n, entries) => {
      context.runtime.kernels.entriesTouch(this.#map.ptr, n, entries);
    });
  }

  #moments(batch: BatchPtr): number {
    const { schema, momentField, context } = this.#options;
    const at = columnPtr(batch, physicalIndex(schema, momentField ?? 0)) + COLUMN_VALUES;
    return new DataView(context.runtime.memory.buffer).getUint32(at, true);
  }
}

/** Which rows count: with the filter, and without NULL among the arguments unless it is a value. */
export function countsCondition({
  schema,
  args,
  filter,
  nulls,
}: Pick<DistinctValuesOptions, "schema" | "args" | "filter" | "nulls">): Expression {
  const reference = (field: number) => input(field, schema.fields[field]!.type);
  const conditions =
    nulls === true ? [] : args.map((field) => call("IS_NOT_NULL", [reference(field)], BOOLEAN));
  if (filter >= 0) conditions.push(call("IS_TRUE", [reference(filter)], BOOLEAN));
  if (conditions.length === 0) return literal(true, BOOLEAN);
  return conditions.length === 1 ? conditions[0]! : call("AND", conditions, BOOLEAN);
}
