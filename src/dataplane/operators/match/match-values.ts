/**
 * MatchValues: expressions over the rows of variables, for many matches at once.
 *
 * Flow:    match.ts says which encoded row each reference means → columns → Calc. One call for a whole batch of matches.
 * In:      places: for reference r of match i the address of its row, 0 = none (NULL).
 * Aggregates: rows of all matches are folded in one pass, each into the accumulators of its match.
 */
import { type BatchPtr, columnPtr } from "../../../foundation/columnar/batch.ts";
import { COLUMN_VALIDITY, COLUMN_VALUES } from "../../../foundation/columnar/batch.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { MatchAggregate, MatchExpressions } from "../../../foundation/plan/match.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import type { RowFormat } from "../rows/row-format.ts";

/** Rows of one variable in one match. */
export interface RowRange {
  /** Index into `rows`. */
  readonly from: number;
  readonly count: number;
}

/** Where the rows of the matches lie. */
export interface MatchPlaces {
  readonly matches: number;
  /** Address of the row of reference r in match i, 0 = none. */
  row(match: number, reference: number): number;
  /** Rows of a variable in match i, for aggregates. */
  range(match: number, position: number): RowRange;
  /** Addresses of encoded rows, of which ranges are slices. */
  readonly rows: Uint32Array;
  /** Upper half of the hash of the match's partition. */
  hash(match: number): number;
}

interface AggregateGroup {
  readonly position: number;
  readonly compiled: CompiledAccumulate;
  readonly builder: BatchBuilder;
  readonly members: readonly number[];
}

export class MatchValues {
  readonly #context: OperatorContext;
  readonly #format: RowFormat;
  readonly #spec: MatchExpressions;
  readonly #calc: CompiledCalc;
  readonly #wanted: readonly number[];
  readonly #groups: readonly AggregateGroup[];
  readonly #hashDistance: number;

