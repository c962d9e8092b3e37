/**
 * SHOW JOBS, DESCRIBE JOB and STOP JOB of the SQL workspace: the deployments' jobs under the ids that Flink's tools know.
 *
 * Flow:    preview → here → DeploymentController.
 * Source:  Flink's SHOW JOBS and STOP JOB: columns and messages. Errors: MR6021 no such job; MR6014 it has ended; the controller's own.
 */
import type { JobRequest, StatementResult } from "../../language/sql/script/session-types.ts";
import { stringRows } from "../../language/sql/script/rows.ts";
import { TERMINAL } from "../targets/target.ts";
import type { Deployment } from "./deployments.ts";
import { controllerErrors } from "./errors.ts";

type Rows = Extract<StatementResult, { readonly kind: "rows" }>;

/** What of the controller is needed. */
export interface JobStatementTarget {
  list(): Promise<readonly Deployment[]>;
  stop(
    id: string,
    options: { readonly savepoint?: boolean; readonly drain?: boolean },
  ): Promise<Deployment>;
}

const COLUMNS = ["job id", "job name", "status", "start time"];

export async function runJobStatement(
  deployments: JobStatementTarget,
  request: JobRequest,
): Promise<Rows> {
  const running = (await deployments.list()).filter(({ job }) => job !== null);
  if (request.action === "show") return rowsOf(running);
  const found = running.find(({ job }) => job?.jobId === request.jobId);
  if (found === undefined) throw controllerErrors.JOB_NOT_FOUND({ jobId: request.jobId });
  if (request.action === "describe") return rowsOf([found]);
  if (found.job !== null && TERMINAL.has(found.job.status))
    throw controllerErrors.NOT_RUNNING({ name: found.jobName ?? found.name });
  const { savepoint, drain } = request;
  await deployments.stop(found.id, { savepoint, ...(drain ? { drain } : {}) });
  return okRows();
}

function rowsOf(deployments: readonly Deployment[]): Rows {
  return stringRows(
    COLUMNS,
    deployments.flatMap(({ name, jobName, job }) => {
      if (job === null) return [];
      const started = new Date(job.startedAt).toISOString().replace("Z", "");
      return [[job.jobId, jobName ?? name, job.status, started]];
    }),
  );
}

function okRows(): Rows {
  return stringRows(["result"], [["OK"]]);
}
