/**
 * Joins: keys out of the condition, window joins, state layout by unique keys.
 *
 * Keys that are expressions become columns of their side first, and are dropped behind the join.
 * Source: Flink StreamPhysicalJoinRule, StreamPhysicalWindowJoinRule. Errors: MR2201 joins without a node.
 */
import type { JoinedWindow } from "../../../foundation/plan/exec-node.ts";
import { type Expression, input } from "../../../foundation/plan/expression.ts";
import {
  TRUE,
  and,
  conjuncts,
  digest,
  isCall,
  isTrue,
  refsWithin,
  shiftRefs,
} from "../rel/expressions.ts";
import { extend, joinSchema, withoutAttributes } from "../rel/rel-builder.ts";
import type { JoinHints, JoinRel, RelNode, TtlHint } from "../rel/rel-node.ts";
import { joinWindows, type WindowProperties } from "../rel/window-properties.ts";
import { planIntervalJoin, planTemporalJoin } from "./time-joins.ts";
import { ALL, INSERT, type PhysNode, hashBy } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { planMultiJoin } from "./multi-join.ts";
import { planSnapshotJoin } from "./snapshot-join.ts";
import { joinSide, joinUpsertKeys } from "./upsert-keys.ts";

export interface JoinKeys {
  readonly left: RelNode;
  readonly right: RelNode;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly filterNulls: readonly boolean[];
  /** Over the (extended) sides; TRUE when the keys say all. */
  readonly condition: Expression;
  readonly extended: boolean;
}

export function joinKeys(rel: JoinRel): JoinKeys {
  const width = rel.left.schema.fields.length;
  const total = width + rel.right.schema.fields.length;
  const isLeft = (index: number) => index < width;
  const isRight = (index: number) => index >= width && index < total;
  const leftAdded: Expression[] = [];
  const rightAdded: Expression[] = [];
  const leftKeys: number[] = [];
  const rightKeys: number[] = [];
  const filterNulls: boolean[] = [];
  const rest: Expression[] = [];
  const place = (e: Expression, base: number, added: Expression[]): number => {
    if (e.kind === "input") return e.index;
    const known = added.findIndex((other) => digest(other) === digest(e));
    return base + (known >= 0 ? known : added.push(e) - 1);
  };
  for (const part of conjuncts(rel.condition)) {
    const equal = isCall(part, "EQUALS");
    const sides = equal || isCall(part, "IS_NOT_DISTINCT_FROM") ? part.args : [];
    const [a, b] = sides;
    const constant = (e: Expression) => refsWithin(e, () => false);
    if (a === undefined || b === undefined || constant(a) || constant(b)) rest.push(part);
    else {
      const straight = refsWithin(a, isLeft) && refsWithin(b, isRight);
      const crossed = refsWithin(b, isLeft) && refsWithin(a, isRight);
      if (!straight && !crossed) rest.push(part);
      else {
        const [l, r] = straight ? [a, b] : [b, a];
        leftKeys.push(place(l, width, leftAdded));
        rightKeys.push(place(shiftRefs(r, -width), total - width, rightAdded));
        filterNulls.push(equal);
      }
    }
  }
  const shifted = rest.map((e) => shiftRefs(e, leftAdded.length, width));
  const named = (added: readonly Expression[]) => added.map((_, i) => `$f${i}`);
  return {
    left: extend(rel.left, leftAdded, named(leftAdded)),
    right: extend(rel.right, rightAdded, named(rightAdded)),
    leftKeys,
    rightKeys,
    filterNulls,
    condition: and(shifted),
    extended: leftAdded.length + rightAdded.length > 0,
  };
}

