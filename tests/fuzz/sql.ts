/**
 * `node tests/fuzz/sql.ts --seconds 600 --seed N`: the fuzzer in a thread of its own, watched from here, so that a statement that
 * never ends is named, too. Status 1 when something is found.
 */
import { commandLine } from "../../testkit/command-line.ts";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type FuzzReport, fuzzSql, LIMIT_MS } from "./fuzz-sql.ts";

interface Job {
  readonly seed: number;
  readonly seconds: number;
}

if (isMainThread) await watch();
else work(workerData as Job);

function work(job: Job): void {
  const port = parentPort!;
  port.postMessage(fuzzSql({ ...job, onStatement: (sql) => port.postMessage(sql) }));
}

async function watch(): Promise<void> {
  const { values } = commandLine({
    usage: "node tests/fuzz/sql.ts [--seconds 60] [--seed N]",
    config: {
      options: { seconds: { type: "string" }, seed: { type: "string" } },
    },
    numbers: ["seconds", "seed"],
  });
  const job: Job = {
    seconds: Number(values.seconds ?? 60),
    seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
  };
  console.log(`node tests/fuzz/sql.ts --seconds ${job.seconds} --seed ${job.seed}`);
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  let last = "";
  let sinceMs = performance.now();
  const watchdog = setInterval(() => {
    if (performance.now() - sinceMs < 2 * LIMIT_MS) return;
    console.log(`no end within ${2 * LIMIT_MS} ms:\n${last}`);
    process.exit(1);
  }, 500);
  const report = await new Promise<FuzzReport>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (message: string | FuzzReport) => {
      if (typeof message !== "string") return resolve(message);
      last = message;
      sinceMs = performance.now();
    });
  });
  clearInterval(watchdog);
  print(report);
  process.exitCode = report.findings.length === 0 ? 0 : 1;
}

function print({ statements, accepted, codes, slowestMs, findings }: FuzzReport): void {
  for (const { sql, problem } of findings) console.log(`\n${sql}\n${problem}`);
  const counts = [...codes].sort((a, b) => b[1] - a[1]).map(([code, n]) => `${code} ${n}`);
  console.log(
    `${statements} statements, ${accepted} planned, slowest ${slowestMs.toFixed(0)} ms, ${findings.length} findings`,
  );
  console.log(counts.join(", "));
}
