/**
 * The console's door: every request and answer as a schema, shared with the browser (types) and the server (checks).
 *
 * All paths are below /api/v1 and take JSON. Streams are newline-delimited JSON (one object a line) over a plain GET or
 * POST; a line `{"type":"end"}` or `{"type":"error"}` closes them. Errors: ErrorObject (foundation/base/errors.ts) as
 * `{ "error": … }` with its HTTP status.
 *
 *   POST   /session                    { token } → sets the cookie `millrace_session`       (the only call without it)
 *   GET    /session                    → { user }
 *   GET    /overview                   → Overview
 *   GET    /deployments                → { deployments: Deployment[] }
 *   POST   /deployments                DeploymentDraft → Deployment
 *   GET    /deployments/:id            → Deployment
 *   DELETE /deployments/:id            → {}                                                (refused while it runs)
 *   POST   /deployments/:id/start      { fresh?, savepoint?, allowNonRestoredState?, resetState? } → Deployment
 *   POST   /deployments/:id/stop       { savepoint?, drain? } → Deployment
 *   POST   /deployments/:id/rescale    { parallelism?, operators? } → Deployment           (from a checkpoint, in its process)
 *   GET    /deployments/:id/graph      → JobGraph
 *   GET    /deployments/:id/metrics    → stream of MetricsSample (the last 10 minutes first, then one a second)
 *   GET    /deployments/:id/results/:sink   → stream of ResultMessage
 *   GET    /deployments/:id/checkpoints → { checkpoints: CheckpointInfo[] }
 *   GET    /deployments/:id/savepoints → { savepoints: SavepointInfo[] }                  (newest first)
 *   POST   /deployments/:id/savepoints → SavepointInfo                                    (the job runs on)
 *   DELETE /deployments/:id/savepoints/:name → {}
 *   GET    /deployments/:id/savepoints/:name/check → { operators: StateVerdict[] }        (against the deployment's script)
 *   GET    /deployments/:id/savepoints/:name/state/:operator?limit=N → StateRows          (aggregates as finished values)
 *   GET    /deployments/:id/state/:operator?limit=N → StateRows                           (what it holds now)
 *          both calls about state, with `Accept: application/x-ndjson`: a stream of StateRows, all of it
 *   GET    /catalog                    → Catalog                    (its ddl, run in a SqlSession, gives the same tables)
 *   POST   /sql/check                  { script } → { diagnostics: Diagnostic[] }
 *   POST   /sql/query                  { sql, limit?, timeoutMs? } → stream of ResultMessage; closing the request cancels
 */
import { z } from "zod";

export const JobStatus = z.enum([
  "INITIALIZING",
  "CREATED",
  "RUNNING",
  "FAILING",
  "FAILED",
  "CANCELLING",
  "CANCELED",
  "FINISHED",
  "RESTARTING",
  "SUSPENDED",
  "RECONCILING",
]);
export type JobStatus = z.infer<typeof JobStatus>;

export const ErrorBody = z.object({
  code: z.string(),
  domain: z.enum(["user", "external", "internal"]),
  message: z.string(),
  hint: z.string(),
  retryable: z.boolean(),
  where: z
    .object({
      source: z.string().optional(),
      line: z.number().optional(),
      column: z.number().optional(),
      length: z.number().optional(),
    })
    .optional(),
  didYouMean: z.array(z.string()).readonly().optional(),
  cause: z.array(z.string()).readonly().optional(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export const DeploymentDraft = z.object({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, . _ - (63)"),
  /** A SQL script: SET, DDL, then one INSERT or one STATEMENT SET. */
  script: z.string().min(1),
  parallelism: z.number().int().min(1).max(64).optional(),
  start: z.boolean().optional(),
});
export type DeploymentDraft = z.infer<typeof DeploymentDraft>;

/** What the platform last saw of a deployment's newest job. */
export const ObservedJob = z.object({
  jobId: z.string(),
  status: JobStatus,
  /** Epoch ms of this observation. */
  observedAt: z.number(),
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  restarts: z.number(),
  failure: ErrorBody.nullable(),
});
export type ObservedJob = z.infer<typeof ObservedJob>;

export const Deployment = z.object({
  id: z.string(),
  name: z.string(),
  script: z.string(),
  target: z.string(),
  parallelism: z.number(),
  desired: z.enum(["RUNNING", "STOPPED"]),
  createdAt: z.number(),
  job: ObservedJob.nullable(),
  /** Names of the tables whose rows can be watched at /results/:sink. */
  sinks: z.array(z.string()),
});
export type Deployment = z.infer<typeof Deployment>;

export const Overview = z.object({
  version: z.string(),
  running: z.number(),
  total: z.number(),
  failed: z.number(),
  rowsInPerSecond: z.number(),
  rowsOutPerSecond: z.number(),
});
export type Overview = z.infer<typeof Overview>;

export const JobGraph = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      type: z.string(),
      description: z.string(),
      parallelism: z.number(),
    }),
  ),
  edges: z.array(z.object({ from: z.number(), to: z.number(), distribution: z.string() })),
});
export type JobGraph = z.infer<typeof JobGraph>;

