/**
 * `millrace up` against kill -9: a job whose process dies is started again by itself; a platform that dies leaves its jobs
 * running, and the next one adopts them.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cli } from "./spawn-cli.ts";

const ENTRY = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PATIENCE_MS = 15_000;

const SCRIPT = `SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE g (a INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE s (a INT) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT a FROM g;`;

interface ObservedJob {
  readonly jobId: string;
  readonly status: string;
  readonly restarts: number;
}

class Platform {
  readonly process: ChildProcess;
  #output = "";
  #cookie = "";
  url = "";

  constructor(data: string) {
    const args = [ENTRY, "up", "--no-demo", "--port", "0", "--data", data];
    this.process = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream!.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  async signIn(): Promise<void> {
    const link = await eventually(
      async () => /console {2}(\S+)/.exec(this.#output)?.[1],
      "a sign-in link",
    );
    await eventually(async () => /next {5}open/.exec(this.#output)?.[0], "a platform that is up");
    const { origin, searchParams } = new URL(link);
    this.url = `${origin}/api/v1`;
    const response = await this.#send("POST", "/session", { token: searchParams.get("t") });
    this.#cookie = response.headers.get("set-cookie")!.split(";")[0]!;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    const answer = (await response.json()) as T;
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  }

  /** The rows of a statement of the SQL box. */
  async rows(sql: string): Promise<unknown[]> {
    const text = await (await this.#send("POST", "/sql/query", { sql })).text();
    const messages = text.trim().split("\n");
    return messages.flatMap((line) => {
      const message = JSON.parse(line) as { type: string; changes?: { row: unknown }[] };
      assert.notEqual(message.type, "error", line);
      return message.changes?.map(({ row }) => row) ?? [];
    });
  }

  async job(): Promise<ObservedJob> {
    const { deployments } = await this.call<{ deployments: { job: ObservedJob }[] }>(
      "GET",
      "/deployments",
    );
    return deployments[0]!.job;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await gone;
  }

  #send(method: string, path: string, body: unknown): Promise<Response> {
    const { origin } = new URL(this.url);
    return fetch(`${this.url}${path}`, {
      method,
      headers: { origin, cookie: this.#cookie, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

async function eventually<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await sleep(25);
  }
}

/** The process whose command line names the job's folder. */
function jobProcess(folder: string): number | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      if (args.includes(folder)) return Number(name);
    } catch {
      // It ended while the list was read.
    }
  }
  return undefined;
}

test("a killed job comes back by itself, a killed platform finds its job running", {
  skip: process.platform !== "linux",
}, async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-up-"));
  let platform = new Platform(data);
  try {
    await platform.signIn();
    const deployment = await platform.call<{ id: string }>("POST", "/deployments", {
      name: "endless",
      script: SCRIPT,
    });
    await platform.call("POST", `/deployments/${deployment.id}/start`, {});
    const running = (restarts: number) => async () => {
      const job = await platform.job();
      return job.status === "RUNNING" && job.restarts === restarts ? job : undefined;
    };
    const { jobId } = await eventually(running(0), "the job");
    const folder = join(data, "jobs", jobId);
    await eventually(async () => {
      const path = `/deployments/${deployment.id}/checkpoints`;
      const { checkpoints } = await platform.call<{ checkpoints: { status: string }[] }>(
        "GET",
        path,
      );
      return checkpoints.find(({ status }) => status === "COMPLETED");
    }, "a checkpoint");

    const second = await cli(["up", "--data", data]);
    assert.equal(second.status, 0);
    assert.match(second.stdout, /is running already in .*\n {2}console {2}http/);

    const killedAt = performance.now();
    process.kill(jobProcess(folder)!, "SIGKILL");
    await eventually(
      async () => ((await platform.job()).status === "RUNNING" ? undefined : true),
      "the death",
    );
    assert.ok(performance.now() - killedAt < 1000, "the platform notices within a second");
    const revived = await eventually(running(1), "the job again");
    assert.equal(revived.jobId, jobId);

    const before = jobProcess(folder);
    await platform.end("SIGKILL");
    assert.equal(jobProcess(folder), before, "the job outlives the platform");
    platform = new Platform(data);
    await platform.signIn();
    const adopted = await eventually(running(1), "the adopted job");
    assert.deepEqual([adopted.jobId, jobProcess(folder)], [jobId, before]);

    await platform.end("SIGINT");
    assert.equal(platform.process.exitCode, 0);
    assert.equal(jobProcess(folder), undefined, "Ctrl-C stops the jobs");
  } finally {
    if (platform.process.exitCode === null) platform.process.kill("SIGKILL");
    for (const id of readdirSync(join(data, "jobs"))) {
      const pid = jobProcess(join(data, "jobs", id));
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    }
    rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  }
});

const PROCEDURE = `export const greet = {
  kind: "table", procedure: true, signatures: [{ args: ["STRING"], returns: "STRING" }],
  eval: (name: string) => ["hello " + name],
};
export const twice = {
  kind: "scalar", signatures: [{ args: ["INT"], returns: "INT" }], eval: (n: number) => 2 * n,
};`;

test("procedures and functions of the platform's folder run from the SQL box", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-call-"));
  const platform = new Platform(data);
  try {
    await platform.signIn();
    mkdirSync(join(data, "functions"));
    writeFileSync(join(data, "functions", "mine.ts"), PROCEDURE);
    const create = "CREATE FUNCTION f AS 'mine.ts#NAME' LANGUAGE TYPESCRIPT;";
    const greet = await platform.rows(`${create.replace("NAME", "greet")} CALL f('Ann')`);
    assert.deepEqual(greet, [["hello Ann"]]);
    assert.deepEqual(await platform.rows(`${create.replace("NAME", "twice")} SELECT f(21) AS n`), [
      [42],
    ]);
    await platform.end("SIGINT");
  } finally {
    if (platform.process.exitCode === null) platform.process.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  }
});

test("a port in use, and an address that others reach, are refused with a remedy", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-port-"));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  try {
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const busy = await cli(["up", "--no-demo", "--data", data, "--port", String(port)]);
    assert.equal(busy.status, 1);
    assert.match(
      busy.stderr,
      new RegExp(`^error MR7003: port ${port} of 127.0.0.1 is in use\\n.*--port`),
    );
    const open = await cli(["up", "--no-demo", "--data", data, "--host", "0.0.0.0"]);
    assert.equal(open.status, 1);
    assert.match(open.stderr, /^error MR7004: 0\.0\.0\.0 is not a loopback address\n/);
  } finally {
    taken.close();
    rmSync(data, { recursive: true, force: true });
  }
});
