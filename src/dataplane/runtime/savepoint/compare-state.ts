/**
 * compareState: may a plan go on from a checkpoint or savepoint? Operator by operator, without running either.
 *
 * Flow:    manifest, plan and the layouts that the plan's operators want → matchOperators (which is which) → verdicts.
 * Which:   the same uid; else the same role, told apart by sink and reader where there are several; in snapshots of earlier
 *          releases, whose uids were numbers, the same place among the operators of its type.
 * Verdicts: "compatible" · "compatible with loss" (a part of its state goes) · "needs rebuild" (none of it is of use) ·
 *          "removed" (no operator takes it) · "new" (it starts empty). Reasons say what changes.
 * Rows:    those that operators keep get and lose columns (state/row-migration.ts), unless rows are taken back by all their
 *          bytes and would be looked for with a column that they have not. Of snapshots of earlier releases, and in lists
 *          whose form no layout tells, rows are of use only while their columns are the same.
 */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { KeyedMapSpec } from "../../contract/keyed-state.ts";
import { isNamedByRole, keptRows, planMigration } from "../../state/map-migration.ts";
import { asStateHandle, type MapLayout } from "../../state/state-handle.ts";
import type { CheckpointMetadata } from "../master/checkpoint-metadata.ts";
import { namedSpec } from "./named-spec.ts";
import { type OperatorRecord, operatorRecords, type RecordField } from "./operator-record.ts";

export type Verdict = "compatible" | "compatible with loss" | "needs rebuild" | "removed" | "new";

export interface OperatorVerdict {
  /** Of the state; for a new operator the plan's. */
  readonly uid: string;
  readonly type: string;
  readonly description: string;
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  /** Entries of keyed state that the snapshot holds for it. */
  readonly entries: number;
}

export interface Comparison {
  readonly operators: readonly OperatorVerdict[];
  /** The snapshot's uid by the plan's, where they differ. */
  readonly adopted: ReadonlyMap<string, string>;
  /** False when no operator of the snapshot is in the plan. */
  readonly related: boolean;
}

/** Layouts by uid of the plan. */
export type StateLayouts = ReadonlyMap<string, readonly KeyedMapSpec[]>;

export function compareState(
  metadata: CheckpointMetadata,
  plan: ExecPlan,
  layouts: StateLayouts,
): Comparison {
  const saved = savedOperators(metadata);
  const records = operatorRecords(plan);
  const matches = matchOperators(
    [...saved.values()].map(({ record }) => record),
    records,
  );
  const adopted = new Map<string, string>();
  const operators: OperatorVerdict[] = [];
  for (const [uid, state] of saved) {
    const now = records.find((record) => matches.get(record.uid) === uid);
    if (now !== undefined && now.uid !== uid) adopted.set(now.uid, uid);
    const judged =
      now === undefined
        ? { verdict: "removed" as const, reasons: ["no operator of the plan takes this state"] }
        : judge(state, now, layouts.get(now.uid) ?? [], takesBack(plan, now.uid));
    const { type, description = type } = now ?? state.record;
    operators.push({ uid, type, description, entries: state.entries, ...judged });
  }
  for (const record of records) {
    const isStateful = record.description !== undefined && hasState(record, layouts);
    if (!isStateful || matches.has(record.uid)) continue;
    const { uid, type, description = type } = record;
    const reasons = [
      type === "TableSourceScan" ? "it reads from its beginning" : "it starts without state",
    ];
    operators.push({ uid, type, description, verdict: "new", reasons, entries: 0 });
  }
  return { operators, adopted, related: saved.size === 0 || matches.size > 0 };
}

function hasState({ uid, type }: OperatorRecord, layouts: StateLayouts): boolean {
  return type === "TableSourceScan" || (layouts.get(uid)?.length ?? 0) > 0;
}

/** By input of an operator: whether its rows may be taken back. */
function takesBack({ nodes }: ExecPlan, uid: string): readonly boolean[] {
  const inputs = nodes.find((node) => node.uid === uid)?.inputs ?? [];
  return inputs.map(({ node: id }) => {
    const mode = nodes.find((node) => node.id === id)?.changelogMode;
    return mode !== "insert-only";
  });
}

