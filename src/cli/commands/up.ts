/**
 * `millrace up`: the platform on this machine: metadata in SQLite, jobs as processes, API and console on loopback, the demo.
 *
 * Flow:    here puts store, target, controller and server together → Ctrl-C stops every job at a savepoint.
 * Data:    one folder (--data, default .millrace): metadata.db, platform.json, jobs/, demo/.
 * Again:   a second `up` in the same folder prints a new sign-in link to the platform that runs.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { Sessions } from "../../controlplane/access/sessions.ts";
import { apiErrors } from "../../controlplane/api/errors.ts";
import { createServer, LOOPBACK_NAMES } from "../../controlplane/api/server.ts";
import { DeploymentController } from "../../controlplane/controller/deployments.ts";
import { MaterializedTables } from "../../controlplane/controller/materialized-tables.ts";
import { PreviewRunner } from "../../controlplane/controller/preview.ts";
import { DeploymentSavepoints } from "../../controlplane/controller/savepoints.ts";
import { Workspace } from "../../controlplane/controller/workspace.ts";
import { Store } from "../../controlplane/store/store.ts";
import { EmbeddedTarget } from "../../controlplane/targets/embedded/embedded-target.ts";
import {
  CONNECTOR_OPTIONS,
  defaultRegistry,
  FORMAT_OPTIONS,
} from "../../dataplane/connectors/registry.ts";
import { toMillraceError } from "../../foundation/base/errors.ts";
import type { Env } from "../../foundation/host/env.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import {
  DEFAULT_SPEED,
  DEMO_DEPLOYMENT,
  DEMO_STATEMENTS,
  demoTables,
  prepareDemoFiles,
} from "../demo/flight-demo.ts";
import { cliErrors } from "../errors.ts";
import { fileReason } from "../file-reason.ts";
import type { Command } from "../main.ts";
import { readPlatformFile, removePlatformFile, writePlatformFile } from "../platform-file.ts";
import { lockPlatform } from "../platform-lock.ts";
import { renderError } from "../render/error.ts";
import { snapshotTools } from "../snapshot-tools.ts";
import { checkingHost } from "../sql-host.ts";
import { validateTables } from "../validate-tables.ts";
import type { Terminal } from "../terminal.ts";

const DEFAULT_PORT = 8080;
/** Ports tried after the default one when it is in use. */
const PORTS_TRIED = 20;
const MAX_SPEED = 1_000_000;

const FLAGS: readonly Flag[] = [
  {
    name: "port",
    value: "N",
    help: `port of console and API (default ${DEFAULT_PORT}, or the next free one)`,
  },
  { name: "host", value: "ADDRESS", help: "loopback address to listen on (default 127.0.0.1)" },
  { name: "data", value: "DIR", help: "folder of metadata and state (default .millrace)" },
  {
    name: "functions",
    value: "DIR",
    help: "folder of modules for CREATE FUNCTION and CALL (default functions/ in the data folder)",
  },
  { name: "no-demo", help: "start without the flight demo" },
  {
    name: "demo-speed",
    value: "N",
    help: `event time of the demo ÷ time (default ${DEFAULT_SPEED})`,
  },
];

