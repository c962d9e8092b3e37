/**
 * The datagen connector: random or counted rows at a given rate.
 *
 * Splits:  one per subtask (or as many as scan.parallelism says), with every n-th row; a row is a function of its number and the seed, so positions are numbers.
 *          A reader with several, after a restore at a smaller parallelism, gives them turns by the numbers of their rows.
 * Rate:    as Flink's: each second's rows go out at its beginning; the first second begins when reading does.
 * Errors:  MR10xx options, MR3011 a type that is not generated.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type {
  PollResult,
  SourceContext,
  SourceFactory,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
} from "../../contract/source.ts";
import { checkOptions, OptionReader } from "../../contract/table-option.ts";
import { allocateFixed, type FixedMemory } from "../fixed-memory.ts";
import { datagenCatalogue, type GeneratedField, generatedFields } from "./datagen-columns.ts";
import {
  batchColumns,
  type LaidOutColumn,
  layoutBytes,
  rowBytes,
  writeLayout,
} from "./datagen-layout.ts";

interface DatagenSplit extends SourceSplit {
  /** Number of its first row. */
  readonly first: number;
  readonly stride: number;
  /** Rows made so far. */
  readonly produced: number;
  /** Rows in all, −1 without end. */
  readonly rows: number;
  readonly seed: string;
}

const TURNS_A_SECOND = 2000;
/** Rows of large values come in smaller batches. */
const BATCH_BYTES = 16 * 1024 * 1024;

export const datagenSource: SourceFactory = {
  identifier: "datagen",
  validate: ({ table }) => {
    checkOptions("connector datagen", datagenCatalogue(table.schema), table.options);
    generatedFields(table.schema, table.options);
  },
  createEnumerator: (context) => ({
    discoverMs: 0,
    discover: async () => makeSplits(context),
    snapshot: () => null,
    restore: () => undefined,
    close: async () => undefined,
  }),
  createReader: (context) => new DatagenReader(context),
};

function makeSplits({ node, env, parallelism }: SourceContext): DatagenSplit[] {
  const { schema, options } = node.table;
  const reader = new OptionReader("connector datagen", datagenCatalogue(schema), options);
  const limits = sequenceRows(generatedFields(schema, options));
  if (reader.has("number-of-rows")) limits.push(BigInt(reader.number("number-of-rows")));
  const total = limits.sort((a, b) => Number(a - b))[0] ?? -1n;
  const seed = reader.has("seed")
    ? BigInt.asUintN(64, BigInt(reader.number("seed"))).toString(16)
    : env.random.hex(8);
  const stride = makers(reader, parallelism);
  const count = BigInt(stride);
  return Array.from({ length: stride }, (_, i) => ({
    id: `datagen-${i}`,
    first: i,
    stride,
    produced: 0,
    rows: total < 0n ? -1 : Number((total + count - 1n - BigInt(i)) / count),
    seed,
  }));
}

/** How many subtasks make rows. */
function makers(reader: OptionReader, parallelism: number): number {
  const key = "scan.parallelism";
  if (!reader.has(key)) return parallelism;
  const asked = reader.number(key);
  if (asked > parallelism)
    throw baseErrors.OPTION_INVALID({
      key,
      value: String(asked),
      expected: `at most the job's parallelism, ${parallelism}`,
    });
  return asked;
}

function sequenceRows(fields: readonly GeneratedField[]): bigint[] {
  return fields.flatMap(({ column, children }) => [
    ...(column.rows === undefined ? [] : [column.rows]),
    ...sequenceRows(children),
  ]);
}

function nextRow({ first, stride, produced }: DatagenSplit): number {
  return first + stride * produced;
}

