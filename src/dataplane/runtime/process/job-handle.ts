/**
 * JobHandle: a job process as seen from the control plane: started, or found again by its folder;
 *            asked and told things
 * through its socket; known to be gone at the moment its connection breaks.
 *
 * Flow:    control plane (targets/embedded), command line → here → Unix socket → job process.
 * Rules:   closing a handle leaves the job alone. A process is the one meant when pid, start time
 *          and nonce agree.
 * Limits:  a request waits REQUEST_TIMEOUT_MS (those that take snapshots: SNAPSHOT_TIMEOUT_MS); a
 *          start START_TIMEOUT_MS.
 * Errors:  MR5006 other version, MR5012 gone, MR5013 did not start, MR5014 no answer.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Env } from "../../../foundation/host/env.ts";
import { runtimeErrors } from "../errors.ts";
import { errorFromObject } from "../master/error-object.ts";
import {
  JOB_FILE_VERSION,
  type JobFile,
  type JobRequest,
  readJobFile,
  writeJobFile,
} from "./job-file.ts";
import { LineSocket } from "./line-socket.ts";
import {
  type AnswerLine,
  CONTROL_VERSION,
  type ControlEvent,
  type ControlKind,
  type ControlRequests,
  type Greeting,
} from "./messages.ts";
import { recoveryPoint } from "./recovery-point.ts";
import { isAlive } from "./process-identity.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const SNAPSHOT_TIMEOUT_MS = 660_000;
const START_TIMEOUT_MS = 30_000;
const KILL_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long a process may take to exit after its connection has ended, until it is called gone. */
const EXIT_TIMEOUT_MS = 900;
const SLOW: ReadonlySet<ControlKind> = new Set([
  "checkpoint",
  "savepoint",
  "stop",
  "cancel",
  "rescale",
]);

export interface StartOptions {
  readonly env: Env;
  /** The job's own folder; made if it is not there. */
  readonly folder: string;
  readonly request: JobRequest;
  /** The composition root's entry; it calls runJobProcess(process.argv[2], …). */
  readonly entry: URL;
  /** Options of Node, for example --max-old-space-size. */
  readonly nodeOptions?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Starts the process of a job and connects to it. Its output goes to job.log in the folder. */
export async function startJobProcess(options: StartOptions): Promise<JobHandle> {
  const { env, folder, request } = options;
  const { jobId } = request;
  await env.files.mkdirs(folder, { ownerOnly: true });
  const old = await readJobFile(env.files, folder);
  if (old?.process !== undefined && isAlive(old.process))
    throw runtimeErrors.JOB_PROCESS_START({ jobId, reason: `process ${old.process.pid} runs it` });
  const { checkpointDirectory = `${folder}/checkpoints` } = request;
  const isSame = old?.request.jobId === jobId && old.stopping !== undefined;
  await writeJobFile(env.files, folder, {
    version: JOB_FILE_VERSION,
    request,
    checkpointDirectory,
    starts: old?.starts ?? 0,
    ...(isSame ? { stopping: old.stopping } : {}),
  });
  await spawnProcess(options);
  const handle = await adoptJobProcess(env, folder);
  if (handle === undefined)
    throw runtimeErrors.JOB_PROCESS_START({ jobId, reason: "it has left no job.json" });
  return handle;
}

function spawnProcess({ env, folder, entry, request, ...options }: StartOptions): Promise<void> {
  const { jobId } = request;
  const log = openSync(`${folder}/job.log`, "a", 0o600);
  const child = spawn(
    process.execPath,
    [...(options.nodeOptions ?? process.execArgv), fileURLToPath(entry), folder],
    {
      detached: true,
      stdio: ["ignore", log, log, "pipe"],
      env: { ...(options.environment ?? process.env), MILLRACE_JOB_READY: "1" },
    },
  );
  closeSync(log);
  const ready = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    const finish = (reason?: string) => {
      cancel();
      ready.destroy();
      child.unref();
      if (reason === undefined) resolve();
      else reject(runtimeErrors.JOB_PROCESS_START({ jobId, reason }));
    };
    const cancel = env.timers.after(START_TIMEOUT_MS, () => {
      child.kill("SIGKILL");
      finish(`it was not ready after ${START_TIMEOUT_MS} ms`);
    });
    ready.once("data", () => finish());
    ready.once("error", (error) => finish(error.message));
    child.once("error", (error) => finish(error.message));
    child.once("exit", (code, signal) => finish(`it ended with ${signal ?? `code ${code}`}`));
  });
}

/** Finds the job of a folder, running or ended; undefined when the folder holds none. */
export async function adoptJobProcess(env: Env, folder: string): Promise<JobHandle | undefined> {
  const file = await readJobFile(env.files, folder);
  if (file === undefined) return undefined;
  const handle = new JobHandle(env, folder, file);
  await handle.connect();
  return handle;
}

export type HandleState =
  /** Connected to the process. */
  | "connected"
  /** The job has ended; job.json has its outcome. */
  | "ended"
  /**
   * The process is gone without an outcome: the job goes on from its last checkpoint when it is
   * started again.
   */
  | "gone";

export class JobHandle {
  readonly folder: string;
  readonly #env: Env;
  #file: JobFile;
  #state: HandleState = "gone";
  #socket: LineSocket | undefined;
  #nextId = 1;
  readonly #open = new Map<number, (line: AnswerLine | undefined) => void>();
  readonly #events = new Set<(event: ControlEvent) => void>();
  readonly #closes = new Set<(state: HandleState) => void>();

