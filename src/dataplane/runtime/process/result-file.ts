/**
 * results.json: what the `collect` sinks of a job held when it ended, for whoever looks at it
 * later: the preview of a bounded query whose process was faster than its reader, the console of a
 * job that was stopped.
 *
 * Writers: the job process, once, before it writes its outcome. A job without `collect` sinks has
 *          none.
 * Version: RESULT_FILE_VERSION; a newer one is refused (MR5006).
 */
import type { Files } from "../../../foundation/host/env.ts";
import { runtimeErrors } from "../errors.ts";
import type { ResultContents } from "./messages.ts";

const RESULT_FILE_VERSION = 1;

interface ResultFile {
  readonly version: number;
  readonly sinks: readonly ResultContents[];
}

export async function writeResultFile(
  files: Files,
  folder: string,
  sinks: readonly ResultContents[],
): Promise<void> {
  if (sinks.length === 0) return;
  const file: ResultFile = { version: RESULT_FILE_VERSION, sinks };
  await files.writeAtomic(pathOf(folder), new TextEncoder().encode(JSON.stringify(file)));
}

/** Contents by sink; empty when the job has left none. */
export async function readResultFile(
  files: Files,
  folder: string,
): Promise<readonly ResultContents[]> {
  const path = pathOf(folder);
  if ((await files.stat(path)) === undefined) return [];
  const file = JSON.parse(new TextDecoder().decode(await files.readAll(path))) as ResultFile;
  if (file.version > RESULT_FILE_VERSION)
    throw runtimeErrors.MESSAGE_VERSION({ found: file.version, known: RESULT_FILE_VERSION });
  return file.sinks;
}

function pathOf(folder: string): string {
  return `${folder}/results.json`;
}
