/**
 * The platform's HTTP server: the console's API below /api/v1 and the console's files, on loopback.
 *
 * Flow:    browser → here → controller. Every call but signing in needs the session cookie; requests of a foreign origin or
 *          for a foreign host name are refused (a page elsewhere must not drive the platform through the browser).
 * Errors:  MillraceErrors become `{ error: ErrorObject }` with their HTTP status; others MR9901 without details of us.
 */
import fastifyStatic from "@fastify/static";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { type MillraceError, toMillraceError } from "../../foundation/base/errors.ts";
import type { Sessions } from "../access/sessions.ts";
import { type ConsoleServices, consoleRoutes } from "./console/routes.ts";
import { apiErrors } from "./errors.ts";

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
export const SESSION_COOKIE = "millrace_session";

export interface ServerOptions extends ConsoleServices {
  readonly sessions: Sessions;
  /** Folder of the built console; undefined serves the API alone. */
  readonly consoleFolder: string | undefined;
}

export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => sendError(reply, requestError(error)));
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0]!;
    const page = request.method === "GET" && !path.startsWith("/api/");
    if (page && options.consoleFolder !== undefined) return reply.sendFile("index.html");
    return sendError(reply, apiErrors.NOT_FOUND({ method: request.method, path }));
  });
  app.addHook("onRequest", async (request) => guardOrigin(request));
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("referrer-policy", "no-referrer");
    reply.header(
      "content-security-policy",
      "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    if (request.url.startsWith("/api/")) reply.header("cache-control", "no-store");
  });
  if (options.consoleFolder !== undefined) {
    await app.register(fastifyStatic, { root: options.consoleFolder });
  }
  await app.register(
    async (api) => {
      sessionRoutes(api, options.sessions);
      await api.register(async (guarded) => {
        guarded.addHook("onRequest", async (request) => {
          const secret = cookie(request, SESSION_COOKIE);
          if (secret === undefined || !(await options.sessions.isValid(secret))) {
            throw apiErrors.NOT_SIGNED_IN({});
          }
        });
        guarded.get("/session", async () => ({ user: "admin" }));
        consoleRoutes(guarded, options);
      });
    },
    { prefix: "/api/v1" },
  );
  return app;
}

function sessionRoutes(api: FastifyInstance, sessions: Sessions): void {
  api.post("/session", async (request, reply) => {
    const body = request.body as { token?: unknown } | null;
    if (typeof body?.token !== "string") {
      throw apiErrors.REQUEST_INVALID({ reason: "token: expected text" });
    }
    const secret = await sessions.signIn(body.token);
    if (secret === undefined) throw apiErrors.NOT_SIGNED_IN({});
    reply.header(
      "set-cookie",
      `${SESSION_COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000`,
    );
    return { user: "admin" };
  });
}

/**
 * The host must be a loopback name (DNS rebinding); an Origin header must name this very server; the API is not for requests
 * that a browser says come from elsewhere, other ports of this machine included, to which cookies go along.
 */
async function guardOrigin(request: FastifyRequest): Promise<void> {
  const host = request.headers.host ?? "";
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (!LOOPBACK_NAMES.has(name)) throw apiErrors.FOREIGN_ORIGIN({ origin: host || "no host" });
  const origin = request.headers.origin;
  if (origin !== undefined && origin !== `http://${host}`) {
    throw apiErrors.FOREIGN_ORIGIN({ origin });
  }
  const site = request.headers["sec-fetch-site"];
  if ((site === "cross-site" || site === "same-site") && request.url.startsWith("/api/")) {
    throw apiErrors.FOREIGN_ORIGIN({ origin: "another site" });
  }
}

export const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "::1"]);

function cookie(request: FastifyRequest, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = part.trim().split("=");
    if (key === name) return value;
  }
  return undefined;
}

/** Errors that come from a job's process have lost their HTTP status on the way: what is the user's is no fault of ours. */
function sendError(reply: FastifyReply, error: MillraceError): FastifyReply {
  const { httpStatus, domain } = error.definition;
  const status = httpStatus === 500 && domain === "user" ? 409 : httpStatus;
  return reply.status(status).send({ error: error.toObject() });
}

/** Fastify's own refusals (bad JSON, too large) are the client's; the rest is ours. */
function requestError(error: unknown): MillraceError {
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === "number" && status >= 400 && status < 500 && error instanceof Error) {
    return apiErrors.REQUEST_INVALID({ reason: error.message });
  }
  return toMillraceError(error);
}
