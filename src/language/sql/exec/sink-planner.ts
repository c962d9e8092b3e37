/**
 * Sinks: what changes the table takes, by which key, and whether a materialiser must put them in order.
 *
 * Rules (Flink analyzeUpsertMaterializeStrategy): the materialiser is needed when an upsert sink's primary key does not
 * hold an upsert key of the query, because rows of several keys then meet on one. With
 * table.exec.sink.require-on-conflict (default true) the statement must say ON CONFLICT in that case.
 * Errors: MR2202 a sink that cannot take updates, MR2203 ON CONFLICT required, MR2204 not allowed.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type {
  ChangelogMode,
  Distribution,
  SinkNode,
  TableSpec,
} from "../../../foundation/plan/exec-node.ts";
import { identifierText, sinkColumns } from "../catalog/catalog-objects.ts";
import { planErrors } from "../errors.ts";
import { type RelNode, type SinkRel, relInputs } from "../rel/rel-node.ts";
import { type PhysNode, type UpsertKeys, forward, hashBy, isInsertOnly } from "./phys-node.ts";
import { type PhysicalPlanner, changesOf, withOrigin } from "./physical-planner.ts";
import { tableSpec } from "./scan-planner.ts";

export function planSink(planner: PhysicalPlanner, rel: SinkRel): PhysNode {
  const table = { ...rel.table, options: { ...rel.table.options, ...rel.dynamicOptions } };
  const columns = sinkColumns(table);
  const stateName = table.materialized?.stateName;
  const spec: TableSpec = {
    ...tableSpec(table, columns),
    ...(stateName === undefined ? {} : { stateName }),
  };
  checkOverwrite(planner, rel, table.options.connector ?? "");
  const input = renamed(planner, planner.plan(rel.input), spec.schema);
  const insertOnly = isInsertOnly(input);
  const { changelogMode: mode, keyOnlyDeletes = false } = planner.options.sink(table, {
    insertOnly,
  });
  const name = identifierText(table.identifier);
  if (mode === "insert-only" && !insertOnly)
    throw planErrors.CHANGES_NOT_ACCEPTED(
      withOrigin(
        {
          consumer: `Table sink '${name}'`,
          changes: changesOf(input),
          producer: describeProducer(input),
        },
        input,
      ),
    );
  const primaryKey = spec.primaryKey ?? [];
  const materialize = materializes(planner, rel, input, mode, primaryKey);
  const keyed = mode === "upsert" && primaryKey.length > 0 && !insertOnly;
  const notNull = spec.schema.fields.flatMap((field, i) => (field.type.nullable ? [] : [i]));
  const enforcer = planner.options.option("table.exec.sink.not-null-enforcer");
  const constraints = sinkConstraints(planner, spec.schema);
  return planner.factory.make(
    {
      type: "Sink",
      table: spec,
      sinkChangelogMode: mode,
      upsertKey: primaryKey,
      upsertMaterialize: materialize,
      ...(materialize && rel.onConflict !== undefined ? { onConflict: rel.onConflict } : {}),
      notNullEnforcer: enforcer?.toUpperCase() === "DROP" ? "DROP" : "ERROR",
      notNullFields: notNull,
      ...constraints,
      ...(rel.overwrite ? { overwrite: true } : {}),
      ...(rel.overwriteAll === true ? { overwriteAll: true } : {}),
      ...(Object.keys(rel.staticPartition).length === 0 ? {} : { partition: rel.staticPartition }),
    },
    [{ node: input, distribution: sinkDistribution(spec, keyed || materialize, primaryKey) }],
    input.schema,
    { kinds: input.kinds, upsertKeys: input.upsertKeys, keyOnlyDeletes, unique: true },
  );
}

function sinkDistribution(
  { options, partitionKeys = [] }: TableSpec,
  keyed: boolean,
  primaryKey: readonly number[],
): Distribution {
  if (keyed) return hashBy(primaryKey);
  const shuffle = options["sink.shuffle-by-partition.enable"]?.trim().toLowerCase() === "true";
  return shuffle && partitionKeys.length > 0 ? hashBy(partitionKeys) : forward;
}

/** What the session's options ask of lengths and nested values. */
function sinkConstraints(
  planner: PhysicalPlanner,
  schema: Schema,
): Pick<SinkNode, "typeLengthEnforcer" | "nestedConstraintEnforcer"> {
  const asked = (key: string) => planner.options.option(key)?.toUpperCase();
  const length = asked("table.exec.sink.type-length-enforcer");
  const nested = asked("table.exec.sink.nested-constraint-enforcer");
  const collections = nested === "ROWS_AND_COLLECTIONS";
  if (length === "TRIM_PAD" && collections && schema.fields.some(({ type }) => collects(type)))
    throw planErrors.SINK_CONSTRAINTS({
      message:
        "Trimming and/or padding is not supported if constraint checking is enabled on types nested in collections.",
    });
  return {
    ...(length === "TRIM_PAD" || length === "ERROR" ? { typeLengthEnforcer: length } : {}),
    ...(collections || nested === "ROWS" ? { nestedConstraintEnforcer: nested } : {}),
  };
}

