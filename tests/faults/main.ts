/**
 * The fault campaign: seeds on the simulated machine, kill -9 of a real job process, and mutants of our own code that the
 * seeds must catch.
 *
 * Run:     npm run faults -- [--seeds 400] [--first 1] [--kills 50] [--mutants] [--strace] [--store] [--json] [--only SCENARIO]
 * Out:     a table, or with --json an object a figure: lost, doubled, survived, seeds, fault-points, mutants-caught, …
 * Exit:    1 when a row is lost or doubled, a job does not end, or a mutant lives.
 */
import { commandLine } from "../../testkit/command-line.ts";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Baseline, baseline, type FaultType, runSeed } from "./campaign.ts";
import { injectCallFaults } from "./call-faults.ts";
import { killRepeatedly } from "./kill-job.ts";
import { runStoreCases } from "./store-job.ts";
import { MUTANTS, runMutants } from "./mutants.ts";
import { SCENARIOS } from "./scenarios.ts";

setFlagsFromString("--expose-gc");
/** Each life has memories of its own, which the collector is slow to notice. */
const collectGarbage = runInNewContext("gc") as () => void;
const SEEDS_PER_COLLECTION = 10;

export interface CampaignResult {
  readonly seeds: number;
  readonly survived: number;
  readonly lost: number;
  readonly doubled: number;
  readonly points: ReadonlySet<string>;
  readonly faults: ReadonlyMap<FaultType, number>;
  readonly failures: readonly string[];
}

let known: Promise<ReadonlyMap<string, Baseline>> | undefined;

/** Made once a process. */
function allBaselines(): Promise<ReadonlyMap<string, Baseline>> {
  known ??= Promise.all(
    SCENARIOS.map(async (scenario) => [scenario.name, await baseline(scenario)] as const),
  ).then((entries) => new Map(entries));
  return known;
}

/** Seeds first … first + count - 1, each with the next scenario. */
export async function runCampaign(options: {
  readonly first: number;
  readonly count: number;
  readonly only?: string;
  readonly stopAtFirst?: boolean;
  readonly onSeed?: (done: number, failures: number) => void;
}): Promise<CampaignResult> {
  const scenarios = SCENARIOS.filter(
    ({ name }) => options.only === undefined || name === options.only,
  );
  const baselines = await allBaselines();
  const faults = new Map<FaultType, number>();
  const points = new Set<string>();
  const failures: string[] = [];
  let lost = 0;
  let doubled = 0;
  for (let i = 0; i < options.count; i++) {
    const seed = options.first + i;
    const scenario = scenarios[seed % scenarios.length]!;
    const outcome = await runSeed(seed, scenario, baselines.get(scenario.name)!);
    for (const [type, times] of outcome.faults) faults.set(type, (faults.get(type) ?? 0) + times);
    points.add(outcome.point);
    lost += outcome.lost;
    doubled += outcome.doubled;
    if (outcome.lost + outcome.doubled > 0 || outcome.failure !== undefined)
      failures.push(
        `seed ${seed} (${scenario.name}, ${outcome.point}): ${outcome.lost} lost, ${outcome.doubled} doubled` +
          `${outcome.failure === undefined ? "" : `, ${outcome.failure}`}\n` +
          `  npm run faults -- --first ${seed} --seeds 1 --kills 0`,
      );
    if (i % SEEDS_PER_COLLECTION === 0) collectGarbage();
    options.onSeed?.(i + 1, failures.length);
    if (options.stopAtFirst === true && failures.length > 0) break;
  }
  const survived = options.count - failures.length;
  return { seeds: options.count, survived, lost, doubled, points, faults, failures };
}

