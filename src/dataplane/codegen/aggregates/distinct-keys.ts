/**
 * DistinctKeys: finds the entries of one DISTINCT argument list for the rows of a batch that count for it.
 *
 * Rows:    those whose argument is not NULL and which some filter lets through; when that is every row, the batch itself,
 *          else a dense batch of the key's columns (a calc), in the same order.
 * Key:     (group key, arguments); of groups with texts in their key, to which rows are only added, (number of the group,
 *          arguments): group-numbers.ts. Snapshots of earlier releases have the group key there too: move() takes them over.
 * Hashes:  moved into the key group of the row's group (hashWithinGroups), so that both live in one subtask.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { call, type Expression, input } from "../../../foundation/plan/expression.ts";
import type { KeyedMapLayout, StateField } from "../state-layout.ts";
import { type CompiledCalc, type CompileOptions, compileCalc } from "../calc.ts";
import { compileKeyCodec, type KeyCodec, keyShape } from "../codecs/key-codec.ts";
import type { DistinctSet } from "./aggregate-plan.ts";
import { FormerKeys, type MovedMaps } from "./former-keys.ts";
import { type GroupNumbers, numberedSchema } from "./group-numbers.ts";

const BOOLEAN = types.boolean(false);

export interface DistinctKeysSpec {
  readonly input: Schema;
  readonly grouping: readonly number[];
  readonly set: DistinctSet;
  readonly index: number;
  readonly retract: boolean;
  readonly stateTtlMs: number;
  readonly maxParallelism: number;
  /** Which rows count, when the set does not say. */
  readonly condition?: Expression | undefined;
}

export class DistinctKeys {
  readonly mapSpec: KeyedMapLayout;
  readonly keyBytes: number;
  /** Of the group, or its number, and the arguments. */
  readonly codec: KeyCodec;
  readonly #spec: DistinctKeysSpec;
  readonly #options: CompileOptions;
  readonly #isNumbered: boolean;
  readonly #filter: CompiledCalc | undefined;
  readonly #groups: KeyCodec;
  /** Column with the hashes of the rows' groups in the batch that keys are encoded from. */
  readonly #hashColumn: number;
  #counted = 0;

  /** `isNumbered`: batches have been extended by GroupNumbers. */
  constructor(
    spec: DistinctKeysSpec,
    groups: KeyCodec,
    isNumbered: boolean,
    options: CompileOptions,
  ) {
    this.#spec = spec;
    this.#options = options;
    this.#isNumbered = isNumbered;
    const { runtime, operator } = options;
    const { args, nulls } = spec.set;
    const schema = isNumbered ? numberedSchema(spec.input) : spec.input;
    const number = spec.input.fields.length;
    const group = isNumbered ? [number] : spec.grouping;
    const fields = [...group, ...args];
    const condition = spec.condition ?? countsCondition(spec.input, spec.set);
    this.#groups = groups;
    if (condition === undefined) {
      this.codec = compileKeyCodec({ schema, fields, runtime, operator });
      this.#hashColumn = physicalColumns(schema).length - 1;
    } else {
      const taken = isNumbered ? [...fields, number + 1] : fields;
      const dense = { fields: taken.map((field) => schema.fields[field]!) };
      // What is tested needs no flag in the key.
      if (isNumbered && !nulls) dense.fields[1] = notNull(dense.fields[1]!);
      const projection = taken.map((field) => input(field, schema.fields[field]!.type));
      this.#filter = compileCalc({ input: schema, projection, condition, output: dense }, options);
      const all = fields.map((_, index) => index);
      this.codec = compileKeyCodec({ schema: dense, fields: all, runtime, operator });
      this.#hashColumn = physicalColumns(dense).length - 1;
      if (!isNumbered) {
        const ofGroup = all.slice(0, spec.grouping.length);
        this.#groups = compileKeyCodec({ schema: dense, fields: ofGroup, runtime, operator });
      }
    }
    this.keyBytes = this.codec.keyBytes;
    this.mapSpec = {
      name: `distinct${spec.set.label === undefined ? spec.index : ` ${spec.set.label}`}`,
      keyBytes: this.keyBytes,
      valueBytes: spec.set.valueBytes,
      keyFields: this.codec.keyFields,
      valueFields: valueFields(spec.set, spec.retract),
      ttlMs: spec.stateTtlMs,
      ...(isNumbered ? { former: formerKey(spec) } : {}),
    };
  }

