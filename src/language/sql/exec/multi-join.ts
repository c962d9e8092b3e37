/**
 * MultiJoin: INNER and LEFT joins in a row that share a key become one node.
 *
 * Flow:    join-planner → here, for a join that is no interval, window or temporal join, with table.optimizer.multi-join.enabled
 *          or the hint MULTI_JOIN. A join over a MultiJoin (plain columns of it) goes into it; each other one begins a new one.
 *          Where the option is not set, INNER joins become one if that can only save: rows that never change, the whole
 *          condition is the shared key, nothing expires. The rows in between, which joins in a row keep, are then not kept.
 * Key:     equations of plain columns that go on from input to input. What is not equated with every input stays a condition.
 * Binary:  RIGHT, FULL, SEMI and ANTI joins, and those without an equation.
 * Source:  Flink JoinToMultiJoinRule, AttributeBasedJoinKeyExtractor, StreamPhysicalMultiJoin.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { call, type Expression, input, inputRefs } from "../../../foundation/plan/expression.ts";
import { TRUE, and, conjuncts, equalsCall, isTrue, remapRefs } from "../rel/expressions.ts";
import { joinSchema, withoutAttributes } from "../rel/rel-builder.ts";
import type { JoinRel, TtlHint } from "../rel/rel-node.ts";
import type { JoinKeys } from "./join-planner.ts";
import {
  ALL,
  hashBy,
  isInsertOnly,
  type PhysNode,
  type PhysSpecOf,
  type UpsertKeys,
} from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { exchangeKeys, joinSide } from "./upsert-keys.ts";

type MultiJoinSpec = PhysSpecOf<"MultiJoin">;

/** Joins that have become one, or may. */
interface Chain {
  readonly inputs: readonly PhysNode[];
  readonly schema: Schema;
  readonly joinTypes: readonly ("INNER" | "LEFT")[];
  readonly keys: readonly (readonly number[])[];
  readonly conditions: readonly Expression[];
  readonly ttls: readonly (TtlHint | undefined)[];
}

/** A chain behind nothing but plain columns. */
interface Below {
  readonly chain: Chain;
  /** For each field of the node above it the chain's. */
  readonly columns: readonly number[];
}

interface Sides {
  readonly keys: JoinKeys;
  readonly left: PhysNode;
  readonly right: PhysNode;
}

/** The node with the fields of `left` and `right`, or undefined where two inputs are joined as ever. */
export function planMultiJoin(
  planner: PhysicalPlanner,
  rel: JoinRel,
  sides: Sides,
): PhysNode | undefined {
  const { type } = rel;
  if ((type !== "INNER" && type !== "LEFT") || planner.options.mode !== "streaming")
    return undefined;
  const pairs = sides.keys.leftKeys.flatMap((left, i) =>
    sides.keys.filterNulls[i] === true ? [[left, sides.keys.rightKeys[i]!] as const] : [],
  );
  if (pairs.length === 0) return undefined;
  const enabled = planner.options.option("table.optimizer.multi-join.enabled")?.toLowerCase();
  if (enabled === "true" || rel.hints.multiJoin === true) {
    const below = chainBelow(sides.left, multiJoinChain);
    const into = below === undefined ? undefined : combined(rel, type, sides, below);
    return into === undefined
      ? nodeOf(planner, begun(rel, type, sides, pairs))
      : withColumns(planner, type, sides, below!.columns, nodeOf(planner, into));
  }
  return enabled === undefined ? planUnasked(planner, rel, sides) : undefined;
}

/** Where one node does what two do with less: see above. */
function planUnasked(planner: PhysicalPlanner, rel: JoinRel, sides: Sides): PhysNode | undefined {
  const { hints, type } = rel;
  const { keys, left, right } = sides;
  if (type !== "INNER" || planner.options.stateTtlMs !== undefined) return undefined;
  if (hints.leftTtl !== undefined || hints.rightTtl !== undefined) return undefined;
  if (hints.strategies !== undefined || keys.extended) return undefined;
  if (!isTrue(keys.condition) || !keys.filterNulls.every(Boolean)) return undefined;
  if (!isInsertOnly(left) || !isInsertOnly(right)) return undefined;
  const below = chainBelow(left, pureChain);
  if (below === undefined) return undefined;
  const into = combined(rel, type, sides, below);
  // All of the key is shared, and nothing beside it is compared.
  const size = below.chain.keys[0]!.length;
  if (into?.keys[0]?.length !== size) return undefined;
  if (new Set(keys.rightKeys).size !== size || keys.rightKeys.length !== size) return undefined;
  return withColumns(planner, type, sides, below.columns, nodeOf(planner, into));
}

/** A chain of two inputs. */
function begun(
  rel: JoinRel,
  type: "INNER" | "LEFT",
  { keys, left, right }: Sides,
  pairs: readonly (readonly [number, number])[],
): Chain {
  const sorted = sortedPairs(pairs);
  return {
    inputs: [left, right],
    schema: joined(left.schema, right.schema, type),
    joinTypes: [type],
    keys: [sorted.map(([field]) => field), sorted.map(([, field]) => field)],
    conditions: [wholeCondition(rel, keys)],
    ttls: [rel.hints.leftTtl, rel.hints.rightTtl],
  };
}

