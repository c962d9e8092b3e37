/**
 * The query fuzzer: random queries over tables that change, in this engine as a stream and bounded, and in DuckDB.
 *
 * Run:     npm run fuzz-queries -- [--count 2000] [--seed 1] [--show 20] [--json] [--multi-join] [--hostile]
 * Out:     how many answers are equal, different, refused by us, by DuckDB, by both; the differences, and why we refuse.
 * Exit:    1 when an answer differs.
 */
import { commandLine } from "../../testkit/command-line.ts";
import { type QueryResult, runQueries } from "./queries/query-campaign.ts";

const { values } = commandLine({
  usage:
    "npm run fuzz-queries -- [--count 2000] [--seed 1] [--show 20] [--multi-join] [--hostile] [--json]",
  config: {
    options: {
      count: { type: "string", default: "2000" },
      seed: { type: "string", default: "1" },
      show: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
      "multi-join": { type: "boolean", default: false },
      hostile: { type: "boolean", default: false },
    },
  },
  numbers: ["count", "seed", "show"],
});
const [count, first, show] = [values.count, values.seed, values.show].map(Number) as [
  number,
  number,
  number,
];
const counts = new Map<string, number>();
const reasons = new Map<string, { count: number; example: number }>();
const different: QueryResult[] = [];
await runQueries({
  first,
  count,
  multiJoin: values["multi-join"],
  hostile: values.hostile,
  onQuery: (result, done) => {
    for (const outcome of result.outcomes) {
      counts.set(outcome.kind, (counts.get(outcome.kind) ?? 0) + 1);
      if (outcome.kind !== "refused" && outcome.kind !== "peer-refused") continue;
      const reason = `${outcome.kind} (${outcome.way}): ${outcome.reason}`.slice(0, 160);
      const known = reasons.get(reason) ?? { count: 0, example: result.seed };
      reasons.set(reason, { ...known, count: known.count + 1 });
    }
    if (result.outcomes.some(({ kind }) => kind === "different")) different.push(result);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${done} of ${count}, ${different.length} differ`);
  },
});
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
if (values.json) for (const [name, value] of counts) console.log(JSON.stringify({ name, value }));
else print();
process.exitCode = different.length === 0 ? 0 : 1;

function print(): void {
  for (const [name, value] of [...counts].sort()) console.log(`${name.padEnd(14)} ${value}`);
  for (const [reason, known] of [...reasons].sort((a, b) => b[1].count - a[1].count).slice(0, show))
    console.log(`  ${known.count} × ${reason}  (--seed ${known.example} --count 1)`);
  for (const { seed, sql, outcomes } of different.slice(0, show)) {
    console.log(`\nseed ${seed}: ${sql}`);
    for (const outcome of outcomes)
      if (outcome.kind === "different")
        console.log(
          `  ${outcome.way}: missing ${list(outcome.missing)}; too many ${list(outcome.extra)}`,
        );
  }
}

function list(rows: readonly string[]): string {
  const shown = rows.slice(0, 4).map((row) => `[${row}]`);
  return `${rows.length} ${shown.join(" ")}${rows.length > shown.length ? " …" : ""}`;
}
