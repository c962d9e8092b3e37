/**
 * One run of the expression fuzzer: draws cases, asks both sides, sorts what came out.
 *
 * Statuses: equal: every row that both answered · different · documented: every row that differs is explained by
 *          documented-differences.ts · ours, peer, both: who refused.
 */
import { seededRandom } from "../sql-grammar.ts";
import { differences, type RowDifference } from "./compare-answers.ts";
import { type DocumentedDifference, explanationOf } from "./documented-differences.ts";
import { DuckDbEvaluator } from "./duckdb-evaluator.ts";
import type { Answer, Evaluator, FuzzCase, Peer } from "./fuzz-expression.ts";
import { type FuzzRow, fuzzRows } from "./fuzz-table.ts";
import { Generator } from "./generator.ts";
import { MillraceEvaluator } from "./millrace-evaluator.ts";
import { aggregateOperations, scalarOperations } from "./operations.ts";
import { PostgresEvaluator } from "./postgres-evaluator.ts";

const BATCH = 250;

export type Status = "equal" | "different" | "documented" | "ours" | "peer" | "both";

export interface Outcome {
  readonly case: FuzzCase;
  readonly status: Status;
  readonly ours: Answer;
  readonly theirs: Answer;
  readonly differing: readonly RowDifference[];
  readonly explanation?: DocumentedDifference;
}

export interface CampaignOptions {
  readonly count: number;
  readonly seed: number;
  readonly peer: Peer;
}

export interface CampaignResult extends CampaignOptions {
  readonly outcomes: readonly Outcome[];
  readonly rows: readonly FuzzRow[];
  /** Values that both answered. */
  readonly compared: number;
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const next = seededRandom(options.seed);
  const rows = fuzzRows(next);
  const generator = new Generator(next, options.peer, scalarOperations, aggregateOperations);
  const ours = new MillraceEvaluator(rows);
  const peer = await open(options.peer, rows);
  const outcomes: Outcome[] = [];
  let compared = 0;
  try {
    for (let done = 0; done < options.count; done += BATCH) {
      const size = Math.min(BATCH, options.count - done);
      const cases = Array.from({ length: size }, (_, i) => generator.case(done + i));
      for (const grouped of [false, true]) {
        const batch = cases.filter((one) => one.grouped === grouped);
        if (batch.length === 0) continue;
        const [left, right] = [await ours.evaluate(batch), await peer.evaluate(batch)];
        for (const [i, one] of batch.entries()) {
          const outcome = outcomeOf(one, left[i]!, right[i]!, options.peer);
          compared += comparedRows(outcome);
          outcomes.push(outcome);
        }
      }
    }
  } finally {
    await peer.close();
  }
  return { ...options, outcomes, rows, compared };
}

function open(peer: Peer, rows: readonly FuzzRow[]): Promise<Evaluator> {
  return peer === "duckdb" ? DuckDbEvaluator.open(rows) : PostgresEvaluator.open(rows);
}

function outcomeOf(one: FuzzCase, ours: Answer, theirs: Answer, peer: Peer): Outcome {
  const base = { case: one, ours, theirs, differing: [] };
  if (ours.error !== undefined)
    return { ...base, status: theirs.error === undefined ? "ours" : "both" };
  if (theirs.error !== undefined) return { ...base, status: "peer" };
  const differing = differences(one, ours.rows, theirs.rows);
  if (differing.length === 0) return { ...base, status: "equal" };
  const explanation = explanationOf(one, differing, peer);
  if (explanation === undefined) return { ...base, status: "different", differing };
  return { ...base, status: "documented", differing, explanation };
}

function comparedRows({ ours, theirs }: Outcome): number {
  return ours.rows.filter((row, i) => row !== undefined && theirs.rows[i] !== undefined).length;
}
