/** What every bench command is given: its options, the machine, and where figures go. */
import { availableParallelism } from "node:os";
import { toMillraceError } from "../src/foundation/base/errors.ts";
import type { OptionKinds } from "./arguments.ts";
import { oneOf, someOf, wholeNumber } from "./arguments.ts";
import { benchErrors } from "./errors.ts";
import { type Figure, recordFigures } from "./figures.ts";
import type { Machine } from "./machine.ts";
import { warn } from "./progress.ts";

/** Others' cores above which a measurement is marked. */
export const QUIET_OTHERS = 0.2;

export const commonOptions: OptionKinds = {
  vs: "list",
  only: "value",
  repeat: "value",
  parallelism: "value",
  events: "value",
  json: "flag",
  strict: "flag",
};

/** The peer cannot be had, or does not start. */
const NO_PEER = new Set([
  benchErrors.PEER_MISSING.definition.code,
  benchErrors.PEER_START.definition.code,
]) as ReadonlySet<string>;

export type Peer = "flink" | "duckdb";

export interface BenchContext {
  readonly options: ReadonlyMap<string, string>;
  readonly machine: Machine;
  readonly json: boolean;
  readonly millrace: boolean;
  readonly flink: boolean;
  readonly duckdb: boolean;
  readonly repeat: number;
  readonly parallelism: number;
}

/** `peers`: the engines that the command can measure beside Millrace. */
export function contextOf(
  options: ReadonlyMap<string, string>,
  machine: Machine,
  peers: readonly Peer[] = ["flink"],
): BenchContext {
  const only = oneOf(options, "only", ["millrace", ...peers]);
  const vs = someOf(options, "vs", peers);
  const measured = (peer: Peer) => only === peer || (vs.has(peer) && only === undefined);
  return {
    options,
    machine,
    json: options.has("json"),
    millrace: only === undefined || only === "millrace",
    flink: measured("flink"),
    duckdb: measured("duckdb"),
    repeat: wholeNumber(options, "repeat", 1),
    parallelism: wholeNumber(options, "parallelism", availableParallelism()),
  };
}

/** True when neither the load at the start nor others during the runs disturbed the measurement. */
export function isTrusted(context: BenchContext, othersCores: number): boolean {
  return context.machine.quiet && othersCores <= QUIET_OTHERS;
}

/** Tables go to standard output, or to standard error where that holds JSON. */
export function print(context: BenchContext, text: string): void {
  (context.json ? process.stderr : process.stdout).write(text);
}

/** The peer's side; without Java or a registry the benchmark goes on without it, and says so. */
export async function withPeer<T>(
  context: BenchContext,
  measure: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await measure();
  } catch (caught) {
    const error = toMillraceError(caught);
    if (!context.millrace || !NO_PEER.has(error.code)) throw error;
    warn(`no peer in this run. ${error.code}: ${error.message} (${error.hint})`);
    return undefined;
  }
}

export function finish(context: BenchContext, figures: readonly Figure[]): void {
  recordFigures(figures, context.machine, context.json);
  if (figures.some((figure) => !figure.trusted))
    warn("other processes used the machine meanwhile: these figures are not to be trusted.");
}