export function planJoin(planner: PhysicalPlanner, rel: JoinRel): PhysNode {
  const keys = joinKeys(rel);
  if (rel.temporal !== undefined)
    return dropAdded(planner, rel, keys, planTemporalJoin(planner, rel, keys));
  if (rel.hints.snapshot !== undefined && planner.options.mode === "streaming")
    return dropAdded(planner, rel, keys, planSnapshotJoin(planner, rel, keys, rel.hints.snapshot));
  const left = planner.plan(keys.left);
  const right = planner.plan(keys.right);
  const windowed = planner.options.mode === "streaming" && !keys.extended && joinWindows(rel);
  if (windowed) return planWindowJoin(planner, rel, keys, { left, right, windowed });
  const interval = planIntervalJoin(planner, rel, keys, left, right);
  if (interval !== undefined) return dropAdded(planner, rel, keys, interval);
  const multi = planMultiJoin(planner, rel, { keys, left, right });
  if (multi !== undefined) return dropAdded(planner, rel, keys, multi);
  const schema = withoutAttributes(joinSchema(left.schema, right.schema, rel.type));
  const inner = rel.type === "INNER" || rel.type === "SEMI";
  const batch = planner.options.mode === "batch";
  const strategies = strategyHints(rel.hints);
  const node = planner.factory.make(
    {
      type: "Join",
      joinType: rel.type,
      leftKeys: keys.leftKeys,
      rightKeys: keys.rightKeys,
      filterNulls: keys.filterNulls,
      ...(isTrue(keys.condition) ? {} : { condition: keys.condition }),
      left: {
        ...joinSide(left.upsertKeys, keys.leftKeys),
        ...ttlOf(rel.hints.leftTtl),
      },
      right: {
        ...joinSide(right.upsertKeys, keys.rightKeys),
        ...ttlOf(rel.hints.rightTtl),
      },
      ...(strategies === undefined ? {} : { strategyHints: strategies }),
    },
    [
      { node: left, distribution: hashBy(keys.leftKeys) },
      { node: right, distribution: hashBy(keys.rightKeys) },
    ],
    schema,
    {
      kinds:
        batch && (left.kinds | right.kinds) === INSERT
          ? INSERT
          : inner
            ? left.kinds | right.kinds
            : ALL,
      upsertKeys: joinUpsertKeys(
        rel.type,
        { keys: left.upsertKeys, on: keys.leftKeys },
        { keys: right.upsertKeys, on: keys.rightKeys },
        left.schema.fields.length,
      ),
    },
  );
  return dropAdded(planner, rel, keys, node);
}

/** MULTI_JOIN among them: a join that could follow it is no binary one. */
function strategyHints({ strategies, multiJoin }: JoinHints): readonly string[] | undefined {
  return multiJoin === true
    ? [...(strategies ?? []), "MULTI_JOIN options:[LEFT, RIGHT]"]
    : strategies;
}

function ttlOf(hint: TtlHint | undefined) {
  return hint === undefined ? {} : { stateTtlMs: hint.ms, stateTtlHint: hint.text };
}

/** Without the key columns that were added to the sides. */
export function dropAdded(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
  node: PhysNode,
): PhysNode {
  if (!keys.extended) return node;
  const width = rel.left.schema.fields.length;
  const added = keys.left.schema.fields.length - width;
  const only = rel.type === "SEMI" || rel.type === "ANTI";
  const rights = only ? [] : rel.right.schema.fields.map((_, i) => width + added + i);
  const indexes = [...rel.left.schema.fields.map((_, i) => i), ...rights];
  const refs = indexes.map((index) => input(index, node.schema.fields[index]!.type));
  return planner.calc(node, refs, TRUE, rel.schema);
}

function planWindowJoin(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
  sides: {
    readonly left: PhysNode;
    readonly right: PhysNode;
    readonly windowed: NonNullable<ReturnType<typeof joinWindows>>;
  },
): PhysNode {
  const { left, right, windowed } = sides;
  const consumer = "StreamPhysicalWindowJoin";
  planner.requireInsertOnly(left, consumer);
  planner.requireInsertOnly(right, consumer);
  const rest = keys.leftKeys.filter(
    (key) => !windowed.left.starts.includes(key) && !windowed.left.ends.includes(key),
  );
  const restRight = keys.rightKeys.filter(
    (key) => !windowed.right.starts.includes(key) && !windowed.right.ends.includes(key),
  );
  return planner.factory.make(
    {
      type: "WindowJoin",
      joinType: rel.type,
      leftKeys: keys.leftKeys,
      rightKeys: keys.rightKeys,
      leftWindowEnd: keyWithin(keys.leftKeys, windowed.left.ends),
      rightWindowEnd: keyWithin(keys.rightKeys, windowed.right.ends),
      attribute: windowed.left.window.time.attribute,
      windows: [
        joinedWindow(windowed.left, keys.leftKeys),
        joinedWindow(windowed.right, keys.rightKeys),
      ],
      ...(isTrue(keys.condition) ? {} : { condition: keys.condition }),
    },
    [
      { node: left, distribution: hashBy(rest) },
      { node: right, distribution: hashBy(restRight) },
    ],
    joinSchema(left.schema, right.schema, rel.type),
    { kinds: INSERT },
  );
}

function joinedWindow(
  { window: written, starts, ends }: WindowProperties,
  keys: readonly number[],
): JoinedWindow {
  const { isGroupWindow: _, ...window } = written;
  return { window, start: keyWithin(keys, starts), end: keyWithin(keys, ends) };
}

function keyWithin(keys: readonly number[], columns: readonly number[]): number {
  return keys.find((key) => columns.includes(key)) ?? columns[0]!;
}
