/**
 * Where a logical node stands in the script, for errors that only the planner finds.
 *
 * Flow:    validator → here → optimizer (copies of a node keep its place) → PhysicalPlanner names it.
 * Limits:  nodes that rules make have none: the nearest node around them does. All of a view stands where its name does.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type { RelNode } from "./rel-node.ts";

/** A symbol: places are in no digest and no comparison of plans. */
const PLACE = Symbol("place");

/** The node at `at`, unless it has a place already. */
export function placed<R extends RelNode>(rel: R, at: Span | undefined): R {
  return at === undefined || PLACE in rel ? rel : { ...rel, [PLACE]: at };
}

export function scriptPlace(rel: RelNode): Span | undefined {
  return (rel as { readonly [PLACE]?: Span })[PLACE];
}
