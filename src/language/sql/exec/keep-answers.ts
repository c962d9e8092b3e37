/**
 * table.optimizer.non-deterministic-update.strategy = TRY_RESOLVE: what asks others (lookup joins, models, asynchronous functions
 * that say they are not deterministic) keeps its answers to rows that may be taken back.
 *
 * Keys:    the rows' unique key, else the whole row, where equal rows are told apart by their number (keepsEqual).
 * Source:  Flink StreamNonDeterministicUpdatePlanVisitor, StreamExecLookupJoin (upsertMaterialize). Models and functions are
 *          refused there.
 */
import type { Distribution } from "../../../foundation/plan/exec-node.ts";
import { forward, hashBy, isInsertOnly, type PhysNode } from "./phys-node.ts";
import type { PlanOptions } from "./plan-options.ts";

export interface KeptBy {
  readonly keepBy?: readonly number[];
  readonly keepsEqual?: boolean;
}

export function keptBy({ option, mode }: PlanOptions, source: PhysNode): KeptBy {
  const strategy = option("table.optimizer.non-deterministic-update.strategy") ?? "";
  if (strategy.trim().toUpperCase() !== "TRY_RESOLVE" || mode === "batch") return {};
  if (isInsertOnly(source)) return {};
  const unique = source.upsertKeys.find((key) => key.length > 0);
  if (unique !== undefined) return { keepBy: unique };
  return { keepBy: source.schema.fields.map((_, i) => i), keepsEqual: true };
}

/** Rows of one key stay together; `otherwise`: by what rows go where nothing is kept. */
export function distributionOf(
  { keepBy }: KeptBy,
  otherwise: readonly number[] = [],
): Distribution {
  const fields = keepBy ?? otherwise;
  return fields.length === 0 ? forward : hashBy(fields);
}
