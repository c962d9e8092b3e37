/**
 * ReplayPacer: lets the rows of a file out in the pace of their event time.
 *
 * A row is due at wall = start + (event time − first event time) / speed; a row older than one before it goes out with
 * that one. The pace starts anew with the first row after a restart.
 *
 * Flow:    FileSourceReader.poll → due() → how many rows may go; wait() sleeps on Env.timers until the next is due.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { sliceBatch } from "./batch-slice.ts";

export interface PacedRows {
  readonly batch: BatchPtr;
  readonly rows: number;
  /** True when these are the last rows of the batch. */
  readonly complete: boolean;
}

/** At most this long, so that closing and checkpoints never wait for a distant row. */
const MAX_SLEEP_MS = 1000;

export class ReplayPacer {
  readonly #env: Env;
  readonly #memory: WebAssembly.Memory;
  /** Bytes per value of each output column; the time column, when it was added, is behind them. */
  readonly #widths: readonly number[];
  readonly #timeColumn: number;
  readonly #timeStride: number;
  /** Physical columns to hand on. */
  readonly #columns: number;
  readonly #speed: number;
  #firstEventMs: number | undefined;
  #startMs = 0;
  #newestMs = Number.NEGATIVE_INFINITY;
  #dueMs: number | undefined;
  #cancel: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly env: Env;
    readonly memory: WebAssembly.Memory;
    readonly widths: readonly number[];
    readonly timeColumn: number;
    readonly columns: number;
    readonly speed: number;
  }) {
    this.#env = options.env;
    this.#memory = options.memory;
    this.#widths = options.widths;
    this.#timeColumn = options.timeColumn;
    this.#timeStride = options.widths[options.timeColumn]!;
    this.#columns = options.columns;
    this.#speed = options.speed;
  }

  /** The rows from `skip` on that are due; the batch is cut to them. */
  due(batch: BatchPtr, rows: number, skip: number): PacedRows {
    const view = new DataView(this.#memory.buffer);
    const at = batch + 16 + this.#timeColumn * 8;
    const validity = view.getUint32(at, true);
    const values = view.getUint32(at + 4, true);
    const now = this.#env.clock.nowMs();
    let end = skip;
    this.#dueMs = undefined;
    for (; end < rows; end++) {
      if (validity === 0 || view.getUint8(validity + end) === 1) {
        const eventMs = Number(view.getBigInt64(values + end * this.#timeStride, true));
        const dueMs = this.#dueAt(Math.max(eventMs, this.#newestMs), now);
        if (dueMs > now) {
          this.#dueMs = dueMs;
          break;
        }
        this.#newestMs = Math.max(eventMs, this.#newestMs);
      }
    }
    sliceBatch(this.#memory, batch, this.#widths, skip, end);
    view.setUint32(batch + 8, this.#columns, true);
    return { batch, rows: end - skip, complete: end === rows };
  }

  get waiting(): boolean {
    return this.#dueMs !== undefined;
  }

  async wait(): Promise<void> {
    const dueMs = this.#dueMs;
    this.#dueMs = undefined;
    if (dueMs === undefined) return;
    const delayMs = Math.min(Math.max(1, dueMs - this.#env.clock.nowMs()), MAX_SLEEP_MS);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#cancel = this.#env.timers.after(delayMs, resolve);
    });
    this.#cancel = undefined;
    this.#wake = undefined;
  }

  /** Ends a wait() that is under way. */
  close(): void {
    this.#cancel?.();
    this.#wake?.();
  }

  #dueAt(eventMs: number, now: number): number {
    if (this.#firstEventMs === undefined) {
      this.#firstEventMs = eventMs;
      this.#startMs = now;
    }
    return this.#startMs + (eventMs - this.#firstEventMs) / this.#speed;
  }
}