/** The right side as the last input of what is below; undefined where they share no key. */
function combined(
  rel: JoinRel,
  type: "INNER" | "LEFT",
  { keys, left, right }: Sides,
  { chain, columns }: Below,
): Chain | undefined {
  const firsts = firstFields(chain.inputs);
  const pairs = keys.leftKeys.flatMap((field, i) =>
    keys.filterNulls[i] === true ? [[columns[field]!, keys.rightKeys[i]!] as const] : [],
  );
  const kept = chain.keys[0]!.flatMap((_, at) => {
    const pair = pairs.find(([field]) =>
      chain.keys.some((of, i) => firsts[i]! + of[at]! === field),
    );
    return pair === undefined ? [] : [{ at, right: pair[1] }];
  });
  if (kept.length === 0) return undefined;
  const width = left.schema.fields.length;
  const total = chain.schema.fields.length;
  const condition = remapRefs(wholeCondition(rel, keys), (index) =>
    index < width ? columns[index]! : index - width + total,
  );
  return {
    inputs: [...chain.inputs, right],
    schema: joined(chain.schema, right.schema, type),
    joinTypes: [...chain.joinTypes, type],
    keys: [
      ...chain.keys.map((of) => kept.map(({ at }) => of[at]!)),
      kept.map(({ right: field }) => field),
    ],
    conditions: [...chain.conditions, condition],
    ttls: [...chain.ttls, rel.hints.rightTtl],
  };
}

/** `made` with the columns of the left side that the join was written over. */
function withColumns(
  planner: PhysicalPlanner,
  type: "INNER" | "LEFT",
  { left, right }: Sides,
  columns: readonly number[],
  made: PhysNode,
): PhysNode {
  const total = made.schema.fields.length - right.schema.fields.length;
  if (columns.length === total && columns.every((column, i) => column === i)) return made;
  const indexes = [...columns, ...right.schema.fields.map((_, i) => total + i)];
  const fields = joined(left.schema, right.schema, type);
  const refs = indexes.map((index) => input(index, made.schema.fields[index]!.type));
  return planner.calc(made, refs, TRUE, fields);
}

/** The chain that `node` is, or one behind nothing but plain columns. */
function chainBelow(
  node: PhysNode,
  chainOf: (node: PhysNode) => Chain | undefined,
): Below | undefined {
  const own = chainOf(node);
  if (own !== undefined) return { chain: own, columns: node.schema.fields.map((_, i) => i) };
  const { spec } = node;
  if (spec.type !== "Calc" || spec.condition !== undefined) return undefined;
  const chain = chainOf(node.inputs[0]!.node);
  const columns = spec.projection.flatMap((e) => (e.kind === "input" ? [e.index] : []));
  return chain !== undefined && columns.length === spec.projection.length
    ? { chain, columns }
    : undefined;
}

function multiJoinChain({ spec, inputs, schema }: PhysNode): Chain | undefined {
  if (spec.type !== "MultiJoin") return undefined;
  const { joinTypes, keys, conditions, sides } = spec;
  return {
    inputs: inputs.map(({ node }) => node),
    schema,
    joinTypes,
    keys,
    conditions,
    ttls: sides.map(ttlOfSide),
  };
}

/** A MultiJoin of rows that never change nor expire, or a join that could begin one. */
function pureChain(node: PhysNode): Chain | undefined {
  const { spec, schema } = node;
  if (spec.type === "MultiJoin") {
    const chain = isInsertOnly(node) ? multiJoinChain(node) : undefined;
    return chain?.ttls.every((ttl) => ttl === undefined) === true ? chain : undefined;
  }
  if (spec.type !== "Join" || spec.joinType !== "INNER" || !isInsertOnly(node)) return undefined;
  const { leftKeys, rightKeys, filterNulls, strategyHints } = spec;
  if (spec.condition !== undefined || strategyHints !== undefined) return undefined;
  if (spec.left.stateTtlMs !== undefined || spec.right.stateTtlMs !== undefined) return undefined;
  if (leftKeys.length === 0 || !filterNulls.every(Boolean)) return undefined;
  const sorted = sortedPairs(leftKeys.map((key, i) => [key, rightKeys[i]!]));
  const [left, right] = node.inputs.map((edge) => edge.node);
  const width = left!.schema.fields.length;
  const equations = leftKeys.map((key, i) => {
    const other = right!.schema.fields[rightKeys[i]!]!;
    return equalsCall(
      input(key, left!.schema.fields[key]!.type),
      input(rightKeys[i]! + width, other.type),
    );
  });
  return {
    inputs: [left!, right!],
    schema,
    joinTypes: ["INNER"],
    keys: [sorted.map(([key]) => key), sorted.map(([, key]) => key)],
    conditions: [and(equations)],
    ttls: [undefined, undefined],
  };
}

