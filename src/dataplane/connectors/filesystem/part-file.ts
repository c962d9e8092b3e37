/**
 * Names of part files. A part is written under a hidden name, sealed (closed and durable) at a barrier, and renamed to its
 * visible name when the checkpoint is complete:
 *
 *     .part-<job>-<attempt>-<subtask>-<n>.inprogress → ….pending → part-<job>-<attempt>-<subtask>-<n><extension>
 *
 * The attempt makes names of a restarted job new, so that nothing visible is ever overwritten.
 */
export interface PartId {
  readonly jobId: string;
  readonly attempt: number;
  readonly subtask: number;
  readonly n: number;
}

export function inProgressName(part: PartId): string {
  return `.${partText(part)}.inprogress`;
}

export function pendingName(part: PartId): string {
  return `.${partText(part)}.pending`;
}

export function visibleName(part: PartId, extension: string): string {
  return partText(part) + extension;
}

function partText({ jobId, attempt, subtask, n }: PartId): string {
  return `part-${jobId}-${attempt}-${subtask}-${n}`;
}

/** The part behind a hidden name of this job, and whether it is sealed. */
export function parseHiddenName(
  name: string,
  jobId: string,
): { readonly part: PartId; readonly sealed: boolean } | undefined {
  const prefix = `.part-${jobId}-`;
  if (!name.startsWith(prefix)) return undefined;
  const match = /^(\d+)-(\d+)-(\d+)\.(inprogress|pending)$/.exec(name.slice(prefix.length));
  if (match === null) return undefined;
  const [attempt, subtask, n] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return { part: { jobId, attempt, subtask, n }, sealed: match[4] === "pending" };
}
