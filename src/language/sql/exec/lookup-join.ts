/**
 * LookupJoin: FOR SYSTEM_TIME AS OF a processing time, on a table whose connector answers by key.
 *
 * The right side must be that table with filters and projections only; its columns are asked for, never scanned.
 */
import type { Expression } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { call, input, inputRefs } from "../../../foundation/plan/expression.ts";
import { type ResolvedTable, sourceColumns } from "../catalog/catalog-objects.ts";
import { planErrors } from "../errors.ts";
import {
  TRUE,
  and,
  conjuncts,
  isCall,
  isLiteral,
  isTrue,
  equalsCall,
  shiftRefs,
  substitute,
} from "../rel/expressions.ts";
import { joinSchema } from "../rel/rel-builder.ts";
import type { JoinRel, LookupHint, RelNode, ScanRel } from "../rel/rel-node.ts";
import { calcChain } from "./calc-chain.ts";
import type { JoinKeys } from "./join-planner.ts";
import { distributionOf, keptBy } from "./keep-answers.ts";
import { type PhysNode, type PhysSpecOf, isInsertOnly } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import type { PlanOptions } from "./plan-options.ts";
import { tableSpec } from "./scan-planner.ts";

interface LookupKey {
  readonly field: number;
  readonly value: Expression;
}

/** The table behind the right side when the join is a lookup: its scan is not planned as a source. */
export function lookupScan(rel: RelNode, options: PlanOptions): ScanRel | undefined {
  if (rel.kind !== "join" || rel.temporal === undefined) return undefined;
  const { type } = rel.temporal;
  const processing = "timeAttribute" in type && type.timeAttribute === "PROCTIME";
  const { base } = calcChain(rel.right);
  if (!processing || base.kind !== "scan") return undefined;
  const table = { ...base.table, options: { ...base.table.options, ...base.dynamicOptions } };
  return options.source(table).lookup ? base : undefined;
}

export function planLookupJoin(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
): PhysNode | undefined {
  const scan = lookupScan(rel, planner.options);
  if (scan === undefined) return undefined;
  if (!planner.options.hasNode("LookupJoin"))
    throw planErrors.NODE_MISSING({
      what: "A lookup join",
      remedy: "Use a regular join, whose result follows changes of the right table.",
    });
  const left = planner.plan(keys.left);
  const chain = sourceChain(keys.right, scan.table);
  const used = new Set<number>();
  for (const e of [...chain.projection, ...chain.conditions])
    for (const index of inputRefs(e)) used.add(index);
  const columns = [...used].sort((a, b) => a - b);
  const lookupKeys = keys.rightKeys.flatMap((right, i): LookupKey[] => {
    const column = chain.projection[right]!;
    const key = keys.leftKeys[i]!;
    const value: Expression = input(key, left.schema.fields[key]!.type);
    return column.kind === "input" && keys.filterNulls[i] ? [{ field: column.index, value }] : [];
  });
  // Constants, be they in a filter of the table or in the join's condition.
  const width = keys.left.schema.fields.length;
  const onRight = conjuncts(keys.condition).flatMap((part) => {
    const refs = [...inputRefs(part)];
    if (refs.length === 0 || refs.some((index) => index < width)) return [];
    return [substitute(shiftRefs(part, -width), chain.projection)];
  });
  for (const part of [...chain.conditions, ...onRight]) {
    const key = constantKey(part);
    if (key !== undefined && !lookupKeys.some(({ field }) => field === key.field))
      lookupKeys.push(key);
  }
  if (lookupKeys.length === 0)
    throw planErrors.JOIN_CONDITION({
      message: "A lookup join needs an equality with a column of the looked-up table",
      remedy: "Join on a column of the table, not on an expression of it.",
    });
  return assemble(planner, rel, keys, { scan, left, chain, columns, lookupKeys });
}

/** `column = constant`, either way round. */
function constantKey(part: Expression): LookupKey | undefined {
  if (!isCall(part, "EQUALS")) return undefined;
  const [a, b] = part.args as [Expression, Expression];
  if (a.kind === "input" && isLiteral(b)) return { field: a.index, value: b };
  return b.kind === "input" && isLiteral(a) ? { field: b.index, value: a } : undefined;
}

interface SourceChain {
  readonly projection: readonly Expression[];
  readonly conditions: readonly Expression[];
}

