/**
 * The job of kill-job.ts as a real process whose system calls fail: EIO, ENOSPC, writes that write a part, calls that take long, and
 * SIGKILL at the n-th call. Afterwards each row must be in the output once.
 *
 * Run:     npm run faults -- --seeds 0 --kills 0 --strace [--only NAME]
 * How:     by `strace -f -p PID -e inject=…`, on the unmodified process, for the calls that only files get (strace counts them for
 *          each thread); calls on some files only, and short writes, by a library of preload-faults.c, which `cc` compiles.
 * Limits:  a process is started again MOST_LIVES times, the last time in peace. What the machine lacks (strace, which root
 *          gets from apt-get, ptrace, a C compiler) is said, and its cases are counted as skipped.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { planScript } from "../../src/cli/plan-script.ts";
import { type JobHandle, startJobProcess } from "../../src/dataplane/runtime/process/job-handle.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";
import { countRows, ENTRY, sequenceScript } from "./kill-job.ts";

export interface CallFault {
  readonly name: string;
  readonly tool: "strace" | "preload";
  /** What strace is told; `{n}` is the number of the life, from 1 on. Or what the library is. */
  readonly inject: string | Readonly<Record<string, string>>;
}

export interface CallFaultRun {
  readonly name: string;
  /** Calls that were made to fail, or to wait. */
  readonly injected: number;
  readonly lives: number;
  readonly failedCheckpoints: number;
  readonly completedCheckpoints: number;
  readonly lost: number;
  readonly doubled: number;
  /** Not FINISHED: what it was instead. */
  readonly failure: string | undefined;
}

const ROWS = 30_000;
const MOST_LIVES = 8;
const LIFE_TIMEOUT_MS = 60_000;
/** Then strace lets go, and the job must end by itself. */
const FAULTY_MS = 10_000;
const DETACH_MS = 2000;
const ATTACH_TIMEOUT_MS = 5_000;
const { EIO, ENOSPC, EMFILE } = constants.errno;

const byStrace = (name: string, inject: string): CallFault => ({ name, tool: "strace", inject });

const byLibrary = (
  name: string,
  [call, path]: readonly [string, string],
  errno: number,
  [from, count]: readonly [number, number],
): CallFault => ({
  name,
  tool: "preload",
  inject: {
    FAULT_CALL: call,
    FAULT_PATH: path,
    FAULT_ERRNO: String(errno),
    FAULT_FROM: String(from),
    FAULT_COUNT: String(count),
  },
});

const CHECKPOINTS = "/checkpoints/";
const OUTPUT = "/out/";
const EVERY = 1_000_000;

export const CALL_FAULTS: readonly CallFault[] = [
  byStrace("fsync EIO once", "fsync:error=EIO:when=2"),
  byStrace("fsync EIO again and again", "fsync:error=EIO:when=2+4"),
  byStrace("fsync ENOSPC again and again", "fsync:error=ENOSPC:when=1+5"),
  byStrace("fsync takes 200 ms", "fsync:delay_enter=200000"),
  byStrace("rename EIO once", "rename:error=EIO:when=2"),
  byStrace("rename ENOSPC again and again", "rename:error=ENOSPC:when=1+3"),
  byStrace("rename takes 200 ms", "rename:delay_exit=200000"),
  byStrace("mkdir ENOSPC once", "mkdir:error=ENOSPC:when=2"),
  byStrace("unlink EIO once", "unlink:error=EIO:when=1"),
  byStrace("SIGKILL at the n-th fsync", "fsync:signal=SIGKILL:when={n}"),
  byStrace("SIGKILL at the n-th rename", "rename:signal=SIGKILL:when={n}"),
  byStrace("SIGKILL at the n-th unlink", "unlink:signal=SIGKILL:when={n}"),
  byLibrary("checkpoint write EIO", ["write", CHECKPOINTS], EIO, [2, 1]),
  byLibrary("checkpoint disk full for 5 writes", ["write", CHECKPOINTS], ENOSPC, [2, 5]),
  byLibrary("checkpoint short writes", ["write", CHECKPOINTS], 0, [1, EVERY]),
  byLibrary("checkpoint open EMFILE", ["open", CHECKPOINTS], EMFILE, [2, 3]),
  byLibrary("checkpoint fsync EIO", ["fsync", CHECKPOINTS], EIO, [4, 3]),
  byLibrary("checkpoint rename EIO", ["rename", CHECKPOINTS], EIO, [2, 2]),
  byLibrary("output write EIO", ["write", OUTPUT], EIO, [2, 1]),
  byLibrary("output disk full for 3 writes", ["write", OUTPUT], ENOSPC, [2, 3]),
  byLibrary("output short writes", ["write", OUTPUT], 0, [1, EVERY]),
  byLibrary("output open ENOSPC", ["open", OUTPUT], ENOSPC, [2, 2]),
  byLibrary("output fsync EIO", ["fsync", OUTPUT], EIO, [2, 2]),
  byLibrary("output rename EIO", ["rename", OUTPUT], EIO, [2, 2]),
];

