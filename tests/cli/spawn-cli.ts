/** Runs the command line as a user does: `node src/cli/main.ts …` in a process of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ENTRY = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const MOST_MS = 30_000;

export interface CliRun {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Another user, to meet permissions; only root can. */
  readonly uid?: number;
  /** Given to the process this long after its first row. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly afterMs: number };
  /** Closes its end of stdout at the first row, as `head -1` does. */
  readonly hangUp?: boolean;
}

/** Never rejects: what a process says and how it ends is what tests look at. It is killed after MOST_MS. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { cwd, input = "", uid, signal, hangUp = false } = options;
  const startedMs = performance.now();
  const child = spawn(process.execPath, [ENTRY, ...args], {
    cwd,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const deadline = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let signalledMs = startedMs;
  child.stdout.once("data", () => {
    if (hangUp) child.stdout.destroy();
    if (signal === undefined) return;
    setTimeout(() => {
      signalledMs = performance.now();
      child.kill(signal.name);
    }, signal.afterMs);
  });
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // A command that does not read its input closes the pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.on("close", (status, killedBy) => {
      clearTimeout(deadline);
      resolve({
        status,
        signal: killedBy,
        stdout: Buffer.concat(out).toString("utf8"),
        stderr: Buffer.concat(err).toString("utf8"),
        wallMs: performance.now() - signalledMs,
      });
    });
  });
}

/** `-c` of one text. */
export const sql = (text: string, ...more: readonly string[]): Promise<CliRun> =>
  cli(["sql", "-c", text, ...more]);

/** Runs tasks two at a time: more would only wait for each other's start. */
export async function inPairs<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < tasks.length; i = next++) results[i] = await tasks[i]!();
  };
  await Promise.all([work(), work()]);
  return results;
}

/** True when nothing of Node's own way to die is in the text. */
export function isClean(run: CliRun): boolean {
  return !/\n\s+at |node:internal|MR99\d\d|Uncaught|Unhandled/.test(run.stderr);
}
