/** Where snapshots lie: the layout is drawn in checkpoint-store.ts. */

/** Segments of checkpoints, shared by them. */
export function sharedFolder(checkpointDirectory: string): string {
  return `${checkpointDirectory}/shared`;
}

/** The folder of a savepoint: every subtask and the manifest's writer come to the same name. */
export function savepointFolder(parent: string, checkpointId: number, triggeredMs: number): string {
  return `${parent}/savepoint-${checkpointId}-${Math.floor(triggeredMs).toString(36)}`;
}
