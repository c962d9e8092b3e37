/**
 * The print connector: rows as text, to the standard output that the worker's host offers (SinkPorts.print).
 *
 * Text:    `+I[1, abc]`, as Row.toString prints it; with `print-identifier` or several subtasks a prefix `id:2> ` or `2> `.
 * Source:  Flink PrintTableSinkFactory, PrintSinkOutputWriter. `standard-error` is not offered.
 * Errors:  MR3010 the host has no standard output.
 */
import { RowReader } from "../../../foundation/columnar/value-reader.ts";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import type { SinkFactory, SinkWriter, SinkWriterContext } from "../../contract/sink.ts";
import { checkOptions, OptionReader, type TableOption } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";

export const PRINT_OPTIONS: readonly TableOption[] = [
  { key: "connector", type: "string", required: true, description: "`print`." },
  {
    key: "print-identifier",
    type: "string",
    description: "Stands before each row, to tell several print tables apart.",
  },
  {
    key: "sink.parallelism",
    type: "integer",
    min: 1,
    max: 256,
    description: "Subtasks that write; default: as many as the operator before it has.",
  },
];

export const printSink: SinkFactory = {
  identifier: "print",
  accepts: "retract",
  validate: ({ table }) => checkOptions("connector print", PRINT_OPTIONS, table.options),
  createWriter: (context) => new PrintWriter(context),
};

/** Text is handed on when it has this many characters, and at every flush. */
const FLUSH_CHARACTERS = 64 * 1024;

class PrintWriter implements SinkWriter {
  readonly #reader: RowReader;
  readonly #prefix: string;
  readonly #print: (text: string) => void;
  #text = "";

  constructor(context: SinkWriterContext) {
    const options = new OptionReader("connector print", PRINT_OPTIONS, context.node.table.options);
    const print = context.ports?.print;
    if (print === undefined)
      throw connectorErrors.PORT_MISSING({ identifier: "print", port: "print" });
    this.#print = print;
    this.#reader = new RowReader(context.runtime.memory, context.input);
    const identifier = options.text("print-identifier") ?? "";
    const subtask = (context.parallelism ?? 1) > 1 ? String(context.subtaskIndex + 1) : "";
    const parts = [identifier, subtask].filter((part) => part !== "").join(":");
    this.#prefix = parts === "" ? "" : `${parts}> `;
  }

  async open(): Promise<void> {}

  write(batch: number): boolean {
    const reader = this.#reader;
    const rows = reader.rows(batch);
    for (let row = 0; row < rows; row++) {
      const text = formatRow(reader.kind(batch, row), reader.read(batch, row), reader.schema);
      this.#text += `${this.#prefix}${text}\n`;
    }
    if (this.#text.length >= FLUSH_CHARACTERS) this.#hand();
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
    if (this.#text === "") return;
    this.#print(this.#text);
    this.#text = "";
  }
}
