/**
 * PartWriter: puts the rows of a bundle together (foundation/plan/value-sets.ts): pieces that fill some columns each, the other
 * columns being 0 or empty, in batches of at most MAX_BATCH_ROWS.
 */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

/** Where a physical column of a piece lies; validity 0 = never NULL. */
export interface PieceColumn {
  readonly values: number;
  readonly validity: number;
}

export class PartWriter {
  readonly #runtime: WorkerRuntime;
  readonly #builder: BatchBuilder;
  readonly #columns: ReturnType<typeof physicalColumns>;
  readonly #emit: (batch: BatchPtr) => void;
  #rows = 0;
  #begun = false;

  constructor(options: {
    readonly runtime: WorkerRuntime;
    readonly output: Schema;
    readonly operator: string;
    readonly emit: (batch: BatchPtr) => void;
  }) {
    this.#runtime = options.runtime;
    this.#builder = compileBatchBuilder(options);
    this.#columns = physicalColumns(options.output);
    this.#emit = options.emit;
  }

  /** n rows whose physical columns are these; `columns` by their place in the output. */
  append(n: number, columns: ReadonlyMap<number, PieceColumn>): void {
    for (let from = 0; from < n; ) {
      if (!this.#begun) this.#builder.begin(MAX_BATCH_ROWS);
      this.#begun = true;
      const count = Math.min(n - from, MAX_BATCH_ROWS - this.#rows);
      this.#copy(from, count, columns);
      this.#rows += count;
      from += count;
      if (this.#rows === MAX_BATCH_ROWS) this.flush();
    }
  }

  flush(): void {
    if (this.#rows === 0) return;
    const batch = this.#builder.finish(this.#rows, { insertOnly: true });
    this.#rows = 0;
    this.#begun = false;
    this.#emit(batch);
  }

  #copy(from: number, count: number, columns: ReadonlyMap<number, PieceColumn>): void {
    const bytes = new Uint8Array(this.#runtime.memory.buffer);
    this.#columns.forEach(({ physical }, column) => {
      const width = PHYSICAL_WIDTH[physical];
      const source = columns.get(column);
      const values = this.#builder.values(column) + this.#rows * width;
      if (width > 0 && source === undefined) bytes.fill(0, values, values + count * width);
      else if (width > 0)
        bytes.copyWithin(
          values,
          source!.values + from * width,
          source!.values + (from + count) * width,
        );
      const validity = this.#builder.validity(column);
      if (validity === 0) return;
      const to = validity + this.#rows;
      if (source === undefined || source.validity === 0) bytes.fill(1, to, to + count);
      else bytes.copyWithin(to, source.validity + from, source.validity + from + count);
    });
  }
}

/** The columns of a batch, for the places from `first` on. */
export function pieceColumns(
  { memory }: WorkerRuntime,
  batch: BatchPtr,
  places: readonly number[],
): [number, PieceColumn][] {
  const data = new DataView(memory.buffer);
  return places.map((place, column) => {
    const at = columnPtr(batch, column);
    const values = data.getUint32(at + COLUMN_VALUES, true);
    return [place, { values, validity: data.getUint32(at + COLUMN_VALIDITY, true) }];
  });
}
