/**
 * Checkpoint news: what the one who watches a job has to hear of its checkpoints: that they fail, once for each reason, and
 * that they succeed again.
 *
 * Flow:    run → here, with every progress line → terminal.
 * Rule:    a checkpoint that is given up with its job, or replaced by a newer one's answer, is no news.
 */
import type { CheckpointView } from "../dataplane/runtime/master/checkpoint-history.ts";

const TOLD = new Set(["MR4250", "MR4251", "MR4252"]);

export class CheckpointNews {
  #seen = 0;
  #reason: string | undefined;

  /** Lines for what has ended since the last call; views oldest first. */
  next(views: readonly CheckpointView[]): string[] {
    const lines: string[] = [];
    for (const { id, status, failure } of views) {
      if (id <= this.#seen || status === "IN_PROGRESS") continue;
      this.#seen = id;
      if (status === "COMPLETED") {
        if (this.#reason !== undefined) lines.push(`checkpoint ${id} is complete again`);
        this.#reason = undefined;
      } else if (failure !== null && TOLD.has(failure.code)) {
        const reason = `${failure.code} ${withoutNumber(failure.message)}`;
        if (reason !== this.#reason)
          lines.push(`checkpoint ${id} failed: ${failure.code} ${failure.message}`);
        this.#reason = reason;
      }
    }
    return lines;
  }
}

/** The same failure of the next checkpoint reads the same but for numbers, and names of files made of them. */
function withoutNumber(message: string): string {
  return message.replace(/[\w-]*\d[\w.-]*/g, "");
}