function nodeOf(planner: PhysicalPlanner, chain: Chain): PhysNode {
  const { inputs, joinTypes, keys, conditions, ttls, schema } = chain;
  const isInner = joinTypes.every((type) => type === "INNER");
  return planner.factory.make(
    {
      type: "MultiJoin",
      joinTypes,
      keys,
      conditions,
      sides: inputs.map(({ upsertKeys }, i) => {
        const ttl = ttls[i];
        return {
          ...joinSide(upsertKeys, keys[i]!),
          ...(ttl === undefined ? {} : { stateTtlMs: ttl.ms, stateTtlHint: ttl.text }),
        };
      }),
    },
    inputs.map((node, i) => ({ node, distribution: hashBy(keys[i]!) })),
    schema,
    {
      kinds: isInner ? inputs.reduce((sum, { kinds }) => sum | kinds, 0) : ALL,
      upsertKeys: chainKeys(chain),
    },
  );
}

/** As if the inputs were joined one after another, all of them distributed by the common key. */
function chainKeys({ inputs, joinTypes, keys, conditions }: Chain): UpsertKeys {
  let width = inputs[0]!.schema.fields.length;
  let known = exchangeKeys(inputs[0]!.upsertKeys, keys[0]!);
  let whole = inputs[0]!.upsertKeys;
  joinTypes.forEach((type, at) => {
    const right = inputs[at + 1]!;
    const [on, onRight] = equatedFields(conditions[at]!, width);
    const rights = exchangeKeys(right.upsertKeys, keys[at + 1]!);
    const shifted = rights.map((key) => key.map((index) => index + width));
    const within = (of: UpsertKeys, fields: readonly number[]) =>
      of.some((key) => key.every((index) => fields.includes(index)));
    const all = known.flatMap((a) => shifted.map((b) => [...a, ...b]));
    if (within(right.upsertKeys, onRight)) all.push(...known.map((key) => [...key]));
    if (type === "INNER" && within(whole, on)) all.push(...shifted);
    known = all;
    whole = all;
    width += right.schema.fields.length;
  });
  return known;
}

/** Fields before, and fields of the input that begins at `width`, that plain equations compare. */
function equatedFields(condition: Expression, width: number): [number[], number[]] {
  const left: number[] = [];
  const right: number[] = [];
  for (const part of conjuncts(condition)) {
    if (part.kind !== "call" || part.function !== "EQUALS") continue;
    const [a, b] = part.args;
    if (a?.kind !== "input" || b?.kind !== "input" || a.index < width === b.index < width) continue;
    left.push(Math.min(a.index, b.index));
    right.push(Math.max(a.index, b.index) - width);
  }
  return [left, right];
}

/** The condition over the (extended) sides, as it was written where the sides are as they were. */
function wholeCondition(rel: JoinRel, keys: JoinKeys): Expression {
  if (!keys.extended) return rel.condition ?? and([]);
  const width = keys.left.schema.fields.length;
  const parts = keys.leftKeys.map((left, i) => {
    const right = keys.rightKeys[i]!;
    const a = input(left, keys.left.schema.fields[left]!.type);
    const b = input(right + width, keys.right.schema.fields[right]!.type);
    return keys.filterNulls[i] === true
      ? equalsCall(a, b)
      : call("IS_NOT_DISTINCT_FROM", [a, b], types.boolean(false));
  });
  return and([...parts, ...conjuncts(keys.condition)]);
}

/** Each pair once, in the order of the left fields. */
function sortedPairs(
  pairs: readonly (readonly [number, number])[],
): readonly (readonly [number, number])[] {
  return pairs
    .filter(([a, b], i) => pairs.findIndex(([c, d]) => a === c && b === d) === i)
    .toSorted(([a], [b]) => a - b);
}

const joined = (left: Schema, right: Schema, type: "INNER" | "LEFT"): Schema =>
  withoutAttributes(joinSchema(left, right, type));

/** By input its first field of the output. */
function firstFields(inputs: readonly PhysNode[]): number[] {
  let next = 0;
  return inputs.map(({ schema }) => {
    const first = next;
    next += schema.fields.length;
    return first;
  });
}

function ttlOfSide({ stateTtlMs, stateTtlHint }: MultiJoinSpec["sides"][number]) {
  return stateTtlMs === undefined || stateTtlHint === undefined
    ? undefined
    : { ms: stateTtlMs, text: stateTtlHint };
}

/**
 * Whether updates of an input may come without what they replace: they stay on their key's rows, and no condition looks at more
 * of them than their key.
 */
export function updatesByCommonKey(node: PhysNode, index: number): boolean {
  const { spec } = node;
  if (spec.type !== "MultiJoin") return false;
  const on = spec.keys[index]!;
  const first = firstFields(node.inputs.map((edge) => edge.node))[index]!;
  const width = node.inputs[index]!.node.schema.fields.length;
  const read = new Set(
    spec.conditions
      .flatMap((condition) => [...inputRefs(condition)])
      .map((field) => field - first)
      .filter((field) => field >= 0 && field < width),
  );
  return node.inputs[index]!.node.upsertKeys.some(
    (key) =>
      on.every((field) => key.includes(field)) &&
      [...read].every((field) => key.includes(field) || on.includes(field)),
  );
}
