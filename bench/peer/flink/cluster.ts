/**
 * A Flink cluster on loopback ports: JobManager, one TaskManager, SQL Gateway. Always stopped at exit.
 *
 * Flow:    installation, configuration → here → sql-gateway, flink-engine.
 * Limits:  START_LIMIT_MS until all three answer.
 * Stops:   stop(); the exit of this process; and, should this process be killed, a guard: a shell that reads
 *          a pipe of ours and ends the three processes when the pipe closes.
 * Source:  the commands of Flink's bin/ scripts.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSecondsOf } from "../../cpu.ts";
import { benchErrors } from "../../errors.ts";
import { cacheFolder } from "../../paths.ts";
import { progress } from "../../progress.ts";
import {
  addOpens,
  type FlinkPorts,
  type FlinkSetup,
  taskManagerMemoryMb,
  writeConfiguration,
} from "./configuration.ts";
import type { FlinkInstallation } from "./installation.ts";
import { restCall } from "./rest.ts";

const START_LIMIT_MS = 120_000;
const POLL_MS = 100;
const TELL_EVERY_MS = 5_000;

export class FlinkCluster {
  readonly installation: FlinkInstallation;
  readonly ports: FlinkPorts;
  readonly slots: number;
  readonly memoryMb: number;
  readonly setup: FlinkSetup;
  /** Holds conf, logs and temporary files; removed by stop() unless something failed. */
  readonly folder: string;
  private startedMs = 0;
  private readonly processes: readonly ChildProcess[];
  private readonly guard: ChildProcess;
  private readonly onExit = () => this.kill();
  private stopped = false;

  private constructor(parts: ClusterParts) {
    this.installation = parts.installation;
    this.ports = parts.ports;
    this.slots = parts.slots;
    this.memoryMb = parts.memoryMb;
    this.setup = parts.setup;
    this.folder = parts.folder;
    this.processes = parts.processes;
    this.guard = parts.guard;
    process.once("exit", this.onExit);
  }

  static async start(
    installation: FlinkInstallation,
    slots: number,
    setup: FlinkSetup = {},
  ): Promise<FlinkCluster> {
    const memoryMb = taskManagerMemoryMb();
    progress(
      `starting Flink ${installation.version} (TaskManager: ${slots} slots, ${memoryMb} MB)`,
    );
    const folder = runFolder();
    const [jobManager, rest, gateway] = await freePorts(3);
    const ports = { jobManager: jobManager!, rest: rest!, gateway: gateway! };
    const conf = writeConfiguration({
      folder,
      ports,
      slots,
      memoryMb,
      setup,
    });
    const begun = performance.now();
    const processes = spawnAll(installation, folder, conf, ports);
    const guard = spawnGuard(processes);
    const parts = { installation, ports, slots, memoryMb, setup, folder, processes, guard };
    const cluster = new FlinkCluster(parts);
    try {
      await cluster.waitUntilReady();
    } catch (error) {
      await cluster.stop(true);
      throw error;
    }
    cluster.startedMs = performance.now() - begun;
    progress(`Flink is up after ${(cluster.startMs / 1000).toFixed(1)} s; logs in ${folder}`);
    return cluster;
  }

  /** From the first spawn until all three answered. */
  get startMs(): number {
    return this.startedMs;
  }

  get logs(): string {
    return this.folder;
  }

  taskManagerCpuSeconds(): number {
    return cpuSecondsOf(this.processes[1]!.pid!);
  }

  /** Of JobManager, TaskManager and SQL Gateway. */
  allCpuSeconds(): number {
    return this.processes.reduce((sum, child) => sum + cpuSecondsOf(child.pid!), 0);
  }

  /** Ends the processes and waits for their end. */
  async stop(keepLogs = false): Promise<void> {
    if (this.stopped) return;
    const ended = this.processes.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) resolve();
          else child.once("exit", () => resolve());
        }),
    );
    this.kill();
    await Promise.all(ended);
    process.removeListener("exit", this.onExit);
    if (!keepLogs) rmSync(this.folder, { recursive: true, force: true });
    progress("Flink is stopped");
  }

  private kill(): void {
    this.stopped = true;
    this.guard.kill("SIGKILL");
    for (const child of this.processes) child.kill("SIGKILL");
  }

  private async waitUntilReady(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    let tellAt = performance.now() + TELL_EVERY_MS;
    for (;;) {
      const missing = await this.missingPart();
      if (missing === undefined) return;
      const dead = this.processes.find((child) => child.exitCode !== null);
      if (dead !== undefined)
        throw this.startError(`process ${dead.pid} ended with status ${dead.exitCode}`);
      if (performance.now() > deadline) throw this.startError(`still waiting for ${missing}`);
      if (performance.now() > tellAt) {
        progress(`waiting for ${missing}`);
        tellAt += TELL_EVERY_MS;
      }
      await sleep(POLL_MS);
    }
  }

  private async missingPart(): Promise<string | undefined> {
    const overview = await answerOf(this.ports.rest, "/v1/overview");
    if (overview === undefined) return "the JobManager";
    if (Number(overview["slots-total"] ?? 0) < this.slots) return "the TaskManager";
    if ((await answerOf(this.ports.gateway, "/v1/info")) === undefined) return "the SQL Gateway";
    return undefined;
  }

  private startError(reason: string) {
    return benchErrors.PEER_START({ reason, logs: this.folder });
  }
}