/** Runs the faults that this machine can inject; the reasons for the others are in `skipped`. */
export async function injectCallFaults(options: {
  readonly only?: string;
  readonly onRun?: (run: CallFaultRun) => void;
}): Promise<{ readonly runs: readonly CallFaultRun[]; readonly skipped: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-calls-"));
  try {
    const library = join(folder, "faults.so");
    const lacking = { strace: straceLacking(), preload: libraryLacking(library) };
    const runs: CallFaultRun[] = [];
    const skipped: string[] = [];
    for (const fault of CALL_FAULTS) {
      if (options.only !== undefined && !fault.name.includes(options.only)) continue;
      const reason = lacking[fault.tool];
      if (reason !== undefined) {
        skipped.push(`${fault.name}: ${reason}`);
        continue;
      }
      const run = await new FaultyJob(fault, join(folder, String(runs.length)), library).run();
      runs.push(run);
      options.onRun?.(run);
    }
    return { runs, skipped };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function straceLacking(): string | undefined {
  const works = () => spawnSync("strace", ["-qq", "-o", "/dev/null", "true"]).status === 0;
  if (works()) return undefined;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    spawnSync("apt-get", ["install", "-y", "-qq", "strace"], { stdio: "ignore" });
    if (works()) return undefined;
  }
  return "no strace that may trace here (Debian: apt-get install strace)";
}

function libraryLacking(library: string): string | undefined {
  if (process.platform !== "linux") return "LD_PRELOAD is Linux's";
  const source = fileURLToPath(new URL("./preload-faults.c", import.meta.url));
  const { status } = spawnSync("cc", ["-O1", "-shared", "-fPIC", "-o", library, source]);
  return status === 0 ? undefined : "no C compiler (cc)";
}

class FaultyJob {
  readonly #fault: CallFault;
  readonly #folder: string;
  readonly #library: string;
  #failed = 0;
  #completed = 0;
  #lives = 0;

  constructor(fault: CallFault, folder: string, library: string) {
    this.#fault = fault;
    this.#folder = folder;
    this.#library = library;
  }

  async run(): Promise<CallFaultRun> {
    let failure: string | undefined = "it does not end";
    while (this.#lives < MOST_LIVES) {
      this.#lives++;
      const job = await this.#start(this.#lives === MOST_LIVES);
      const end = await this.#live(job, this.#lives === MOST_LIVES);
      job.close();
      if (end === "gone") continue;
      const status = job.file.outcome?.status ?? end;
      failure = status === "FINISHED" ? undefined : `${status} ${JSON.stringify(job.file.outcome)}`;
      break;
    }
    const { name } = this.#fault;
    const counts = countRows(join(this.#folder, "out"), ROWS);
    return {
      name,
      injected: this.#injected(),
      lives: this.#lives,
      failedCheckpoints: this.#failed,
      completedCheckpoints: this.#completed,
      lost: counts.lost,
      doubled: counts.doubled + counts.wrong,
      failure,
    };
  }

  #start(inPeace: boolean): Promise<JobHandle> {
    const { inject } = this.#fault;
    const faults =
      typeof inject === "string" || inPeace
        ? {}
        : { ...inject, LD_PRELOAD: this.#library, FAULT_LOG: this.#log };
    const out = join(this.#folder, "out");
    return startJobProcess({
      env: realEnv(),
      folder: join(this.#folder, "job"),
      entry: ENTRY,
      environment: { ...process.env, ...faults },
      request: {
        jobId: "d".repeat(32),
        name: "faulty calls",
        plan: planScript("calls.sql", sequenceScript(out, ROWS)).plan,
        parallelism: 2,
        config: {
          "execution.checkpointing.tolerable-failed-checkpoints": "1000",
          "restart-strategy.type": "fixed-delay",
          "restart-strategy.fixed-delay.attempts": "1000",
          "restart-strategy.fixed-delay.delay": "20 ms",
        },
      },
    });
  }

  /** Until the job has ended, or its process is gone. */
  async #live(job: JobHandle, inPeace: boolean): Promise<string> {
    const ended = new Promise<string>((resolve) => {
      if (job.state === "ended") resolve("ended");
      job.onClose(resolve);
    });
    const tracer = inPeace ? undefined : await this.#trace(job);
    job.onEvent((event) => {
      if (event.event !== "checkpoint") return;
      if (event.view.status === "COMPLETED") this.#completed++;
      if (event.view.status === "FAILED") this.#failed++;
    });
    // A process that has died before it answers ends the life, which `ended` says.
    await job.request("follow", { topics: ["checkpoints"] }).catch(() => undefined);
    const detach = () => {
      if (tracer === undefined || tracer.exitCode !== null) return;
      tracer.kill("SIGINT");
      // It may wait for ever for a thread that is gone; the faults have to end all the same.
      setTimeout(() => tracer.kill("SIGKILL"), DETACH_MS);
    };
    const faultsEnd = setTimeout(detach, FAULTY_MS);
    const end = await Promise.race([ended, sleep(LIFE_TIMEOUT_MS, "stuck", { ref: false })]);
    clearTimeout(faultsEnd);
    if (end === "stuck") await job.kill();
    detach();
    return end;
  }

  async #trace(job: JobHandle): Promise<ChildProcess | undefined> {
    const { inject } = this.#fault;
    const pid = job.file.process?.pid;
    if (typeof inject !== "string" || pid === undefined) return undefined;
    const what = inject.replace("{n}", String(this.#lives));
    const call = what.slice(0, what.indexOf(":"));
    const tracer = spawn(
      "strace",
      ["-f", "-A", "-o", this.#log, "-e", `trace=${call}`, "-e", `inject=${what}`].concat([
        "-p",
        String(pid),
      ]),
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const attached = new Promise<void>((resolve) => {
      tracer.stderr!.once("data", () => resolve());
      tracer.once("exit", () => resolve());
    });
    await Promise.race([attached, sleep(ATTACH_TIMEOUT_MS, undefined, { ref: false })]);
    return tracer;
  }

  get #log(): string {
    return `${this.#folder}.log`;
  }

  #injected(): number {
    if (!existsSync(this.#log)) return 0;
    const lines = readFileSync(this.#log, "utf8").split("\n");
    const { inject } = this.#fault;
    if (typeof inject !== "string") return lines.length - 1;
    // All threads of a killed process say so.
    if (inject.includes("SIGKILL")) return this.#lives - 1;
    return lines.filter((line) => /\((INJECTED|DELAYED)\)/.test(line)).length;
  }
}
