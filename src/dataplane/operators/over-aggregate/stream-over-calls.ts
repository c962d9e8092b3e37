/**
 * StreamOverCalls: the values of the calls of a stream's OVER window for new rows, as columns; nothing per row in JavaScript.
 *
 * Flow:    stream-over.ts → evaluate → columns in the order of the calls.
 * Running: frames that begin with the partition: accumulators in state (at the begin of the progress entries).
 * Frames:  other frames go over kept and new rows of each key (codegen/aggregates/over-fold.ts).
 * DISTINCT: running by DistinctValues (state), in frames by the row before with the same value.
 * Ranks:   ROW_NUMBER is a count; RANK and DENSE_RANK come from the key's progress; LAG and LEAD are rows of the key.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  BatchView,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalOf, types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { OverAggregateCall, OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { type AggregateCall, call, input } from "../../../foundation/plan/expression.ts";
import {
  type CompiledOverFold,
  compileOverFold,
  slides,
} from "../../codegen/aggregates/over-fold.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { StateField } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { DistinctValues } from "../group-aggregate/distinct-values.ts";
import { KeyNumbers } from "../mini-batch/key-numbers.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";

/** New rows of some keys. */
export interface OverInput {
  readonly batch: BatchPtr;
  readonly n: number;
  /** u32 a row: progress entries, and numbers of the keys. */
  readonly entries: number;
  readonly owners: number;
  /** i64 a row. */
  readonly ranks: number;
  readonly dense: number;
  /** Upper half of the hash of some key of this subtask. */
  readonly hash: number;
  /** Kept and new rows key by key, when calls look at them (kernels/over-rows.as.ts). */
  readonly whole?: {
    readonly batch: BatchPtr;
    readonly keys: number;
    readonly starts: number;
    readonly places: number;
    readonly froms: number;
    readonly tos: number;
  };
}

interface Group {
  readonly places: readonly number[];
  readonly fold: CompiledOverFold;
  readonly builder: BatchBuilder;
  /** Of its accumulators in a progress entry. */
  readonly offset: number;
  readonly seen: DistinctValues | undefined;
  readonly numbers: KeyNumbers | undefined;
}

interface Pick {
  readonly value: CompiledCalc;
  readonly otherwise: { readonly value: CompiledCalc; readonly merge: CompiledCalc } | undefined;
  readonly builder: BatchBuilder;
}

export interface StreamOverCallsOptions {
  readonly node: OverAggregateNode;
  readonly context: OperatorContext;
  /** Of the rows: input fields, then $time. */
  readonly schema: Schema;
  /** Bytes from a progress entry back to its hash. */
  readonly hashDistance: number;
  readonly isRunning: boolean;
  /** Rows of one key come with one time, and all are folded before the first result. */
  readonly byPeer: boolean;
}

const RANKS = new Set(["RANK", "DENSE_RANK"]);
const SHIFTS = new Set(["LAG", "LEAD"]);
const SAME_WITHOUT_DISTINCT = new Set(["MIN", "MAX"]);
/** Of the temporary accumulator of frames. */
const FRAME_HASH_DISTANCE = 8;

export class StreamOverCalls {
  /** Of all accumulators in a progress entry. */
  readonly valueBytes: number;
  readonly valueFields: readonly StateField[];
  readonly #options: StreamOverCallsOptions;
  readonly #view: BatchView;
  readonly #groups: readonly Group[];
  /** Physical columns of each call's result. */
  readonly #widths: readonly number[];
  readonly #picks: ReadonlyMap<number, Pick>;

