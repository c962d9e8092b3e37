/**
 * CPU seconds from /proc: of one process (all threads), of the children that have ended, of the machine.
 *
 * Units:   the kernel counts in ticks of 1/100 s to user space on every architecture that Node runs on.
 * Source:  proc(5): stat fields 14–17 (utime, stime, cutime, cstime) and the first line of /proc/stat.
 */
import { existsSync, readFileSync } from "node:fs";
import { benchErrors } from "./errors.ts";

const TICKS_PER_SECOND = 100;

/** What one run cost. */
export interface Cost {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Cores that other processes used meanwhile, on average: above 0.2 the figure is not to be trusted. */
  readonly othersCores: number;
}

export function requireProc(): void {
  if (!existsSync("/proc/self/stat")) throw benchErrors.PLATFORM({});
}

export function cpuSecondsOf(pid: number): number {
  const { own } = ticksOf(String(pid));
  return own / TICKS_PER_SECOND;
}

/** CPU of this process's children that have ended, with all that they had waited for. */
export function cpuSecondsOfEndedChildren(): number {
  return ticksOf("self").children / TICKS_PER_SECOND;
}

/** Starts a measurement of the machine; the result tells the cores that others used since. */
export function watchOthers(): (oursSeconds: number) => number {
  const busy = busyTicks();
  const own = ticksOf("self").own;
  const begun = performance.now();
  return (oursSeconds) => {
    const ours = oursSeconds + (ticksOf("self").own - own) / TICKS_PER_SECOND;
    const seconds = (performance.now() - begun) / 1000;
    return Math.max(0, (busyTicks() - busy) / TICKS_PER_SECOND - ours) / seconds;
  };
}

function ticksOf(pid: string): { own: number; children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command's name is in parentheses and may hold blanks; field 3 follows it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(fields[field - 3]);
  return { own: at(14) + at(15), children: at(16) + at(17) };
}

/** user, nice, system, irq, softirq and steal: everything but idle and iowait. */
function busyTicks(): number {
  const line = readFileSync("/proc/stat", "latin1").split("\n")[0]!;
  const [user, nice, system, , , irq, softirq, steal] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user! + nice! + system! + irq! + softirq! + (steal ?? 0);
}
