/**
 * OperatorRecord: what a manifest says about one operator of the plan whose state it holds: enough to tell, without that plan,
 * whether another plan may go on from there, and to read the state.
 *
 * Flow:    plan → operatorRecords → checkpoint manifest → compareState, state reader.
 * Secrets: of a table only its name and connector are kept, no options.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecNode, ExecNodeType, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { inOnePhase } from "../../../foundation/plan/aggregate-phases.ts";
import { digest, identitiesOf } from "../../../foundation/plan/operator-identity.ts";

export interface OperatorRecord {
  readonly uid: string;
  readonly type: string;
  /** The others are there for operators with state, in manifests of this release. */
  readonly description?: string;
  /** Digest of type, keys and inputs; see operator-identity.ts. */
  readonly role?: string;
  readonly sink?: string;
  readonly reader?: string;
  /** What must be the same for state to be of use, beside layouts: window, limits, connector. JSON. */
  readonly spec?: string;
  /** Fields of the inputs, as rows in state have them. */
  readonly inputs?: readonly (readonly RecordField[])[];
  /** Of aggregates: what reads their accumulators. */
  readonly aggregates?: RecordedAggregates;
}

export interface RecordField {
  readonly name: string;
  /** LogicalType as JSON. */
  readonly type: Schema["fields"][number]["type"];
  readonly lineage: string;
}

export interface RecordedAggregates {
  readonly grouping: readonly number[];
  readonly calls: readonly AggregateCall[];
}

const STATELESS: ReadonlySet<ExecNodeType> = new Set<ExecNodeType>([
  "Calc",
  "WatermarkAssigner",
  "MiniBatchAssigner",
  "DropUpdateBefore",
  "Union",
  "Expand",
  "Correlate",
  "LookupJoin",
  "ReplicateRows",
  "VectorSearchTableFunction",
]);

const known = new WeakMap<readonly ExecNode[], readonly OperatorRecord[]>();

/** Records of all nodes; made once for a plan. */
export function operatorRecords({ nodes }: Pick<ExecPlan, "nodes">): readonly OperatorRecord[] {
  const made = known.get(nodes) ?? recordsOf(nodes);
  known.set(nodes, made);
  return made;
}

function recordsOf(planned: readonly ExecNode[]): readonly OperatorRecord[] {
  // Either goes on from the other.
  const nodes = inOnePhase(
    planned,
    (half) => half.type === "WindowAggregate" || half.foldsMiniBatches === true,
  );
  const identities = identitiesOf(nodes);
  return nodes.map((node): OperatorRecord => {
    const { uid, type, description } = node;
    const { role, sink, reader } = identities.get(node.id)!;
    const place = { uid, type, role: digest(role), sink, reader: digest(reader) };
    if (STATELESS.has(node.type) && !asksByKey(node)) return place;
    const inputs = node.inputs.map((input) => {
      const { output } = nodes.find(({ id }) => id === input.node)!;
      const { fields } = identities.get(input.node)!;
      return output.fields.map(({ name, type }, i) => ({ name, type, lineage: fields[i] ?? "" }));
    });
    return {
      ...place,
      description,
      spec: JSON.stringify(specOf(node)),
      inputs,
      ...(node.type === "GroupAggregate" || node.type === "WindowAggregate"
        ? { aggregates: { grouping: node.grouping, calls: node.aggregates } }
        : {}),
    };
  });
}

/** Rows of such a lookup join wait in state for their answers. */
function asksByKey(node: ExecNode): boolean {
  if (node.type !== "LookupJoin") return false;
  return !["", "FULL"].includes((node.table.options["lookup.cache"] ?? "").toUpperCase());
}

/** What is the operator's own, without what may change: numbers of fields where layouts tell, conditions that keep nothing. */
function specOf(node: ExecNode): object {
  switch (node.type) {
    case "TableSourceScan":
      return { table: node.table.name, connector: node.table.options.connector };
    case "Sink":
      return {
        table: node.table.stateName ?? node.table.name,
        connector: node.table.options.connector,
        upsertMaterialize: node.upsertMaterialize,
      };
    // It keeps rows of its inputs, and nothing of what they match.
    case "MultiJoin": {
      const { keys, joinTypes } = node;
      const sides = node.sides.map(({ unique, uniqueKey }) => ({ unique, uniqueKey }));
      return { keys, joinTypes, sides };
    }
    case "GroupAggregate":
    // Options of models may hold secrets; rows that wait are asked whatever there is to ask.
    case "AsyncCorrelate":
      return {};
    case "WindowAggregate": {
      const { index: _, ...time } = node.window.time;
      const { partitionKeys: _keys, ...window } = node.window;
      const keeps = node.retracts === true ? { keepsRows: true } : {};
      const emits = node.emit === undefined ? {} : { emits: true };
      const attached = node.attached !== undefined;
      return { window: { ...window, time }, attached, ...emits, ...keeps };
    }
    case "Deduplicate": {
      const { keys, keepLast, time, outputInsertOnly } = node;
      const waits = outputInsertOnly === true && time.attribute === "ROWTIME";
      return { keys, keepLast, time, ...(waits ? { waits } : {}) };
    }
    default: {
      const rest = Object.entries(node).filter(([key]) => !LEFT_OUT.has(key));
      const keepsMatches =
        "condition" in node && node.condition !== undefined && "joinType" in node;
      const condition =
        keepsMatches && node.joinType !== "INNER" ? { condition: node.condition } : {};
      return { ...Object.fromEntries(rest), ...condition };
    }
  }
}

const LEFT_OUT = new Set([
  "id",
  "uid",
  "type",
  "inputs",
  "output",
  "changelogMode",
  "changes",
  "upsertKeys",
  "description",
  "stateTtlMs",
  "stateTtlHint",
  "table",
  "condition",
  "generateUpdateBefore",
  "strategyHints",
  "windows",
]);