/** Whether a type holds collections, at any depth. */
function collects(type: LogicalType): boolean {
  if (type.kind === "ROW" || type.kind === "STRUCTURED")
    return type.fields.some((field) => collects(field.type));
  return type.kind === "ARRAY" || type.kind === "MAP" || type.kind === "MULTISET";
}

/** Files can be replaced when a bounded job ends; a stream has no such moment. */
const OVERWRITERS = new Set(["filesystem", "values", "blackhole"]);

export function canOverwrite(connector: string): boolean {
  return OVERWRITERS.has(connector);
}

function checkOverwrite(planner: PhysicalPlanner, rel: SinkRel, connector: string): void {
  if (!rel.overwrite) return;
  const name = identifierText(rel.table.identifier);
  if (!canOverwrite(connector))
    throw planErrors.OVERWRITE({
      message: `INSERT OVERWRITE requires that the underlying sink of table '${name}' implements overwriting, but connector '${connector}' does not.`,
      remedy: "Use INSERT INTO, or write to a filesystem table.",
    });
  if (planner.options.mode !== "batch")
    throw planErrors.OVERWRITE({
      message: `Streaming mode not support overwrite: table '${name}' can be overwritten by bounded queries only.`,
      remedy: "SET 'execution.runtime-mode' = 'batch', or use INSERT INTO.",
    });
}

/** The sink's own names; rows stay as they are. */
function renamed(planner: PhysicalPlanner, node: PhysNode, schema: Schema): PhysNode {
  const same = schema.fields.every((f, i) => f.name === node.schema.fields[i]?.name);
  if (same || node.spec.type !== "Calc") return node;
  const fields = schema.fields.map((f, i) => ({
    name: f.name,
    type: node.schema.fields[i]!.type,
  }));
  return planner.factory.make(
    node.spec,
    node.inputs,
    { fields },
    {
      kinds: node.kinds,
      upsertKeys: node.upsertKeys,
    },
  );
}

function describeProducer(node: PhysNode): string {
  let current = node;
  while (current.spec.type === "Calc") current = current.inputs[0]!.node;
  return current.spec.type;
}

export function holdsUpsertKey(primaryKey: readonly number[], keys: UpsertKeys): boolean {
  return keys.some((key) => key.every((index) => primaryKey.includes(index)));
}

function materializes(
  planner: PhysicalPlanner,
  rel: SinkRel,
  input: PhysNode,
  mode: ChangelogMode,
  primaryKey: readonly number[],
): boolean {
  const name = identifierText(rel.table.identifier);
  const upsertSink = mode === "upsert" && primaryKey.length > 0;
  if (rel.onConflict !== undefined && !upsertSink)
    throw planErrors.ON_CONFLICT_NOT_ALLOWED({ table: name });
  if (planner.options.mode === "batch")
    return (
      (rel.onConflict === "ERROR" || rel.onConflict === "NOTHING") &&
      !holdsUpsertKey(primaryKey, input.upsertKeys)
    );
  const setting = planner.options.option("table.exec.sink.upsert-materialize")?.toUpperCase();
  if (setting === "FORCE") return primaryKey.length > 0 && mode !== "retract";
  if (!upsertSink || setting === "NONE") return false;
  if (isInsertOnly(input) && rel.onConflict === "DEDUPLICATE") return false;
  if (rel.onConflict === "ERROR" || rel.onConflict === "NOTHING")
    requireWatermarks(rel, rel.onConflict);
  if (holdsUpsertKey(primaryKey, input.upsertKeys)) return false;
  const required = planner.options.option("table.exec.sink.require-on-conflict") !== "false";
  const field = (index: number) => input.schema.fields[index]!.name;
  if (rel.onConflict === undefined && required)
    throw planErrors.ON_CONFLICT_REQUIRED({
      table: name,
      primaryKey: primaryKey.map((i) => rel.table.columns[i]!.name).join(", "),
      upsertKey: input.upsertKeys.map((key) => key.map(field).join(", ")).join("; ") || "none",
    });
  return true;
}

/** ERROR and NOTHING wait for the watermark to know that a conflict is one. */
function requireWatermarks(rel: RelNode, behaviour: string): void {
  if (rel.kind === "scan" && rel.table.watermark === undefined)
    throw planErrors.WINDOW_PLAN({
      message: `ON CONFLICT DO ${behaviour} requires all source tables to define watermarks, but the table '${identifierText(rel.table.identifier)}' does not define a watermark.`,
      remedy: "Add WATERMARK FOR … to the source table, or use ON CONFLICT DO DEDUPLICATE.",
    });
  for (const input of relInputs(rel)) requireWatermarks(input, behaviour);
}
