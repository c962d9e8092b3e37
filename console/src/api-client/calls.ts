/** Calls of the console's API (src/controlplane/api/console/types.ts lists them); every failure is an ApiError. */
import type {
  Catalog,
  CatalogTable,
  CheckpointInfo,
  Deployment,
  Diagnostic,
  ErrorBody,
  JobGraph,
  MetricsSample,
  Overview,
  ResultMessage,
  SavepointInfo,
  StateVerdict,
} from "../../../src/controlplane/api/console/types.ts";

export type {
  Catalog,
  CatalogTable,
  CheckpointInfo,
  Deployment,
  Diagnostic,
  ErrorBody,
  JobGraph,
  MetricsSample,
  Overview,
  ResultMessage,
  SavepointInfo,
  StateVerdict,
};

export class ApiError extends Error {
  readonly body: ErrorBody;
  constructor(body: ErrorBody) {
    super(body.message);
    this.name = "ApiError";
    this.body = body;
  }
}

const BASE = "/api/v1";

async function request(method: string, path: string, body?: unknown, signal?: AbortSignal) {
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  const failure = (await response.json().catch(() => null)) as { error?: ErrorBody } | null;
  throw failure?.error === undefined ? unreachable() : new ApiError(failure.error);
}

function unreachable(): ApiError {
  return new ApiError({
    code: "",
    domain: "external",
    message: "the platform does not answer",
    hint: "Is `millrace up` still running? This page tries again by itself.",
    retryable: true,
  });
}

const get = async <T>(path: string) => (await (await request("GET", path)).json()) as T;
const post = async <T>(path: string, body: unknown) =>
  (await (await request("POST", path, body)).json()) as T;

export const getSession = () => get<{ user: string }>("/session");
export const signIn = (token: string) => post<{ user: string }>("/session", { token });
export const getDeployments = async () =>
  (await get<{ deployments: Deployment[] }>("/deployments")).deployments;
export const getGraph = (id: string) => get<JobGraph>(`/deployments/${id}/graph`);
export const getCatalog = () => get<Catalog>("/catalog");
export const checkScript = async (script: string) =>
  (await post<{ diagnostics: Diagnostic[] }>("/sql/check", { script })).diagnostics;
/** From a savepoint of the deployment by name; else from the state that the last job left. */
export const startDeployment = (id: string, savepoint?: string) =>
  post<Deployment>(`/deployments/${id}/start`, savepoint === undefined ? {} : { savepoint });
export const stopDeployment = (id: string) => post<Deployment>(`/deployments/${id}/stop`, {});
export const getSavepoints = async (id: string) =>
  (await get<{ savepoints: SavepointInfo[] }>(`/deployments/${id}/savepoints`)).savepoints;
export const takeSavepoint = (id: string) =>
  post<SavepointInfo>(`/deployments/${id}/savepoints`, {});
export const checkSavepoint = async (id: string, name: string) =>
  (await get<{ operators: StateVerdict[] }>(`/deployments/${id}/savepoints/${name}/check`))
    .operators;
export const removeSavepoint = (id: string, name: string) =>
  request("DELETE", `/deployments/${id}/savepoints/${name}`);

export const streamMetrics = (id: string, signal: AbortSignal) =>
  lines<MetricsSample>("GET", `/deployments/${id}/metrics`, undefined, signal);
export const streamResults = (id: string, sink: string, signal: AbortSignal) =>
  lines<ResultMessage>(
    "GET",
    `/deployments/${id}/results/${encodeURIComponent(sink)}`,
    undefined,
    signal,
  );
export const streamQuery = (sql: string, signal: AbortSignal) =>
  lines<ResultMessage>("POST", "/sql/query", { sql }, signal);

/** Newline-delimited JSON as it arrives; several objects at a time when they come together. */
async function* lines<T>(
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): AsyncGenerator<T[]> {
  const response = await request(method, path, body, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error: unknown) => {
      throw signal.aborted ? error : unreachable();
    });
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop()!;
    if (parts.length > 0) yield parts.map((line) => JSON.parse(line) as T);
  }
}
