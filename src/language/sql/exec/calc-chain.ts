/**
 * Merges chains of projections and filters into one Calc: what stands below, one condition, one projection.
 *
 * Limits: MAX_MERGED_SIZE expression nodes; beyond, and where something is not deterministic, the chain is left in parts.
 */
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import {
  and,
  conjuncts,
  fieldRefs,
  isDeterministic,
  size,
  substitute,
} from "../rel/expressions.ts";
import { isIdentity } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";

const MAX_MERGED_SIZE = 4000;

export interface CalcChain {
  readonly base: RelNode;
  readonly projection: readonly Expression[];
  readonly conditions: readonly Expression[];
  readonly schema: Schema;
  readonly identity: boolean;
}

export function calcChain(rel: RelNode): CalcChain {
  const parts: RelNode[] = [];
  let base: RelNode = rel;
  while (base.kind === "project" || base.kind === "filter") {
    parts.push(base);
    base = base.input;
  }
  let projection: readonly Expression[] = fieldRefs(base.schema);
  let conditions: Expression[] = [];
  let bottom: RelNode = base;
  for (const part of parts.reverse()) {
    const own =
      part.kind === "project" ? part.expressions : part.kind === "filter" ? [part.condition] : [];
    if (!mergeable(projection, own)) {
      // What is merged so far stays as it is and becomes the base of the rest.
      bottom = part.kind === "project" || part.kind === "filter" ? part.input : bottom;
      projection = fieldRefs(bottom.schema);
      conditions = [];
    }
    const rewritten = own.map((e) => substitute(e, projection));
    if (part.kind === "filter") conditions = conjuncts(and([...conditions, ...rewritten]));
    else projection = rewritten;
  }
  return {
    base: bottom,
    projection,
    conditions,
    schema: rel.schema,
    identity: conditions.length === 0 && isIdentity(projection, bottom.schema),
  };
}

function mergeable(below: readonly Expression[], above: readonly Expression[]): boolean {
  const uses = new Map<number, number>();
  const count = (e: Expression): void => {
    if (e.kind === "input") uses.set(e.index, (uses.get(e.index) ?? 0) + 1);
    else if (e.kind === "field") count(e.input);
    else if (e.kind === "call") e.args.forEach(count);
  };
  above.forEach(count);
  let total = 0;
  for (const [index, times] of uses) {
    const expression = below[index]!;
    total += size(expression) * times;
    if (times > 1 && !isDeterministic(expression)) return false;
  }
  return total <= MAX_MERGED_SIZE;
}
