/**
 * RecoveryPoint: where a job whose process has died goes on: its newest completed checkpoint. The
 *                folder says which that
 * is, for the manifest is what makes a checkpoint complete (and its rows are committed right
 * after); job.json only adds the savepoint behind which the job had been stopping.
 *
 * Errors:  none of its own; a manifest that turns out to be damaged fails the start, loudly: an
 *          older one would repeat rows.
 */
import type { Files } from "../../../foundation/host/env.ts";
import type { JobFile } from "./job-file.ts";

export interface StoredPoint {
  readonly checkpointId: number;
  readonly path: string;
}

/** Completed checkpoints within a job's checkpoint folder, oldest first. */
export async function completedCheckpoints(
  files: Files,
  directory: string,
): Promise<readonly StoredPoint[]> {
  if ((await files.stat(directory))?.isDirectory !== true) return [];
  const points: StoredPoint[] = [];
  for (const name of await files.list(directory)) {
    const id = /^chk-(\d+)$/.exec(name)?.[1];
    const path = `${directory}/${name}`;
    if (id !== undefined && (await files.stat(`${path}/_metadata`)) !== undefined)
      points.push({ checkpointId: Number(id), path });
  }
  return points.sort((a, b) => a.checkpointId - b.checkpointId);
}

export interface Recovery {
  /** Undefined = from the beginning. */
  readonly restoreFrom: string | undefined;
  /** Other checkpoints of the job, oldest first. */
  readonly older: readonly string[];
}

/** What of a job's file decides where it goes on. */
export interface JobRecord extends Pick<JobFile, "stopping" | "checkpointDirectory"> {
  readonly request: Pick<JobFile["request"], "jobId" | "restoreFrom">;
}

/** What the job of a folder goes on from. */
export async function recoveryPoint(files: Files, file: JobRecord): Promise<Recovery> {
  const { request, stopping, checkpointDirectory } = file;
  const points = await completedCheckpoints(files, `${checkpointDirectory}/${request.jobId}`);
  const paths = points.map(({ path }) => path);
  const latest = points.at(-1);
  if (stopping !== undefined && stopping.checkpointId > (latest?.checkpointId ?? 0))
    return { restoreFrom: stopping.path, older: paths };
  return { restoreFrom: latest?.path ?? request.restoreFrom, older: paths.slice(0, -1) };
}
