/**
 * The console's calls (types.ts lists them): thin translations between HTTP and the controller.
 *
 * Streams: newline-delimited JSON. A slow browser is never allowed to fill our memory: rows wait for `drain`, samples that
 *          come meanwhile are skipped.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import { ROW_KIND_TEXT } from "../../../foundation/columnar/row-kind.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type {
  Deployment,
  DeploymentController,
  JobSample,
  ResultEvent,
} from "../../controller/deployments.ts";
import { controllerErrors } from "../../controller/errors.ts";
import type { PreviewRunner } from "../../controller/preview.ts";
import type { Workspace } from "../../controller/workspace.ts";
import { apiErrors } from "../errors.ts";
import type { DeploymentSavepoints } from "../../controller/savepoints.ts";
import { NdjsonStream } from "./ndjson-stream.ts";
import { savepointRoutes, startOptions } from "./savepoint-routes.ts";
import * as t from "./types.ts";

export interface ConsoleServices {
  readonly env: Env;
  readonly version: string;
  readonly deployments: DeploymentController;
  readonly workspace: Workspace;
  readonly previews: PreviewRunner;
  readonly savepoints: DeploymentSavepoints;
}

const DEFAULT_LIMIT = 10_000;
const DEFAULT_TIMEOUT_MS = 60_000;

export function consoleRoutes(api: FastifyInstance, services: ConsoleServices): void {
  const { deployments, workspace } = services;
  api.get("/overview", async () => overview(services));
  api.get("/catalog", async () => workspace.catalog());
  api.get("/deployments", async () => ({
    deployments: (await deployments.list()).map(toDeployment),
  }));
  api.post("/deployments", async (request) => {
    const draft = parse(t.DeploymentDraft, request.body);
    const { start, parallelism, ...rest } = draft;
    const made = await deployments.create({
      ...rest,
      ...(parallelism === undefined ? {} : { parallelism }),
    });
    return toDeployment(start ? await deployments.start(made.id) : made);
  });
  api.get("/deployments/:id", async (request) => toDeployment(await deployments.get(id(request))));
  api.delete("/deployments/:id", async (request) => {
    await deployments.delete(id(request));
    return {};
  });
  api.post("/deployments/:id/start", async (request) => {
    const asked = parse(t.StartRequest, request.body ?? {});
    const options = await startOptions(services.savepoints, id(request), asked);
    return toDeployment(await deployments.start(id(request), options));
  });
  api.post("/deployments/:id/stop", async (request) => {
    const { savepoint = true, drain = false } = parse(t.StopRequest, request.body ?? {});
    return toDeployment(await deployments.stop(id(request), { savepoint, drain }));
  });
  api.post("/deployments/:id/rescale", async (request) => {
    const { parallelism, operators } = parse(t.RescaleRequest, request.body);
    return toDeployment(
      await deployments.rescale(id(request), {
        ...(parallelism === undefined ? {} : { parallelism }),
        ...(operators === undefined ? {} : { operators }),
      }),
    );
  });
  api.get("/deployments/:id/graph", async (request) => {
    const deployment = await deployments.get(id(request));
    return graphOf(await deployments.plan(deployment.id), deployment.parallelism);
  });
  api.get("/deployments/:id/checkpoints", async (request) => ({
    checkpoints: (await deployments.job(id(request))).checkpoints(),
  }));
  api.get("/deployments/:id/metrics", async (request, reply) =>
    streamMetrics(services, request, reply),
  );
  api.get("/deployments/:id/results/:sink", async (request, reply) =>
    streamResults(services, request, reply),
  );
  savepointRoutes(api, services.savepoints);
  api.post("/sql/check", async (request) => ({
    diagnostics: workspace.check(parse(t.CheckRequest, request.body).script),
  }));
  api.post("/sql/query", async (request, reply) => streamQuery(services, request, reply));
}

async function overview(services: ConsoleServices): Promise<t.Overview> {
  const all = await services.deployments.list();
  let rowsInPerSecond = 0;
  let rowsOutPerSecond = 0;
  const running = all.filter((deployment) => deployment.job?.status === "RUNNING");
  for (const deployment of running) {
    const sample = (await services.deployments.job(deployment.id)).samples().at(-1);
    rowsInPerSecond += sample?.rowsInPerSecond ?? 0;
    rowsOutPerSecond += sample?.rowsOutPerSecond ?? 0;
  }
  return {
    version: services.version,
    running: running.length,
    total: all.length,
    failed: all.filter((deployment) => deployment.job?.status === "FAILED").length,
    rowsInPerSecond,
    rowsOutPerSecond,
  };
}

async function streamMetrics(
  services: ConsoleServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const job = await services.deployments.job(id(request));
  const stream = new NdjsonStream(reply);
  for (const sample of job.samples()) await stream.write(toSample(sample));
  const stop = job.onSample((sample) => stream.offer(toSample(sample)));
  await stream.closed;
  stop();
}

async function streamResults(
  services: ConsoleServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const deployment = await services.deployments.get(id(request));
  const { sink } = request.params as { sink: string };
  if (!deployment.sinks.includes(sink)) {
    const known = deployment.sinks.join(", ") || "none";
    throw controllerErrors.SINK_NOT_FOUND({ name: deployment.name, sink, known });
  }
  const job = await services.deployments.job(deployment.id);
  const stream = new NdjsonStream(reply);
  await forward(services.env, stream, (signal) => job.results(sink, signal), {
    limit: Number.POSITIVE_INFINITY,
  });
}

async function streamQuery(
  services: ConsoleServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { sql, limit, timeoutMs } = parse(t.QueryRequest, request.body);
  const preview = await services.previews.prepare(sql);
  const stream = new NdjsonStream(reply);
  await forward(services.env, stream, (signal) => preview.run(signal), {
    limit: limit ?? DEFAULT_LIMIT,
    timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
  });
}

/** Sends events until they end, the browser leaves, or a limit is reached, and says which it was. */
async function forward(
  env: Env,
  stream: NdjsonStream,
  open: (signal: AbortSignal) => AsyncIterable<ResultEvent>,
  limits: { readonly limit: number; readonly timeoutMs?: number },
): Promise<void> {
  const started = env.clock.monotonicMs();
  const abort = new AbortController();
  let reason: "finished" | "limit" | "timeout" | "canceled" = "finished";
  const end = (why: "limit" | "timeout" | "canceled") => {
    if (reason === "finished") reason = why;
    abort.abort();
  };
  stream.closed.then(
    () => end("canceled"),
    () => end("canceled"),
  );
  const stopTimer =
    limits.timeoutMs === undefined
      ? () => undefined
      : env.timers.after(limits.timeoutMs, () => end("timeout"));
  let rows = 0;
  try {
    for await (const event of open(abort.signal)) {
      const room = limits.limit - rows;
      const message = toResultMessage(event, room);
      if (message.type === "rows") rows += message.changes.length;
      await stream.write(message);
      if (rows >= limits.limit) end("limit");
    }
    const elapsedMs = env.clock.monotonicMs() - started;
    await stream.write({ type: "end", reason, rows, elapsedMs });
  } catch (error) {
    if (abort.signal.aborted) {
      await stream.write({
        type: "end",
        reason,
        rows,
        elapsedMs: env.clock.monotonicMs() - started,
      });
    } else {
      await stream.write({ type: "error", error: toMillraceError(error).toObject() });
    }
  } finally {
    stopTimer();
    abort.abort();
    stream.end();
  }
}

