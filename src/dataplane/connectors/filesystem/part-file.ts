/**
 * Names of part files. A part is written under a hidden name, sealed (closed and durable) at a barrier, and renamed to its
 * visible name when the checkpoint is complete:
 *
 *     .part-<job>-<sink>-<attempt>-<subtask>-<n>.inprogress → ….pending → part-<job>-<sink>-<attempt>-<subtask>-<n><extension>
 *
 * The attempt makes names of a restarted job new, so that nothing visible is ever overwritten; the sink (its node in the
 * plan) keeps apart two sinks of one job that write into one folder.
 */
export interface PartId {
  readonly jobId: string;
  readonly sink: number;
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

function partText({ jobId, sink, attempt, subtask, n }: PartId): string {
  return `${jobPrefix(jobId)}${sink}-${attempt}-${subtask}-${n}`;
}

/** What the visible names of all parts of a job begin with. */
export function jobPrefix(jobId: string): string {
  return `part-${jobId}-`;
}

/** The part behind a hidden name of this sink, and whether it is sealed. */
export function parseHiddenName(
  name: string,
  { jobId, sink }: Pick<PartId, "jobId" | "sink">,
): { readonly part: PartId; readonly sealed: boolean } | undefined {
  const prefix = `.${jobPrefix(jobId)}${sink}-`;
  if (!name.startsWith(prefix)) return undefined;
  const match = /^(\d+)-(\d+)-(\d+)\.(inprogress|pending)$/.exec(name.slice(prefix.length));
  if (match === null) return undefined;
  const [attempt, subtask, n] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return { part: { jobId, sink, attempt, subtask, n }, sealed: match[4] === "pending" };
}
