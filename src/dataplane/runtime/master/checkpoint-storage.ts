/**
 * CheckpointStorage: where manifests of checkpoints and savepoints go. A manifest is written last,
 * when all it names is durable.
 */
import type { CheckpointMetadata } from "./checkpoint-metadata.ts";

export interface StoredCheckpoint {
  /** What a restore is given. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface CheckpointStorage {
  /** Resolves when the checkpoint would survive a crash. `directory`: where a savepoint goes. */
  store(metadata: CheckpointMetadata, directory: string | undefined): Promise<StoredCheckpoint>;
  /**
   * Removes what stores that failed have left: a manifest may be there all the same, and would be taken for the newest
   * checkpoint after a crash. No attempt may start before: it removes what such a checkpoint holds.
   */
  settle(): Promise<void>;
  load(path: string): Promise<CheckpointMetadata>;
  /** Removes a checkpoint, and what nothing else refers to; what cannot be removed now goes with a later checkpoint. */
  discard(path: string): Promise<void>;
}
