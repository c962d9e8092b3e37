/**
 * One session of Flink's SQL Gateway: runs statements in turn, reads their rows.
 *
 * Flow:    flink-engine → here → the gateway's REST API v1 (sessions, statements, operations, result).
 * Errors:  MR8082 with the root cause when a statement is refused.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { benchErrors } from "../../errors.ts";
import { type Json, restCall, rootCause } from "./rest.ts";

const POLL_MS = 20;

export interface StatementResult {
  /** Set by INSERT and SELECT. */
  readonly jobId: string | undefined;
  readonly rows: readonly (readonly Json[])[];
  /** When the first row arrived, by performance.now(). */
  readonly firstRowAt: number | undefined;
}

export class GatewaySession {
  private readonly port: number;
  private readonly handle: string;

  private constructor(port: number, handle: string) {
    this.port = port;
    this.handle = handle;
  }

  static async open(
    port: number,
    properties: Readonly<Record<string, string>>,
  ): Promise<GatewaySession> {
    const { status, body } = await restCall(port, "/v1/sessions", { properties });
    if (status !== 200) throw refused("open session", body);
    return new GatewaySession(port, String(body.sessionHandle));
  }

  async close(): Promise<void> {
    await fetch(`http://127.0.0.1:${this.port}/v1/sessions/${this.handle}`, { method: "DELETE" });
  }

  /** Runs one statement; for SELECT waits until its rows have ended. */
  async run(statement: string): Promise<StatementResult> {
    const base = `/v1/sessions/${this.handle}`;
    const { status, body } = await restCall(this.port, `${base}/statements`, { statement });
    if (status !== 200) throw refused(statement, body);
    const operation = `${base}/operations/${String(body.operationHandle)}`;
    await this.waitFor(`${operation}/status`);
    const rows: (readonly Json[])[] = [];
    let jobId: string | undefined;
    let firstRowAt: number | undefined;
    let next: string | undefined = `${operation}/result/0?rowFormat=JSON`;
    while (next !== undefined) {
      const page = await restCall(this.port, next);
      if (page.status !== 200) throw refused(statement, page.body);
      const content = page.body as unknown as ResultPage;
      jobId ??= content.jobID;
      for (const { fields } of content.results?.data ?? []) rows.push(fields);
      if (rows.length > 0) firstRowAt ??= performance.now();
      if (content.resultType === "NOT_READY") await sleep(POLL_MS);
      next = content.nextResultUri;
    }
    return { jobId: jobId ?? jobIdOf(rows), rows, firstRowAt };
  }

  private async waitFor(path: string): Promise<void> {
    for (;;) {
      const { body } = await restCall(this.port, path);
      if (body.status !== "RUNNING" && body.status !== "PENDING" && body.status !== "INITIALIZED")
        return;
      await sleep(POLL_MS);
    }
  }
}

interface ResultPage {
  readonly resultType: "NOT_READY" | "PAYLOAD" | "EOS";
  readonly jobID?: string;
  readonly nextResultUri?: string;
  readonly results?: { readonly data: readonly { readonly fields: readonly Json[] }[] };
}

/** INSERT answers with one row whose only field is the job's id. */
function jobIdOf(rows: readonly (readonly Json[])[]): string | undefined {
  const value = rows[0]?.[0];
  return rows.length === 1 && typeof value === "string" && /^[0-9a-f]{32}$/.test(value)
    ? value
    : undefined;
}

function refused(statement: string, body: { readonly [key: string]: Json }) {
  const errors = Array.isArray(body.errors) ? body.errors.map(String) : [JSON.stringify(body)];
  return benchErrors.PEER_STATEMENT({
    reason: rootCause(errors.at(-1) ?? ""),
    statement: statement.replace(/\s+/g, " ").slice(0, 200),
  });
}