  constructor(options: StreamOverCallsOptions) {
    this.#options = options;
    const { node, isRunning, schema, context } = options;
    this.#view = new BatchView(context.runtime.memory);
    const calls = node.aggregates;
    this.#widths = calls.map(
      ({ type }) => physicalColumns({ fields: [{ name: "", type }] }).length,
    );
    const aggregates = calls.flatMap((one, place) =>
      RANKS.has(one.function) || SHIFTS.has(one.function) ? [] : [place],
    );
    const plain = aggregates.filter((place) => !isDistinct(calls[place]!));
    const may = (place: number) => !isRunning && slides(asAggregate(calls[place]!), schema);
    const sets = [plain.filter(may), plain.filter((place) => !may(place))];
    sets.push(...aggregates.filter((place) => isDistinct(calls[place]!)).map((place) => [place]));
    let offset = 0;
    this.#groups = sets
      .filter((places) => places.length > 0)
      .map((places) => {
        const group = this.#createGroup(places, offset, places === sets[0]);
        if (isRunning) offset += group.fold.valueBytes;
        return group;
      });
    this.valueBytes = offset;
    this.valueFields = !isRunning
      ? []
      : this.#groups.flatMap((group) =>
          group.fold.valueFields.map((field) => ({
            ...field,
            name: `${field.name}@${group.offset}`,
            offset: field.offset + group.offset,
          })),
        );
    this.#picks = new Map(
      calls.flatMap((one, place) =>
        SHIFTS.has(one.function) ? [[place, this.#createPick(one)] as const] : [],
      ),
    );
  }

  /** `map`: ptr of the progress entries' map. */
  evaluate(rows: OverInput, map: number): ColumnFrom[] {
    const { aggregates: calls } = this.#options.node;
    const columns: ColumnFrom[][] = calls.map(() => []);
    for (const group of this.#groups) {
      const out = this.#options.isRunning
        ? this.#running(group, rows, map)
        : this.#frames(group, rows, map);
      let column = 0;
      for (const place of group.places) {
        const count = this.#widths[place]!;
        columns[place] = columnsOf(out, column, count);
        column += count;
      }
    }
    calls.forEach((one, place) => {
      const pick = this.#picks.get(place);
      if (pick !== undefined) columns[place] = columnsOf(this.#pick(one, pick, rows), 0, 1);
      else if (RANKS.has(one.function)) columns[place] = [this.#rank(one, rows)];
    });
    return columns.flat();
  }

  close(): void {
    for (const { numbers } of this.#groups) numbers?.close();
  }

  #createGroup(places: readonly number[], offset: number, mayTakeBack: boolean): Group {
    const { node, context, schema, isRunning, hashDistance } = this.#options;
    const { runtime } = context;
    const { description: operator, partitionKeys, stateTtlMs: ttlMs = 0 } = node;
    const aggregates = places.map((place) => asAggregate(node.aggregates[place]!));
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    const first = node.aggregates[places[0]!]!;
    const distance = isRunning ? hashDistance + offset : FRAME_HASH_DISTANCE;
    const distinct = isDistinct(first);
    const common = { operator, runtime };
    return {
      places,
      offset,
      fold: compileOverFold(
        { input: schema, aggregates, hashDistance: distance, slides: mayTakeBack },
        { ...common, environment: functionEnvironment(context) },
      ),
      builder: compileBatchBuilder({ ...common, output }),
      seen:
        distinct && isRunning
          ? new DistinctValues({
              context,
              schema: withRowNumber(schema),
              keys: partitionKeys,
              args: first.args,
              filter: -1,
              name: `distinct${places[0]!}`,
              ttlMs,
              operator,
            })
          : undefined,
      numbers:
        distinct && !isRunning
          ? new KeyNumbers({ ...common, schema, fields: first.args })
          : undefined,
    };
  }

  #createPick({ args, type, name }: OverAggregateCall): Pick {
    const { node, context, schema } = this.#options;
    const { runtime } = context;
    const operator = node.description;
    const field = { name, type: withNullable(type, true) };
    const output = { fields: [field] };
    const options = { runtime, environment: functionEnvironment(context), operator };
    // Value and default may be narrower than the result.
    const cast = (index: number) => {
      const projection = [call("CAST", [input(index, schema.fields[index]!.type)], field.type)];
      return compileCalc({ input: schema, projection, output }, options);
    };
    const both = { fields: [field, { ...field, name: "default" }] };
    const merged = call("COALESCE", [input(0, field.type), input(1, field.type)], field.type);
    return {
      value: cast(args[0]!),
      otherwise:
        args[2] === undefined
          ? undefined
          : {
              value: cast(args[2]),
              merge: compileCalc({ input: both, projection: [merged], output }, options),
            },
      builder: compileBatchBuilder({ output, runtime, operator }),
    };
  }

  #running({ fold, builder, offset, seen }: Group, rows: OverInput, map: number): BatchPtr {
    const { byPeer, context } = this.#options;
    const { kernels } = context.runtime;
    const { batch, n } = rows;
    const entries =
      offset === 0 ? rows.entries : kernels.elementsAt(offset, 1, n, rows.entries) >>> 0;
    const fresh = seen === undefined ? undefined : this.#fresh(seen, batch, n);
    const out = builder.begin(n);
    if (!byPeer) {
      const mask = fresh === undefined ? 0 : kernels.rowMask(n, fresh.n, fresh.rows) >>> 0;
      fold.running(batch, entries, mask, map, out);
    } else {
      if (fresh === undefined) fold.accumulate(batch, entries, map);
      else if (fresh.n > 0) {
        const list = kernels.narrow(fresh.n, fresh.rows) >>> 0;
        fold.accumulate(fresh.batch, kernels.gatherWords(entries, fresh.n, list) >>> 0, map);
      }
      fold.results(entries, n, map, out);
    }
    return builder.finish(n, { insertOnly: true });
  }

  /** The rows whose values are new under their key, and their numbers (i64). */
  #fresh(seen: DistinctValues, batch: BatchPtr, n: number) {
    const { context, schema } = this.#options;
    const { runtime } = context;
    const columns = physicalColumns(schema).length;
    const numbers = { values: runtime.kernels.rowNumbers(n) >>> 0 };
    const fresh = seen.fresh(assembleBatch(runtime, n, [...columnsOf(batch, 0, columns), numbers]));
    if (fresh === 0) return { batch: 0, n: 0, rows: 0 };
    const data = new DataView(runtime.memory.buffer);
    const rows = data.getUint32(columnPtr(fresh, columns) + COLUMN_VALUES, true);
    return { batch: fresh, n: data.getUint32(fresh + BATCH_ROWS, true), rows };
  }

  #frames({ fold, builder, numbers }: Group, rows: OverInput, map: number): BatchPtr {
    const { kernels, memory } = this.#options.context.runtime;
    const { batch, keys, starts, froms, tos } = rows.whole!;
    const bytes = FRAME_HASH_DISTANCE + fold.valueBytes;
    const temporary = kernels.arenaAlloc(bytes) >>> 0;
    new Uint8Array(memory.buffer, temporary, bytes).fill(0);
    new DataView(memory.buffer).setUint32(temporary, rows.hash, true);
    let previous = 0;
    if (numbers !== undefined) {
      const all = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
      const { owners, count } = numbers.number(batch);
      previous = kernels.arenaAlloc(all * 4) >>> 0;
      kernels.previousSame(all, owners, count, keys, starts, previous);
    }
    const out = builder.begin(rows.n);
    const entry = temporary + FRAME_HASH_DISTANCE;
    fold.frames(batch, { n: rows.n, froms, tos }, previous, entry, map, out);
    return builder.finish(rows.n, { insertOnly: true });
  }

  #rank({ function: name, type }: OverAggregateCall, { n, ranks, dense }: OverInput): ColumnFrom {
    const values = name === "RANK" ? ranks : dense;
    if (physicalOf(type) === "i64") return { values };
    return { values: this.#options.context.runtime.kernels.narrow(n, values) >>> 0 };
  }

  #pick(one: OverAggregateCall, { value, otherwise, builder }: Pick, rows: OverInput): BatchPtr {
    const { context, schema, byPeer } = this.#options;
    const { kernels, memory } = context.runtime;
    const { n, owners, whole } = rows;
    const { batch, places, starts } = whole!;
    const column = columnPtr(batch, physicalIndex(schema, one.args[0]!));
    const nulls = new DataView(memory.buffer).getUint32(column + COLUMN_VALIDITY, true);
    const validity = one.ignoreNulls ? nulls : 0;
    const offset = this.#offset(one, rows) * (one.function === "LAG" ? 1 : -1);
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.overShift(n, places, owners, starts, offset, byPeer ? 1 : 0, validity, list);
    builder.begin(n);
    builder.fillRows(0, 0, value.process(batch), list, n);
    const shifted = builder.finish(n, { insertOnly: true });
    if (otherwise === undefined) return shifted;
    const missing = kernels.missingRows(n, list) >>> 0;
    builder.begin(n);
    builder.fillRows(0, 0, otherwise.value.process(rows.batch), missing, n);
    const defaults = builder.finish(n, { insertOnly: true });
    const both = [...columnsOf(shifted, 0, 1), ...columnsOf(defaults, 0, 1)];
    return otherwise.merge.process(assembleBatch(context.runtime, n, both));
  }

  /** A constant: that of the plan, or of the first row. */
  #offset({ offset, args }: OverAggregateCall, { batch }: OverInput): number {
    if (offset !== undefined || args[1] === undefined) return offset ?? 1;
    return Number(readField(this.#view, this.#options.schema, batch, 0, args[1]) ?? 1);
  }
}

function asAggregate({
  function: name,
  args,
  type,
  name: label,
}: OverAggregateCall): AggregateCall {
  const counts = name === "ROW_NUMBER";
  return {
    function: counts ? "COUNT" : name,
    args: counts ? [] : args,
    filter: -1,
    distinct: false,
    retract: false,
    type,
    name: label,
  };
}

function isDistinct({ distinct, function: name }: OverAggregateCall): boolean {
  return distinct && !SAME_WITHOUT_DISTINCT.has(name);
}

function withRowNumber(schema: Schema): Schema {
  return { fields: [...schema.fields, { name: "$row", type: types.bigint(false) }] };
}
