/**
 * job.json: what a job's folder says about it, for whoever finds the folder: what was asked for,
 * which process runs it, where its checkpoints are, and how it ended. Written whole or not at all.
 *
 * Writers: first the one who starts the process; from then on only the process.
 * Version: JOB_FILE_VERSION; a newer one is refused (MR5006).
 */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { Files } from "../../../foundation/host/env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { runtimeErrors } from "../errors.ts";
import type { ProcessIdentity } from "./process-identity.ts";

export const JOB_FILE_VERSION = 1;

export interface JobRequest {
  readonly jobId: string;
  readonly name: string;
  readonly plan: ExecPlan;
  readonly parallelism: number;
  /** Options over those of the plan (Flink's keys). */
  readonly config?: Readonly<Record<string, string>>;
  /** Default: `checkpoints` in the job's folder. */
  readonly checkpointDirectory?: string;
  readonly restoreFrom?: string;
}

export interface RunningProcess extends ProcessIdentity {
  /** Drawn by the process: who connects to the socket compares it. */
  readonly nonce: string;
  readonly socket: string;
  readonly startedMs: number;
}

export interface JobOutcome {
  readonly status: "FINISHED" | "FAILED" | "CANCELED";
  readonly startedMs: number;
  readonly endedMs: number;
  readonly restarts: number;
  readonly failure: ErrorObject | null;
}

export interface JobFile {
  readonly version: typeof JOB_FILE_VERSION;
  readonly request: JobRequest;
  readonly process?: RunningProcess;
  /** How many processes have begun to run it. */
  readonly starts: number;
  /** Where its checkpoints go: `<this>/<jobId>/chk-<n>`. */
  readonly checkpointDirectory: string;
  /** The savepoint that a stop was committing: a process that dies then goes on behind it. */
  readonly stopping?: { readonly checkpointId: number; readonly path: string };
  readonly outcome?: JobOutcome;
}

export function jobFilePath(folder: string): string {
  return `${folder}/job.json`;
}

/** Undefined when the folder holds none. */
export async function readJobFile(files: Files, folder: string): Promise<JobFile | undefined> {
  const path = jobFilePath(folder);
  if ((await files.stat(path)) === undefined) return undefined;
  const file = JSON.parse(new TextDecoder().decode(await files.readAll(path))) as JobFile;
  if (file.version > JOB_FILE_VERSION)
    throw runtimeErrors.MESSAGE_VERSION({ found: file.version, known: JOB_FILE_VERSION });
  return file;
}

export async function writeJobFile(files: Files, folder: string, file: JobFile): Promise<void> {
  await files.writeAtomic(jobFilePath(folder), new TextEncoder().encode(JSON.stringify(file)));
}