/** A folder named after this process; those of processes that are gone are removed. */
function runFolder(): string {
  const parent = cacheFolder("flink-run");
  for (const name of readdirSync(parent)) {
    const pid = /^cluster-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `cluster-${process.pid}-`));
}

interface ClusterParts {
  readonly installation: FlinkInstallation;
  readonly ports: FlinkPorts;
  readonly slots: number;
  readonly memoryMb: number;
  readonly setup: FlinkSetup;
  readonly folder: string;
  readonly processes: readonly ChildProcess[];
  readonly guard: ChildProcess;
}

/** JobManager, TaskManager, SQL Gateway, in this order. */
function spawnAll(
  installation: FlinkInstallation,
  folder: string,
  conf: string,
  ports: FlinkPorts,
): ChildProcess[] {
  const { home, java, classPath } = installation;
  const env = {
    ...process.env,
    FLINK_HOME: home,
    FLINK_CONF_DIR: conf,
    FLINK_LIB_DIR: join(home, "lib"),
    FLINK_OPT_DIR: join(home, "opt"),
    FLINK_PLUGINS_DIR: join(home, "plugins"),
  };
  const jvm = (name: string, options: readonly string[], main: string, args: readonly string[]) => {
    const log = [
      `-Dlog.file=${join(folder, `${name}.log`)}`,
      `-Dlog4j.configurationFile=file:${join(conf, "log4j.properties")}`,
    ];
    const out = openSync(join(folder, `${name}.out`), "w");
    const all = [...options, ...addOpens, ...log, "-cp", classPath.join(":"), main, ...args];
    return spawn(java, all, { env, cwd: folder, stdio: ["ignore", out, out], detached: true });
  };
  const runtime = "org.apache.flink.runtime";
  const { jvmOptions, dynamic } = taskManagerParameters(installation, conf, env);
  return [
    jvm("jobmanager", ["-Xmx1g"], `${runtime}.entrypoint.StandaloneSessionClusterEntrypoint`, [
      "--configDir",
      conf,
      "--executionMode",
      "cluster",
    ]),
    jvm("taskmanager", jvmOptions, `${runtime}.taskexecutor.TaskManagerRunner`, [
      "--configDir",
      conf,
      ...dynamic,
    ]),
    jvm("gateway", ["-Xmx1g"], "org.apache.flink.table.gateway.SqlGateway", [
      "-Dsql-gateway.endpoint.rest.address=127.0.0.1",
      "-Dsql-gateway.endpoint.rest.bind-address=127.0.0.1",
      `-Dsql-gateway.endpoint.rest.port=${ports.gateway}`,
    ]),
  ];
}

/** Asks Flink's own helper program how the TaskManager's memory is to be cut. */
function taskManagerParameters(
  { home, java, classPath }: FlinkInstallation,
  conf: string,
  env: NodeJS.ProcessEnv,
): { jvmOptions: string[]; dynamic: string[] } {
  const jars = [join(home, "bin", "bash-java-utils.jar"), ...classPath].join(":");
  const main = "org.apache.flink.runtime.util.bash.BashJavaUtils";
  const args = ["-cp", jars, main, "GET_TM_RESOURCE_PARAMS", "--configDir", conf];
  const { stdout, stderr } = spawnSync(java, args, { env, encoding: "utf8" });
  const mark = "BASH_JAVA_UTILS_EXEC_RESULT:";
  const results = (stdout ?? "").split("\n").filter((line) => line.startsWith(mark));
  if (results.length < 2)
    throw benchErrors.PEER_START({ reason: `BashJavaUtils: ${stderr.slice(-500)}`, logs: conf });
  const words = (line: string) => line.slice(mark.length).trim().split(/\s+/);
  return { jvmOptions: words(results[0]!), dynamic: words(results[1]!) };
}

function spawnGuard(processes: readonly ChildProcess[]): ChildProcess {
  const pids = processes.map((child) => child.pid).join(" ");
  const guard = spawn("sh", ["-c", `read -r line; kill -9 ${pids}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  return guard;
}

async function answerOf(port: number, path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const { status, body } = await restCall(port, path);
    return status === 200 ? body : undefined;
  } catch {
    // Not listening yet: the caller asks again until its deadline.
    return undefined;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
