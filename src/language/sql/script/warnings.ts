/** Warnings of a plan that runs, each with what to do: state that only grows. */
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementWarning } from "./session-types.ts";
import type { PlannedStatement } from "./statement-planner.ts";

const UNBOUNDED: Readonly<Partial<Record<ExecNode["type"], string>>> = {
  GroupAggregate: "keeps one row of state per group",
  Join: "keeps all rows of both inputs",
  Rank: "keeps the ranked rows of every partition",
  Deduplicate: "keeps one row per key",
};

export function planWarnings(
  planned: PlannedStatement,
  session: SessionContext,
): StatementWarning[] {
  if (session.batch) return [];
  const { nodes } = planned.plan;
  const scans = nodes.filter((node) => node.type === "TableSourceScan");
  if (scans.length === 0 || scans.every((scan) => scan.bounded)) return [];
  const growing = nodes.filter(
    (node) => UNBOUNDED[node.type] !== undefined && (node.stateTtlMs ?? 0) === 0,
  );
  return growing.slice(0, 1).map((node) => ({
    code: "UNBOUNDED_STATE",
    message: `${node.type} ${UNBOUNDED[node.type]} for ever`,
    hint: "SET 'table.exec.state.ttl' = '1 d' lets idle state go, or use a window.",
  }));
}
