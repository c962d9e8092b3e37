/**
 * `npm run bench -- COMMAND`: measures Millrace, and Apache Flink beside it on the same machine in the same run.
 *
 * Flow:    command line → one of the commands → table on standard output (or JSON lines), history.jsonl.
 * Status:  0 done, 1 a failure or a wrong result, 2 wrong use.
 */
import { toMillraceError } from "../src/foundation/base/errors.ts";
import { benchAggregate } from "./aggregate.ts";
import { type OptionKinds, parseArguments } from "./arguments.ts";
import { type BenchContext, commonOptions, contextOf, type Peer } from "./context.ts";
import { requireProc } from "./cpu.ts";
import { benchErrors } from "./errors.ts";
import { benchJson } from "./json.ts";
import { benchLatency, latencyOptions } from "./latency.ts";
import { describeMachine, warnIfLoaded } from "./machine.ts";
import { benchNexmark, nexmarkOptions } from "./nexmark.ts";
import { benchRestore, restoreOptions } from "./restore.ts";
import { benchStartup } from "./startup.ts";
import { benchSql } from "./sql.ts";
import { benchScaling, scalingOptions } from "./scaling.ts";
import { benchState, stateOptions } from "./state.ts";
import { benchTpch, tpchOptions } from "./tpch.ts";

const HELP = `Usage: npm run bench -- COMMAND [OPTIONS]

Commands
  nexmark [q0 q1 …]   Nexmark queries: rows per CPU second, and totals
  tpch [q1 q2 …]      TPC-H queries in batch mode from CSV files: CPU seconds and seconds, and totals
  json                decoding of JSON lines: MB per CPU second
  aggregate           GROUP BY over a million keys: rows per CPU second
  startup             from the shell to the first row of a small query: ms
  sql                 parsing, planning and compiling, warm: ms
  scaling [q4 q5 …]   Nexmark queries with one worker against two: speed-up in wall time
  latency [aggregate join]  from a row's arrival to its result at half load: ms
  restore             a job of --gb of state starts from a savepoint: ms to its first result
  state               bytes of memory a key; how long a checkpoint of 100 MB stops the rows: ms

Options of all
  --vs flink          measure Apache Flink too (FLINK_HOME, or 2.3.0 from the package registries)
  --only millrace|flink    (tpch: also duckdb)
  --repeat N          medians of N runs (1)
  --parallelism P     (the number of cores)
  --events N          size of the input, in rows
  --json              one JSON object a line for each figure; tables go to standard error
  --strict            refuse to measure on a loaded machine instead of warning

Options of nexmark
  --input json|generator   files of JSON lines, or the nexmark connector of each engine (json)
  --rate N                 events of event time per second (100000)
  --check-events N         size of the input whose results are compared first; 0 leaves it out (200000)
  --warm-up-events N       size of Flink's warm-up run before each query (500000); 0 measures a cold JVM
  --backend hashmap|rocksdb   Flink's state (hashmap)
  --checkpoint INTERVAL    checkpoints on both sides, such as 10s (none)
  --count-char             q14 with nexmark's Java function instead of SQL

Options of tpch
  --sf N                   scale factor of the data, made when missing (1)
  --vs duckdb              DuckDB over the same files; may stand beside --vs flink
  --no-check               measure without comparing the results with DuckDB's first
  --sorted                 sort-merge joins and sort aggregates in place of hash ones

Options of latency
  --rate N                 events a second, instead of a share of what a whole run of --events (5 M) gets through
  --load SHARE             that share (0.5)
  --seconds N              length of the paced run, its first 5 seconds left out (20)
  --checkpoint INTERVAL    (10s)

Options of restore
  --gb N                   size of the state (1)

Options of state
  --keys N                    so many keys of COUNT and SUM; a quarter in memory when a worker cannot hold them
  --peer, or --vs flink       a job of COUNT and SUM by --keys (10 M) in a quarter of their memory, of --rows (2 a key);
                              Flink with RocksDB has the same managed memory: CPU seconds
  --skew                      nine of ten of its rows from a twentieth of the keys
  --budget-mb N               its budget, instead of 16 bytes a key
  --spill --dirty --restore   state of --events keys (5 M) in a quarter of its memory; 1 GB with 5 % dirty; its restore

Examples
  npm run bench -- nexmark q0 q2 --events 2000000 --vs flink --repeat 3
  npm run bench -- nexmark q4 q9 --vs flink --backend rocksdb --checkpoint 10s --events 10_000_000
  npm run bench -- tpch --sf 0.1 --vs duckdb
  npm run bench -- startup --json
`;

interface BenchCommand {
  readonly options: OptionKinds;
  readonly takesNames: boolean;
  /** Whom --vs and --only may name; Flink when absent. */
  readonly peers?: readonly Peer[];
  readonly run: (context: BenchContext, names: readonly string[]) => Promise<void>;
}

const COMMANDS: Readonly<Record<string, BenchCommand>> = {
  nexmark: { options: nexmarkOptions, takesNames: true, run: benchNexmark },
  tpch: { options: tpchOptions, takesNames: true, peers: ["flink", "duckdb"], run: benchTpch },
  json: { options: commonOptions, takesNames: false, run: benchJson },
  aggregate: { options: commonOptions, takesNames: false, run: benchAggregate },
  startup: { options: commonOptions, takesNames: false, run: benchStartup },
  sql: { options: commonOptions, takesNames: false, run: benchSql },
  scaling: { options: scalingOptions, takesNames: true, run: benchScaling },
  latency: { options: latencyOptions, takesNames: true, run: benchLatency },
  restore: { options: restoreOptions, takesNames: false, run: benchRestore },
  state: { options: stateOptions, takesNames: false, run: benchState },
};

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || rest.includes("--help")) {
    process.stdout.write(HELP);
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw benchErrors.USAGE({ what: `unknown command ${name}` });
  const { names, options } = parseArguments(rest, command.options);
  if (names.length > 0 && !command.takesNames)
    throw benchErrors.USAGE({ what: `${name} takes no ${names[0]}` });
  requireProc();
  const machine = describeMachine();
  warnIfLoaded(machine, options.has("strict"));
  await command.run(contextOf(options, machine, command.peers), names);
}

// Signals end the process by its exit handlers, which stop Flink.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => process.exit(1));

try {
  await main(process.argv.slice(2));
} catch (caught) {
  const error = toMillraceError(caught);
  process.stderr.write(`\n${error.code}: ${error.message}\n  ${error.hint}\n`);
  if (error.definition.domain === "internal" && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack}\n`);
  process.exitCode = error.code === "MR1080" ? 2 : 1;
}