interface SavedOperator {
  readonly record: OperatorRecord;
  readonly maps: readonly MapLayout[];
  readonly entries: number;
}

/** What of a snapshot would be lost if nobody took it. */
function savedOperators(metadata: CheckpointMetadata): ReadonlyMap<string, SavedOperator> {
  const handles = metadata.states.filter((state) => state != null).map(asStateHandle);
  const found = new Map<string, SavedOperator>();
  for (const record of metadata.nodes) {
    const { uid } = record;
    const own = handles.flatMap(({ maps }) => maps.filter((map) => map.uid === uid));
    const entries = own.reduce((sum, map) => sum + map.entries, 0);
    const maps = own.filter((map, i) => own.findIndex(({ name }) => name === map.name) === i);
    const hasValues = handles.some(({ values }) => Object.keys(values[uid] ?? {}).length > 0);
    const sink = metadata.sinks[uid];
    const isOpen = sink !== undefined && sink.states.length + sink.committables.length > 0;
    const isRead = metadata.sources[uid]?.enumerator.started === true;
    if (entries > 0 || hasValues || isOpen || isRead) found.set(uid, { record, maps, entries });
  }
  return found;
}

/** The snapshot's uid by the plan's. */
function matchOperators(
  saved: readonly OperatorRecord[],
  plan: readonly OperatorRecord[],
): ReadonlyMap<string, string> {
  const matches = new Map<string, string>();
  const taken = new Set<string>();
  const pair = (same: (before: OperatorRecord, now: OperatorRecord) => boolean) => {
    const before = saved.filter(({ uid }) => !taken.has(uid));
    const now = plan.filter(({ uid }) => !matches.has(uid));
    for (const record of now) {
      const candidates = before.filter((other) => same(other, record));
      const rivals = now.filter((other) => candidates.some((one) => same(one, other)));
      if (candidates.length !== 1 || rivals.length !== 1) continue;
      matches.set(record.uid, candidates[0]!.uid);
      taken.add(candidates[0]!.uid);
    }
  };
  pair((a, b) => a.uid === b.uid);
  const sameRole = (a: OperatorRecord, b: OperatorRecord) =>
    a.role !== undefined && a.type === b.type && a.role === b.role;
  pair((a, b) => sameRole(a, b) && a.sink === b.sink && a.reader === b.reader);
  pair((a, b) => sameRole(a, b) && a.sink === b.sink);
  pair((a, b) => sameRole(a, b) && a.reader === b.reader);
  pair(sameRole);
  const place = (record: OperatorRecord, all: readonly OperatorRecord[]) =>
    all.filter(({ type }) => type === record.type).indexOf(record);
  const numbered = saved.filter(({ role }) => role === undefined);
  pair(
    (a, b) => a.role === undefined && a.type === b.type && place(a, numbered) === place(b, plan),
  );
  return matches;
}

