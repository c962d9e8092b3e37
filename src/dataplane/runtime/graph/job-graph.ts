/**
 * JobGraph: the plan cut into tasks. A task is a set of operators that run fused, one call into the
 *           next; between tasks
 * rows cross an exchange. Deciding only: plain data in, plain data out.
 *
 * Flow:    ExecPlan → here → job master (what to deploy) and workers (what to build).
 * Rules:   parallelism: scans run at the job's, Values at 1, a node with a singleton input at 1,
 *          with a hash, broadcast or rebalance input at the job's, otherwise as its inputs (the
 *          smallest, so that changes of a key stay in order). An edge is local when both ends run
 *          at 1, or it is forward between equal parallelisms. Level of a node: the largest number
 *          of exchanges on a way to it. Local edges within one level are fused; between levels they
 *          become forward exchanges, so that tasks never form a cycle (a barrier would wait for
 *          itself). In batch mode they are fused too where that makes no cycle: it has no barriers.
 *          Window aggregates of two phases run as one where both halves have parallelism 1.
 *          Operators that are named have a parallelism of their own: scans, those with an exchange
 *          before them, and those whose input is only inserted (it is dealt out to them); what is
 *          fused behind them follows. A sink says it with `sink.parallelism`.
 * Limits:  parallelism at most MAX_PARALLELISM.
 * Errors:  MR5001 newer plan, MR5002 not a DAG in order, MR5003 parallelism, MR5024 of an operator.
 */
import { inOnePhase } from "../../../foundation/plan/aggregate-phases.ts";
import type { Distribution, ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { PLAN_VERSION } from "../../../foundation/plan/exec-node.ts";
import { defaultMaxParallelism } from "../../../foundation/columnar/key-group.ts";
import { runtimeErrors } from "../errors.ts";

export const MAX_PARALLELISM = 256;

export interface EdgeSpec {
  readonly id: number;
  readonly fromTask: number;
  readonly fromNode: number;
  readonly toTask: number;
  readonly toNode: number;
  readonly toInput: number;
  readonly distribution: Distribution;
}

export interface TaskSpec {
  readonly id: number;
  /** Names of its nodes, joined as Flink joins them: "Source: t -> Calc -> Sink: s". */
  readonly name: string;
  readonly parallelism: number;
  /** In the plan's order: inputs before readers. */
  readonly nodes: readonly ExecNode[];
  /** Edges that arrive over an exchange. */
  readonly inputs: readonly EdgeSpec[];
  readonly outputs: readonly EdgeSpec[];
}

export type OperatorParallelism = Readonly<Record<string, number>>;

export interface JobGraph {
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Of operators that have one of their own, by the name that the user gave: uid or type. */
  readonly operators: OperatorParallelism;
  readonly tasks: readonly TaskSpec[];
  readonly edges: readonly EdgeSpec[];
}

export function buildJobGraph(
  written: ExecPlan,
  options: {
    readonly parallelism: number;
    readonly maxParallelism?: number;
    readonly operators?: OperatorParallelism;
  },
): JobGraph {
  const { parallelism, operators = {} } = options;
  if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > MAX_PARALLELISM)
    throw runtimeErrors.PARALLELISM_INVALID({ parallelism, limit: MAX_PARALLELISM });
  checkPlan(written);
  const own = ownParallelisms(written, operators);
  const plan = withoutLocalWindows(written, parallelism, own);
  const nodes = new Map(plan.nodes.map((node) => [node.id, node]));
  const parallelisms = nodeParallelisms(plan, parallelism, own);
  const local = (from: number, to: number, distribution: Distribution) =>
    parallelisms.get(from) === parallelisms.get(to) &&
    (parallelisms.get(to) === 1 || distribution.kind === "forward");
  const levels = nodeLevels(plan, local);
  const groups = fuse(plan, local, levels);
  const taskOf = new Map<number, number>();
  groups.forEach((group, index) => {
    for (const id of group) taskOf.set(id, index);
  });
  const edges = exchangeEdges(plan, taskOf, parallelisms);
  const tasks = groups.map((group, id): TaskSpec => {
    const members = group.map((nodeId) => nodes.get(nodeId)!);
    return {
      id,
      name: members.map(nodeName).join(" -> "),
      parallelism: parallelisms.get(group[0]!)!,
      nodes: members,
      inputs: edges.filter((edge) => edge.toTask === id),
      outputs: edges.filter((edge) => edge.fromTask === id),
    };
  });
  const maxParallelism = options.maxParallelism ?? defaultMaxParallelism(parallelism);
  return { parallelism, maxParallelism, operators, tasks, edges };
}

