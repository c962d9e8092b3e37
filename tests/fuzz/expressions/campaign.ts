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
import { FlinkEvaluator } from "./flink-evaluator.ts";
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
  const rows = fuzzRows(next, options.peer);
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
        const left = await ours.evaluate(batch);
        const right = await askPeer(peer, batch, left);
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
  if (peer === "flink") return FlinkEvaluator.open(rows);
  return peer === "duckdb" ? DuckDbEvaluator.open(rows) : PostgresEvaluator.open(rows);
}

/** What we refuse is asked alone, since the peer probably refuses it too, which fails a batch. */
async function askPeer(
  peer: Evaluator,
  batch: readonly FuzzCase[],
  ours: readonly Answer[],
): Promise<Answer[]> {
  const taken = batch.filter((_, i) => ours[i]!.error === undefined);
  const answers = taken.length === 0 ? [] : await peer.evaluate(taken);
  const known = new Map(taken.map(({ id }, i) => [id, answers[i]!]));
  const all: Answer[] = [];
  for (const one of batch) all.push(known.get(one.id) ?? (await peer.evaluate([one]))[0]!);
  return all;
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
