/**
 * `bench startup`: from the shell to the first row of a small query.
 *
 * Millrace: spawn of `millrace run FILE` to the first byte on standard output (a print sink), a fresh
 *           process each time; one run before fills the caches of files and of compiled code.
 * Flink:    spawn of its three processes until they answer, plus the first row of the same aggregation
 *           through the SQL Gateway in that fresh cluster.
 * Check:    the rows that were printed, by number.
 */
import { type BenchContext, finish, isTrusted, print, withPeer } from "./context.ts";
import { cpuSecondsOfEndedChildren, watchOthers } from "./cpu.ts";
import { benchErrors } from "./errors.ts";
import { type Figure, type Repeats, summarise } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { MillraceEngine } from "./millrace-engine.ts";
import { FlinkEngine } from "./peer/flink/flink-engine.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable } from "./table.ts";

const SELECT = "SELECT n, COUNT(*) AS num FROM (VALUES (1), (2), (1)) AS t (n) GROUP BY n";
/** +I[1,1] +I[2,1] −U[1,1] +U[1,2]: both sides without mini-batches, which would fold the changes of a key. */
const CHANGES = 4;

const MILLRACE_SCRIPT = `
SET 'table.exec.mini-batch.enabled' = 'false';
CREATE TABLE per_number (n INT, num BIGINT) WITH ('connector' = 'print');
INSERT INTO per_number ${SELECT};
`;

interface Timing extends Repeats {
  readonly engine: string;
  readonly what: string;
}

export async function benchStartup(context: BenchContext): Promise<void> {
  const others = watchOthers();
  const childrenBefore = cpuSecondsOfEndedChildren();
  const timings: Timing[] = [];
  if (context.millrace) timings.push(await timeMillrace(context.repeat));
  if (context.flink)
    timings.push(...((await withPeer(context, () => timeFlink(context.repeat))) ?? []));
  const othersCores = others(cpuSecondsOfEndedChildren() - childrenBefore);
  const rows = timings.map(({ engine, what, median, spread }) => [
    engine,
    what,
    decimals(median, 0),
    `${decimals(spread * 100, 0)} %`,
  ]);
  print(
    context,
    `Start-up, median of ${context.repeat}\n${machineLine(context.machine)}\n\n` +
      formatTable(["engine", "from … to", "ms", "spread"], rows),
  );
  finish(context, [startupFigure(context, timings, othersCores)]);
}

function startupFigure(
  context: BenchContext,
  timings: readonly Timing[],
  othersCores: number,
): Figure {
  const mine = timings[0];
  if (mine === undefined) throw benchErrors.USAGE({ what: "nothing was measured" });
  const peer = timings.find(({ engine }) => engine === "Flink");
  return {
    name: mine.engine === "Flink" ? "flink-startup" : "startup",
    value: mine.median,
    unit: "ms",
    ...(peer === undefined || peer === mine
      ? {}
      : { ratio: peer.median / mine.median, peer: "Apache Flink: cluster and first row" }),
    spread: mine.spread,
    detail: { query: SELECT, repeat: context.repeat },
    trusted: isTrusted(context, othersCores),
  };
}

async function timeMillrace(repeat: number): Promise<Timing> {
  const engine = new MillraceEngine();
  try {
    const times: number[] = [];
    await engine.run(MILLRACE_SCRIPT, 1);
    for (let i = 0; i < repeat; i++) {
      const run = await engine.run(MILLRACE_SCRIPT, 1);
      if (run.firstOutputMs === undefined || run.printedLines < CHANGES)
        throw benchErrors.MILLRACE_FAILED({
          how: `printed ${run.printedLines} lines instead of ${CHANGES}`,
          script: "the start-up query",
          detail: SELECT,
        });
      progress(`Millrace: first row after ${run.firstOutputMs.toFixed(0)} ms`);
      times.push(run.firstOutputMs);
    }
    return { engine: "Millrace", what: "shell to first row", ...summarise(times) };
  } finally {
    await engine.stop();
  }
}

async function timeFlink(repeat: number): Promise<Timing[]> {
  const totals: number[] = [];
  const starts: number[] = [];
  const warm: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const engine = await FlinkEngine.start(1);
    try {
      const first = await engine.select(SELECT);
      if (first.rows !== CHANGES)
        throw benchErrors.PEER_STATEMENT({ reason: `${first.rows} rows`, statement: SELECT });
      starts.push(engine.cluster.startMs);
      totals.push(engine.cluster.startMs + first.firstRowMs);
      warm.push((await engine.select(SELECT)).firstRowMs);
    } finally {
      await engine.stop();
    }
  }
  return [
    { engine: "Flink", what: "shell to first row, cluster included", ...summarise(totals) },
    { engine: "Flink", what: "shell to a cluster that answers", ...summarise(starts) },
    { engine: "Flink", what: "second statement to first row", ...summarise(warm) },
  ];
}