/** What the right side computes, over the columns that the connector has: computed ones are put in. */
function sourceChain(right: RelNode, table: ResolvedTable): SourceChain {
  const chain = calcChain(right);
  const source = sourceColumns(table);
  const columns = table.columns.map(
    (column): Expression =>
      column.kind === "computed" ? column.expression : input(source.indexOf(column), column.type),
  );
  return {
    projection: chain.projection.map((e) => substitute(e, columns)),
    conditions: chain.conditions.map((e) => substitute(e, columns)),
  };
}

function assemble(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
  parts: {
    readonly scan: ScanRel;
    readonly left: PhysNode;
    readonly chain: SourceChain;
    /** Of the connector's columns. */
    readonly columns: readonly number[];
    readonly lookupKeys: readonly LookupKey[];
  },
): PhysNode {
  const { scan, left, chain, columns, lookupKeys } = parts;
  const table = { ...scan.table, options: { ...scan.table.options, ...scan.dynamicOptions } };
  const source = sourceColumns(table);
  const width = left.schema.fields.length;
  const fields = columns.map((c) => ({ name: source[c]!.name, type: source[c]!.type }));
  // Expressions over the table's columns become ones over the input's fields and `columns`.
  const moved: Expression[] = source.map((column, i) =>
    input(width + Math.max(0, columns.indexOf(i)), column.type),
  );
  const rights = chain.projection.map((e) => substitute(e, moved));
  const lefts = left.schema.fields.map((field, i) => input(i, field.type));
  const all = [...lefts, ...rights];
  const equalities = keys.leftKeys.map((key, i) => ({
    left: lefts[key]!,
    right: rights[keys.rightKeys[i]!]!,
    covered: chain.projection[keys.rightKeys[i]!]!.kind === "input" && keys.filterNulls[i],
    filterNulls: keys.filterNulls[i],
  }));
  const rest = [
    ...chain.conditions.map((e) => substitute(e, moved)),
    ...conjuncts(keys.condition).map((e) => substitute(e, all)),
    ...equalities
      .filter((entry) => !entry.covered)
      .map(({ left: a, right: b, filterNulls }) =>
        filterNulls ? equalsCall(a, b) : call("IS_NOT_DISTINCT_FROM", [a, b], types.boolean(false)),
      ),
  ];
  const condition = and(rest);
  const joined = joinSchema(left.schema, { fields }, rel.type);
  const shuffles = rel.hints.lookup?.shuffle === true && keys.leftKeys.length > 0;
  const kept = keptBy(planner.options, left);
  const node = planner.factory.make(
    {
      type: "LookupJoin",
      joinType: rel.type === "LEFT" ? "LEFT" : "INNER",
      table: tableSpec(table, source),
      projection: columns.map((c) => [c]),
      lookupKeys,
      ...(isTrue(condition) ? {} : { condition }),
      ...(isAskedByKey(table.options) && isInsertOnly(left) ? { inputInserts: true } : {}),
      ...kept,
      ...asked(rel.hints.lookup, table.options),
    },
    [{ node: left, distribution: distributionOf(kept, shuffles ? keys.leftKeys : []) }],
    joined,
    { kinds: left.kinds, upsertKeys: left.upsertKeys },
  );
  const schema = joinSchema(keys.left.schema, keys.right.schema, rel.type);
  return planner.calc(node, all, TRUE, schema);
}

function isAskedByKey(options: Readonly<Record<string, string>>): boolean {
  return !["", "FULL"].includes((options["lookup.cache"] ?? "").toUpperCase());
}

/** What the plan says of a LOOKUP hint. A table that is kept whole and never read again has no other answer later. */
function asked(
  hint: LookupHint | undefined,
  options: Readonly<Record<string, string>>,
): Pick<PhysSpecOf<"LookupJoin">, "retry" | "async"> {
  if (hint === undefined) return {};
  const { retry, unordered, timeoutMs, capacity } = hint;
  const reloaded = Object.keys(options).some((key) => key.startsWith("lookup.full-cache."));
  if (retry !== undefined && reloaded)
    throw planErrors.NODE_MISSING({
      what: "A LOOKUP hint with retries on a table that is read again",
      remedy: "Leave out the retry options, or the table's lookup.full-cache options.",
    });
  return {
    ...(hint.async === true ? { async: { unordered, timeoutMs, capacity } } : {}),
    ...(retry === undefined ? {} : { retry }),
  };
}