  constructor(options: {
    readonly context: OperatorContext;
    readonly format: RowFormat;
    readonly spec: MatchExpressions;
    readonly output: Schema;
    /** From the accumulators back to the key's hash; see compileAccumulate. */
    readonly hashDistance: number;
    readonly operator: string;
  }) {
    const { context, format, spec, output, hashDistance, operator } = options;
    const { runtime } = context;
    this.#context = context;
    this.#format = format;
    this.#spec = spec;
    this.#hashDistance = hashDistance;
    const references = spec.references.map(({ field }, i) => ({
      name: `r${i}`,
      type: withNullable(format.schema.fields[field]!.type, true),
    }));
    const aggregates = spec.aggregates.map(({ type }, i) => ({ name: `a${i}`, type }));
    const environment = functionEnvironment(context);
    this.#calc = compileCalc(
      { input: { fields: [...references, ...aggregates] }, projection: spec.expressions, output },
      { runtime, environment, operator },
    );
    this.#wanted = spec.references.map(({ field }) => this.#wantedColumns(field));
    const positions = [...new Set(spec.aggregates.map(({ position }) => position))];
    this.#groups = positions.map((position) => {
      const members = spec.aggregates.flatMap((one, i) => (one.position === position ? [i] : []));
      const calls = members.map((member) => spec.aggregates[member]!);
      return this.#createGroup(position, members, calls, operator);
    });
  }

  /** `map`: of the partitions, for texts that accumulators keep. */
  evaluate(places: MatchPlaces, map: number): BatchPtr {
    const { runtime } = this.#context;
    const { kernels, memory } = runtime;
    const { references } = this.#spec;
    const n = places.matches;
    const columns: ColumnFrom[] = [];
    references.forEach(({ field }, reference) => {
      const list = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
      const addresses = new Uint32Array(memory.buffer, list, n);
      for (let i = 0; i < n; i++) addresses[i] = places.row(i, reference);
      const batch = kernels.batchCreate(n, this.#format.columns, 0) >>> 0;
      this.#format.decode(list, n, batch, 0, this.#wanted[reference]!);
      const first = physicalIndex(this.#format.schema, field);
      columns.push(
        ...columnsOf(batch, first, physicalCount(this.#format.schema.fields[field]!.type)),
      );
    });
    columns.push(...this.#aggregate(places, map));
    return this.#calc.process(assembleBatch(runtime, n, columns));
  }

  /** The BOOLEANs of the only column: 1 where TRUE. */
  truths(result: BatchPtr, n: number, out: Uint8Array, at: number, stride: number): void {
    const { buffer } = this.#context.runtime.memory;
    const data = new DataView(buffer);
    const column = columnPtr(result, 0);
    const values = new Uint8Array(buffer, data.getUint32(column + COLUMN_VALUES, true), n);
    const validity = data.getUint32(column + COLUMN_VALIDITY, true);
    const valid = validity === 0 ? undefined : new Uint8Array(buffer, validity, n);
    for (let i = 0; i < n; i++)
      out[at + i * stride] = values[i] !== 0 && (valid === undefined || valid[i] !== 0) ? 1 : 0;
  }

  #wantedColumns(field: number): number {
    const { kernels, memory } = this.#context.runtime;
    const { schema, columns } = this.#format;
    const at = kernels.operatorAllocate(Math.max(1, columns)) >>> 0;
    const first = physicalIndex(schema, field);
    const wanted = new Uint8Array(columns);
    wanted.fill(1, first, first + physicalCount(schema.fields[field]!.type));
    new Uint8Array(memory.buffer).set(wanted, at);
    return at;
  }

  #createGroup(
    position: number,
    members: readonly number[],
    calls: readonly MatchAggregate[],
    operator: string,
  ): AggregateGroup {
    const { runtime } = this.#context;
    const aggregates = calls.map(({ function: name, args, type }, i) => ({
      function: name,
      args,
      filter: -1,
      distinct: false,
      retract: false,
      type,
      name: `a${members[i]}`,
    }));
    const output = { fields: aggregates.map(({ name, type }) => ({ name, type })) };
    // A variable may have no row: nothing is taken for never NULL.
    const input = {
      fields: this.#format.schema.fields.map((f) => ({ ...f, type: withNullable(f.type, true) })),
    };
    const environment = functionEnvironment(this.#context);
    return {
      position,
      members,
      compiled: compileAccumulate(
        { input, aggregates, hashDistance: this.#hashDistance },
        { runtime, environment, operator },
      ),
      builder: compileBatchBuilder({ output, runtime, operator }),
    };
  }

  /** Columns of all aggregates, in their order. */
  #aggregate(places: MatchPlaces, map: number): ColumnFrom[] {
    const columns: ColumnFrom[][] = this.#spec.aggregates.map(() => []);
    for (const group of this.#groups) {
      const out = this.#fold(group, places, map);
      let column = 0;
      for (const member of group.members) {
        const { type } = this.#spec.aggregates[member]!;
        const count = physicalColumns({ fields: [{ name: "", type }] }).length;
        columns[member] = columnsOf(out, column, count);
        column += count;
      }
    }
    return columns.flat();
  }

  #fold(
    { position, compiled, builder }: AggregateGroup,
    places: MatchPlaces,
    map: number,
  ): BatchPtr {
    const { kernels, memory } = this.#context.runtime;
    const n = places.matches;
    const stride = this.#hashDistance + compiled.valueBytes;
    const own = kernels.arenaAlloc(Math.max(1, n) * stride) >>> 0;
    new Uint8Array(memory.buffer, own, n * stride).fill(0);
    let total = 0;
    for (let i = 0; i < n; i++) total += places.range(i, position).count;
    const entries = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const addresses = kernels.arenaAlloc(Math.max(1, total) * 4) >>> 0;
    const targets = kernels.arenaAlloc(Math.max(1, total) * 4) >>> 0;
    const data = new DataView(memory.buffer);
    const rows = new Uint32Array(memory.buffer, addresses, total);
    const owners = new Uint32Array(memory.buffer, targets, total);
    let at = 0;
    for (let i = 0; i < n; i++) {
      const accumulator = own + i * stride + this.#hashDistance;
      data.setUint32(own + i * stride, places.hash(i), true);
      data.setUint32(entries + i * 4, accumulator, true);
      const { from, count } = places.range(i, position);
      rows.set(places.rows.subarray(from, from + count), at);
      owners.fill(accumulator, at, at + count);
      at += count;
    }
    if (total > 0) {
      const batch = kernels.batchCreate(total, this.#format.columns, 0) >>> 0;
      this.#format.decode(addresses, total, batch, 0);
      compiled.accumulate(batch, targets, map);
    }
    const out = builder.begin(n);
    compiled.results(entries, n, map, out, 0, 0);
    compiled.free(entries, n, map);
    return builder.finish(n, { insertOnly: true });
  }
}
