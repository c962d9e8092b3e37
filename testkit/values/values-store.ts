/**
 * ValuesStore: the data of the test connector `values`: what its sources emit, by data id, and what its sinks were given.
 *
 * Flow:    conformance runner → register() → values source → job → values sink → results(), materialized() → runner.
 * Control: a source emits one row per batch, or all; it waits at `released` events and ends only once end() allows it, so
 *          that a runner decides what comes when. Everything lives in this thread: jobs over it run inline.
 */
import { ROW_KIND_TEXT } from "../../src/foundation/columnar/row-kind.ts";
import { MAX_BATCH_ROWS } from "../../src/foundation/columnar/batch.ts";
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import { formatRow, formatValue } from "../../src/foundation/columnar/value-text.ts";
import { connectorErrors } from "../../src/dataplane/connectors/errors.ts";

export type ValuesEvent =
  | { readonly kind?: string; readonly row: readonly unknown[] }
  | { readonly watermark: number };

export interface ValuesData {
  readonly events: ValuesEvent[];
  /** Rows in a batch, at most. */
  readonly batchRows: number;
  /** How many events may be emitted so far. */
  released: number;
  ended: boolean;
  /** How many events have been emitted by whichever job read furthest. */
  read: number;
}

export interface ValuesOptions {
  /** True: every row is a batch of its own. */
  readonly rowByRow?: boolean;
  /** Rows in a batch, at most; default: as many as a batch holds. */
  readonly batchRows?: number;
  /** False: nothing is emitted before release(). */
  readonly released?: boolean;
  /** False: the source waits for more after the last event, until end(). */
  readonly ended?: boolean;
}

/** One change that a sink was given; texts are made when they are asked for. */
export class SinkRow {
  readonly kind: number;
  readonly values: readonly Value[];
  readonly schema: Schema;
  /** The sink table's primary key, as field indexes. */
  readonly key: readonly number[];

  constructor(kind: number, values: readonly Value[], schema: Schema, key: readonly number[] = []) {
    this.kind = kind;
    this.values = values;
    this.schema = schema;
    this.key = key;
  }

  /** As Flink prints it, for example `+I[1, a]`. */
  get text(): string {
    return formatRow(this.kind, this.values, this.schema);
  }

  /** The fields' texts. */
  get fields(): readonly string[] {
    return this.values.map((value, i) => formatValue(value, this.schema.fields[i]!.type));
  }
}

export class ValuesStore {
  readonly #data = new Map<string, ValuesData>();
  readonly #results = new Map<string, SinkRow[]>();
  readonly #waiting = new Set<() => void>();

  register(id: string, events: readonly ValuesEvent[], options: ValuesOptions = {}): void {
    const { rowByRow = false, released = true, ended = true } = options;
    const batchRows = rowByRow ? 1 : (options.batchRows ?? MAX_BATCH_ROWS);
    const count = released ? Number.POSITIVE_INFINITY : 0;
    this.#data.set(id, { events: [...events], batchRows, released: count, ended, read: 0 });
  }

  /** More events behind those there are. */
  append(id: string, events: readonly ValuesEvent[]): void {
    this.data(id).events.push(...events);
    this.#wake();
  }

  /** Lets `count` more events out. */
  release(id: string, count = 1): void {
    this.data(id).released += count;
    this.#wake();
  }

  /** After its last event the source ends. */
  end(id: string): void {
    const data = this.data(id);
    data.ended = true;
    data.released = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  data(id: string): ValuesData {
    const data = this.#data.get(id);
    if (data === undefined) throw connectorErrors.DATA_UNKNOWN({ id });
    return data;
  }

  /** True when every event has been emitted, or no job reads the table. */
  isRead(id: string): boolean {
    const data = this.#data.get(id);
    return data === undefined || data.read >= data.events.length;
  }

  /** Resolves at the next change. */
  async changed(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  collect(table: string, rows: readonly SinkRow[]): void {
    const list = this.#results.get(table) ?? [];
    list.push(...rows);
    this.#results.set(table, list);
  }

  /** What the sink of a table was given, in order. */
  rows(table: string): readonly SinkRow[] {
    return this.#results.get(table) ?? [];
  }

  /** The changes as texts: `+I[1, a]`. */
  results(table: string): string[] {
    return this.rows(table).map(({ text }) => text);
  }

  /**
   * The table's final rows: by key, where keys are given as field indexes, else by their whole text. Texts have no kind:
   * `1, a`.
   */
  materialized(table: string, keys: readonly number[] = []): string[] {
    const upserts = new Map<string, string>();
    const counts = new Map<string, number>();
    for (const { kind, fields } of this.rows(table)) {
      const text = fields.join(", ");
      const add = ROW_KIND_TEXT[kind]?.startsWith("+") ?? true;
      if (keys.length > 0) {
        const key = JSON.stringify(keys.map((index) => fields[index]));
        if (add) upserts.set(key, text);
        else if (kind === 3) upserts.delete(key);
      } else counts.set(text, (counts.get(text) ?? 0) + (add ? 1 : -1));
    }
    if (keys.length > 0) return [...upserts.values()];
    return [...counts].flatMap(([text, count]) => Array.from({ length: count }, () => text));
  }

  clearResults(): void {
    this.#results.clear();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