  constructor(env: Env, folder: string, file: JobFile) {
    this.#env = env;
    this.folder = folder;
    this.#file = file;
  }

  get state(): HandleState {
    return this.#state;
  }

  /** As of the start, or the last change of state. */
  get file(): JobFile {
    return this.#file;
  }

  /** Called with every event that follow() or results asked for; returns the way to stop. */
  onEvent(listener: (event: ControlEvent) => void): () => void {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }

  /** Called once when the job has ended or its process is gone; returns the way to stop. */
  onClose(listener: (state: HandleState) => void): () => void {
    this.#closes.add(listener);
    return () => this.#closes.delete(listener);
  }

  /**
   * Where the job would go on if it were started again now: its newest completed checkpoint, as the
   * folder has it.
   */
  async recoveryPoint(): Promise<string | undefined> {
    return (await recoveryPoint(this.#env.files, this.#file)).restoreFrom;
  }

  /**
   * Asks the process; rejects with its error, MR5012 when it is gone, MR5014 when it does not
   * answer.
   */
  request<K extends ControlKind>(
    kind: K,
    params: ControlRequests[K]["params"],
  ): Promise<ControlRequests[K]["result"]> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.reject(this.#goneError());
    const id = this.#nextId++;
    const timeoutMs = SLOW.has(kind) ? SNAPSHOT_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const cancel = this.#env.timers.after(timeoutMs, () => {
        this.#open.delete(id);
        reject(runtimeErrors.REQUEST_TIMEOUT({ request: kind, timeoutMs }));
      });
      this.#open.set(id, (line) => {
        cancel();
        this.#open.delete(id);
        if (line === undefined) reject(this.#goneError());
        else if ("error" in line) reject(errorFromObject(line.error));
        else resolve(line.result as ControlRequests[K]["result"]);
      });
      socket.send({ id, kind, params });
    });
  }

  /**
   * Kills the process without ceremony (it goes on from its last checkpoint when started again);
   * resolves when it is dead.
   */
  async kill(): Promise<void> {
    const running = this.#file.process;
    if (running === undefined) return;
    if (isAlive(running)) process.kill(running.pid, "SIGKILL");
    if (!(await this.#exited(KILL_TIMEOUT_MS))) throw this.#goneError("it does not die");
  }

  /** Lets go of the job without touching it. */
  close(): void {
    this.#closes.clear();
    this.#events.clear();
    this.#socket?.destroy();
  }

  /** Called once, by adoptJobProcess. */
  async connect(): Promise<void> {
    const { process: running, outcome } = this.#file;
    if (outcome !== undefined) this.#state = "ended";
    if (outcome !== undefined || running === undefined || !isAlive(running)) return;
    const greeting = await this.#connectTo(running.socket);
    if (greeting === undefined) {
      await this.#lost();
      return;
    }
    if (greeting.greeting !== CONTROL_VERSION || greeting.nonce !== running.nonce) {
      this.close();
      const { greeting: found } = greeting;
      if (found !== CONTROL_VERSION)
        throw runtimeErrors.MESSAGE_VERSION({ found, known: CONTROL_VERSION });
      throw this.#goneError("another process answers at its socket");
    }
    this.#state = "connected";
  }

  /** The greeting; undefined when nobody is there. */
  #connectTo(path: string): Promise<Greeting | undefined> {
    return new Promise((resolve) => {
      const socket = connect(path);
      const cancel = this.#env.timers.after(CONNECT_TIMEOUT_MS, () => socket.destroy());
      let greeted = false;
      this.#socket = new LineSocket(socket, {
        onLine: (line) => {
          if (greeted) {
            this.#receive(line as AnswerLine | ControlEvent);
            return;
          }
          greeted = true;
          cancel();
          resolve(line as Greeting);
        },
        onClose: () => {
          cancel();
          this.#socket = undefined;
          if (greeted) void this.#lost();
          else resolve(undefined);
        },
      });
    });
  }

  #receive(line: AnswerLine | ControlEvent): void {
    if ("answer" in line) this.#open.get(line.answer)?.(line);
    else for (const listener of this.#events) listener(line);
  }

  /** The connection is over: the job has ended, or its process is gone. */
  async #lost(): Promise<void> {
    await this.#exited(EXIT_TIMEOUT_MS);
    try {
      this.#file = (await readJobFile(this.#env.files, this.folder)) ?? this.#file;
    } catch {
      // A folder that can no longer be read says nothing of an outcome: the job counts as gone.
    }
    this.#state = this.#file.outcome === undefined ? "gone" : "ended";
    for (const answer of [...this.#open.values()]) answer(undefined);
    for (const listener of [...this.#closes]) listener(this.#state);
    this.#closes.clear();
  }

  /** True when the process is no more; its connection ends a little earlier. */
  async #exited(timeoutMs: number): Promise<boolean> {
    const running = this.#file.process;
    if (running === undefined) return true;
    const { clock, timers } = this.#env;
    const untilMs = clock.monotonicMs() + timeoutMs;
    while (isAlive(running)) {
      if (clock.monotonicMs() >= untilMs) return false;
      await new Promise<void>((resolve) => void timers.after(5, resolve));
    }
    return true;
  }

  #goneError(reason = this.#file.outcome?.status ?? "it has died") {
    const { jobId } = this.#file.request;
    return runtimeErrors.JOB_PROCESS_GONE({ jobId, reason });
  }
}
