/**
 * prepareRestore: before a plan is started from a checkpoint or savepoint: is it whole enough to read, is it of this job, and
 * may every operator go on from it? The plan comes back with the uids under which the snapshot holds its state.
 *
 * Flow:    command line, embedded target → here → startJob / job process with the plan that is returned.
 * Rules:   a start that would lose state is refused, unless what is lost is named (`reset`) or accepted (`allowLoss`, Flink's
 *          --allowNonRestoredState). An operator that is reset gets another uid, so that nothing finds its old state again.
 * Errors:  MR4260 needs rebuild, MR4261 state would go, MR4262 another job, MR4263 not whole (with what to use instead),
 *          MR4264 an operator to reset that is not there.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { loadManifest } from "../../state/checkpoint-store.ts";
import { previousSnapshot } from "../../state/previous-snapshot.ts";
import { snapshotErrors } from "../../state/errors.ts";
import { checkpointErrors } from "../errors.ts";
import type { CheckpointMetadata } from "../master/checkpoint-metadata.ts";
import { type Comparison, compareState, type OperatorVerdict } from "./compare-state.ts";
import { type LayoutParts, stateLayouts } from "./state-layouts.ts";

export interface RestoreOptions {
  /** What is lost is accepted. */
  readonly allowLoss?: boolean;
  /** Operators whose state is dropped: uids, or types for all of a type; "all" for all keyed state. */
  readonly reset?: readonly string[];
}

export interface PreparedRestore {
  readonly plan: ExecPlan;
  readonly metadata: CheckpointMetadata;
  readonly operators: readonly OperatorVerdict[];
}

export const IGNORE_UNCLAIMED = "execution.state-recovery.ignore-unclaimed-state";

/** The verdicts alone, whatever they are. */
export async function checkRestore(
  path: string,
  plan: ExecPlan,
  parts: LayoutParts,
): Promise<{ readonly metadata: CheckpointMetadata; readonly comparison: Comparison }> {
  const metadata = await readMetadata(path, parts);
  const types = new Set(metadata.nodes.map(({ type }) => type));
  const layouts = await stateLayouts(plan, parts, ({ type }) => types.has(type));
  return { metadata, comparison: compareState(metadata, plan, layouts) };
}

export async function prepareRestore(
  path: string,
  plan: ExecPlan,
  parts: LayoutParts,
  { allowLoss = false, reset = [] }: RestoreOptions = {},
): Promise<PreparedRestore> {
  const { metadata, comparison } = await checkRestore(path, plan, parts);
  const { operators, adopted, related } = comparison;
  if (!related && !allowLoss)
    throw checkpointErrors.SNAPSHOT_FOREIGN({ path, jobId: metadata.jobId });
  const dropped = operators.filter((operator) => isReset(operator, reset));
  for (const name of reset)
    if (name !== "all" && !operators.some((operator) => isReset(operator, [name])))
      throw checkpointErrors.RESET_UNKNOWN({ name, known: namesOf(operators) });
  const left = operators.filter((operator) => !dropped.includes(operator));
  const rebuilds = left.filter(({ verdict }) => verdict === "needs rebuild");
  if (rebuilds.length > 0)
    throw checkpointErrors.STATE_INCOMPATIBLE({
      operators: reasonsOf(rebuilds),
      uids: rebuilds.map(({ uid }) => uid).join(","),
    });
  const losses = left.filter(
    ({ verdict }) => verdict === "removed" || verdict === "compatible with loss",
  );
  if (losses.length > 0 && !allowLoss)
    throw checkpointErrors.STATE_WOULD_BE_LOST({ operators: reasonsOf(losses) });
  const fresh = new Set(dropped.map(({ uid }) => uid));
  const nodes = plan.nodes.map((node) => {
    const uid = adopted.get(node.uid) ?? node.uid;
    const own = fresh.has(uid) ? `${uid}~${metadata.checkpointId}` : uid;
    return own === node.uid ? node : { ...node, uid: own };
  });
  const ignores = allowLoss || dropped.length > 0;
  const config = ignores ? { ...plan.config, [IGNORE_UNCLAIMED]: "true" } : plan.config;
  return { plan: { ...plan, nodes, config }, metadata, operators };
}

/** The manifest; one that is not whole is an error that names the newest one that is. */
async function readMetadata(path: string, { env }: LayoutParts): Promise<CheckpointMetadata> {
  try {
    return await loadManifest<CheckpointMetadata>(env.files, path);
  } catch (error) {
    throw await withPrevious(error, path, env.files);
  }
}

const DAMAGES: ReadonlySet<string> = new Set([
  snapshotErrors.FILE_DAMAGED.definition.code,
  snapshotErrors.FILE_MISSING.definition.code,
  snapshotErrors.MANIFEST_INVALID.definition.code,
  snapshotErrors.HANDLE_INVALID.definition.code,
]);

/** An error about damage, with the snapshot that can be used instead. */
export async function withPrevious(
  error: unknown,
  path: string,
  files: LayoutParts["env"]["files"],
): Promise<unknown> {
  if (!(error instanceof MillraceError) || !DAMAGES.has(error.code)) return error;
  const previous = await previousSnapshot(files, path);
  return checkpointErrors.SNAPSHOT_DAMAGED(
    {
      path,
      reason: error.message,
      instead:
        previous === undefined
          ? "There is no other checkpoint or savepoint of this job beside it."
          : `The newest other one beside it is ${previous}.`,
    },
    { cause: error },
  );
}

function isReset({ uid, type, verdict }: OperatorVerdict, reset: readonly string[]): boolean {
  if (verdict === "new") return false;
  const isKeyed = type !== "TableSourceScan" && type !== "Sink";
  return reset.some((name) => name === uid || name === type || (name === "all" && isKeyed));
}

function namesOf(operators: readonly OperatorVerdict[]): string {
  return operators.map(({ uid }) => uid).join(", ") || "none";
}

function reasonsOf(operators: readonly OperatorVerdict[]): string {
  return operators.map(({ uid, reasons }) => `${uid} (${reasons.join("; ")})`).join(", ");
}
