/**
 * Whether a field of one row only grows or only shrinks from change to change.
 *
 * Source: Flink FlinkRelMdModifiedMonotonicity. A Top-N over updates may then update in place: a row that was in the
 *         ranking cannot fall out of it by its own change.
 */
import type { SortField } from "../../../foundation/plan/expression.ts";
import { DELETE, type PhysNode, isInsertOnly } from "./phys-node.ts";

export type Monotonicity = "constant" | "increasing" | "decreasing" | undefined;

const GROWING = new Set(["COUNT", "MAX", "APPROX_COUNT_DISTINCT"]);

export function monotonicity(node: PhysNode, field: number): Monotonicity {
  if (isInsertOnly(node)) return "constant";
  const { spec } = node;
  const input = node.inputs[0]?.node;
  if (input === undefined) return undefined;
  switch (spec.type) {
    case "Calc": {
      const expression = spec.projection[field];
      if (expression?.kind === "literal") return "constant";
      return expression?.kind === "input" ? monotonicity(input, expression.index) : undefined;
    }
    case "GroupAggregate": {
      if (field < spec.grouping.length) return "constant";
      const call = spec.aggregates[field - spec.grouping.length];
      if (call === undefined || !isInsertOnly(input)) return undefined;
      if (GROWING.has(call.function)) return "increasing";
      return call.function === "MIN" ? "decreasing" : undefined;
    }
    default:
      return undefined;
  }
}

/** The key by which a Top-N may update in place, if it may. */
export function updateKey(
  node: PhysNode,
  partition: readonly number[],
  sort: readonly SortField[],
): readonly number[] | undefined {
  if (isInsertOnly(node) || (node.kinds & DELETE) !== 0) return undefined;
  const key = node.upsertKeys.find((k) => partition.every((index) => k.includes(index)));
  const fits = sort.every((field) => {
    const way = monotonicity(node, field.index);
    return way === "constant" || way === (field.descending ? "increasing" : "decreasing");
  });
  return key !== undefined && fits ? key : undefined;
}
