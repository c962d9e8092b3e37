/**
 * Upsert keys: which sets of fields identify a row among a node's changes.
 *
 * Source: Flink FlinkRelMdUpsertKeys. A hash exchange keeps only keys that hold its distribution keys, because changes of
 *         one row may otherwise take two ways and overtake each other.
 */
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { JoinType } from "../../../foundation/plan/exec-node.ts";
import type { UpsertKeys } from "./phys-node.ts";

/** Keys whose fields a projection passes on. */
export function projectKeys(keys: UpsertKeys, projection: readonly Expression[]): UpsertKeys {
  const positions = new Map<number, number>();
  projection.forEach((expression, i) => {
    const source = sourceOf(expression);
    if (source !== undefined && !positions.has(source)) positions.set(source, i);
  });
  const result: number[][] = [];
  for (const key of keys) {
    const mapped = key.map((index) => positions.get(index));
    if (mapped.every((index) => index !== undefined)) result.push(mapped as number[]);
  }
  return result;
}

/** A field itself, or a cast of it that keeps different values different. */
function sourceOf(expression: Expression): number | undefined {
  if (expression.kind === "input") return expression.index;
  if (expression.kind !== "call" || expression.function !== "CAST") return undefined;
  const inner = expression.args[0]!;
  return inner.kind === "input" && injective(inner.type, expression.type) ? inner.index : undefined;
}

const WIDTH: Readonly<Record<string, number>> = { TINYINT: 1, SMALLINT: 2, INTEGER: 3, BIGINT: 4 };

function injective(from: Expression["type"], to: Expression["type"]): boolean {
  const a = WIDTH[from.kind];
  const b = WIDTH[to.kind];
  if (a !== undefined && b !== undefined) return b >= a;
  if ("length" in from && "length" in to) return to.length >= from.length;
  if ((a !== undefined || from.kind === "BOOLEAN" || from.kind === "DATE") && to.kind === "VARCHAR")
    return to.length >= 20;
  return false;
}

export function exchangeKeys(keys: UpsertKeys, distribution: readonly number[]): UpsertKeys {
  return keys.filter((key) => distribution.every((index) => key.includes(index)));
}

export function joinUpsertKeys(
  type: JoinType,
  left: { readonly keys: UpsertKeys; readonly on: readonly number[] },
  right: { readonly keys: UpsertKeys; readonly on: readonly number[] },
  leftWidth: number,
): UpsertKeys {
  const lefts = exchangeKeys(left.keys, left.on);
  if (type === "SEMI" || type === "ANTI") return lefts;
  const rights = exchangeKeys(right.keys, right.on);
  const shifted = rights.map((key) => key.map((index) => index + leftWidth));
  const result: (readonly number[])[] = [];
  for (const a of lefts) for (const b of shifted) result.push([...a, ...b]);
  const within = (keys: UpsertKeys, on: readonly number[]) =>
    on.length > 0 && keys.some((key) => key.every((index) => on.includes(index)));
  if (within(right.keys, right.on) && (type === "INNER" || type === "LEFT")) result.push(...lefts);
  if (within(left.keys, left.on) && (type === "INNER" || type === "RIGHT")) result.push(...shifted);
  return result;
}

/** How the state of a join side can be laid out. */
export function joinSide(
  keys: UpsertKeys,
  on: readonly number[],
): {
  unique: "join-key-unique" | "has-unique-key" | "no-unique-key";
  uniqueKey?: readonly number[];
} {
  const first = keys[0];
  if (first === undefined) return { unique: "no-unique-key" };
  const inside = keys.find((key) => key.every((index) => on.includes(index)));
  if (inside !== undefined) return { unique: "join-key-unique", uniqueKey: inside };
  return { unique: "has-unique-key", uniqueKey: first };
}
