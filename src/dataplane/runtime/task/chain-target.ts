/**
 * ChainTarget: one input of something downstream within a task: an operator's input, a sink writer,
 *              or an exchange. All
 * calls are synchronous and come from the one loop of the subtask.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";

export interface ChainTarget {
  /** Batch mode: what comes from now on is dropped: whoever makes rows for it alone can stop. Undefined: that never happens. */
  readonly satisfied?: boolean | undefined;
  /** A batch that is valid during the call. */
  receive(batch: BatchPtr): void;
  watermark(watermark: number): void;
  /** The input has become idle (its watermark no longer counts) or active again. */
  idle(idle: boolean): void;
  /** Nothing more will come; called once, after the last batch and watermark. */
  end(): void;
}

/** Whether anything downstream of a subtask is full. Asked after each emit and before each poll. */
export class Gate {
  #blocked = 0;

  get blocked(): boolean {
    return this.#blocked > 0;
  }

  /** One more thing is full; returns the call that says it no longer is (idempotent). */
  block(): () => void {
    this.#blocked++;
    let open = false;
    return () => {
      if (open) return;
      open = true;
      this.#blocked--;
    };
  }
}