/** Where both halves run in one subtask, windows are aggregated in one phase: the state is the same. */
function withoutLocalWindows(
  plan: ExecPlan,
  parallelism: number,
  own: ReadonlyMap<number, number>,
): ExecPlan {
  const parallelisms = nodeParallelisms(plan, parallelism, own);
  const isAlone = (id: number) => parallelisms.get(id) === 1;
  const readers = new Map(plan.nodes.map(({ id, inputs }) => [inputs[0]?.node, id]));
  const nodes = inOnePhase(
    plan.nodes,
    ({ type, id }) => type === "WindowAggregate" && isAlone(id) && isAlone(readers.get(id) ?? id),
  );
  return { ...plan, nodes };
}

/** How Flink names an operator in its graph. */
export function nodeName(node: ExecNode): string {
  if (node.type === "TableSourceScan") return `Source: ${shortName(node.table.name)}[${node.id}]`;
  if (node.type === "Sink") return `Sink: ${shortName(node.table.name)}[${node.id}]`;
  if (node.type !== "WindowAggregate") return `${node.type}[${node.id}]`;
  const half = node.isLocal === true ? "Local" : node.accumulators === undefined ? "" : "Global";
  return `${half}${node.type}[${node.id}]`;
}

function shortName(table: string): string {
  return table.slice(table.lastIndexOf(".") + 1);
}

function checkPlan(plan: ExecPlan): void {
  if (plan.version > PLAN_VERSION)
    throw runtimeErrors.PLAN_VERSION({ found: plan.version, known: PLAN_VERSION });
  const seen = new Set<number>();
  const uids = new Set<string>();
  for (const node of plan.nodes) {
    for (const { node: input } of node.inputs) {
      if (!seen.has(input))
        throw runtimeErrors.PLAN_INVALID({ reason: `node ${node.id} reads ${input} before it` });
    }
    if (seen.has(node.id))
      throw runtimeErrors.PLAN_INVALID({ reason: `node ${node.id} is there twice` });
    if (uids.has(node.uid))
      throw runtimeErrors.PLAN_INVALID({ reason: `uid ${node.uid} is there twice` });
    seen.add(node.id);
    uids.add(node.uid);
  }
  if (plan.nodes.length === 0) throw runtimeErrors.PLAN_INVALID({ reason: "it has no nodes" });
}

function nodeParallelisms(
  plan: ExecPlan,
  parallelism: number,
  own: ReadonlyMap<number, number>,
): Map<number, number> {
  const result = new Map<number, number>();
  for (const node of plan.nodes) {
    const kinds = node.inputs.map((input) => input.distribution.kind);
    const asked = own.get(node.id);
    if (asked !== undefined) result.set(node.id, asked);
    else if (node.inputs.length === 0)
      result.set(node.id, node.type === "Values" ? 1 : parallelism);
    else if (kinds.includes("singleton")) result.set(node.id, 1);
    else if (kinds.some((kind) => kind !== "forward")) result.set(node.id, parallelism);
    else result.set(node.id, Math.min(...node.inputs.map((input) => result.get(input.node) ?? 1)));
  }
  return result;
}

/** By node, what the user has asked for; refuses what would change the results. */
function ownParallelisms(plan: ExecPlan, operators: OperatorParallelism): Map<number, number> {
  const own = new Map<number, number>();
  for (const node of plan.nodes) {
    const asked = node.type === "Sink" ? node.table.options["sink.parallelism"] : undefined;
    if (asked !== undefined) setOwn(plan, own, node, Number(asked));
  }
  for (const [name, value] of Object.entries(operators)) {
    const named = plan.nodes.filter(({ uid, type }) => uid === name || type === name);
    if (named.length === 0) {
      const known = plan.nodes.map(({ uid }) => uid).join(", ");
      throw refused(name, value, `there is none of that name; there are ${known}`);
    }
    for (const node of named) setOwn(plan, own, node, value);
  }
  return own;
}

function setOwn(plan: ExecPlan, own: Map<number, number>, node: ExecNode, value: number): void {
  const name = nodeName(node);
  if (!Number.isInteger(value) || value < 1 || value > MAX_PARALLELISM)
    throw refused(name, value, `it must be from 1 to ${MAX_PARALLELISM}`);
  const kinds = node.inputs.map(({ distribution }) => distribution.kind);
  if ((node.type === "Values" || kinds.includes("singleton")) && value !== 1)
    throw refused(name, value, "it needs all rows in one place");
  const isForward = kinds.length > 0 && kinds.every((kind) => kind === "forward");
  if (isForward && value !== 1) {
    const inputs = node.inputs.map((input) => plan.nodes.find(({ id }) => id === input.node)!);
    if (inputs.some(({ changelogMode }) => changelogMode !== "insert-only"))
      throw refused(
        name,
        value,
        "the changes of a row would not stay in order: name the operator before it",
      );
    if (inputs.length > 1) throw refused(name, value, "its inputs are fused with it");
  }
  own.set(node.id, value);
}

