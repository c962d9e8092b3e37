/**
 * Hash joins of batch mode: which side goes into the table, and whether every subtask gets all of it.
 *
 * Flow:    exec-plan-builder, with estimates on the joins → here → ExecPlan.
 * Build:   the side with fewer bytes by estimate; where both are alike the right one, and for RIGHT the left one, so that
 *          the preserved side streams by.
 * Copies:  a side that is small beside the other is sent to all subtasks, and the other is not moved at all. Not for joins
 *          that emit rows of the build side by themselves: each copy would. Theta joins have no keys to distribute by:
 *          without a copy they run in one subtask.
 * Hints:   BROADCAST and SHUFFLE_HASH name the side that builds, with copies or without, where the join can do so.
 * Options: table.exec.disabled-operators with BroadcastHashJoin: no copies, but for joins without keys.
 *          table.optimizer.join.broadcast-threshold, when it is set: sides of so many bytes are copied, whatever the other one
 *          has; -1: none.
 * Source:  Flink BatchPhysicalHashJoinRule.
 */
import type {
  Distribution,
  ExecNode,
  InputEstimate,
  JoinNode,
} from "../../../foundation/plan/exec-node.ts";

/** A copy pays when the other side has at least so many times its rows: rows saved on the way against rows added. */
const COPY_RATIO = 4;
const MOST_COPIED_BYTES = 64 * 1024 * 1024;

/** The nodes of a batch plan; joins of inputs that only insert become hash joins. */
export function withHashJoins(
  nodes: readonly ExecNode[],
  option: (key: string) => string | undefined,
): ExecNode[] {
  const threshold = option("table.optimizer.join.broadcast-threshold");
  const disabled = (option("table.exec.disabled-operators") ?? "").split(",");
  const mayCopy = !disabled.some((name) => name.trim() === "BroadcastHashJoin");
  const mostBytes = threshold === undefined ? undefined : Number(threshold);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const inserts = (id: number) => byId.get(id)?.changelogMode === "insert-only";
  return nodes.map((node) =>
    node.type === "Join" && node.inputs.every((input) => inserts(input.node))
      ? hashJoin(node, mostBytes, mayCopy)
      : node,
  );
}

/** What a hint makes of a join; undefined: there is none that this join can follow. */
export function followedHint(
  node: JoinNode,
):
  | { readonly hint: string; readonly build: "left" | "right"; readonly copied: boolean }
  | undefined {
  for (const hint of node.strategyHints ?? []) {
    const copied = hint.startsWith("BROADCAST ");
    if (!copied && !hint.startsWith("SHUFFLE_HASH ")) continue;
    const sides = (["left", "right"] as const).filter(
      (side) =>
        hint.includes(side.toUpperCase()) &&
        (copied ? !emitsAlone(node, side) : node.leftKeys.length > 0),
    );
    const build = sides.length === 2 ? buildSide(node) : sides[0];
    if (build !== undefined) return { hint, build, copied };
  }
  return undefined;
}

function hashJoin(node: JoinNode, mostBytes: number | undefined, mayCopy: boolean): JoinNode {
  const hinted = followedHint(node);
  const build = hinted?.build ?? buildSide(node);
  const probe = build === "left" ? "right" : "left";
  const { estimates } = node;
  const pays =
    estimates !== undefined &&
    !emitsAlone(node, build) &&
    (mostBytes === undefined
      ? isSmall(estimates[build], estimates[probe])
      : estimates[build].rows * estimates[build].rowBytes <= mostBytes);
  const copied = (hinted?.copied ?? pays) && (mayCopy || node.leftKeys.length === 0);
  if (!copied) return { ...node, build };
  const inputs = node.inputs.map(({ node: id }, index) => {
    const isBuild = (index === 0) === (build === "left");
    const distribution: Distribution = { kind: isBuild ? "broadcast" : "forward" };
    return { node: id, distribution };
  });
  return { ...node, build, inputs };
}

function buildSide({ joinType, estimates }: JoinNode): "left" | "right" {
  const usual = joinType === "RIGHT" ? "left" : "right";
  if (estimates === undefined) return usual;
  const left = bytesOf(estimates.left);
  const right = bytesOf(estimates.right);
  if (left === right) return usual;
  return left < right ? "left" : "right";
}

/** Rows of the build side appear in the result without a partner, or as what a SEMI or ANTI join selects. */
function emitsAlone({ joinType }: JoinNode, build: "left" | "right"): boolean {
  if (joinType === "INNER") return false;
  return joinType === "FULL" || (joinType === "RIGHT") === (build === "right");
}

function isSmall(build: InputEstimate, probe: InputEstimate): boolean {
  return build.rows * COPY_RATIO <= probe.rows && bytesOf(build) <= MOST_COPIED_BYTES;
}

/** With what the table keeps beside a row. */
function bytesOf({ rows, rowBytes }: InputEstimate): number {
  const overhead = 24;
  return rows * (rowBytes + overhead);
}
