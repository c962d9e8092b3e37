/**
 * Flink's answers: batches of expressions as text in one SELECT over the fuzzer's table in a JSON file, through the SQL Gateway of a
 * cluster of our own. A batch that fails is halved.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlinkCluster } from "../../../bench/peer/flink/cluster.ts";
import { obtainFlink } from "../../../bench/peer/flink/installation.ts";
import { GatewaySession } from "../../../bench/peer/flink/sql-gateway.ts";
import type { Answer, Evaluator, FuzzCase } from "./fuzz-expression.ts";
import { COLUMNS, flinkColumns, type FuzzRow, GROUPS } from "./fuzz-table.ts";
import { selectOf } from "./select-text.ts";

/** Larger methods than Flink's code generator can split make a statement fail. */
const BATCH = 64;
const SLOTS = 1;

export class FlinkEvaluator implements Evaluator {
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
    const answers: Answer[] = [];
    for (let i = 0; i < cases.length; i += BATCH)
      answers.push(...(await this.#together(cases.slice(i, i + BATCH))));
    return answers;
  }

  async #together(cases: readonly FuzzCase[]): Promise<Answer[]> {
    try {
      const { rows } = await this.#session.run(selectOf(cases, true));
      const sorted = [...rows].sort((a, b) => Number(a[0]) - Number(b[0]));
      return cases.map((_, i) => ({ rows: sorted.map((row) => (row[i + 1] ?? null) as string) }));
    } catch (error) {
      // Flink refused one of them, or its job failed at one: the halves say which.
      if (cases.length === 1) return [{ rows: [], error: (error as Error).message }];
    }
    const middle = cases.length >> 1;
    const first = await this.#together(cases.slice(0, middle));
    return [...first, ...(await this.#together(cases.slice(middle)))];
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.#cluster.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