function refused(operator: string, parallelism: number, reason: string) {
  return runtimeErrors.OPERATOR_PARALLELISM({ operator, parallelism, reason });
}

type EdgeTest = (from: number, to: number, distribution: Distribution) => boolean;

function nodeLevels(plan: ExecPlan, local: EdgeTest): Map<number, number> {
  const levels = new Map<number, number>();
  for (const node of plan.nodes) {
    let level = 0;
    for (const { node: input, distribution } of node.inputs)
      level = Math.max(level, levels.get(input)! + (local(input, node.id, distribution) ? 0 : 1));
    levels.set(node.id, level);
  }
  return levels;
}

/**
 * Groups of nodes joined by fused edges, each in the plan's order; groups ordered by their first
 * node.
 */
function fuse(plan: ExecPlan, local: EdgeTest, levels: ReadonlyMap<number, number>): number[][] {
  const parent = new Map(plan.nodes.map((node) => [node.id, node.id]));
  const root = (id: number): number => {
    let at = id;
    while (parent.get(at) !== at) at = parent.get(at)!;
    return at;
  };
  const edges = plan.nodes.flatMap((node) =>
    node.inputs
      .filter((input) => local(input.node, node.id, input.distribution))
      .map((input) => ({ from: input.node, to: node.id })),
  );
  const isFlat = ({ from, to }: { from: number; to: number }) =>
    levels.get(from) === levels.get(to);
  for (const { from, to } of edges.filter(isFlat)) parent.set(root(to), root(from));
  // No barriers in batch mode: what streams by a hash table is fused with it, as long as no task waits for itself.
  for (const { from, to } of plan.mode === "batch" ? edges.filter((edge) => !isFlat(edge)) : []) {
    const [a, b] = [root(from), root(to)];
    if (a === b) continue;
    parent.set(b, a);
    if (hasCycle(plan, root, local)) parent.set(b, b);
  }
  const groups = new Map<number, number[]>();
  for (const node of plan.nodes) {
    const key = root(node.id);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node.id]);
    else group.push(node.id);
  }
  return [...groups.values()];
}

/** Whether a way between groups leads back to one: through others, or at once by an exchange within it. */
function hasCycle(plan: ExecPlan, group: (id: number) => number, local: EdgeTest): boolean {
  const inputs = new Map<number, Set<number>>();
  for (const node of plan.nodes) {
    const own = group(node.id);
    const from = inputs.get(own) ?? new Set<number>();
    for (const { node: input, distribution } of node.inputs) {
      if (group(input) !== own) from.add(group(input));
      else if (!local(input, node.id, distribution)) return true;
    }
    inputs.set(own, from);
  }
  const done = new Set<number>();
  const open = new Set<number>();
  const visit = (id: number): boolean => {
    if (done.has(id)) return false;
    if (open.has(id)) return true;
    open.add(id);
    for (const input of inputs.get(id) ?? []) if (visit(input)) return true;
    open.delete(id);
    done.add(id);
    return false;
  };
  return [...inputs.keys()].some(visit);
}

function exchangeEdges(
  plan: ExecPlan,
  taskOf: ReadonlyMap<number, number>,
  parallelisms: ReadonlyMap<number, number>,
): EdgeSpec[] {
  const edges: EdgeSpec[] = [];
  for (const node of plan.nodes) {
    node.inputs.forEach(({ node: from, distribution }, toInput) => {
      const fromTask = taskOf.get(from)!;
      const toTask = taskOf.get(node.id)!;
      if (fromTask === toTask) return;
      edges.push({
        id: edges.length,
        fromTask,
        fromNode: from,
        toTask,
        toNode: node.id,
        toInput,
        distribution: effective(distribution, parallelisms.get(from)!, parallelisms.get(node.id)!),
      });
    });
  }
  return edges;
}

/** Forward needs equal parallelism; towards one subtask everything is a singleton. */
function effective(distribution: Distribution, from: number, to: number): Distribution {
  if (distribution.kind !== "forward" || from === to) return distribution;
  return to === 1 ? { kind: "singleton" } : { kind: "rebalance" };
}

/** Which producer subtasks a consumer subtask reads, per edge. */
export function producersOf(edge: EdgeSpec, graph: JobGraph, subtask: number): number[] {
  if (edge.distribution.kind === "forward") return [subtask];
  const { parallelism } = graph.tasks[edge.fromTask]!;
  return Array.from({ length: parallelism }, (_, index) => index);
}

/** Which consumer subtasks a producer subtask writes to, per edge. */
export function consumersOf(edge: EdgeSpec, graph: JobGraph, subtask: number): number[] {
  if (edge.distribution.kind === "forward") return [subtask];
  const { parallelism } = graph.tasks[edge.toTask]!;
  return Array.from({ length: parallelism }, (_, index) => index);
}
