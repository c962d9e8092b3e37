/**
 * Sessions: a one-time sign-in link becomes a session cookie. Secrets are random, shown once, stored as SHA-256.
 *
 * Flow:    cli `up` issues a link → browser presents it → api checks the cookie on every call.
 * Limits:  a link lives SIGN_IN_TTL_MS and works once; a session lives SESSION_TTL_MS.
 */
import { createHash } from "node:crypto";
import type { Env } from "../../foundation/host/env.ts";
import type { Store } from "../store/store.ts";

export const SIGN_IN_TTL_MS = 12 * 60 * 60 * 1000;
export const SESSION_TTL_MS = 30 * 24 * 60 * 60 * 1000;
const SECRET_BYTES = 24;

export class Sessions {
  readonly #store: Store;
  readonly #env: Env;

  constructor(store: Store, env: Env) {
    this.#store = store;
    this.#env = env;
  }

  /** A new one-time secret for the sign-in link. */
  issueSignIn(): Promise<string> {
    return this.#issue("sign-in", SIGN_IN_TTL_MS);
  }

  /** Trades a sign-in secret for a session's; undefined when it is unknown, used or too old. */
  async signIn(secret: string): Promise<string | undefined> {
    const removed = await this.#store.db
      .deleteFrom("session")
      .where("token_hash", "=", hash(secret))
      .where("kind", "=", "sign-in")
      .where("expires_at", ">", this.#env.clock.nowMs())
      .executeTakeFirst();
    return removed.numDeletedRows === 0n ? undefined : this.#issue("session", SESSION_TTL_MS);
  }

  async isValid(secret: string): Promise<boolean> {
    const found = await this.#store.db
      .selectFrom("session")
      .select("token_hash")
      .where("token_hash", "=", hash(secret))
      .where("kind", "=", "session")
      .where("expires_at", ">", this.#env.clock.nowMs())
      .executeTakeFirst();
    return found !== undefined;
  }

  async #issue(kind: "sign-in" | "session", ttlMs: number): Promise<string> {
    const now = this.#env.clock.nowMs();
    await this.#store.db.deleteFrom("session").where("expires_at", "<=", now).execute();
    const secret = this.#env.random.hex(SECRET_BYTES);
    await this.#store.db
      .insertInto("session")
      .values({ token_hash: hash(secret), kind, expires_at: now + ttlMs })
      .execute();
    return secret;
  }
}

function hash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
