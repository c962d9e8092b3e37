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
  ProcessChanges,
  ProcessSpec,
  ToChangelog,
  UserProcess,
} from "../../../foundation/plan/process-table-function.ts";
import type { ProcessRel } from "../rel/rel-node.ts";
import { planErrors } from "../errors.ts";
import {
  ALL,
  DELETE,
  INSERT,
  type PhysEdge,
  type PhysNode,
  type PhysSpecOf,
  UPDATE,
  forward,
  hashBy,
} from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";

const [, BEFORE, AFTER, DELETED] = ROW_KIND_NAMES.map((_, kind) => kind);

export function planProcess(planner: PhysicalPlanner, rel: ProcessRel): PhysNode {
  const inputs = rel.inputs.map((input) => planner.plan(input));
  const edges = inputs.map((node, i): PhysEdge => {
    const table = rel.spec.tables[i];
    const set = table === undefined || table.semantics === "set";
    return { node, distribution: set ? hashBy(table?.partitionKeys ?? []) : forward };
  });
  const { implementation } = rel.spec;
  switch (implementation.kind) {
    case "to-changelog":
      return planToChangelog(planner, rel, edges[0]!, implementation);
    case "from-changelog":
      return planFromChangelog(planner, rel, edges[0]!, implementation);
    case "user":
      return planUser(planner, rel, edges, implementation);
  }
}

/** Updates are taken where a table says so; without -U when its partition keys hold an upsert key. */
function planUser(
  planner: PhysicalPlanner,
  rel: ProcessRel,
  edges: readonly PhysEdge[],
  implementation: UserProcess,
): PhysNode {
  const { tables } = rel.spec;
  if (planner.options.mode === "batch")
    throw planErrors.NODE_MISSING({
      what: "a process table function in batch mode",
      remedy: "SET 'execution.runtime-mode' = 'streaming'.",
    });
  const upserts = tables.map(({ name, partitionKeys }, i) => {
    const traits = rel.traits?.[name] ?? [];
    const { node } = edges[i]!;
    if (!traits.includes("support-updates")) planner.requireInsertOnly(node, rel.spec.function);
    return (
      !traits.includes("require-update-before") &&
      partitionKeys.length > 0 &&
      node.upsertKeys.some((key) => key.every((field) => partitionKeys.includes(field)))
    );
  });
  const wholeDeletes = tables.map(
    ({ name }) => rel.traits?.[name]?.includes("require-full-delete") ?? false,
  );
  const spec: ProcessSpec = {
    ...rel.spec,
    implementation: { ...implementation, upserts, wholeDeletes },
  };
  const keyed = implementation.changelog === "upsert";
  return planner.factory.make({ type: "ProcessTableFunction", ...spec }, edges, rel.schema, {
    kinds: implementation.changelog === "insert-only" ? INSERT : ALL,
    upsertKeys: keyed ? outputKeys(rel.spec) : [],
    upsertSource: keyed,
  });
}

/** Where the keys of each partitioned table stand in the output. */
function outputKeys({ tables }: ProcessSpec): number[][] {
  let at = 0;
  return tables.flatMap(({ partitionKeys }) => {
    const keys = partitionKeys.map((_, i) => at + i);
    at += partitionKeys.length;
    return keys.length === 0 ? [] : [keys];
  });
}

/** What a function may ask at run time: the changes of its tables and its own. */
export function withChanges(
  spec: PhysSpecOf<"ProcessTableFunction">,
  inputs: readonly {
    readonly kinds: number;
    readonly both: boolean;
    readonly keyOnlyDeletes: boolean;
  }[],
  keyOnlyDeletes: boolean,
): PhysSpecOf<"ProcessTableFunction"> {
  const { implementation } = spec;
  if (implementation.kind !== "user") return spec;
  const inputChanges = inputs.map((input) =>
    changesOfKinds(input.kinds, input.both, input.keyOnlyDeletes),
  );
  const outputChanges = changesOfKinds(
    implementation.changelog === "insert-only" ? INSERT : ALL,
    implementation.changelog === "retract",
    keyOnlyDeletes,
  );
  return { ...spec, implementation: { ...implementation, inputChanges, outputChanges } };
}

function changesOfKinds(kinds: number, both: boolean, keyOnlyDeletes: boolean): ProcessChanges {
  const updates = both ? ["UPDATE_BEFORE", "UPDATE_AFTER"] : ["UPDATE_AFTER"];
  const names = [
    "INSERT",
    ...((kinds & UPDATE) === 0 ? [] : updates),
    ...((kinds & DELETE) === 0 ? [] : ["DELETE"]),
  ];
  return { kinds: names, keyOnlyDeletes };
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
export function takesUpserts({ implementation }: ProcessSpec, index: number): boolean {
  if (implementation.kind === "user") return implementation.upserts[index] ?? false;
  return implementation.kind === "to-changelog" && implementation.codes[BEFORE!] === null;
}
