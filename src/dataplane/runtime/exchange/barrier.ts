/** Barrier: what separates the rows of one checkpoint from the next, in band between subtasks. */

/**
 * `suspend`: stop reading after the barrier. `drain`: MAX_WATERMARK goes before it, so that windows
 * fire; then stop.
 */
export type BarrierStop = "none" | "suspend" | "drain";

export interface Barrier {
  readonly checkpointId: number;
  /** Epoch milliseconds at the master when it was triggered. */
  readonly triggeredMs: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly stop: BarrierStop;
  /** Folder for the files of a savepoint; undefined = the job's checkpoint folder. */
  readonly directory?: string;
  /** Checkpoint storage has lost files of earlier checkpoints: this one must not build upon them. */
  readonly anew?: boolean;
}
