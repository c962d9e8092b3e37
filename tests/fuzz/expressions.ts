/**
 * The expression fuzzer: random well-typed expressions, in our engine and in a peer, value by value.
 *
 * Run:     npm run fuzz-expressions -- [--count 20000] [--seed 1] [--peer duckdb|postgres|flink] [--judge flink] [--show 20] [--json]
 * Out:     a table by operation: equal, different, documented, refused by us, by the peer, by both; then the differences,
 *          by cause. --judge flink evaluates what differs in a real Flink and says who was right.
 * Exit:    1 when something differs that is not documented, or that Flink answers as the peer does.
 */
import { commandLine } from "../../testkit/command-line.ts";
import { runCampaign } from "./expressions/campaign.ts";
import type { Peer } from "./expressions/fuzz-expression.ts";
import { judgeByFlink } from "./expressions/flink-judge.ts";
import { printJson, printReport, printVerdicts } from "./expressions/report.ts";

const PEERS: readonly Peer[] = ["duckdb", "postgres", "flink"];

const { values } = commandLine({
  usage:
    "npm run fuzz-expressions -- [--count 20000] [--seed 1] [--peer duckdb|postgres|flink] [--judge flink] [--show 20] [--json]",
  config: {
    options: {
      count: { type: "string", default: "20000" },
      seed: { type: "string", default: "1" },
      peer: { type: "string", default: "duckdb" },
      judge: { type: "string" },
      show: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  },
  numbers: ["count", "seed", "show"],
});

process.exitCode = await main();

async function main(): Promise<number> {
  const peer = PEERS.find((name) => name === values.peer);
  const [count, seed, show] = [values.count, values.seed, values.show].map(Number);
  if (peer === undefined || !Number.isInteger(count) || !Number.isInteger(seed)) {
    console.log("fuzz-expressions: --peer duckdb|postgres|flink, --count N, --seed N");
    return 2;
  }
  if (values.judge !== undefined && values.judge !== "flink") {
    console.log("fuzz-expressions: --judge flink is the only judge");
    return 2;
  }
  const result = await runCampaign({ count: count!, seed: seed!, peer });
  const verdicts = values.judge === undefined ? undefined : await judgeByFlink(result);
  if (values.json) printJson(result, verdicts);
  else {
    printReport(result, show!);
    if (verdicts !== undefined) printVerdicts(verdicts, show!);
  }
  const wrong = verdicts?.filter(({ verdict }) => verdict !== "ours").length;
  return (wrong ?? result.outcomes.filter(({ status }) => status === "different").length) === 0
    ? 0
    : 1;
}
