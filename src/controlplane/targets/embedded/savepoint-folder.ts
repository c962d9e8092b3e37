/**
 * The savepoints in a folder, as their manifests tell them. What is not whole is left out: `millrace savepoint verify` says why.
 */
import type { CheckpointMetadata } from "../../../dataplane/runtime/master/checkpoint-metadata.ts";
import { loadManifest } from "../../../dataplane/state/checkpoint-store.ts";
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Files } from "../../../foundation/host/env.ts";
import type { SavepointSample } from "../target.ts";

/** Manifests that are read for one list. */
const LISTED = 10_000;

export async function listSavepoints(files: Files, folder: string): Promise<SavepointSample[]> {
  if ((await files.stat(folder))?.isDirectory !== true) return [];
  const found: SavepointSample[] = [];
  for (const name of (await files.list(folder)).slice(0, LISTED)) {
    const sample = await savepointAt(files, `${folder}/${name}`);
    if (sample !== undefined) found.push(sample);
  }
  return found;
}

export async function savepointAt(
  files: Files,
  path: string,
): Promise<SavepointSample | undefined> {
  try {
    const manifest = await loadManifest<CheckpointMetadata>(files, path);
    const { jobId, checkpointId, triggeredMs, stateSizeBytes } = manifest;
    const name = path.slice(path.lastIndexOf("/") + 1);
    return { name, path, jobId, checkpointId, triggeredAt: triggeredMs, bytes: stateSizeBytes };
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    return undefined;
  }
}
