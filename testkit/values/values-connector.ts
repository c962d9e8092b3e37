/**
 * The test connector `values`: registered rows as a source, collected changes as a sink.
 *
 * Flow:    ValuesStore → ValuesReader → job → ValuesWriter → ValuesStore.
 * Position: the number of the next event, so a restore goes on behind what was emitted.
 * Use:     defaultRegistry(valuesConnector(store)).
 */
import { ROW_KIND_TEXT } from "../../src/foundation/columnar/row-kind.ts";
import { RowReader, type Value } from "../../src/foundation/columnar/value-reader.ts";
import { identity } from "../../src/dataplane/codegen/functions/column-values.ts";
import { type TestValue, writeBatch } from "../../src/dataplane/codegen/test-batches.ts";
import type { RegistryAdditions } from "../../src/dataplane/connectors/registry.ts";
import type {
  SinkFactory,
  SinkWriter,
  SinkWriterContext,
} from "../../src/dataplane/contract/sink.ts";
import type {
  LookupContext,
  PollResult,
  SourceContext,
  SourceFactory,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
} from "../../src/dataplane/contract/source.ts";
import { checkOptions } from "../../src/dataplane/contract/table-option.ts";
import { typedValue } from "./typed-value.ts";
import { valuesModels } from "./values-model.ts";
import { VALUES_OPTIONS } from "./values-options.ts";
import { SinkRow, type ValuesData, type ValuesStore } from "./values-store.ts";

interface ValuesSplit extends SourceSplit {
  readonly next: number;
}

export function valuesConnector(store: ValuesStore): RegistryAdditions {
  return {
    sources: [valuesSource(store)],
    sinks: [valuesSink(store)],
    modelProviders: [valuesModels],
  };
}

/** The data id of a table: its option, or the last part of its name. */
export function dataIdOf({ options, name }: SourceContext["node"]["table"]): string {
  return options["data-id"] ?? name.slice(name.lastIndexOf(".") + 1);
}

function valuesSource(store: ValuesStore): SourceFactory {
  return {
    identifier: "values",
    validate: ({ table }) => checkOptions("connector values", VALUES_OPTIONS, table.options),
    createEnumerator: ({ node }) => ({
      discoverMs: 0,
      discover: async () => [{ id: dataIdOf(node.table), next: 0 }],
      snapshot: () => null,
      restore: () => undefined,
      close: async () => undefined,
    }),
    createReader: (context) => new ValuesReader(context, store),
    createLookup: ({ node }) => ({
      lookup: async (keys) => keys.map((key) => rowsOf(store, node, key)),
      close: async () => undefined,
    }),
  };
}

/** What was registered for a key; rows that were taken back later are there all the same. */
function rowsOf(
  store: ValuesStore,
  { table, lookupKeys, projection }: LookupContext["node"],
  key: readonly Value[],
): Value[][] {
  const { fields } = table.schema;
  const found: Value[][] = [];
  for (const event of store.data(dataIdOf(table)).events) {
    if ("watermark" in event || event.kind === "-U" || event.kind === "-D") continue;
    const row = fields.map(({ type }, index) => typedValue(event.row[index], type));
    const fits = lookupKeys.every(({ field }, i) => identity(row[field]!) === identity(key[i]!));
    if (fits) found.push(projection.map((path) => select(row, path)));
  }
  return found;
}

class ValuesReader implements SourceReader {
  readonly #context: SourceReaderContext;
  readonly #store: ValuesStore;
  readonly #queue: ValuesSplit[] = [];
  #split: ValuesSplit | undefined;
  #closed = false;

  constructor(context: SourceReaderContext, store: ValuesStore) {
    this.#context = context;
    this.#store = store;
  }

  async open(): Promise<void> {}

  addSplits(splits: readonly SourceSplit[]): void {
    for (const split of splits) this.#queue.push(split as ValuesSplit);
  }

  poll(): PollResult {
    this.#split ??= this.#queue.shift();
    const split = this.#split;
    if (split === undefined) return { kind: "empty" };
    const data = this.#store.data(dataIdOf(this.#context.node.table));
    const { next } = split;
    if (next >= data.events.length && (data.ended || this.#context.node.bounded)) {
      this.#split = undefined;
      return { kind: "finished", splitId: split.id };
    }
    const end = Math.min(data.events.length, data.released);
    if (next >= end) return { kind: "idle" };
    const event = data.events[next]!;
    if ("watermark" in event) {
      this.#split = { ...split, next: next + 1 };
      data.read = Math.max(data.read, next + 1);
      return { kind: "watermark", watermark: event.watermark, split: this.#split };
    }
    const { batch, count } = this.#write(data, next, end);
    this.#split = { ...split, next: next + count };
    data.read = Math.max(data.read, next + count);
    return { kind: "batch", batch, split: this.#split };
  }

  async wait(): Promise<void> {
    if (!this.#closed) await this.#store.changed();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** A batch of the rows from `next` on, up to the next watermark. */
  #write(data: ValuesData, next: number, end: number): { batch: number; count: number } {
    const { node, runtime, output } = this.#context;
    const { fields } = node.table.schema;
    const rows: TestValue[][] = [];
    const kinds: number[] = [];
    for (let i = next; i < end && rows.length < data.batchRows; i++) {
      const event = data.events[i]!;
      if ("watermark" in event) break;
      const values = fields.map(({ type }, index) => typedValue(event.row[index], type));
      rows.push(node.projection.map((path) => select(values, path)));
      kinds.push(Math.max(0, ROW_KIND_TEXT.indexOf((event.kind ?? "+I") as "+I")));
    }
    const changes = kinds.some((kind) => kind !== 0);
    const batch = writeBatch(runtime, output, rows, changes ? kinds : undefined);
    return { batch, count: rows.length };
  }
}

function select(values: readonly TestValue[], path: readonly number[]): TestValue {
  let value: TestValue = values[path[0]!] ?? null;
  for (const index of path.slice(1)) value = Array.isArray(value) ? (value[index] ?? null) : null;
  return value;
}

function valuesSink(store: ValuesStore): SinkFactory {
  return {
    identifier: "values",
    accepts: "retract",
    validate: ({ table }) => checkOptions("connector values", VALUES_OPTIONS, table.options),
    createWriter: (context) => new ValuesWriter(context, store),
  };
}

class ValuesWriter implements SinkWriter {
  readonly #reader: RowReader;
  readonly #store: ValuesStore;
  readonly #table: string;
  readonly #key: readonly number[];

  constructor({ runtime, input, node }: SinkWriterContext, store: ValuesStore) {
    this.#key = node.table.primaryKey ?? [];
    this.#reader = new RowReader(runtime.memory, input);
    this.#store = store;
    this.#table = node.table.name.slice(node.table.name.lastIndexOf(".") + 1);
  }

  async open(): Promise<void> {}

  write(batch: number): boolean {
    const reader = this.#reader;
    const { schema } = reader;
    const rows: SinkRow[] = [];
    for (let row = 0; row < reader.rows(batch); row++) {
      rows.push(new SinkRow(reader.kind(batch, row), reader.read(batch, row), schema, this.#key));
    }
    this.#store.collect(this.#table, rows);
    return true;
  }

  writeWatermark(): void {}

  async flush(): Promise<void> {}

  async prepareCommit(): Promise<{ readonly committables: []; readonly state: undefined }> {
    return { committables: [], state: undefined };
  }

  async close(): Promise<void> {}
}