async function main(): Promise<void> {
  const { values } = commandLine({
    usage:
      "npm run faults -- [--seeds 400] [--first 1] [--kills 50] [--only SCENARIO] [--mutants] [--strace] [--store] [--json]",
    config: {
      options: {
        seeds: { type: "string", default: "400" },
        first: { type: "string", default: "1" },
        kills: { type: "string", default: "50" },
        only: { type: "string" },
        strace: { type: "boolean", default: false },
        store: { type: "boolean", default: false },
        mutants: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    },
    numbers: ["seeds", "first", "kills"],
  });
  const figure = (name: string, value: number, of?: number) =>
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ name, value, ...(of === undefined ? {} : { of }) })}\n`
        : `${name.padEnd(20)} ${value}${of === undefined ? "" : ` of ${of}`}\n`,
    );
  const progress = (text: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  };
  let bad = 0;
  const count = Number(values.seeds);
  if (count > 0) {
    const result = await runCampaign({
      first: Number(values.first),
      count,
      ...(values.only === undefined ? {} : { only: values.only }),
      onSeed: (done, failures) => progress(`seed ${done} of ${count}, ${failures} failed`),
    });
    progress("");
    for (const failure of result.failures.slice(0, 10)) process.stderr.write(`${failure}\n`);
    figure("survived", result.survived, result.seeds);
    figure("lost", result.lost);
    figure("doubled", result.doubled);
    figure("fault-points", result.points.size);
    for (const [type, times] of [...result.faults].sort()) figure(`fault ${type}`, times);
    bad += result.failures.length;
  }
  const kills = Number(values.kills);
  if (kills > 0) {
    const result = await killRepeatedly({
      kills,
      seed: Number(values.first),
      onKill: (kill) => progress(`kill ${kill} of ${kills}`),
    });
    progress("");
    figure("kills", result.kills);
    figure("kill-restored", result.restored);
    figure("kill-rows", result.rows);
    figure("kill-lost", result.lost);
    figure("kill-doubled", result.doubled + result.wrong);
    figure("kill-restart-ms-max", result.slowestRestartMs);
    bad += result.lost + result.doubled + result.wrong;
  }
  if (values.strace) bad += await callFaults(values.only, figure);
  if (values.store) bad += await storeFaults(values.only, figure);
  if (values.mutants) {
    const startedMs = performance.now();
    const caught = await runMutants((line) => process.stderr.write(`${line}\n`));
    figure("mutants-caught", caught, MUTANTS.length);
    figure("mutants-seconds", Math.round((performance.now() - startedMs) / 1000));
    bad += MUTANTS.length - caught;
  }
  process.exitCode = bad > 0 ? 1 : 0;
}

type Figure = (name: string, value: number, of?: number) => void;

/** Returns the runs that went wrong. */
async function callFaults(only: string | undefined, figure: Figure): Promise<number> {
  const { runs, skipped } = await injectCallFaults({
    ...(only === undefined ? {} : { only }),
    onRun: (run) => {
      const { name, injected, lives, failedCheckpoints, lost, doubled, failure } = run;
      process.stderr.write(
        `${name.padEnd(36)} ${injected} injected, ${lives} lives, ${failedCheckpoints} failed checkpoints, ` +
          `${lost} lost, ${doubled} doubled${failure === undefined ? "" : `: ${failure}`}\n`,
      );
    },
  });
  for (const reason of skipped) process.stderr.write(`skipped ${reason}\n`);
  const total = (of: (run: (typeof runs)[number]) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0);
  const good = runs.filter(
    (run) => run.failure === undefined && run.lost + run.doubled === 0 && run.injected > 0,
  );
  figure("strace-survived", good.length, runs.length);
  figure(
    "strace-injected",
    total(({ injected }) => injected),
  );
  figure(
    "strace-lives",
    total(({ lives }) => lives),
  );
  figure(
    "strace-failed-checkpoints",
    total((run) => run.failedCheckpoints),
  );
  figure(
    "strace-lost",
    total(({ lost }) => lost),
  );
  figure(
    "strace-doubled",
    total(({ doubled }) => doubled),
  );
  figure("strace-skipped", skipped.length);
  return runs.length - good.length;
}

/** Returns the runs that went wrong. */
async function storeFaults(only: string | undefined, figure: Figure): Promise<number> {
  const runs = await runStoreCases({
    ...(only === undefined ? {} : { only }),
    onRun: (run) => {
      const { name, injected, kills, completedCheckpoints, failedCheckpoints, parts } = run;
      const { lost, doubled, failure } = run;
      process.stderr.write(
        `${name.padEnd(32)} ${injected} injected, ${kills} kills, checkpoints ${completedCheckpoints} completed ` +
          `${failedCheckpoints} failed, ${parts} parts, ${lost} lost, ${doubled} doubled` +
          `${failure === undefined ? "" : `: ${failure}`}\n`,
      );
    },
  });
  const total = (of: (run: (typeof runs)[number]) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0);
  const good = runs.filter(
    (run) => run.failure === undefined && run.lost + run.doubled === 0 && run.injected > 0,
  );
  figure("store-survived", good.length, runs.length);
  figure(
    "store-injected",
    total(({ injected }) => injected),
  );
  figure(
    "store-kills",
    total(({ kills }) => kills),
  );
  figure(
    "store-restored",
    total(({ restored }) => restored),
  );
  figure(
    "store-failed-checkpoints",
    total((run) => run.failedCheckpoints),
  );
  figure(
    "store-lost",
    total(({ lost }) => lost),
  );
  figure(
    "store-doubled",
    total(({ doubled }) => doubled),
  );
  return runs.length - good.length;
}

if (import.meta.main) await main();
