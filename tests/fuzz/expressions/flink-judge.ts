/**
 * Asks a real Flink about the cases on which we and a peer differ, and says who was right.
 *
 * Flow:    outcomes → here → bench/peer/flink (SQL Gateway) → verdicts.
 * Asked:   batches of expressions as text in one SELECT over the fuzzer's table in a JSON file; a batch that fails is halved.
 * Limits:  MAX_CASES of each status.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlinkCluster } from "../../../bench/peer/flink/cluster.ts";
import { obtainFlink } from "../../../bench/peer/flink/installation.ts";
import { GatewaySession } from "../../../bench/peer/flink/sql-gateway.ts";
import type { CampaignResult, Outcome } from "./campaign.ts";
import { differences } from "./compare-answers.ts";
import type { Answer, Evaluator, FuzzCase } from "./fuzz-expression.ts";
import { COLUMNS, flinkColumns, type FuzzRow, GROUPS } from "./fuzz-table.ts";
import { selectOf } from "./select-text.ts";

const BATCH = 64;
const MAX_CASES = 400;
const SLOTS = 1;

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
      for (let i = 0; i < outcomes.length; i += BATCH) {
        const batch = outcomes.slice(i, i + BATCH);
        const answers = await flink.evaluate(batch.map((outcome) => outcome.case));
        verdicts.push(...batch.map((outcome, j) => verdictOf(outcome, answers[j]!)));
      }
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

class FlinkEvaluator implements Evaluator {
  readonly name = "flink";
  readonly #cluster: FlinkCluster;
  readonly #session: GatewaySession;
  readonly #folder: string;

  private constructor(cluster: FlinkCluster, session: GatewaySession, folder: string) {
    this.#cluster = cluster;
    this.#session = session;
    this.#folder = folder;
  }

  static async open(rows: readonly FuzzRow[]): Promise<FlinkEvaluator> {
    const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-flink-"));
    const names = ["k", "g", ...COLUMNS.map(({ name }) => name)];
    const lines = rows.map((row, k) => {
      const cells = [k, k % GROUPS, ...row];
      return JSON.stringify(Object.fromEntries(names.map((name, i) => [name, cells[i]])));
    });
    writeFileSync(join(folder, "t.json"), `${lines.join("\n")}\n`);
    const cluster = await FlinkCluster.start(await obtainFlink([]), SLOTS);
    const session = await GatewaySession.open(cluster.ports.gateway, {
      "execution.runtime-mode": "batch",
      "parallelism.default": "1",
      "table.local-time-zone": "UTC",
    });
    await session.run(
      `CREATE TABLE t (${flinkColumns}) WITH ('connector' = 'filesystem', 'format' = 'json', ` +
        `'path' = 'file://${folder}/t.json', 'json.timestamp-format.standard' = 'SQL')`,
    );
    return new FlinkEvaluator(cluster, session, folder);
  }

  async evaluate(cases: readonly FuzzCase[]): Promise<Answer[]> {
    try {
      const { rows } = await this.#session.run(selectOf(cases, true));
      const sorted = [...rows].sort((a, b) => Number(a[0]) - Number(b[0]));
      return cases.map((_, i) => ({ rows: sorted.map((row) => (row[i + 1] ?? null) as string) }));
    } catch (error) {
      // Flink refused one of them, or its job failed at one: the halves say which.
      if (cases.length === 1) return [{ rows: [], error: (error as Error).message }];
    }
    const middle = cases.length >> 1;
    const first = await this.evaluate(cases.slice(0, middle));
    return [...first, ...(await this.evaluate(cases.slice(middle)))];
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.#cluster.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
