/**
 * JobProcess: a job as an operating-system process. Its main thread is the job master; workers are
 *             threads; a Unix socket
 * in the job's folder takes orders, and job.json tells the rest. It needs nobody: its parent may
 * die and come back.
 *
 * Flow:    startJobProcess() → composition root's entry → runJobProcess(bindings) → job master,
 *          control server.
 * Files:   <folder>/job.json (job-file.ts), control.sock, checkpoints/ unless another place is
 *          configured.
 * Exit:    0 when the job has ended, however it has (the outcome is in job.json); 70 after a
 *          failure of the process itself, without outcome: the job then goes on from its last
 *          checkpoint when it is started again.
 * Errors:  MR5013 when the folder holds no job, or a process that is alive runs it already.
 */
import { existsSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { createLogger, type Logger } from "../../../foundation/host/log.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import { runtimeErrors } from "../errors.ts";
import { overridesText } from "../graph/job-graph-of.ts";
import type { JobMaster } from "../master/job-master.ts";
import type { JobResult } from "../master/job-view.ts";
import { OPERATOR_PARALLELISM } from "../options.ts";
import { startJob } from "../run-job.ts";
import { threadTransport } from "../worker/thread-transport.ts";
import type { WorkerBindings } from "../worker/worker-thread.ts";
import { type ControlHandlers, ControlServer } from "./control-server.ts";
import { type JobFile, type JobRequest, readJobFile, writeJobFile } from "./job-file.ts";
import { type JobSample, SAMPLES_KEPT, sampleOf } from "./job-sample.ts";
import { CONTROL_VERSION, type JobFailure, type JobReport, type Rescale } from "./messages.ts";
import { isAlive, startTimeOf } from "./process-identity.ts";
import { type Recovery, recoveryPoint } from "./recovery-point.ts";
import { ResultFeeds } from "./result-feeds.ts";
import { readResultFile, writeResultFile } from "./result-file.ts";

/** Descriptor on which a started process says that it can be reached. */
export const READY_DESCRIPTOR = 3;
const FAILURES_KEPT = 32;
/**
 * Attempts of one process are numbered from its start's number times this: no two attempts of a job
 * share a number.
 */
const ATTEMPTS_PER_PROCESS = 1_000_000;
/** Unix sockets: 108 bytes on Linux, 104 elsewhere, with the terminating zero. */
const SOCKET_PATH_LIMIT = 103;

export interface ProcessBindings extends WorkerBindings {
  readonly kernelsModule: WebAssembly.Module;
  /** The composition root's entry for worker threads. */
  readonly workerEntry: URL;
}

/** Runs the job of a folder to its end; the process may exit then. */
export async function runJobProcess(folder: string, bindings: ProcessBindings): Promise<void> {
  const env = realEnv();
  const log = createLogger({
    clock: env.clock,
    level: "INFO",
    write: (line) => {
      process.stderr.write(`${line}\n`);
    },
  });
  const fatal = (error: unknown) => {
    log.error("the job process failed", { error: toMillraceError(error) });
    process.exit(70);
  };
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  const job = new JobProcess(folder, env, log);
  await job.run(bindings);
}

type OutcomeFields = "status" | "startedMs" | "endedMs" | "restarts" | "failure";

class JobProcess {
  readonly #folder: string;
  readonly #env: Env;
  readonly #log: Logger;
  readonly #samples: JobSample[] = [];
  readonly #failures: JobFailure[] = [];
  #lastFailure: MillraceError | null = null;
  #file: JobFile | undefined;
  #writes: Promise<void> = Promise.resolve();
  #master: JobMaster | undefined;
  #server: ControlServer | undefined;
  #feeds: ResultFeeds | undefined;

  constructor(folder: string, env: Env, log: Logger) {
    this.#folder = folder;
    this.#env = env;
    this.#log = log;
  }

  /** A reader of a checkpoint has gone without saying so. */
  async #release(checkpointId: number): Promise<void> {
    try {
      await this.#master?.releaseCheckpoint(checkpointId);
    } catch (error) {
      this.#log.warn("a checkpoint that a reader held could not be released", {
        checkpointId,
        error,
      });
    }
  }

  async run(bindings: ProcessBindings): Promise<void> {
    const file = await this.#readFile();
    const { request } = file;
    this.#feeds = new ResultFeeds(request.plan, (event) => this.#server?.publish(event));
    // Put there by whoever starts a job behind the savepoint of another; a later process knows no better.
    const before = file.starts > 0 ? [] : await readResultFile(this.#env.files, this.#folder);
    this.#feeds.seed(before);
    const nonce = this.#env.random.hex(16);
    const socket = this.#socketPath(request.jobId, nonce);
    const { pid } = process;
    const greeting = { greeting: CONTROL_VERSION, jobId: request.jobId, pid, nonce } as const;
    this.#server = new ControlServer(greeting, this.#handlers(), ({ held }) => {
      for (const checkpointId of held) void this.#release(checkpointId);
    });
    await this.#server.listen(socket);
    const recovery = await recoveryPoint(this.#env.files, file);
    await this.#update({ starts: file.starts + 1 });
    this.#master = this.#start(request, bindings, recovery);
    const startTime = startTimeOf(pid) ?? "";
    const startedMs = this.#env.clock.nowMs();
    await this.#update({ process: { pid, startTime, nonce, socket, startedMs } });
    sayReady();
    const result = await this.#master.ended;
    await this.#ended(result);
    await this.#server.close();
    rmSync(socket, { force: true });
  }

  async #readFile(): Promise<JobFile> {
    const file = await readJobFile(this.#env.files, this.#folder);
    const jobId = file?.request.jobId ?? "?";
    const refuse = (reason: string) => runtimeErrors.JOB_PROCESS_START({ jobId, reason });
    if (file === undefined) throw refuse(`there is no job.json in ${this.#folder}`);
    if (file.outcome !== undefined) throw refuse(`it is ${file.outcome.status}`);
    if (file.process !== undefined && isAlive(file.process))
      throw refuse(`process ${file.process.pid} runs it`);
    this.#file = file;
    return file;
  }

  #start(
    request: JobRequest,
    bindings: ProcessBindings,
    { restoreFrom, older }: Recovery,
  ): JobMaster {
    const { plan, parallelism, jobId } = request;
    const { registry, operators, kernelsModule, createState, workerEntry } = bindings;
    const env = this.#env;
    const directory = this.#file!.checkpointDirectory;
    const config = { ...plan.config, ...request.config, "execution.checkpointing.dir": directory };
    return startJob(plan, {
      registry,
      operators,
      env,
      kernelsModule,
      parallelism,
      jobId,
      config,
      olderCheckpoints: older,
      firstAttempt: this.#file!.starts * ATTEMPTS_PER_PROCESS,
      log: this.#log,
      ...(createState === undefined ? {} : { createState }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
      transport: threadTransport({
        entry: workerEntry,
        env,
        kernelsModule,
        ports: {
          print: (text) => {
            process.stdout.write(text);
          },
          collect: (rows) => this.#feeds?.collected(rows),
        },
      }),
      onStatus: () => this.#statusChanged(),
      beforeStopCommit: async ({ path, metadata }) => {
        await this.#update({ stopping: { path, checkpointId: metadata.checkpointId } });
      },
      beforeDiscard: async (status) => {
        const { startedMs, restarts } = this.#master!.view;
        await this.#record({ status, startedMs, endedMs: null, restarts, failure: null });
      },
      onCheckpoint: (view) => this.#server?.publish({ event: "checkpoint", view }),
      onMetrics: (metrics) => {
        const master = this.#master!;
        const { status } = master.view;
        const sample = sampleOf(plan, status, metrics, master.lastCompletedView);
        this.#samples.push(sample);
        if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
        this.#server?.publish({ event: "sample", sample });
      },
      onMessage: (_, message) => {
        if (message.kind === "rows")
          this.#feeds?.tapped(message.node, message.rows, message.skipped);
      },
    });
  }

  #statusChanged(): void {
    const master = this.#master;
    if (master === undefined) return;
    const { status, failure } = master.view;
    // A rescale restarts, too: what failed before it is known already.
    const isNew = failure !== null && failure !== this.#lastFailure;
    this.#lastFailure = failure;
    if ((status === "RESTARTING" || status === "FAILING") && isNew) {
      this.#failures.push({ atMs: this.#env.clock.nowMs(), error: failure.toObject() });
      if (this.#failures.length > FAILURES_KEPT) this.#failures.shift();
    }
    if (status === "RESTARTING" && master.lastCheckpoint === undefined) this.#feeds?.reset();
    this.#server?.publish({ event: "status", report: this.#report() });
  }

  async #ended(result: JobResult): Promise<void> {
    await this.#record(result);
    this.#server?.publish({ event: "status", report: this.#report() });
  }

  /** What the job's folder tells of its end: rows that sinks collected, then the outcome. */
  async #record(result: Pick<JobResult, OutcomeFields>): Promise<void> {
    const { status, startedMs, endedMs, restarts, failure } = result;
    const ended = endedMs ?? this.#env.clock.nowMs();
    const error = failure?.toObject() ?? null;
    if (this.#feeds !== undefined)
      await writeResultFile(this.#env.files, this.#folder, this.#feeds.collectedContents());
    await this.#update({
      outcome: { status, startedMs, endedMs: ended, restarts, failure: error },
    });
  }

  #report(): JobReport {
    const master = this.#master!;
    const { failure, ...view } = master.view;
    const lastCheckpoint = master.lastCheckpoint ?? null;
    return { ...view, failure: failure?.toObject() ?? null, lastCheckpoint };
  }

  #handlers(): ControlHandlers {
    const master = () => this.#master!;
    const place = ({ metadata, path }: { metadata: { checkpointId: number }; path: string }) => ({
      checkpointId: metadata.checkpointId,
      path,
    });
    return {
      status: async () => this.#report(),
      metrics: () => master().metrics(),
      samples: async () => this.#samples,
      checkpoints: async () => master().checkpoints,
      exceptions: async () => this.#failures,
      checkpoint: async () => place(await master().triggerCheckpoint()),
      holdCheckpoint: async (_, { held }) => {
        const taken = place(await master().holdCheckpoint());
        held.push(taken.checkpointId);
        return taken;
      },
      releaseCheckpoint: async ({ checkpointId }, { held }) => {
        const at = held.indexOf(checkpointId);
        if (at >= 0) await master().releaseCheckpoint(held.splice(at, 1)[0]!);
        return null;
      },
      savepoint: async ({ directory }) => place(await master().triggerSavepoint(directory)),
      stop: async (params) => place(await master().stopWithSavepoint(params)),
      cancel: async () => {
        await master().cancel();
        return null;
      },
      rescale: async (asked) => {
        await this.#rescale(asked);
        return null;
      },
      results: async ({ sink }, connection) => {
        const { node, isTapped } = this.#feeds!.find(sink);
        if (isTapped) master().tap(node.id, true);
        connection.sinks.set(sink, 0);
        return this.#feeds!.contents(sink);
      },
      unfollowResults: async ({ sink }, connection) => {
        const { node, isTapped } = this.#feeds!.find(sink);
        connection.sinks.delete(sink);
        if (isTapped && this.#server?.isFollowed(sink) === false) master().tap(node.id, false);
        return null;
      },
    };
  }

  /** A process that comes after this one goes on with the new parallelism. */
  async #rescale(asked: Rescale): Promise<void> {
    await this.#master!.rescale(asked);
    const { request } = this.#file!;
    const { parallelism = request.parallelism, operators } = asked;
    const config =
      operators === undefined
        ? request.config
        : { ...request.config, [OPERATOR_PARALLELISM]: overridesText(operators) };
    await this.#update({
      request: { ...request, parallelism, ...(config === undefined ? {} : { config }) },
    });
  }

  /** Writes job.json, one change after the other. */
  #update(change: Partial<JobFile>): Promise<void> {
    const file = { ...this.#file!, ...change };
    this.#file = file;
    this.#writes = this.#writes.then(() => writeJobFile(this.#env.files, this.#folder, file));
    return this.#writes;
  }

  #socketPath(jobId: string, nonce: string): string {
    const inFolder = join(this.#folder, "control.sock");
    const path =
      Buffer.byteLength(inFolder) <= SOCKET_PATH_LIMIT
        ? inFolder
        : join(tmpdir(), `millrace-${jobId.slice(0, 16)}-${nonce.slice(0, 16)}.sock`);
    if (existsSync(path)) rmSync(path);
    return path;
  }
}

/** Whoever started the process waits on this descriptor; a process run by hand has none. */
function sayReady(): void {
  if (process.env.MILLRACE_JOB_READY !== "1") return;
  try {
    writeSync(READY_DESCRIPTOR, "ready\n");
  } catch (error) {
    // The one who waited is gone already: the job runs without.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}
