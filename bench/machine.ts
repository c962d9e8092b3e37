/** What a figure must be read with: the machine, its load, the versions. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { benchErrors } from "./errors.ts";
import { repositoryFolder } from "./paths.ts";
import { warn } from "./progress.ts";

/** Above this load average figures are marked as not to be trusted. */
const QUIET_LOAD = 0.5;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
  /** One-minute load average before the first measurement. */
  readonly load: number;
  readonly quiet: boolean;
}

export function describeMachine(): Machine {
  const load = loadavg()[0]!;
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commitOf(repositoryFolder),
    date: new Date().toISOString(),
    load: Number(load.toFixed(2)),
    quiet: load <= QUIET_LOAD,
  };
}

export function warnIfLoaded(machine: Machine, strict: boolean): void {
  if (machine.quiet) return;
  if (strict) throw benchErrors.LOADED({ load: machine.load });
  warn(
    `load average ${machine.load} on ${machine.cores} cores before the start (quiet is ≤ ${QUIET_LOAD}): ` +
      "the figures below are marked as not to be trusted.",
  );
}

export function machineLine(machine: Machine): string {
  return (
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; Node ${machine.node}; ` +
    `commit ${machine.commit}; load ${machine.load}; ${machine.date}`
  );
}

function commitOf(folder: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch (error) {
    // A package without git has no commit to name; nothing else depends on it.
    return error instanceof Error ? "none" : "unknown";
  }
}
