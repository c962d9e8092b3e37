/**
 * Functions over tables as physical nodes: how their inputs are distributed, which changes they take and emit.
 *
 * Rules:   PARTITION BY distributes by its keys (tables of one call are co-partitioned), a table with set semantics and
 *          without keys goes to one subtask, row semantics stay where they are.
 *          TO_CHANGELOG asks for -U only when a code is given for it; FROM_CHANGELOG without UPDATE_BEFORE emits upserts
 *          by its partition keys.
 * Source:  Flink FlinkChangelogModeInferenceProgram (StreamPhysicalProcessTableFunction).
 */
import { ROW_KIND_NAMES } from "../../../foundation/columnar/row-kind.ts";
import type {
  FromChangelog,
  ProcessSpec,
  ToChangelog,
} from "../../../foundation/plan/process-table-function.ts";
import type { ProcessRel } from "../rel/rel-node.ts";
import {
  DELETE,
  INSERT,
  type PhysEdge,
  type PhysNode,
  UPDATE,
  forward,
  hashBy,
} from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";

const [, BEFORE, AFTER, DELETED] = ROW_KIND_NAMES.map((_, kind) => kind);

export function planProcess(planner: PhysicalPlanner, rel: ProcessRel): PhysNode {
  const inputs = rel.inputs.map((input) => planner.plan(input));
  const edges = inputs.map((node, i): PhysEdge => {
    const { semantics, partitionKeys } = rel.spec.tables[i]!;
    const keyed = semantics === "set" && partitionKeys.length > 0;
    return { node, distribution: keyed ? hashBy(partitionKeys) : forward };
  });
  const { implementation } = rel.spec;
  return implementation.kind === "to-changelog"
    ? planToChangelog(planner, rel, edges[0]!, implementation)
    : planFromChangelog(planner, rel, edges[0]!, implementation);
}

/** A deletion that is not full keeps its key: the partition's, else an upsert key; without one it stays as it is. */
function planToChangelog(
  planner: PhysicalPlanner,
  rel: ProcessRel,
  edge: PhysEdge,
  implementation: ToChangelog,
): PhysNode {
  const { partitionKeys } = rel.spec.tables[0]!;
  const kept = partitionKeys.length > 0 ? partitionKeys : edge.node.upsertKeys[0];
  const partial = !implementation.fullDeletes && kept !== undefined;
  const spec: ProcessSpec = {
    ...rel.spec,
    implementation: { ...implementation, ...(partial ? { deleteKeeps: kept } : {}) },
  };
  return planner.factory.make({ type: "ProcessTableFunction", ...spec }, [edge], rel.schema, {
    kinds: INSERT,
  });
}

function planFromChangelog(
  planner: PhysicalPlanner,
  rel: ProcessRel,
  edge: PhysEdge,
  implementation: FromChangelog,
): PhysNode {
  planner.requireInsertOnly(edge.node, "FROM_CHANGELOG");
  const kinds = new Set(Object.values(implementation.kinds));
  const upserts = kinds.has(AFTER!) && !kinds.has(BEFORE!);
  const keys = rel.spec.tables[0]!.partitionKeys.map((_, at) => at);
  return planner.factory.make({ type: "ProcessTableFunction", ...rel.spec }, [edge], rel.schema, {
    kinds: INSERT | (kinds.has(AFTER!) ? UPDATE : 0) | (kinds.has(DELETED!) ? DELETE : 0),
    upsertKeys: upserts ? [keys] : [],
    upsertSource: upserts,
  });
}

/** Whether a function can do without -U in its input `index`. */
export function takesUpserts(spec: ProcessSpec, _index: number): boolean {
  const { implementation } = spec;
  return implementation.kind === "to-changelog" && implementation.codes[BEFORE!] === null;
}
