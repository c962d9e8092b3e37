/**
 * OverCalls: the values of the calls of an OVER window for rows that lie in a batch partition by partition, in order.
 *
 * Flow:    over-aggregate.ts → evaluate(batch, segments) → a batch with one column per call and the same row numbers.
 * Calls:   aggregates by codegen's accumulators (NULLs do not count, FIRST_VALUE and LAST_VALUE among them); ROW_NUMBER,
 *          RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE by position; LEAD and LAG are rows of the partition.
 * Cost:    frames that start with the partition are folded once; other frames are folded anew, a row costs its frame.
 * DISTINCT: values are told apart by the bytes of the arguments' keys, per frame.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  BatchView,
  batchBytes,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import {
  PHYSICAL_WIDTH,
  physicalOf,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { OverAggregateCall } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
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
import { BatchRows } from "../rows/batch-rows.ts";
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
  /** Of the map that running accumulators are in. */
  readonly hashDistance: number;
  readonly operator: string;
}

interface AggregateGroup {
  readonly places: readonly number[];
  readonly compiled: CompiledAccumulate;
  /** Offset among the accumulators of one entry. */
  readonly offset: number;
  readonly builder: BatchBuilder;
  readonly distinct: KeyCodec | undefined;
}

const POSITIONS = new Set(["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE"]);
const SAME_WITHOUT_DISTINCT = new Set(["MIN", "MAX"]);

export class OverCalls {
  /** Of all accumulators of an entry. */
  readonly valueBytes: number;
  readonly handles: readonly number[];
  readonly #options: OverCallsOptions;
  readonly #groups: readonly AggregateGroup[];
  readonly #rows: BatchRows;
  readonly #view: BatchView;
  readonly #widths: readonly number[];
  readonly #picks: ReadonlyMap<number, { columns: readonly CompiledCalc[]; builder: BatchBuilder }>;