export const upCommand: Command = {
  usage: "millrace up [options]",
  help: `  millrace up
  millrace up --port 9000 --no-demo

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("up", argv, FLAGS);
    if (args.positional.length > 0) {
      throw cliErrors.USAGE({ problem: "it takes no arguments", command: "up" });
    }
    const host = args.text("host") ?? "127.0.0.1";
    if (!LOOPBACK_NAMES.has(host)) throw apiErrors.NOT_LOOPBACK({ host });
    const platform = new Platform({
      terminal,
      host,
      port: args.integer("port", { min: 0, max: 65_535 }),
      data: resolve(args.text("data") ?? ".millrace"),
      functions: args.text("functions"),
      demo: !args.has("no-demo"),
      demoSpeed: args.integer("demo-speed", { min: 1, max: MAX_SPEED }) ?? DEFAULT_SPEED,
    });
    return platform.run();
  },
};

/** So long a platform may take from its start until it answers. */
const STARTING_MS = 10_000;
const LOOK_MS = 100;

interface PlatformOptions {
  readonly terminal: Terminal;
  readonly host: string;
  readonly port: number | undefined;
  readonly data: string;
  readonly functions: string | undefined;
  readonly demo: boolean;
  readonly demoSpeed: number;
}

class Platform {
  readonly #options: PlatformOptions;
  readonly #env: Env = realEnv();

  constructor(options: PlatformOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    const { data, terminal, host } = this.#options;
    await this.#dataFolder();
    const lock = await lockPlatform(data, this.#env.timers);
    if (lock.kind === "taken") return this.#runsAlready(lock.pid);
    const store = Store.open(join(data, "metadata.db"));
    const sessions = new Sessions(store, this.#env);
    const stopped = stopSignal();
    this.#survive();
    const tables = this.#options.demo ? await this.#demoTables() : "";
    const parts = this.#controllers(store, tables);
    const server = await createServer({
      version: terminal.version,
      env: this.#env,
      sessions,
      consoleFolder: consoleFolder(),
      ...parts,
    });
    const url = await this.#listen(server);
    await writePlatformFile(this.#env, data, { pid: process.pid, url });
    terminal.out(`millrace ${terminal.version} · data ${data} · engine embedded\n`);
    terminal.out(
      `  console  ${url}/?t=${await sessions.issueSignIn()}   (one-time sign-in link)\n`,
    );
    terminal.out(`  api      ${url}/api/v1\n`);
    await parts.workspace.statistics.load(store);
    await parts.materialized.load();
    await this.#startJobs(parts.deployments);
    await parts.materialized.schedule();
    terminal.out(`  next     open the console · or: millrace sql   ·   Ctrl-C stops (${host})\n`);
    await stopped;
    terminal.say("stopping: every job takes a savepoint …");
    parts.materialized.close();
    for (const problem of await parts.deployments.suspendAll()) {
      terminal.say(`runs on, until the next \`millrace up\`: ${problem}`);
    }
    await server.close();
    await parts.deployments.close();
    await store.close();
    await removePlatformFile(this.#env, data);
    lock.release();
    terminal.say("stopped");
    return 0;
  }

  /** It may have just been started: then its address is not known yet. */
  async #runsAlready(pid: number): Promise<number> {
    const { data, terminal } = this.#options;
    const { clock, timers } = this.#env;
    const untilMs = clock.monotonicMs() + STARTING_MS;
    let running = await readPlatformFile(this.#env, data);
    while (running === undefined && clock.monotonicMs() < untilMs) {
      await new Promise<void>((done) => void timers.after(LOOK_MS, done));
      running = await readPlatformFile(this.#env, data);
    }
    if (running === undefined) throw cliErrors.PLATFORM_SILENT({ pid, path: data });
    const store = Store.open(join(data, "metadata.db"));
    const token = await new Sessions(store, this.#env).issueSignIn();
    await store.close();
    terminal.out(`millrace is running already in ${data}\n`);
    terminal.out(`  console  ${running.url}/?t=${token}\n`);
    return 0;
  }

  /** An error that nobody waits for must not end the platform: it is told, jobs and calls go on. */
  #survive(): void {
    const { terminal } = this.#options;
    const tell = (error: unknown) =>
      terminal.say(renderError(toMillraceError(error), terminal.palette));
    process.on("uncaughtException", tell);
    process.on("unhandledRejection", tell);
  }

  async #dataFolder(): Promise<void> {
    const { data } = this.#options;
    try {
      await this.#env.files.mkdirs(data, { ownerOnly: true });
      accessSync(data, constants.W_OK);
    } catch (cause) {
      throw cliErrors.DATA_FOLDER({ path: data, reason: fileReason(cause) }, { cause });
    }
  }

  #controllers(store: Store, tables: string) {
    const { data } = this.#options;
    const functions = resolve(this.#options.functions ?? join(data, "functions"));
    const target = new EmbeddedTarget({
      env: this.#env,
      jobsFolder: join(data, "jobs"),
      savepointsFolder: join(data, "savepoints"),
      entry: new URL("../job.worker.ts", import.meta.url),
      snapshots: snapshotTools(),
    });
    const workspace = new Workspace({
      ddl: tables,
      host: { ...checkingHost({ functions, onlyThere: true }), jobs: true, analyses: true },
      catalogue: { connectors: CONNECTOR_OPTIONS, formats: FORMAT_OPTIONS },
    });
    const registry = defaultRegistry();
    const deployments = new DeploymentController({
      store,
      target,
      env: this.#env,
      planScript: (script) => {
        const plan = workspace.planScript(script);
        if (plan !== undefined) validateTables(plan, registry);
        return plan;
      },
    });
    const materialized = new MaterializedTables({
      store,
      target,
      env: this.#env,
      deployments,
      workspace,
    });
    const previews = new PreviewRunner({
      target,
      env: this.#env,
      jobs: deployments,
      materialized,
      keepStatistics: async (found) => {
        await workspace.statistics.keep(store, found);
        deployments.forgetPlans();
      },
      planQuery: (sql) => {
        const planned = workspace.planQuery(sql);
        if (planned?.kind === "plan") validateTables(planned.plan, registry);
        return planned;
      },
    });
    const savepoints = new DeploymentSavepoints({ deployments, target });
    return { deployments, workspace, previews, savepoints, materialized };
  }

  async #demoTables(): Promise<string> {
    const { data, demoSpeed } = this.#options;
    return demoTables(await prepareDemoFiles(this.#env.files, join(data, "demo")), demoSpeed);
  }

  /** Jobs of an earlier life first, then the demo if it is not deployed yet. A job that fails does not stop the platform. */
  async #startJobs(deployments: DeploymentController): Promise<void> {
    const { terminal, demo } = this.#options;
    try {
      await deployments.recover();
      if (!demo) return;
      const known = (await deployments.list()).find(({ name }) => name === DEMO_DEPLOYMENT);
      if (known !== undefined) return;
      const made = await deployments.create({ name: DEMO_DEPLOYMENT, script: DEMO_STATEMENTS });
      await deployments.start(made.id);
      terminal.out(
        `  demo     ${DEMO_DEPLOYMENT}: flights of 2001, replayed (--no-demo leaves it out)\n`,
      );
    } catch (error) {
      terminal.say(renderError(toMillraceError(error), terminal.palette));
    }
  }

  async #listen(server: FastifyInstance): Promise<string> {
    const { host, port, terminal } = this.#options;
    const first = port ?? DEFAULT_PORT;
    for (let tried = 0; ; tried++) {
      try {
        return await server.listen({ host, port: first + tried });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
        const last = port !== undefined || tried >= PORTS_TRIED;
        if (last) throw apiErrors.PORT_IN_USE({ host, port: first + tried }, { cause: error });
        terminal.say(`port ${first + tried} is in use, trying ${first + tried + 1}`);
      }
    }
  }
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process. */
function stopSignal(): Promise<void> {
  return new Promise((stop) => {
    let stopping = false;
    const handle = () => {
      if (stopping) process.exit(130);
      stopping = true;
      stop();
    };
    process.on("SIGINT", handle);
    process.on("SIGTERM", handle);
  });
}

/** The built console: beside the bundle, or in dist/ of a checkout. */
function consoleFolder(): string | undefined {
  const candidates = ["../../../dist/console", "./console", "../console"];
  for (const path of candidates) {
    const folder = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(join(folder, "index.html"))) return folder;
  }
  return undefined;
}
