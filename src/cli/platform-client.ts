/**
 * PlatformClient: the platform of a data folder, asked over its API as the console asks it.
 *
 * Flow:    commands → platform.json → a sign-in secret out of the folder's own store → session → /api/v1. Who may read the
 *          folder may drive its platform: that is what the sign-in link of `millrace up` says too.
 * Errors:  MR1031 no platform runs there, MR1032 no such job, MR1034 an answer that was cut, MR1037 the platform is gone; what the API
 *          answers, as it answers it.
 */
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Sessions } from "../controlplane/access/sessions.ts";
import { Store } from "../controlplane/store/store.ts";
import { errorFromObject } from "../dataplane/runtime/master/error-object.ts";
import type { ErrorObject } from "../foundation/base/errors.ts";
import type { Env } from "../foundation/host/env.ts";
import { cliErrors } from "./errors.ts";
import { readPlatformFile } from "./platform-file.ts";

interface Deployed {
  readonly id: string;
  readonly name: string;
  readonly job: { readonly jobId: string } | null;
}

export class PlatformClient {
  readonly #url: string;
  readonly #cookie: string;

  private constructor(url: string, cookie: string) {
    this.#url = url;
    this.#cookie = cookie;
  }

  static async connect(env: Env, data: string): Promise<PlatformClient> {
    const folder = resolve(data);
    const running = await readPlatformFile(env, folder);
    if (running === undefined) throw cliErrors.NO_PLATFORM({ path: folder });
    const store = Store.open(join(folder, "metadata.db"));
    try {
      const token = await new Sessions(store, env).issueSignIn();
      const answer = await fetch(`${running.url}/api/v1/session`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token }),
      });
      const cookie = answer.headers.get("set-cookie")?.split(";")[0];
      if (!answer.ok || cookie === undefined) throw cliErrors.NO_PLATFORM({ path: folder });
      return new PlatformClient(running.url, cookie);
    } finally {
      await store.close();
    }
  }

  async request<T>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
    const answer = await this.#fetch(path, {
      method,
      headers: {
        cookie: this.#cookie,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const value = (await answer.json()) as T & { readonly error?: ErrorObject };
    if (!answer.ok && value.error !== undefined) throw errorFromObject(value.error);
    return value;
  }

  /** The lines of a streamed answer, up to the one that ends it. */
  async *stream<T extends object>(path: string): AsyncGenerator<T> {
    const headers = { cookie: this.#cookie, accept: "application/x-ndjson" };
    const answer = await this.#fetch(path, { headers });
    if (!answer.ok || answer.body === null) {
      const { error } = (await answer.json()) as { readonly error: ErrorObject };
      throw errorFromObject(error);
    }
    const lines = createInterface({ input: Readable.fromWeb(answer.body as ReadableStream) });
    for await (const line of lines) {
      const value = JSON.parse(line) as T & {
        readonly type?: string;
        readonly error?: ErrorObject;
      };
      if (value.type === "end") return;
      if (value.error !== undefined) throw errorFromObject(value.error);
      yield value as Awaited<T>;
    }
    throw cliErrors.ANSWER_CUT({ path });
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const url = this.#url;
    try {
      return await fetch(`${url}/api/v1${path}`, init);
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw cliErrors.PLATFORM_GONE({ url, path, reason }, { cause: error });
    }
  }

  /** The id of a deployment by its name, its id or its job's id. */
  async deploymentId(name: string): Promise<string> {
    const { deployments } = await this.request<{ readonly deployments: readonly Deployed[] }>(
      "GET",
      "/deployments",
    );
    const found = deployments.find(
      (one) => one.name === name || one.id === name || one.job?.jobId === name,
    );
    const known = deployments.map((one) => one.name).join(", ") || "none";
    if (found === undefined) throw cliErrors.JOB_UNKNOWN({ name, known });
    return found.id;
  }
}
