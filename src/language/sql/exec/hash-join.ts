/**
 * Hash joins of batch mode: which side goes into the table, and whether every subtask gets all of it.
 *
 * Flow:    exec-plan-builder, with estimates on the joins → here → ExecPlan.
 * Build:   the side with fewer bytes by estimate; where both are alike the right one, and for RIGHT the left one, so that
 *          the preserved side streams by.
 * Copies:  a side that is small beside the other is sent to all subtasks, and the other is not moved at all. Not for joins
 *          that emit rows of the build side by themselves: each copy would. Theta joins have no keys to distribute by:
 *          without a copy they run in one subtask.
 * Merged:  joins with keys whose hint is SHUFFLE_MERGE are sort-merge joins, and all that would be hash joins without copies
 *          when these are disabled.
 * Hints:   BROADCAST and SHUFFLE_HASH name the side that builds, with copies or without, where the join can do so.
 * Options: table.exec.disabled-operators with BroadcastHashJoin: no copies, but for joins without keys; with ShuffleHashJoin:
 *          sort-merge joins; with SortMergeJoin: none. The list never has both (session-options.ts).
 *          table.optimizer.join.broadcast-threshold, when it is set: sides of so many bytes are copied, whatever the other one
 *          has; -1: none.
 * Source:  Flink BatchPhysicalHashJoinRule, BatchPhysicalSortMergeJoinRule, BatchPhysicalNestedLoopJoinRule.
 */
import type {
  Distribution,
  ExecNode,
  InputEstimate,
  JoinNode,
} from "../../../foundation/plan/exec-node.ts";
import { describeNode } from "../explain/node-text.ts";

/** A copy pays when the other side has at least so many times its rows: rows saved on the way against rows added. */
const COPY_RATIO = 4;
const MOST_COPIED_BYTES = 64 * 1024 * 1024;

type Side = "left" | "right";

/** What joins may be. */
interface Allowed {
  /** Of sides that are copied; undefined: what pays. */
  readonly mostBytes: number | undefined;
  readonly copies: boolean;
  readonly hashes: boolean;
  readonly merges: boolean;
}

interface FollowedHint {
  readonly hint: string;
  readonly build: Side;
  readonly strategy: Strategy;
}

type Strategy = "broadcast" | "shuffle" | "merge";

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  BROADCAST: "broadcast",
  SHUFFLE_HASH: "shuffle",
  SHUFFLE_MERGE: "merge",
};

/** The nodes of a batch plan; joins of inputs that only insert become hash joins or sort-merge joins. */
export function withHashJoins(
  nodes: readonly ExecNode[],
  option: (key: string) => string | undefined,
): ExecNode[] {
  const threshold = option("table.optimizer.join.broadcast-threshold");
  const disabled = disabledOperators(option);
  const allowed: Allowed = {
    mostBytes: threshold === undefined ? undefined : Number(threshold),
    copies: !disabled.has("BroadcastHashJoin"),
    hashes: !disabled.has("ShuffleHashJoin"),
    merges: !disabled.has("SortMergeJoin"),
  };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const inserts = (id: number) => byId.get(id)?.changelogMode === "insert-only";
  return nodes.map((node) => {
    if (node.type !== "Join" || !node.inputs.every((input) => inserts(input.node))) return node;
    const join = batchJoin(node, allowed);
    const schemas = join.inputs.map((input) => byId.get(input.node)!.output);
    return { ...join, description: describeNode(join, schemas, join.output) };
  });
}

/** The list of table.exec.disabled-operators. */
export function disabledOperators(
  option: (key: string) => string | undefined,
): ReadonlySet<string> {
  const list = (option("table.exec.disabled-operators") ?? "").split(",");
  return new Set(list.map((name) => name.trim()));
}

/** What a hint makes of a join; undefined: there is none that this join can follow. */
export function followedHint(node: JoinNode): FollowedHint | undefined {
  for (const hint of node.strategyHints ?? []) {
    const strategy = STRATEGIES[hint.slice(0, hint.indexOf(" "))];
    if (strategy === undefined) continue;
    const sides = (["left", "right"] as const).filter(
      (side) =>
        hint.includes(side.toUpperCase()) &&
        (strategy === "broadcast" ? !emitsAlone(node, side) : node.leftKeys.length > 0),
    );
    if (sides.length === 0) continue;
    const build = sides.length === 2 || strategy === "merge" ? buildSide(node) : sides[0]!;
    return { hint, build, strategy };
  }
  return undefined;
}

function batchJoin(node: JoinNode, allowed: Allowed): JoinNode {
  const hinted = followedHint(node);
  const build = hinted?.build ?? buildSide(node);
  const hasKeys = node.leftKeys.length > 0;
  const wanted = hinted?.strategy ?? (pays(node, build, allowed) ? "broadcast" : "shuffle");
  if (wanted === "broadcast" && (allowed.copies || !hasKeys)) return copied(node, build);
  const merges = hasKeys && (wanted === "merge" ? allowed.merges : !allowed.hashes);
  return { ...node, build, ...(merges ? { merges } : {}) };
}

/** Whether all of the build side is better sent to every subtask. */
function pays(node: JoinNode, build: Side, { mostBytes }: Allowed): boolean {
  const { estimates } = node;
  if (estimates === undefined || emitsAlone(node, build)) return false;
  if (mostBytes === undefined)
    return isSmall(estimates[build], estimates[build === "left" ? "right" : "left"]);
  return estimates[build].rows * estimates[build].rowBytes <= mostBytes;
}

function copied(node: JoinNode, build: Side): JoinNode {
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
