/**
 * RowTap: copies rows that reach a sink to whoever watches (the console's preview), as JSON-safe
 *         values. Off by default:
 * one comparison a batch.
 *
 * Limits:  TAP_MAX_ROWS between two take() calls; what is beyond is counted, not kept, and the sink
 *          is not slowed down.
 */
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { renderRow, type RenderedRow } from "./row-render.ts";

export const TAP_MAX_ROWS = 10_000;

export class RowTap {
  readonly #view: BatchView;
  readonly #schema: Schema;
  readonly #timeZone: string;
  readonly #wake: () => void;
  #rows: RenderedRow[] = [];
  #skipped = 0;
  #active = false;

  constructor(options: {
    readonly view: BatchView;
    readonly schema: Schema;
    readonly timeZone: string;
    readonly wake: () => void;
  }) {
    this.#view = options.view;
    this.#schema = options.schema;
    this.#timeZone = options.timeZone;
    this.#wake = options.wake;
  }

  get active(): boolean {
    return this.#active;
  }

  setActive(active: boolean): void {
    this.#active = active;
    if (!active) this.#rows = [];
  }

  offer(batch: BatchPtr): void {
    const rows = this.#view.rows(batch);
    const room = Math.max(0, Math.min(rows, TAP_MAX_ROWS - this.#rows.length));
    for (let row = 0; row < room; row++)
      this.#rows.push(renderRow(this.#view, batch, this.#schema, row, this.#timeZone));
    this.#skipped += rows - room;
    this.#wake();
  }

  /** What has come since the last call; undefined when nothing has. */
  take(): { readonly rows: readonly RenderedRow[]; readonly skipped: number } | undefined {
    if (this.#rows.length === 0 && this.#skipped === 0) return undefined;
    const taken = { rows: this.#rows, skipped: this.#skipped };
    this.#rows = [];
    this.#skipped = 0;
    return taken;
  }
}