class DatagenReader implements SourceReader {
  readonly #context: SourceReaderContext;
  readonly #columns: readonly LaidOutColumn[];
  readonly #memory: FixedMemory;
  /** Rows a second of this subtask. */
  readonly #rate: number;
  readonly #batchRows: number;
  readonly #splits: DatagenSplit[] = [];
  /** Whose seed the layout has. */
  #laidOut: string | undefined;
  #startMs: number | undefined;
  #emitted = 0;
  #cancel: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(context: SourceReaderContext) {
    this.#context = context;
    const { schema, options } = context.node.table;
    const reader = new OptionReader("connector datagen", datagenCatalogue(schema), options);
    const subtasks = makers(reader, context.parallelism);
    this.#rate = Math.max(1, Math.ceil(reader.number("rows-per-second") / subtasks));
    const fields = generatedFields(schema, options);
    this.#columns = context.node.projection.flatMap((path) => {
      let field = fields[path[0]!]!;
      const around: GeneratedField[] = [];
      for (const index of path.slice(1)) {
        if (field.column.nullRate > 0) around.push(field);
        field = field.children[index]!;
      }
      return batchColumns(field, around);
    });
    this.#batchRows = Math.max(1, Math.floor(BATCH_BYTES / Math.max(1, rowBytes(this.#columns))));
    this.#memory = allocateFixed(context.runtime, layoutBytes(this.#columns), "datagen");
  }

  async open(): Promise<void> {}

  addSplits(splits: readonly SourceSplit[]): void {
    for (const split of splits) this.#splits.push(split as DatagenSplit);
    this.#wake?.();
  }

  poll(): PollResult {
    const index = this.#nextSplit();
    const split = this.#splits[index];
    if (split === undefined) return { kind: "empty" };
    const left = split.rows < 0 ? MAX_BATCH_ROWS : split.rows - split.produced;
    if (left <= 0) {
      this.#splits.splice(index, 1);
      return { kind: "finished", splitId: split.id };
    }
    const rows = Math.min(left, MAX_BATCH_ROWS, this.#batchRows, this.#turn(), this.#allowed());
    if (rows <= 0) return { kind: "idle" };
    const { runtime, env } = this.#context;
    if (this.#laidOut !== split.seed) {
      const view = new DataView(runtime.memory.buffer);
      writeLayout(view, this.#memory.address, this.#columns, split.seed);
      this.#laidOut = split.seed;
    }
    const batch = runtime.kernels.datagenGenerate(
      this.#memory.address,
      this.#columns.length,
      rows,
      BigInt(split.first) + BigInt(split.produced) * BigInt(split.stride),
      BigInt(split.stride),
      BigInt(Math.trunc(env.clock.nowMs())),
    );
    this.#emitted += rows;
    const after = { ...split, produced: split.produced + rows };
    this.#splits[index] = after;
    return { kind: "batch", batch: batch >>> 0, split: after };
  }

  /** After a restore at a smaller parallelism there are several: the one whose next row has the smallest number. */
  #nextSplit(): number {
    let least = 0;
    for (let i = 1; i < this.#splits.length; i++)
      if (nextRow(this.#splits[i]!) < nextRow(this.#splits[least]!)) least = i;
    return least;
  }

  /** Rows of one split before it is another's turn: half a millisecond's, so that event time goes on evenly. */
  #turn(): number {
    if (this.#splits.length < 2) return MAX_BATCH_ROWS;
    return Math.max(1, Math.floor(this.#rate / TURNS_A_SECOND));
  }

  async wait(): Promise<void> {
    const { clock, timers } = this.#context.env;
    const elapsedMs = clock.monotonicMs() - (this.#startMs ?? clock.monotonicMs());
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#cancel = timers.after(1000 - (elapsedMs % 1000), resolve);
    });
    this.#wake = undefined;
    this.#cancel = undefined;
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#wake?.();
    this.#memory.release();
  }

  /** Rows that may go out now. */
  #allowed(): number {
    const now = this.#context.env.clock.monotonicMs();
    this.#startMs ??= now;
    const seconds = Math.floor((now - this.#startMs) / 1000) + 1;
    return seconds * this.#rate - this.#emitted;
  }
}
