/**
 * readStateRows: one map of an operator's state in a checkpoint or savepoint, as rows of typed, JSON-safe values.
 *
 * Flow:    manifest → the map of one old subtask after another, restored into a memory of its own → keys decoded, accumulators
 *          finished by the code that the operator itself uses → rows.
 * Limits:  one old subtask's map must fit into a worker's memory (4 GiB). Rows come in no particular order.
 * Errors:  MR4265 no such operator or map; those of reading a snapshot.
 */
import { BatchView } from "../../../foundation/columnar/batch.ts";
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { compileResults } from "../../codegen/aggregates/accumulate.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { instantiateKernels } from "../../kernels/instantiate.ts";
import { loadManifest } from "../../state/checkpoint-store.ts";
import { restoreMap } from "../../state/read-state.ts";
import { asStateHandle, type MapLayout } from "../../state/state-handle.ts";
import { checkpointErrors } from "../errors.ts";
import type { CheckpointMetadata } from "../master/checkpoint-metadata.ts";
import { renderRow } from "../task/row-render.ts";
import { KeptRowReader } from "./kept-row-reader.ts";
import type { OperatorRecord } from "./operator-record.ts";
import { resultCalls, type StateColumn, stateColumns } from "./state-columns.ts";

const ROWS_AT_ONCE = 1024;

/** Reading asks for no time and no chance. */
const ENVIRONMENT = {
  timeZone: "UTC",
  mode: "streaming",
  config: {},
  watermark: () => 0,
  now: () => 0,
  random: () => 0,
} as const;

export interface StateTable {
  readonly columns: readonly StateColumn[];
  rows(): AsyncGenerator<readonly unknown[]>;
}

export interface ReadRowsOptions {
  readonly env: Env;
  readonly kernelsModule: WebAssembly.Module;
  readonly path: string;
  /** A uid, a type that only one operator has, or the start of a uid. */
  readonly operator: string;
  /** Default: the one map, or "groups"; "left" or "right" where one map keeps the rows of both inputs. */
  readonly map?: string;
}

export async function readStateRows(options: ReadRowsOptions): Promise<StateTable> {
  const { env, kernelsModule, path } = options;
  const metadata = await loadManifest<CheckpointMetadata>(env.files, path);
  const { record, layouts, columns, rowsName } = findState(metadata, options);
  return {
    columns,
    async *rows() {
      for (const { handle, layout } of layouts) {
        const runtime = instantiateKernels(kernelsModule);
        const map = await restoreMap(handle, layout, { runtime, files: env.files });
        const rows = layout.rows?.find(({ name }) => name === rowsName);
        const { keyBytes } = layout;
        const reader =
          rows === undefined
            ? new RowReader(runtime, { record, layout, columns, map: map.ptr })
            : new KeptRowReader(runtime, { map: map.ptr, keyBytes, rows });
        const { start, end } = handle.keyGroups;
        for (let group = start; group <= end; group++) yield* reader.group(group);
        map.close();
      }
    },
  };
}

/** Which map is meant, in the handles of all old subtasks, and its columns. */
export function findState(
  metadata: CheckpointMetadata,
  { operator, map, path }: Pick<ReadRowsOptions, "operator" | "map" | "path">,
) {
  const handles = metadata.states.filter((state) => state != null).map(asStateHandle);
  const all = handles.flatMap((handle) => handle.maps.map((layout) => ({ handle, layout })));
  const uids = [...new Set(all.map(({ layout }) => layout.uid))];
  const records = metadata.nodes.filter(({ uid }) => uids.includes(uid));
  const exact = records.filter(({ uid }) => uid === operator);
  const named = records.filter(({ uid, type }) => type === operator || uid.startsWith(operator));
  const [record, second] = exact.length > 0 ? exact : named;
  const own = all.filter(({ layout }) => layout.uid === record?.uid);
  const names = [...new Set(own.map(({ layout }) => layout.name))];
  const ofSide = own.find(({ layout: { rows } }) => rows?.some((kept) => kept.name === map));
  const first = names.includes("groups") ? "groups" : names[0];
  const name = map === undefined ? first : names.includes(map) ? map : ofSide?.layout.name;
  const layouts = own.filter(({ layout }) => layout.name === name);
  if (record === undefined || second !== undefined || layouts.length === 0) {
    const known = all.map(({ layout }) => `${layout.uid}.${layout.name}`);
    const what = map === undefined ? operator : `${operator}.${map}`;
    throw checkpointErrors.STATE_UNKNOWN({ path, what, known: [...new Set(known)].join(", ") });
  }
  const { layout } = layouts[0]!;
  const rows = layout.rows?.find((kept) => kept.name === map) ?? layout.rows?.[0];
  return { record, layouts, columns: stateColumns(record, layout, rows), rowsName: rows?.name };
}

class RowReader {
  readonly #runtime: WorkerRuntime;
  readonly #map: number;
  readonly #layout: MapLayout;
  readonly #columns: readonly StateColumn[];
  readonly #keys: (entries: readonly number[]) => readonly (readonly unknown[])[];
  readonly #results: (entries: readonly number[]) => readonly (readonly unknown[])[];