  /**
   * Address of the u32 list of entries, one for each row that counts. `groupHashes`: of all rows. The batch has been
   * extended where groups are numbered.
   */
  upsert(batch: BatchPtr, rows: number, groupHashes: number, map: number): number {
    const { kernels } = this.#options.runtime;
    const { dense, n } = this.#counting(batch, rows);
    if (n === 0) return 0;
    const { keys, hashes } = this.codec.encode(dense);
    kernels.hashWithinGroups(
      n,
      this.#ofGroups(dense, groupHashes),
      hashes,
      this.#spec.maxParallelism,
    );
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(map, n, hashes, keys, entries);
    return entries;
  }

  /** How many rows count, and their keys as the codec gives them. */
  encode(batch: BatchPtr, rows: number): { readonly n: number; readonly keys: number } {
    const { dense, n } = this.#counting(batch, rows);
    return { n, keys: n === 0 ? 0 : this.codec.encode(dense).keys };
  }

  /** Of the last batch, how many rows counted. */
  get counted(): number {
    return this.#counted;
  }

  #counting(batch: BatchPtr, rows: number): { readonly dense: BatchPtr; readonly n: number } {
    const dense = this.#filter === undefined ? batch : this.#filter.process(batch);
    if (dense === batch) this.#counted = rows;
    else this.#counted = dense === 0 ? 0 : rowsOf(this.#options.runtime.memory, dense);
    return { dense, n: this.#counted };
  }

  /** Moves the entries of a map with the former key. */
  move(maps: MovedMaps, numbers: GroupNumbers): void {
    const { grouping, set, input: schema, maxParallelism } = this.#spec;
    const { args } = set;
    const former = { schema, grouping, args, maxParallelism };
    const fields = args.map((field, index) => {
      const one = schema.fields[field]!;
      return index === 0 && !set.nulls ? notNull(one) : one;
    });
    new FormerKeys({ ...former, fields, keyBytes: this.keyBytes }, this.#options).move(
      maps,
      numbers,
    );
  }

  #ofGroups(dense: BatchPtr, groupHashes: number): number {
    if (this.#filter === undefined) return groupHashes;
    if (!this.#isNumbered) return this.#groups.encode(dense).hashes;
    const { memory } = this.#options.runtime;
    const at = columnPtr(dense, this.#hashColumn) + COLUMN_VALUES;
    return new DataView(memory.buffer).getUint32(at, true);
  }
}

const rowsOf = (memory: WebAssembly.Memory, batch: BatchPtr) =>
  new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);

function notNull<F extends Schema["fields"][number]>(field: F): F {
  return { ...field, type: { ...field.type, nullable: false } };
}

function formerKey({ input: schema, grouping, set }: DistinctKeysSpec) {
  const { keyBytes, keyFields } = keyShape(schema, [...grouping, ...set.args]);
  return { keyBytes, keyFields };
}

/** Which rows count; undefined when all do. */
function countsCondition(schema: Schema, set: DistinctSet): Expression | undefined {
  const reference = (field: number) => input(field, schema.fields[field]!.type);
  const conditions: Expression[] = [];
  const arg = reference(set.args[0]!);
  if (arg.type.nullable && !set.nulls) conditions.push(call("IS_NOT_NULL", [arg], BOOLEAN));
  if (!set.filters.includes(-1)) {
    const filters = set.filters.map((field) => call("IS_TRUE", [reference(field)], BOOLEAN));
    conditions.push(filters.length === 1 ? filters[0]! : call("OR", filters, BOOLEAN));
  }
  return conditions.length < 2 ? conditions[0] : call("AND", conditions, BOOLEAN);
}

function valueFields(set: DistinctSet, retract: boolean): StateField[] {
  if (!retract) return [{ name: "bits", offset: 0, type: "flags", bits: set.filterLabels }];
  return set.filters.map((filter, bit) => ({
    name: filter < 0 ? "count" : `count where ${set.filterLabels[bit]}`,
    offset: bit * 8,
    type: "counter",
  }));
}
