/**
 * PlatformClient: the platform of a data folder, asked over its API as the console asks it.
 *
 * Flow:    commands → platform.json → a sign-in secret out of the folder's own store → session → /api/v1. Who may read the
 *          folder may drive its platform: that is what the sign-in link of `millrace up` says too.
 * Errors:  MR1031 no platform runs there; what the API answers, as it answers it.
 */
import { join, resolve } from "node:path";
import { Sessions } from "../controlplane/access/sessions.ts";
import { Store } from "../controlplane/store/store.ts";
import { errorFromObject } from "../dataplane/runtime/master/error-object.ts";
import type { ErrorObject } from "../foundation/base/errors.ts";
import type { Env } from "../foundation/host/env.ts";
import { cliErrors } from "./errors.ts";
import { readPlatformFile } from "./platform-file.ts";

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
    const answer = await fetch(`${this.#url}/api/v1${path}`, {
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
}
