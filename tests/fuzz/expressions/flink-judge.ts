/**
 * Asks a real Flink about the cases on which we and a peer differ, and says who was right.
 *
 * Flow:    outcomes → here → flink-evaluator → verdicts.
 * Limits:  MAX_CASES of each status.
 */
import type { CampaignResult, Outcome } from "./campaign.ts";
import { differences } from "./compare-answers.ts";
import { FlinkEvaluator } from "./flink-evaluator.ts";
import type { Answer } from "./fuzz-expression.ts";

const MAX_CASES = 400;

export interface Verdict {
  readonly outcome: Outcome;
  readonly flink: Answer;
  /** Who answered as Flink does. */
  readonly verdict: "ours" | "peer" | "neither";
}

/** All that differ, and a part of those that are documented or refused by one side. */
export async function judgeByFlink(result: CampaignResult): Promise<Verdict[]> {
  const asked = (["different", "documented", "ours"] as const).flatMap((status) =>
    result.outcomes.filter((outcome) => outcome.status === status).slice(0, MAX_CASES),
  );
  if (asked.length === 0) return [];
  const flink = await FlinkEvaluator.open(result.rows);
  try {
    const verdicts: Verdict[] = [];
    for (const grouped of [false, true]) {
      const outcomes = asked.filter((outcome) => outcome.case.grouped === grouped);
      const answers = await flink.evaluate(outcomes.map((outcome) => outcome.case));
      verdicts.push(...outcomes.map((outcome, i) => verdictOf(outcome, answers[i]!)));
    }
    return verdicts;
  } finally {
    await flink.close();
  }
}

function verdictOf(outcome: Outcome, flink: Answer): Verdict {
  const agrees = (answer: Answer) => {
    if (flink.error !== undefined || answer.error !== undefined)
      return flink.error !== undefined && answer.error !== undefined;
    return differences(outcome.case, answer.rows, flink.rows).length === 0;
  };
  const verdict = agrees(outcome.ours) ? "ours" : agrees(outcome.theirs) ? "peer" : "neither";
  return { outcome, flink, verdict };
}
