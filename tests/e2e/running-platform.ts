/** `millrace up` as a process of its own, in a temporary folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const command = fileURLToPath(new URL("../../bin/millrace", import.meta.url));

export interface RunningPlatform {
  /** The one-time sign-in link. */
  readonly link: string;
  readonly data: string;
  /** What it has printed so far. */
  output(): string;
  /** Stops it as Ctrl-C does, and removes its folder. */
  stop(): Promise<void>;
}

export async function startPlatform(): Promise<RunningPlatform> {
  const data = await mkdtemp(join(tmpdir(), "millrace-e2e-"));
  const child = spawn(
    process.execPath,
    [command, "up", "--port", "0", "--data", data, "--demo-speed", "20000"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  const link = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`millrace up ${why}:\n${output}`));
    const timer = setTimeout(() => fail("is not ready"), START_TIMEOUT_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const found = /console\s+(http:\S+)/.exec(output)?.[1];
      if (found === undefined || !/^\s*next /m.test(output)) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => fail(`ended with ${code}`));
  });
  return {
    link,
    data,
    output: () => output,
    stop: async () => {
      await interrupt(child);
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
