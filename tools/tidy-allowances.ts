/**
 * Where the world may be touched without `host`, and the frozen list of single exceptions. An exception that no file
 * needs any more is itself a violation: the list may only shrink.
 */

export interface OpenDoor {
  readonly where: RegExp;
  /** Rules that do not hold there, or node: modules that may be imported. */
  readonly allows: readonly string[];
  readonly reason: string;
}

export const OPEN_DOORS: readonly OpenDoor[] = [
  {
    where: /^src\/foundation\/host\//,
    allows: ["clock", "random", "timers", "node:*"],
    reason: "host is where the real clock, files, network and threads are",
  },
  {
    where: /^src\/cli\//,
    allows: ["clock", "timers", "console", "node:*"],
    reason: "the composition root makes the real Env and talks to the terminal",
  },
  {
    where: /^src\/.*\.worker\.ts$/,
    allows: ["node:worker_threads"],
    reason: "the entry of a thread takes the port that Node hands to it",
  },
  {
    where: /^src\/dataplane\/runtime\/worker\/[a-z-]*thread[a-z-]*\.ts$/,
    allows: ["node:worker_threads"],
    reason: "the border of a thread itself: the simulator runs the same workers inline instead",
  },
  {
    where: /^src\/dataplane\/runtime\/process\//,
    allows: ["node:child_process", "node:fs", "node:net", "clock", "timers"],
    reason:
      "the border of a process itself: spawning, the control socket, what outlives the process",
  },
  {
    where: /^src\/dataplane\/connectors\//,
    allows: ["node:net", "node:tls"],
    reason: "a connector speaks its system's own protocol; the simulator replaces it whole",
  },
  {
    where: /^(tools|bench|testkit|tests)\//,
    allows: ["clock", "random", "timers", "console", "place", "node:*"],
    reason: "they measure and drive the product from outside",
  },
  {
    where: /^console\//,
    allows: ["clock", "timers"],
    reason: "the browser has no host; pages poll and show relative times",
  },
  {
    where: /\.(?:test|bench)\.tsx?$/,
    allows: ["clock", "random", "timers", "console", "place", "node:*"],
    reason: "tests and benchmarks drive the code from outside",
  },
];

export interface Allowance {
  readonly path: string;
  readonly rule: string;
  readonly reason: string;
}

export const ALLOWANCES: readonly Allowance[] = [];