  constructor(options: OverCallsOptions) {
    const { context, schema, calls, operator } = options;
    this.#options = options;
    this.#rows = new BatchRows(context.runtime, schema);
    this.#view = new BatchView(context.runtime.memory);
    this.#widths = physicalColumns(schema).map(({ physical }) => PHYSICAL_WIDTH[physical]);
    const plain = calls.flatMap((one, place) =>
      isAggregate(one) && !isDistinct(one) ? [place] : [],
    );
    const distinct = calls.flatMap((one, place) =>
      isAggregate(one) && isDistinct(one) ? [[place]] : [],
    );
    let offset = 0;
    const groups = [...(plain.length > 0 ? [plain] : []), ...distinct];
    this.#groups = groups.map((places) => {
      const group = this.#createGroup(places, offset);
      offset += group.compiled.valueBytes;
      return group;
    });
    this.valueBytes = offset;
    this.handles = this.#groups.flatMap((group) =>
      group.compiled.valueFields
        .filter(({ type }) => type === "handle")
        .map((field) => group.offset + field.offset),
    );
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

  #createGroup(places: readonly number[], offset: number): AggregateGroup {
    const { context, schema, calls, operator, hashDistance } = this.#options;
    const { runtime } = context;
    const aggregates = places.map((place) => {
      const { function: name, args, type, name: label } = calls[place]!;
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
    });
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    const first = calls[places[0]!]!;
    return {
      places,
      offset,
      compiled: compileAccumulate(
        { input: schema, aggregates, hashDistance: hashDistance + offset },
        { runtime, environment: functionEnvironment(context), operator },
      ),
      builder: compileBatchBuilder({ output, runtime, operator }),
      distinct: isDistinct(first)
        ? compileKeyCodec({ schema, fields: first.args, runtime, operator })
        : undefined,
    };
  }

  #aggregate(
    group: AggregateGroup,
    batch: BatchPtr,
    n: number,
    segments: readonly OverSegment[],
    bounds: readonly FrameBounds[],
    map: number,
  ): BatchPtr {
    const { context, hashDistance } = this.#options;
    const { kernels, memory } = context.runtime;
    const { compiled, builder, offset } = group;
    const distance = hashDistance + offset;
    const own = (kernels.arenaAlloc(distance + compiled.valueBytes) >>> 0) + distance;
    const list = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const slice = kernels.arenaAlloc(batchBytes(this.#widths.length)) >>> 0;
    const values =
      group.distinct === undefined ? undefined : this.#valueNumbers(group.distinct, batch, n);
    const out = builder.begin(n);
    const clear = () => new Uint8Array(memory.buffer, own, compiled.valueBytes).fill(0);
    segments.forEach((segment, index) => {
      new DataView(memory.buffer).setUint32(own - distance, segment.hash, true);
      clear();
      new Uint32Array(memory.buffer, list, segment.end - segment.start).fill(own);
      const running = this.#options.frame.start.kind === "unboundedPreceding";
      const seen = new Set<number>();
      let from = segment.start;
      let to = from;
      for (let row = segment.emitFrom; row < segment.end; row++) {
        if (!running) {
          const next = bounds[index]!.from(row);
          if (next !== from) {
            compiled.free(list, 1, map);
            seen.clear();
            from = next;
            to = next;
          }
        }
        const until = bounds[index]!.to(row);
        if (until < to) {
          compiled.free(list, 1, map);
          seen.clear();
          to = from;
        }
        if (until > to) {
          const part = this.#slice(slice, batch, to, until - to);
          if (values === undefined) compiled.accumulate(part, list, map);
          else this.#foldNew(compiled, batch, to, until, values, seen, list, map);
          to = until;
        }
        compiled.results(list, 1, map, out, 0, row);
      }
      compiled.free(list, 1, map);
    });
    return builder.finish(n, { insertOnly: true });
  }

  #foldNew(
    compiled: CompiledAccumulate,
    batch: BatchPtr,
    from: number,
    to: number,
    values: readonly number[],
    seen: Set<number>,
    list: number,
    map: number,
  ): void {
    const { kernels, memory } = this.#options.context.runtime;
    const rows: number[] = [];
    for (let row = from; row < to; row++) {
      if (seen.has(values[row]!)) continue;
      seen.add(values[row]!);
      rows.push(row);
    }
    if (rows.length === 0) return;
    const picked = kernels.arenaAlloc(rows.length * 4) >>> 0;
    new Uint32Array(memory.buffer, picked, rows.length).set(rows);
    compiled.accumulate(this.#rows.gather(batch, picked, rows.length), list, map);
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

  /** Rows [from, from + n) as a batch; its columns are shared. */
  #slice(slice: number, batch: BatchPtr, from: number, n: number): BatchPtr {
    const data = new DataView(this.#options.context.runtime.memory.buffer);
    data.setUint32(slice, n, true);
    data.setUint32(slice + 4, 0, true);
    data.setUint32(slice + 8, this.#widths.length, true);
    data.setUint32(slice + 12, 0, true);
    this.#widths.forEach((width, column) => {
      const source = columnPtr(batch, column);
      const to = columnPtr(slice, column);
      const validity = data.getUint32(source + COLUMN_VALIDITY, true);
      const values = data.getUint32(source + COLUMN_VALUES, true);
      data.setUint32(to + COLUMN_VALIDITY, validity === 0 ? 0 : validity + from, true);
      data.setUint32(to + COLUMN_VALUES, values === 0 ? 0 : values + from * width, true);
    });
    return slice;
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

/** ROW_NUMBER is a count of rows: frames of ranking calls are ROWS from the beginning. */
function isAggregate({ function: name }: OverAggregateCall): boolean {
  return !POSITIONS.has(name) && name !== "LEAD" && name !== "LAG";
}

function isDistinct({ distinct, function: name }: OverAggregateCall): boolean {
  return distinct && !SAME_WITHOUT_DISTINCT.has(name);
}