export const OperatorMetrics = z.object({
  node: z.number(),
  numRecordsIn: z.number(),
  numRecordsOut: z.number(),
  numRecordsInPerSecond: z.number(),
  numRecordsOutPerSecond: z.number(),
  /** Epoch ms; null before the first. */
  currentWatermark: z.number().nullable(),
  busyRatio: z.number(),
  stateBytes: z.number(),
});
export const MetricsSample = z.object({
  type: z.literal("metrics"),
  at: z.number(),
  status: JobStatus,
  rowsIn: z.number(),
  rowsOut: z.number(),
  rowsInPerSecond: z.number(),
  rowsOutPerSecond: z.number(),
  watermark: z.number().nullable(),
  lastCheckpoint: z
    .object({ id: z.number(), at: z.number(), durationMs: z.number(), bytes: z.number() })
    .nullable(),
  operators: z.array(OperatorMetrics),
});
export type MetricsSample = z.infer<typeof MetricsSample>;

export const Column = z.object({ name: z.string(), type: z.string() });
/** A row change; values are JSON-safe: BIGINT and DECIMAL as text, timestamps as SQL text, NULL as null. */
export const RowChange = z.object({
  kind: z.enum(["+I", "-U", "+U", "-D"]),
  row: z.array(z.unknown()),
});
export type RowChange = z.infer<typeof RowChange>;
export const ResultMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("schema"),
    columns: z.array(Column),
    changelogMode: z.enum(["insert-only", "retract", "upsert"]),
    upsertKey: z.array(z.number()),
  }),
  /** `snapshot` rows are the present contents; later ones are changes to it. */
  z.object({
    type: z.literal("rows"),
    snapshot: z.boolean(),
    changes: z.array(RowChange),
    /** Rows that are not among them: beyond what is kept, or the reader was too slow. */
    missed: z.number(),
  }),
  z.object({
    type: z.literal("end"),
    reason: z.enum(["finished", "limit", "timeout", "canceled"]),
    rows: z.number(),
    elapsedMs: z.number(),
  }),
  z.object({ type: z.literal("error"), error: ErrorBody }),
]);
export type ResultMessage = z.infer<typeof ResultMessage>;

export const CheckpointInfo = z.object({
  id: z.number(),
  kind: z.enum(["checkpoint", "savepoint"]),
  status: z.enum(["IN_PROGRESS", "COMPLETED", "FAILED"]),
  triggeredAt: z.number(),
  durationMs: z.number().nullable(),
  bytes: z.number().nullable(),
  path: z.string().nullable(),
  /** Replaced by newer ones: its files are gone. */
  discarded: z.boolean(),
  failure: ErrorBody.nullable(),
  /** By operators that run fused; of their subtasks those that have answered. */
  operators: z.array(
    z.object({
      name: z.string(),
      uids: z.array(z.string()),
      parallelism: z.number(),
      subtasks: z.array(
        z.object({
          subtask: z.number(),
          durationMs: z.number(),
          alignmentMs: z.number(),
          syncMs: z.number(),
          asyncMs: z.number(),
          bytes: z.number(),
        }),
      ),
    }),
  ),
});
export type CheckpointInfo = z.infer<typeof CheckpointInfo>;

export const CatalogTable = z.object({
  name: z.string(),
  kind: z.enum(["TABLE", "VIEW"]),
  connector: z.string().nullable(),
  columns: z.array(Column),
});
export type CatalogTable = z.infer<typeof CatalogTable>;

/** What completion and hover say of an option of a connector or format. */
const OptionInfo = z.object({
  key: z.string(),
  type: z.string(),
  default: z.string().optional(),
  required: z.boolean().optional(),
  values: z.array(z.string()).optional(),
  description: z.string(),
});

export const Catalog = z.object({
  ddl: z.string(),
  tables: z.array(CatalogTable),
  /** Operators of this engine beyond those of every engine: SqlHost.operators. */
  operators: z.array(z.string()),
  options: z.object({
    connectors: z.record(z.string(), z.array(OptionInfo)),
    formats: z.record(z.string(), z.array(OptionInfo)),
  }),
});
export type Catalog = z.infer<typeof Catalog>;

export const Diagnostic = z.object({
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  /** UTF-16 offsets into the script. */
  from: z.number(),
  to: z.number(),
});
export type Diagnostic = z.infer<typeof Diagnostic>;

export const SavepointInfo = z.object({
  /** Names it in calls. */
  name: z.string(),
  path: z.string(),
  jobId: z.string(),
  checkpointId: z.number(),
  triggeredAt: z.number(),
  bytes: z.number(),
});
export type SavepointInfo = z.infer<typeof SavepointInfo>;

export const StateVerdict = z.object({
  uid: z.string(),
  type: z.string(),
  description: z.string(),
  verdict: z.enum(["compatible", "compatible with loss", "needs rebuild", "removed", "new"]),
  reasons: z.array(z.string()),
  entries: z.number(),
});
export type StateVerdict = z.infer<typeof StateVerdict>;

export const StartRequest = z.object({
  fresh: z.boolean().optional(),
  /** Name of a savepoint of this deployment; absent: the state that the last job left. */
  savepoint: z.string().optional(),
  allowNonRestoredState: z.boolean().optional(),
  /** Operators whose state is dropped: uids, types, or "all". */
  resetState: z.array(z.string()).optional(),
});
const Parallelism = z.number().int().min(1).max(256);
export const RescaleRequest = z.object({
  parallelism: Parallelism.optional(),
  /** All operators that have a parallelism of their own from now on: uid or type. */
  operators: z.record(z.string(), Parallelism).optional(),
});
export const StopRequest = z.object({
  savepoint: z.boolean().optional(),
  drain: z.boolean().optional(),
});
export const CheckRequest = z.object({ script: z.string() });
export const QueryRequest = z.object({
  sql: z.string().min(1),
  limit: z.number().int().min(1).max(1_000_000).optional(),
  timeoutMs: z.number().int().min(1).max(3_600_000).optional(),
});
