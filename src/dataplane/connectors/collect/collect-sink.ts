/**
 * The collect connector: rows as JavaScript values, handed to whoever runs the job (SinkPorts.collect): the command line's
 * and the console's SELECT. Rows become values here and nowhere before.
 *
 * Limits:  handed on at every flush and at HAND_ROWS rows.
 * Errors:  MR3010 nobody collects.
 */
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type {
  CollectedRows,
  SinkFactory,
  SinkWriter,
  SinkWriterContext,
} from "../../contract/sink.ts";
import { checkOptions, type TableOption } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";

export const COLLECT_OPTIONS: readonly TableOption[] = [
  { key: "connector", type: "string", required: true, description: "`collect`." },
];

export const collectSink: SinkFactory = {
  identifier: "collect",
  accepts: "retract",
  validate: ({ table }) => checkOptions("connector collect", COLLECT_OPTIONS, table.options),
  createWriter: (context) => new CollectWriter(context),
};

const HAND_ROWS = 4096;

class CollectWriter implements SinkWriter {
  readonly #table: string;
  readonly #reader: RowReader;
  readonly #collect: (rows: CollectedRows) => void;
  #kinds: number[] = [];
  #rows: Value[][] = [];

  constructor(context: SinkWriterContext) {
    const collect = context.ports?.collect;
    if (collect === undefined)
      throw connectorErrors.PORT_MISSING({ identifier: "collect", port: "collect" });
    this.#collect = collect;
    this.#table = context.node.table.name;
    this.#reader = new RowReader(context.runtime.memory, context.input);
  }

  async open(): Promise<void> {}

  write(batch: number): boolean {
    const rows = this.#reader.rows(batch);
    for (let row = 0; row < rows; row++) {
      this.#kinds.push(this.#reader.kind(batch, row));
      this.#rows.push(this.#reader.read(batch, row));
    }
    if (this.#rows.length >= HAND_ROWS) this.#hand();
    return true;
  }

  writeWatermark(): void {}

  async flush(): Promise<void> {
    this.#hand();
  }

  async prepareCommit(): Promise<{ readonly committables: []; readonly state: undefined }> {
    this.#hand();
    return { committables: [], state: undefined };
  }

  async close(): Promise<void> {
    this.#hand();
  }

  #hand(): void {
    if (this.#rows.length === 0) return;
    this.#collect({ table: this.#table, kinds: this.#kinds, rows: this.#rows });
    this.#kinds = [];
    this.#rows = [];
  }
}
