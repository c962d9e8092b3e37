/**
 * The blackhole connector: takes rows and drops them, but reads every byte of every column into a checksum, so that no
 * work before it can be left out and a benchmark measures whole rows.
 *
 * Source:  Flink BlackHoleTableSinkFactory (which touches nothing).
 * Metrics: blackholeChecksum, the same for the same rows in the same batches.
 */
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { SinkFactory, SinkWriter, SinkWriterContext } from "../../contract/sink.ts";
import { checkOptions, type TableOption } from "../../contract/table-option.ts";
import { allocateFixed, type FixedMemory } from "../fixed-memory.ts";

export const BLACKHOLE_OPTIONS: readonly TableOption[] = [
  { key: "connector", type: "string", required: true, description: "`blackhole`." },
];

export const blackholeSink: SinkFactory = {
  identifier: "blackhole",
  accepts: "retract",
  validate: ({ table }) => checkOptions("connector blackhole", BLACKHOLE_OPTIONS, table.options),
  createWriter: (context) => new BlackholeWriter(context),
};

/** Marks a column of views in the widths that the kernel reads. */
const VIEW_WIDTH = 0xff;

class BlackholeWriter implements SinkWriter {
  readonly #context: SinkWriterContext;
  readonly #widths: FixedMemory;
  #checksum = 0n;

  constructor(context: SinkWriterContext) {
    this.#context = context;
    const columns = physicalColumns(context.input);
    this.#widths = allocateFixed(context.runtime, Math.max(1, columns.length), "blackhole");
    const widths = columns.map(({ physical }) =>
      physical === "view" ? VIEW_WIDTH : PHYSICAL_WIDTH[physical],
    );
    new Uint8Array(context.runtime.memory.buffer).set(widths, this.#widths.address);
    context.metrics.gauge("blackholeChecksum", () => Number(BigInt.asUintN(53, this.#checksum)));
  }

  async open(): Promise<void> {}

  write(batch: number): boolean {
    const { kernels } = this.#context.runtime;
    this.#checksum = kernels.blackholeChecksum(batch, this.#widths.address, this.#checksum);
    return true;
  }

  writeWatermark(): void {}

  async flush(): Promise<void> {}

  async prepareCommit(): Promise<{ readonly committables: []; readonly state: undefined }> {
    return { committables: [], state: undefined };
  }

  async close(): Promise<void> {
    this.#widths.release();
  }
}
