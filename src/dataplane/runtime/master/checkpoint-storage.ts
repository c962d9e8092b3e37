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
  load(path: string): Promise<CheckpointMetadata>;
  /** Removes a checkpoint, and what nothing else refers to. */
  discard(path: string): Promise<void>;
}