function toResultMessage(event: ResultEvent, room: number): t.ResultMessage {
  if (event.kind === "schema") {
    return {
      type: "schema",
      columns: event.schema.fields.map(({ name, type }) => ({ name, type: typeToString(type) })),
      changelogMode: event.changelogMode,
      upsertKey: [...event.upsertKey],
    };
  }
  const changes = event.rows
    .slice(0, room)
    .map((row) => ({ kind: ROW_KIND_TEXT[row.kind], row: [...row.values] }));
  return { type: "rows", snapshot: event.snapshot, changes, missed: event.missed };
}

function toDeployment(deployment: Deployment): t.Deployment {
  const { job, sinks, jobName: _, ...rest } = deployment;
  return { ...rest, sinks: [...sinks], job: job === null ? null : t.ObservedJob.parse(job) };
}

function toSample(sample: JobSample): t.MetricsSample {
  return { type: "metrics", ...sample, operators: [...sample.operators] };
}

export function graphOf(plan: ExecPlan, parallelism: number): t.JobGraph {
  return {
    nodes: plan.nodes.map(({ id: node, type, description }) => ({
      id: node,
      type,
      description,
      parallelism,
    })),
    edges: plan.nodes.flatMap((node) =>
      node.inputs.map((input) => ({
        from: input.node,
        to: node.id,
        distribution: input.distribution.kind,
      })),
    ),
  };
}

function id(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function parse<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const reason = `${issue?.path.join(".") || "body"}: ${issue?.message ?? "not valid"}`;
  throw apiErrors.REQUEST_INVALID({ reason });
}