function judge(
  saved: SavedOperator,
  now: OperatorRecord,
  layouts: readonly KeyedMapSpec[],
  takenBack: readonly boolean[],
): Pick<OperatorVerdict, "verdict" | "reasons"> {
  const { record, maps } = saved;
  const rebuild = (reason: string) => ({ verdict: "needs rebuild", reasons: [reason] }) as const;
  if (record.type !== now.type) return rebuild(`it was a ${record.type}, now a ${now.type}`);
  const spec = specDifference(record, now);
  if (spec !== undefined) return rebuild(spec);
  const reasons: string[] = [];
  if (maps.some((map) => keepsRows(map) && !isTyped(map, layouts))) {
    const rows = rowsDifference(record.inputs, now.inputs);
    if (rows?.rebuild === true) return rebuild(rows.reason);
    if (rows !== undefined) reasons.push(rows.reason);
  }
  const lost: string[] = [];
  for (const map of maps) {
    const wanted = layouts.find(({ name }) => name === map.name);
    if (wanted === undefined) {
      if (map.entries > 0) lost.push(`'${map.name}' is no longer kept`);
      continue;
    }
    const migration = planMigration(map, wanted, { keyNames: !isNamedByRole(map.uid) });
    if (migration.kind === "differs") return rebuild(`'${map.name}': ${migration.reason}`);
    const kept = keptRows(map, wanted);
    if (typeof kept !== "string") {
      const grows = kept.find(({ wanted: { whole, input }, added }) => {
        return whole && added.length > 0 && takenBack[input] !== false;
      });
      if (grows !== undefined)
        return rebuild(
          `the rows it keeps have no column '${grows.added[0]}', and are taken back by all their columns`,
        );
      for (const name of kept.flatMap(({ recomputed }) => recomputed))
        reasons.push(`rows from before keep '${name}' as it was computed then`);
    }
    if (migration.kind !== "migrates") continue;
    if (migration.rows !== undefined) {
      for (const name of migration.added) reasons.push(`'${name}' is NULL in rows from before`);
      for (const name of migration.dropped) lost.push(`'${name}' of its rows is no longer kept`);
      for (const name of migration.rows.flatMap(({ converted }) => converted))
        reasons.push(`'${name}' of its rows is converted to its new type`);
      continue;
    }
    for (const name of migration.added) reasons.push(`'${name}' counts from the restore on`);
    for (const name of migration.dropped) lost.push(`'${name}' is no longer kept`);
    if (migration.added.length + migration.dropped.length === 0)
      reasons.push("its values are converted to the new layout");
  }
  const verdict = lost.length > 0 ? "compatible with loss" : "compatible";
  return { verdict, reasons: [...lost, ...reasons] };
}

/** Snapshot and plan both say what the rows are. */
function isTyped(map: MapLayout, layouts: readonly KeyedMapSpec[]): boolean {
  return (
    map.rows !== undefined && layouts.find(({ name }) => name === map.name)?.rows !== undefined
  );
}

/** Blocks that hold rows or lists, whose form the layout does not say. */
function keepsRows({ valueFields }: MapLayout): boolean {
  return valueFields.some(({ type, flat }) => type === "handle" && flat !== true);
}

/** Measures of a Match are computed when a match is done: they may change. */
function specDifference(saved: OperatorRecord, now: OperatorRecord): string | undefined {
  if (saved.spec === undefined || now.spec === undefined || saved.spec === now.spec)
    return undefined;
  const before = namedSpec(saved.spec, saved.inputs);
  const after = namedSpec(now.spec, now.inputs);
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (now.type === "Match" && key === "measures") continue;
    const [was, is] = [before[key], after[key]].map((value) => JSON.stringify(value) ?? "nothing");
    if (was !== is) return `its ${key} was ${was}, is ${is}`;
  }
  return undefined;
}

function rowsDifference(
  saved: OperatorRecord["inputs"],
  now: OperatorRecord["inputs"],
): { readonly rebuild: boolean; readonly reason: string } | undefined {
  if (saved === undefined || now === undefined) return undefined;
  let computed: string | undefined;
  for (const [i, before] of saved.entries()) {
    const after = now[i] ?? [];
    const rebuild = (reason: string) => ({ rebuild: true, reason: `the rows it keeps ${reason}` });
    const known = new Set(before.map(({ lineage }) => lineage));
    const added = after.find(({ lineage }) => !known.has(lineage));
    if (after.length > before.length)
      return rebuild(`have no column '${added?.name ?? after.at(-1)?.name}'`);
    if (after.length < before.length) return rebuild("have more columns");
    for (const [at, field] of before.entries()) {
      const other = after[at]!;
      if (typeOf(field) !== typeOf(other))
        return rebuild(`have '${field.name}' as ${typeOf(field)}, not ${typeOf(other)}`);
      if (field.lineage === other.lineage) continue;
      if (known.has(other.lineage)) return rebuild("have their columns in another order");
      computed = `rows from before keep '${other.name}' as it was computed then`;
    }
  }
  return computed === undefined ? undefined : { rebuild: false, reason: computed };
}

function typeOf({ type }: RecordField): string {
  return typeToString(type);
}