  constructor(
    runtime: WorkerRuntime,
    of: {
      readonly record: OperatorRecord;
      readonly layout: MapLayout;
      readonly columns: readonly StateColumn[];
      readonly map: number;
    },
  ) {
    this.#runtime = runtime;
    this.#map = of.map;
    this.#layout = of.layout;
    this.#columns = of.columns;
    this.#keys = this.#keyReader();
    this.#results = this.#resultReader(of.record);
  }

  *group(keyGroup: number): Generator<readonly unknown[]> {
    const { kernels } = this.#runtime;
    for (let entry = 0; ; ) {
      const entries: number[] = [];
      while (entries.length < ROWS_AT_ONCE) {
        const next = kernels.mapIterate(this.#map, keyGroup, entry) >>> 0;
        if (next === 0) break;
        entries.push(next);
        entry = next;
      }
      if (entries.length === 0) return;
      const mark = kernels.arenaMark();
      const keys = this.#keys(entries);
      const results = this.#results(entries);
      kernels.arenaRelease(mark);
      yield* entries.map((at, row) =>
        this.#columns.map(({ from, type }) => {
          if (from.part === "key") return keys[row]![from.index];
          if (from.part === "result") return results[row]![from.index];
          if (from.part === "row") return null;
          return this.#raw(at + from.field.offset, type, from.field.type === "flags");
        }),
      );
    }
  }

  #keyReader(): (entries: readonly number[]) => readonly (readonly unknown[])[] {
    const runtime = this.#runtime;
    const { keyBytes, keyFields } = this.#layout;
    const stored = keyBytes < 0 ? 8 : keyBytes;
    if (keyFields.some(({ type }) => typeof type === "string"))
      return (entries) =>
        entries.map((entry) =>
          keyFields.map(({ offset, type }) =>
            typeof type === "string" ? this.#raw(entry - stored + offset, undefined, false) : null,
          ),
        );
    const schema: Schema = {
      fields: keyFields.map(({ name, type }) => ({ name, type: type as LogicalType })),
    };
    const fields = keyFields.map((_, i) => i);
    const operator = "state";
    const codec = compileKeyCodec({ schema, fields, runtime, operator });
    const builder = compileBatchBuilder({ output: schema, runtime, operator });
    return (entries) => {
      const { kernels, memory } = runtime;
      const keys = kernels.arenaAlloc(entries.length * stored) >>> 0;
      const bytes = new Uint8Array(memory.buffer);
      const data = new DataView(memory.buffer);
      for (const [i, entry] of entries.entries()) {
        const begin = entry - stored;
        if (keyBytes >= 0) bytes.copyWithin(keys + i * stored, begin, entry);
        else {
          const hash = data.getUint32(begin - 8, true);
          const address = kernels.logPtr(this.#map, hash, data.getUint32(begin, true)) >>> 0;
          data.setUint32(keys + i * 8, address, true);
          data.setUint32(keys + i * 8 + 4, kernels.logLength(address), true);
        }
      }
      const batch = builder.begin(entries.length);
      codec.decode(keys, entries.length, batch, 0, 0);
      return this.#rendered(builder.finish(entries.length, { insertOnly: true }), schema, entries);
    };
  }

  #resultReader(
    record: OperatorRecord,
  ): (entries: readonly number[]) => readonly (readonly unknown[])[] {
    const calls = resultCalls(record, this.#layout);
    if (calls === undefined || calls.length === 0) return (entries) => entries.map(() => []);
    const runtime = this.#runtime;
    const operator = "state";
    const output: Schema = { fields: calls.map(({ name, type }) => ({ name, type })) };
    const input: Schema = {
      fields: (record.inputs?.[0] ?? []).map(({ name, type }) => ({ name, type })),
    };
    const results = compileResults(
      {
        input,
        aggregates: calls,
        hashDistance: hashDistance(this.#layout.keyBytes),
        retract: calls.some(({ retract }) => retract),
      },
      { runtime, environment: ENVIRONMENT, operator },
    );
    const builder = compileBatchBuilder({ output, runtime, operator });
    return (entries) => {
      const { kernels, memory } = runtime;
      const list = kernels.arenaAlloc(entries.length * 4) >>> 0;
      new Uint32Array(memory.buffer, list, entries.length).set(entries);
      const batch = builder.begin(entries.length);
      results(list, entries.length, this.#map, batch, 0, 0);
      return this.#rendered(builder.finish(entries.length, { insertOnly: true }), output, entries);
    };
  }

  #rendered(
    batch: number,
    schema: Schema,
    entries: readonly number[],
  ): readonly (readonly unknown[])[] {
    const view = new BatchView(this.#runtime.memory);
    return entries.map((_, row) => renderRow(view, batch, schema, row, "UTC").values);
  }

  /** A fixed field of a value as it lies there; counters and flags without a type. */
  #raw(at: number, type: LogicalType | undefined, isFlags: boolean): unknown {
    const data = new DataView(this.#runtime.memory.buffer);
    if (isFlags) return String(data.getUint32(at, true));
    if (type === undefined) return String(data.getBigInt64(at, true));
    switch (physicalOf(type)) {
      case "bool":
        return data.getUint8(at) !== 0;
      case "i8":
      case "i16":
      case "i32":
        return data.getInt32(at, true);
      case "f32":
        return data.getFloat32(at, true);
      case "f64":
        return data.getFloat64(at, true);
      case "i64":
        return String(data.getBigInt64(at, true));
      default:
        return null;
    }
  }
}
