import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, InjectOptions } from "fastify";
import { snapshotTools } from "../../cli/snapshot-tools.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import { Sessions } from "../access/sessions.ts";
import { DeploymentController } from "../controller/deployments.ts";
import { PreviewRunner } from "../controller/preview.ts";
import { DeploymentSavepoints } from "../controller/savepoints.ts";
import { Workspace } from "../controller/workspace.ts";
import { Store } from "../store/store.ts";
import { EmbeddedTarget } from "../targets/embedded/embedded-target.ts";
import { createServer } from "./server.ts";

const DDL = `CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000');`;
const SCRIPT = `CREATE TABLE s (id BIGINT) WITH ('connector' = 'collect');
INSERT INTO s SELECT id FROM numbers;`;

type Line = Record<string, unknown>;

describe("the console's API", { timeout: 60_000 }, () => {
  const env = realEnv();
  let base = "";
  let app: FastifyInstance;
  let sessions: Sessions;
  let deployments: DeploymentController;
  let target: EmbeddedTarget;
  let store: Store;
  let cookie = "";

  before(async () => {
    base = await mkdtemp(join(tmpdir(), "millrace-api-"));
    store = Store.open(":memory:");
    const workspace = new Workspace({ ddl: DDL });
    target = new EmbeddedTarget({
      env,
      jobsFolder: join(base, "jobs"),
      savepointsFolder: join(base, "savepoints"),
      entry: new URL("../../cli/job.worker.ts", import.meta.url),
      snapshots: snapshotTools(),
    });
    const planScript = (script: string) => workspace.planScript(script);
    deployments = new DeploymentController({ store, target, env, planScript });
    const planQuery = (sql: string) => workspace.planQuery(sql);
    const previews = new PreviewRunner({ target, env, planQuery });
    sessions = new Sessions(store, env);
    app = await createServer({
      env,
      version: "1.2.3",
      deployments,
      workspace,
      previews,
      savepoints: new DeploymentSavepoints({ deployments, target }),
      sessions,
      consoleFolder: undefined,
    });
    cookie = `millrace_session=${await sessions.signIn(await sessions.issueSignIn())}`;
  });
  after(async () => {
    await app.close();
    await target.prune(new Set());
    await deployments.close();
    await store.close();
    await rm(base, { recursive: true });
  });

  /** Signed in, from this machine, unless the options say otherwise. */
  async function call(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: unknown,
    more: InjectOptions = {},
  ) {
    const answer = await app.inject({
      method,
      url: `/api/v1${path}`,
      ...more,
      headers: { host: "127.0.0.1:8080", cookie, ...more.headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return answer;
  }
  const codeOf = (answer: { json(): { error: { code: string } } }) => answer.json().error.code;
  const linesOf = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);

  test("a sign-in link works once; the cookie it gives is asked for everywhere", async () => {
    const token = await sessions.issueSignIn();
    const first = await call("POST", "/session", { token });
    assert.equal(first.statusCode, 200);
    assert.match(
      String(first.headers["set-cookie"]),
      /^millrace_session=\w+; Path=\/; HttpOnly; SameSite=Strict/,
    );
    const second = await call("POST", "/session", { token });
    assert.deepEqual([second.statusCode, codeOf(second)], [401, "MR7101"]);
    assert.equal(codeOf(await call("POST", "/session", { token: 5 })), "MR7001");
    for (const headers of [{ cookie: "" }, { cookie: "millrace_session=wrong" }]) {
      const refused = await call("GET", "/deployments", undefined, { headers });
      assert.deepEqual([refused.statusCode, codeOf(refused)], [401, "MR7101"]);
    }
    assert.equal((await call("GET", "/session")).statusCode, 200);
  });

  test("savepoints are taken, listed, compared, read, started from and removed", async () => {
    const select = "SELECT MOD(id, 4) AS k, COUNT(*) AS n FROM numbers GROUP BY MOD(id, 4)";
    const sink = "CREATE TABLE kept (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');";
    const script = `${sink} INSERT INTO kept ${select}`;
    const made = await call("POST", "/deployments", { name: "counts", script, start: true });
    const { id } = made.json() as { id: string };
    const all = `/deployments/${id}/savepoints`;
    let taken = await call("POST", all);
    for (let i = 0; taken.statusCode === 409 && i < 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      taken = await call("POST", all);
    }
    assert.equal(taken.statusCode, 200, taken.body);
    const { name, path } = taken.json() as { name: string; path: string };
    const listed = (await call("GET", all)).json() as { savepoints: { name: string }[] };
    assert.deepEqual(
      listed.savepoints.map((one) => one.name),
      [name],
    );
    const checked = (await call("GET", `${all}/${name}/check`)).json() as {
      operators: { verdict: string; type: string }[];
    };
    assert.ok(checked.operators.some(({ type }) => type === "GroupAggregate"));
    assert.ok(checked.operators.every(({ verdict }) => verdict === "compatible"));
    const state = (await call("GET", `${all}/${name}/state/GroupAggregate?limit=3`)).json() as {
      columns: { name: string; type: string }[];
      rows: unknown[][];
    };
    assert.equal(state.columns.at(-1)?.name, "n");
    assert.ok(state.rows.length > 0 && state.rows.length <= 3);
    const now = (
      await call("GET", `/deployments/${id}/state/GroupAggregate`)
    ).json() as typeof state;
    assert.deepEqual([now.columns, now.rows.length], [state.columns, 4]);
    const counted = (all: unknown[][]) => all.reduce((sum, row) => sum + Number(row.at(-1)), 0);
    assert.ok(counted(now.rows) > counted(state.rows));
    const headers = { accept: "application/x-ndjson" };
    const streamed = await call("GET", `/deployments/${id}/state/GroupAggregate`, undefined, {
      headers,
    });
    const lines = streamed.body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([lines[0].rows.length, lines.at(-1)], [4, { type: "end" }]);
    const wrong = await call("GET", `/deployments/${id}/state/Nope`, undefined, { headers });
    assert.equal(codeOf(wrong), "MR4265");
    assert.equal((await call("POST", `/deployments/${id}/stop`, { drain: true })).statusCode, 200);
    const started = await call("POST", `/deployments/${id}/start`, { savepoint: name });
    assert.equal(started.statusCode, 200, started.body);
    const unknown = await call("POST", `/deployments/${id}/start`, { savepoint: "none" });
    assert.deepEqual([unknown.statusCode, codeOf(unknown)], [404, "MR6023"]);
    assert.equal((await call("POST", `/deployments/${id}/stop`, {})).statusCode, 200);

    const other = script.replaceAll("MOD(id, 4)", "MOD(id, 5)");
    const draft = {
      name: "others",
      script: `SET 'execution.state-recovery.path' = '${path}'; ${other}`,
    };
    const refused = await call("POST", "/deployments", { ...draft, start: true });
    assert.deepEqual([refused.statusCode, codeOf(refused)], [409, "MR4261"], refused.body);

    assert.equal((await call("DELETE", `${all}/${name}`)).statusCode, 200);
    assert.equal((await call("DELETE", `${all}/${name}`)).statusCode, 404);
    for (const one of await deployments.list()) await deployments.delete(one.id);
  });

  test("foreign hosts, origins and sites are refused, and answers are locked down", async () => {
    const foreign = [
      { host: "evil.example" },
      { host: "127.0.0.1.evil.example:8080" },
      { origin: "http://evil.example" },
      { origin: "http://127.0.0.1:3000" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign) {
      const refused = await call("GET", "/overview", undefined, { headers });
      assert.deepEqual(
        [refused.statusCode, codeOf(refused)],
        [403, "MR7102"],
        JSON.stringify(headers),
      );
    }
    for (const host of ["localhost:8080", "[::1]:8080", "127.0.0.1"]) {
      const { statusCode, headers } = await call("GET", "/overview", undefined, {
        headers: { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" },
      });
      assert.equal(statusCode, 200, host);
      assert.match(
        String(headers["content-security-policy"]),
        /default-src 'self'.*frame-ancestors 'none'/,
      );
      assert.deepEqual(
        [headers["x-content-type-options"], headers["cache-control"]],
        ["nosniff", "no-store"],
      );
    }
  });

  test("what is not right is told with its code", async () => {
    const cases: readonly [
      Promise<{ statusCode: number; json(): { error: { code: string } } }>,
      number,
      string,
    ][] = [
      [call("GET", "/nothing"), 404, "MR7002"],
      [call("GET", "/deployments/x"), 404, "MR6011"],
      [call("DELETE", "/deployments/x"), 404, "MR6011"],
      [call("POST", "/deployments/x/start", {}), 404, "MR6011"],
      [call("POST", "/deployments", { name: "no spaces", script: SCRIPT }), 400, "MR7001"],
      [call("POST", "/deployments", { name: "d", script: "SELECT 1" }), 400, "MR6015"],
      [
        call("POST", "/deployments", { name: "d", script: "INSERT INTO nowhere SELECT 1" }),
        400,
        "MR2103",
      ],
      [call("POST", "/sql/query", { sql: "SELECT 1", limit: 0 }), 400, "MR7001"],
      [call("POST", "/sql/query", { sql: "SET 'a' = 'b'" }), 400, "MR6017"],
      [
        call("POST", "/sql/query", undefined, {
          payload: "{",
          headers: { "content-type": "application/json" },
        }),
        400,
        "MR7001",
      ],
    ];
    for (const [answer, status, code] of cases) {
      const found = await answer;
      if (code === "MR2103") assert.match(codeOf(found), /^MR21/);
      else assert.equal(codeOf(found), code);
      assert.equal(found.statusCode, status);
    }
  });

  test("scripts are checked, the catalog is listed", async () => {
    const script = "SELECT idd FROM numbers";
    const { diagnostics } = (await call("POST", "/sql/check", { script })).json();
    assert.equal(diagnostics.length, 1);
    assert.equal(script.slice(diagnostics[0].from, diagnostics[0].to), "idd");
    const { tables, ddl } = (await call("GET", "/catalog")).json();
    assert.deepEqual(
      [tables[0].name, tables[0].columns, ddl],
      ["numbers", [{ name: "id", type: "BIGINT" }], DDL],
    );
  });

  test("a query streams its rows and says why it ended", async () => {
    const bounded = "SELECT a, a > 1 AS b FROM (VALUES (1), (2)) AS t(a)";
    const answer = await call("POST", "/sql/query", { sql: bounded });
    assert.match(String(answer.headers["content-type"]), /^application\/x-ndjson/);
    const lines = linesOf(answer.body);
    assert.equal(lines[0]!.type, "schema");
    const rows = lines.flatMap((line) =>
      line.type === "rows" ? (line.changes as { row: unknown }[]) : [],
    );
    assert.deepEqual(
      rows.map(({ row }) => row),
      [
        [1, false],
        [2, true],
      ],
    );
    const { type, reason, rows: count } = lines.at(-1)!;
    assert.deepEqual([type, reason, count], ["end", "finished", 2]);

    const limited = linesOf(
      (await call("POST", "/sql/query", { sql: "SELECT id FROM numbers", limit: 5 })).body,
    );
    assert.deepEqual([limited.at(-1)!.reason, limited.at(-1)!.rows], ["limit", 5]);
    const short = linesOf(
      (
        await call("POST", "/sql/query", {
          sql: "SELECT id FROM numbers WHERE id < 0",
          timeoutMs: 300,
        })
      ).body,
    );
    assert.equal(short.at(-1)!.reason, "timeout");
    const failed = linesOf(
      (
        await call("POST", "/sql/query", {
          sql: "SELECT CAST(a AS INT) FROM (VALUES ('x')) AS t(a)",
        })
      ).body,
    );
    assert.equal(failed.at(-1)!.type, "error");
    assert.deepEqual(await readdir(join(base, "jobs")), []);
  });

  test("a deployment is made, watched, stopped and removed", async () => {
    const made = (
      await call("POST", "/deployments", { name: "d", script: SCRIPT, start: true })
    ).json();
    const path = `/deployments/${made.id}`;
    assert.equal(made.desired, "RUNNING");
    assert.equal(
      (await call("POST", "/deployments", { name: "d", script: SCRIPT })).statusCode,
      409,
    );
    assert.equal((await call("DELETE", path)).statusCode, 409);
    while ((await call("GET", path)).json().job.status !== "RUNNING") await sleep(20);
    const graph = (await call("GET", `${path}/graph`)).json();
    assert.deepEqual(
      graph.nodes.map(({ type }: { type: string }) => type),
      ["TableSourceScan", "Sink"],
    );
    const [sink] = made.sinks;
    assert.equal(codeOf(await call("GET", `${path}/results/none`)), "MR6016");
    await watch(
      `${path}/results/${sink}`,
      (line) => line.type === "rows" && (line.changes as []).length > 0,
    );
    await watch(
      `${path}/metrics`,
      (line) => line.type === "metrics" && (line.rowsIn as number) > 0,
    );
    const overview = (await call("GET", "/overview")).json();
    assert.deepEqual([overview.version, overview.running, overview.total], ["1.2.3", 1, 1]);
    const stopped = (await call("POST", `${path}/stop`, {})).json();
    assert.equal(stopped.desired, "STOPPED");
    const kept = linesOf((await call("GET", `${path}/results/${sink}`)).body);
    assert.deepEqual([kept.at(-1)!.type, kept.at(-1)!.reason], ["end", "finished"]);
    assert.ok((kept[1]!.changes as []).length > 0);
    assert.equal((await call("DELETE", path)).statusCode, 200);
    assert.deepEqual(await readdir(join(base, "jobs")), []);
  });

  /** Over a real connection, for inject waits for the end: reads a stream until a line fits, then leaves it. */
  async function watch(path: string, fits: (line: Line) => boolean): Promise<void> {
    const url = app.server.listening
      ? `http://127.0.0.1:${(app.server.address() as { port: number }).port}`
      : await app.listen({ host: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    const response = await fetch(`${url}/api/v1${path}`, {
      headers: { cookie },
      signal: abort.signal,
    });
    assert.equal(response.status, 200);
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      if (parts.some((line) => fits(JSON.parse(line) as Line))) break;
    }
    abort.abort();
  }

  test("a query whose reader leaves is ended and leaves nothing behind", async () => {
    const url = app.server.listening
      ? `http://127.0.0.1:${(app.server.address() as { port: number }).port}`
      : await app.listen({ host: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    const response = await fetch(`${url}/api/v1/sql/query`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json" },
      body: JSON.stringify({ sql: "SELECT id FROM numbers" }),
      signal: abort.signal,
    });
    await response.body!.getReader().read();
    assert.equal((await readdir(join(base, "jobs"))).length, 1);
    abort.abort();
    const until = performance.now() + 5000;
    while ((await readdir(join(base, "jobs"))).length > 0) {
      assert.ok(performance.now() < until, "the job is still there");
      await sleep(20);
    }
  });
});
