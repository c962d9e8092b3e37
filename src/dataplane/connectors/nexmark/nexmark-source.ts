/**
 * The nexmark connector: the events of the Nexmark benchmark, generated in the reader.
 *
 * Splits:  one per subtask; the position holds the count and the state of the random source, so a restore goes on with
 *          exactly the events that would have come (the original starts a fresh random stream there).
 * Seeds:   with one seed, all generators draw the same stream, as the reference description does.
 * Errors:  MR10xx options, MR3011 and MR3012 columns.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type {
  PollResult,
  SourceFactory,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
} from "../../contract/source.ts";
import { checkOptions } from "../../contract/table-option.ts";
import { checkNexmarkSchema, slotsOf } from "./nexmark-columns.ts";
import { NexmarkGenerator } from "./nexmark-generator.ts";
import { NEXMARK_OPTIONS, type NexmarkOptions, readNexmarkOptions } from "./nexmark-options.ts";
import { type NexmarkSplit, nexmarkSplits } from "./nexmark-split.ts";

export const nexmarkSource: SourceFactory = {
  identifier: "nexmark",
  validate: ({ table }) => {
    checkOptions("connector nexmark", NEXMARK_OPTIONS, table.options);
    readNexmarkOptions(table.options);
    checkNexmarkSchema(table.schema);
  },
  createEnumerator: ({ node, env, parallelism }): SplitEnumerator => {
    const options = readNexmarkOptions(node.table.options);
    return {
      discoverMs: 0,
      discover: async () => nexmarkSplits(options, parallelism, env.clock.nowMs()),
      snapshot: () => null,
      restore: () => undefined,
      close: async () => undefined,
    };
  },
  createReader: (context) => new NexmarkReader(context),
};

/** Longest sleep between two looks at the clock. */
const MAX_SLEEP_MS = 100;

class NexmarkReader implements SourceReader {
  readonly #context: SourceReaderContext;
  readonly #options: NexmarkOptions;
  readonly #generator: NexmarkGenerator;
  readonly #queue: NexmarkSplit[] = [];
  #split: NexmarkSplit | undefined;
  #finishedAlive = false;
  #dueMs = 0;
  #wake: (() => void) | undefined;
  #cancel: (() => void) | undefined;

  constructor(context: SourceReaderContext) {
    this.#context = context;
    const { node, runtime } = context;
    this.#options = readNexmarkOptions(node.table.options);
    const outputs = node.projection.flatMap((path) => slotsOf(node.table.schema, path));
    this.#generator = new NexmarkGenerator(runtime, this.#options, outputs);
  }

  async open(): Promise<void> {}

  addSplits(splits: readonly SourceSplit[]): void {
    for (const split of splits) this.#queue.push(split as NexmarkSplit);
    this.#wake?.();
  }

  poll(): PollResult {
    if (this.#split === undefined) {
      this.#split = this.#queue.shift();
      if (this.#split === undefined) return { kind: "empty" };
      this.#generator.start(this.#split);
    }
    const split = this.#split;
    const rows = this.#options.maxEmitSpeed ? MAX_BATCH_ROWS : this.#dueRows(split);
    if (rows === 0) return { kind: "idle" };
    const batch = this.#generator.generate(rows);
    if (batch === 0) {
      if (this.#options.keepAlive) {
        this.#finishedAlive = true;
        return { kind: "idle" };
      }
      this.#split = undefined;
      return { kind: "finished", splitId: split.id };
    }
    this.#split = { ...split, ...this.#generator.position() };
    return { kind: "batch", batch, split: this.#split };
  }

  async wait(): Promise<void> {
    const { clock, timers } = this.#context.env;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      // A generator that is kept alive after its last event sleeps until close().
      if (this.#finishedAlive) return;
      const delayMs = Math.min(Math.max(1, this.#dueMs - clock.nowMs()), MAX_SLEEP_MS);
      this.#cancel = timers.after(delayMs, resolve);
    });
    this.#wake = undefined;
    this.#cancel = undefined;
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#wake?.();
    this.#generator.close();
  }

  /** Events whose emission time has come. */
  #dueRows(split: NexmarkSplit): number {
    if (split.produced >= split.maxEvents) return 1;
    const elapsedUs = (this.#context.env.clock.nowMs() - split.wallClockBaseMs) * 1000;
    const due = Math.floor(elapsedUs / split.delayUs) - split.firstEventNumber + 1;
    const rows = Math.max(0, Math.min(MAX_BATCH_ROWS, due - split.produced));
    const next = (split.firstEventNumber + split.produced) * split.delayUs;
    this.#dueMs = split.wallClockBaseMs + Math.ceil(next / 1000);
    return rows;
  }
}
