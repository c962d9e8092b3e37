/**
 * OverCalls: the values of the calls of an OVER window for rows that lie in a batch partition by partition, in order.
 *
 * Flow:    over-aggregate.ts → evaluate(batch, segments) → a batch with one column per call and the same row numbers.
 * Calls:   aggregates by codegen's accumulators (NULLs do not count, FIRST_VALUE and LAST_VALUE among them); ROW_NUMBER,
 *          RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE by position; LEAD and LAG are rows of the partition.
 * Cost:    a frame that goes on from the one before costs its new rows, and those that left it (codegen/aggregates/over-fold.ts);
 *          of calls that cannot take back a frame that leaves rows behind is folded anew.
 * DISTINCT: values are told apart by the bytes of the arguments' keys, per frame.
 */
import { BATCH_ROWS, type BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import { physicalOf, withNullable } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { OverAggregateCall } from "../../../foundation/plan/exec-node.ts";
import { type AggregateCall, call, input } from "../../../foundation/plan/expression.ts";
import {
  type CompiledOverFold,
  compileOverFold,
  slides,
} from "../../codegen/aggregates/over-fold.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import {
  type BatchBuilder,
  compileBatchBuilder,
  NO_ROW,
} from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { type Frame, FrameBounds, type Partition } from "./frame-bounds.ts";

export interface OverSegment extends Partition {
  /** Results are wanted from this row on. */
  readonly emitFrom: number;
  /** Upper half of the partition key's hash: where texts of accumulators are kept for the time being. */
  readonly hash: number;
}

export interface OverCallsOptions {
  readonly context: OperatorContext;
  /** Of the rows given to evaluate(). */
  readonly schema: Schema;
  readonly calls: readonly OverAggregateCall[];
  readonly frame: Frame;
  readonly operator: string;
}

interface AggregateGroup {
  readonly places: readonly number[];
  readonly fold: CompiledOverFold;
  readonly builder: BatchBuilder;
  readonly distinct: KeyCodec | undefined;
}

const POSITIONS = new Set(["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE"]);
const SAME_WITHOUT_DISTINCT = new Set(["MIN", "MAX"]);
/** Of the temporary accumulator of frames. */
const FRAME_HASH_DISTANCE = 8;

export class OverCalls {
  readonly #options: OverCallsOptions;
  readonly #groups: readonly AggregateGroup[];
  readonly #view: BatchView;
  readonly #picks: ReadonlyMap<number, { columns: readonly CompiledCalc[]; builder: BatchBuilder }>;

  constructor(options: OverCallsOptions) {
    const { context, schema, calls, frame, operator } = options;
    this.#options = options;
    this.#view = new BatchView(context.runtime.memory);
    const plain = calls.flatMap((one, place) =>
      isAggregate(one) && !isDistinct(one) ? [place] : [],
    );
    const distinct = calls.flatMap((one, place) =>
      isAggregate(one) && isDistinct(one) ? [[place]] : [],
    );
    const may = (place: number) =>
      frame.start.kind !== "unboundedPreceding" && slides(asAggregate(calls[place]!), schema);
    const sets = [plain.filter(may), plain.filter((place) => !may(place)), ...distinct];
    this.#groups = sets
      .filter((places) => places.length > 0)
      .map((places) => this.#createGroup(places, places === sets[0]));
    this.#picks = new Map(
      calls.flatMap(({ function: name, args, type }, place) => {
        if (name !== "LEAD" && name !== "LAG") return [];
        const output = { fields: [{ name, type: withNullable(type, true) }] };
        const { runtime } = context;
        // Value and default may be narrower than the result.
        const columns = [args[0]!, args[2]].flatMap((field) => {
          if (field === undefined) return [];
          const from = schema.fields[field]!.type;
          const projection = [call("CAST", [input(field, from)], output.fields[0]!.type)];
          const environment = functionEnvironment(context);
          return [
            compileCalc({ input: schema, projection, output }, { runtime, environment, operator }),
          ];
        });
        return [
          [place, { columns, builder: compileBatchBuilder({ output, runtime, operator }) }],
        ] as const;
      }),
    );
  }

