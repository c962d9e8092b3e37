/**
 * ScanLookup: answers lookups by key with a table that can only be read: from its beginning, once for all keys that came until
 * the read began.
 *
 * Limits:  one read at a time; each costs the whole table, and keeps only the rows that are asked for.
 */
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { identity } from "../../codegen/functions/column-values.ts";
import type { KeyedLookup, TableScan } from "../../contract/lookup.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { decodedValue } from "../rows/decoded-value.ts";

type Rows = readonly (readonly Value[])[];

export class ScanLookup implements KeyedLookup {
  readonly #scan: TableScan;
  readonly #schema: Schema;
  readonly #keys: readonly number[];
  readonly #reader: RowReader;
  #next:
    | { readonly wanted: Map<string, (readonly Value[])[]>; readonly read: Promise<void> }
    | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly runtime: WorkerRuntime;
    readonly scan: TableScan;
    /** The columns that are read, and which of them are asked for. */
    readonly schema: Schema;
    readonly keys: readonly number[];
  }) {
    const { runtime, scan, schema, keys } = options;
    this.#scan = scan;
    this.#schema = schema;
    this.#keys = keys;
    this.#reader = new RowReader(runtime.memory, schema);
  }

  async lookup(keys: Rows): Promise<readonly Rows[]> {
    this.#next ??= this.#planned();
    const { wanted, read } = this.#next;
    const found = keys.map((key) => {
      const text = identity(key);
      const rows = wanted.get(text) ?? [];
      wanted.set(text, rows);
      return rows;
    });
    await read;
    return found;
  }

  close(): Promise<void> {
    return this.#scan.close();
  }

  #planned() {
    const wanted = new Map<string, (readonly Value[])[]>();
    const read = this.#last
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#scan.read((batch) => {
          for (let row = 0; row < this.#reader.rows(batch); row++) {
            const values = this.#reader
              .read(batch, row)
              .map((value, i) => decodedValue(value, this.#schema.fields[i]!.type));
            wanted.get(identity(this.#keys.map((key) => values[key]!)))?.push(values);
          }
        });
      });
    this.#last = read;
    return { wanted, read };
  }
}