  /** One column per call; rows before emitFrom are unspecified. `map`: ptr of a map with the segments' key groups. */
  evaluate(batch: BatchPtr, segments: readonly OverSegment[], map: number): BatchPtr {
    const { calls, context, frame } = this.#options;
    const n = new DataView(context.runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const bounds = segments.map((segment) => new FrameBounds(frame, segment));
    const columns: ColumnFrom[][] = calls.map(() => []);
    for (const group of this.#groups) {
      const out = this.#aggregate(group, batch, n, segments, bounds, map);
      let column = 0;
      for (const place of group.places) {
        const count = physicalColumns({ fields: [{ name: "", type: calls[place]!.type }] }).length;
        columns[place] = columnsOf(out, column, count);
        column += count;
      }
    }
    calls.forEach((call, place) => {
      if (columns[place]!.length > 0) return;
      columns[place] = this.#picks.has(place)
        ? columnsOf(this.#pick(place, batch, n, segments, bounds), 0, 1)
        : [{ values: this.#positions(call, batch, n, segments, bounds) }];
    });
    return assembleBatch(context.runtime, n, columns.flat());
  }

  #createGroup(places: readonly number[], mayTakeBack: boolean): AggregateGroup {
    const { context, schema, calls, operator } = this.#options;
    const { runtime } = context;
    const aggregates = places.map((place) => asAggregate(calls[place]!));
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    const first = calls[places[0]!]!;
    return {
      places,
      fold: compileOverFold(
        { input: schema, aggregates, hashDistance: FRAME_HASH_DISTANCE, slides: mayTakeBack },
        { runtime, environment: functionEnvironment(context), operator },
      ),
      builder: compileBatchBuilder({ output, runtime, operator }),
      distinct: isDistinct(first)
        ? compileKeyCodec({ schema, fields: first.args, runtime, operator })
        : undefined,
    };
  }

  #aggregate(
    { fold, builder, distinct }: AggregateGroup,
    batch: BatchPtr,
    n: number,
    segments: readonly OverSegment[],
    bounds: readonly FrameBounds[],
    map: number,
  ): BatchPtr {
    const { kernels, memory } = this.#options.context.runtime;
    const bytes = FRAME_HASH_DISTANCE + fold.valueBytes;
    const temporary = kernels.arenaAlloc(bytes) >>> 0;
    const froms = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const tos = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const previous = distinct === undefined ? 0 : this.#previousSame(distinct, batch, n, segments);
    new Uint8Array(memory.buffer, temporary, bytes).fill(0);
    new DataView(memory.buffer).setUint32(temporary, segments[0]?.hash ?? 0, true);
    const [from, to] = [froms, tos].map((at) => new Uint32Array(memory.buffer, at, n)) as [
      Uint32Array,
      Uint32Array,
    ];
    segments.forEach(({ start, end, emitFrom }, index) => {
      from.fill(start, start, emitFrom);
      to.fill(start, start, emitFrom);
      const frames = bounds[index]!;
      for (let row = emitFrom; row < end; row++) {
        from[row] = frames.from(row);
        to[row] = Math.max(from[row]!, frames.to(row));
      }
    });
    const out = builder.begin(n);
    const entry = temporary + FRAME_HASH_DISTANCE;
    fold.frames(batch, { n, froms, tos }, previous, entry, map, out);
    return builder.finish(n, { insertOnly: true });
  }

  /** i32 a row: the row before it in its segment with the same value, or -1. */
  #previousSame(
    codec: KeyCodec,
    batch: BatchPtr,
    n: number,
    segments: readonly OverSegment[],
  ): number {
    const { kernels, memory } = this.#options.context.runtime;
    const values = this.#valueNumbers(codec, batch, n);
    const address = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const previous = new Int32Array(memory.buffer, address, n);
    for (const { start, end } of segments) {
      const last = new Map<number, number>();
      for (let row = start; row < end; row++) {
        previous[row] = last.get(values[row]!) ?? -1;
        last.set(values[row]!, row);
      }
    }
    return address;
  }

  /** A number per distinct key of the rows. */
  #valueNumbers(codec: KeyCodec, batch: BatchPtr, n: number): number[] {
    const { memory } = this.#options.context.runtime;
    const { keys } = codec.encode(batch);
    const data = new DataView(memory.buffer);
    const numbers = new Map<string, number>();
    return Array.from({ length: n }, (_, row) => {
      const variable = codec.keyBytes < 0;
      const at = variable ? data.getUint32(keys + row * 8, true) : keys + row * codec.keyBytes;
      const length = variable ? data.getUint32(keys + row * 8 + 4, true) : codec.keyBytes;
      const text = String.fromCharCode(...new Uint8Array(memory.buffer, at, length));
      const known = numbers.get(text) ?? numbers.size;
      numbers.set(text, known);
      return known;
    });
  }

  #positions(
    call: OverAggregateCall,
    batch: BatchPtr,
    n: number,
    segments: readonly OverSegment[],
    bounds: readonly FrameBounds[],
  ): number {
    const { kernels, memory } = this.#options.context.runtime;
    const physical = physicalOf(call.type);
    const address = kernels.arenaAlloc(n * 8) >>> 0;
    const data = new DataView(memory.buffer);
    segments.forEach((segment, index) => {
      const { start, end, emitFrom } = segment;
      let dense = 0;
      for (let row = start; row < end; row++) {
        if (bounds[index]!.peerStart(row) === row) dense++;
        if (row < emitFrom) continue;
        const value = this.#position(call, batch, segment, bounds[index]!, row, dense);
        if (physical === "f64") data.setFloat64(address + row * 8, value, true);
        else if (physical === "i32") data.setInt32(address + row * 4, value, true);
        else data.setBigInt64(address + row * 8, BigInt(value), true);
      }
    });
    return address;
  }

  #position(
    call: OverAggregateCall,
    batch: BatchPtr,
    { start, end }: OverSegment,
    bounds: FrameBounds,
    row: number,
    dense: number,
  ): number {
    const rows = end - start;
    const rank = bounds.peerStart(row) - start + 1;
    switch (call.function) {
      case "RANK":
        return rank;
      case "DENSE_RANK":
        return dense;
      case "PERCENT_RANK":
        return rows === 1 ? 0 : (rank - 1) / (rows - 1);
      case "CUME_DIST":
        return (bounds.peerEnd(row) - start) / rows;
      default: {
        const buckets = this.#integer(batch, row, call.args[0], 1);
        const small = Math.floor(rows / buckets);
        const large = rows % buckets;
        const at = row - start;
        return at < large * (small + 1)
          ? Math.floor(at / (small + 1)) + 1
          : large + Math.floor((at - large * (small + 1)) / Math.max(1, small)) + 1;
      }
    }
  }

  /** LEAD, LAG: the value of another row of the partition, the default where there is none. */
  #pick(
    place: number,
    batch: BatchPtr,
    n: number,
    segments: readonly OverSegment[],
    bounds: readonly FrameBounds[],
  ): BatchPtr {
    const { calls, context, schema } = this.#options;
    const { kernels, memory } = context.runtime;
    const { function: name, args, ignoreNulls } = calls[place]!;
    const { columns, builder } = this.#picks.get(place)!;
    // In a stream all peers are folded in before LAG is asked, as in Flink.
    const byLastPeer = context.mode === "streaming" && this.#options.frame.unit === "RANGE";
    const sign = name === "LAG" ? -1 : 1;
    const column = physicalIndex(schema, args[0]!);
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, list, n).fill(NO_ROW);
    const missing: number[] = [];
    segments.forEach(({ start, end, emitFrom }, index) => {
      for (let row = emitFrom; row < end; row++) {
        let left = this.#integer(batch, row, args[1], 1);
        let from = byLastPeer ? bounds[index]!.to(row) - 1 : row;
        if (!ignoreNulls) from += sign * left;
        else
          while (left > 0 && from >= start && from < end) {
            from += sign;
            if (from >= start && from < end && !this.#view.isNull(batch, column, from)) left--;
          }
        if (from >= start && from < end)
          new DataView(memory.buffer).setUint32(list + row * 4, from, true);
        else missing.push(row);
      }
    });
    builder.begin(n);
    builder.fillRows(0, 0, columns[0]!.process(batch), list, n);
    if (columns[1] !== undefined && missing.length > 0) {
      const defaults = columns[1].process(batch);
      for (const row of missing) {
        new DataView(memory.buffer).setUint32(list, row, true);
        builder.fillRows(0, row, defaults, list, 1);
      }
    }
    return builder.finish(n, { insertOnly: true });
  }

  #integer(batch: BatchPtr, row: number, field: number | undefined, otherwise: number): number {
    if (field === undefined) return otherwise;
    const value = readField(this.#view, this.#options.schema, batch, row, field);
    return value === null ? otherwise : Number(value);
  }
}

export function asAggregate({
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

/** ROW_NUMBER is a count of rows: frames of ranking calls are ROWS from the beginning. */
export function isAggregate({ function: name }: OverAggregateCall): boolean {
  return !POSITIONS.has(name) && name !== "LEAD" && name !== "LAG";
}

/** Its value depends on the rows of the frame and nothing else. */
export function isPlainAggregate(call: OverAggregateCall): boolean {
  return isAggregate(call) && call.function !== "ROW_NUMBER";
}

function isDistinct({ distinct, function: name }: OverAggregateCall): boolean {
  return distinct && !SAME_WITHOUT_DISTINCT.has(name);
}
