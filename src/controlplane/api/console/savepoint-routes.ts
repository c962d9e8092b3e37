/** The calls about savepoints (types.ts lists them). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { StartOptions } from "../../controller/deployments.ts";
import type { DeploymentSavepoints, StateRows } from "../../controller/savepoints.ts";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import { NdjsonStream } from "./ndjson-stream.ts";
import type * as t from "./types.ts";

const NDJSON = "application/x-ndjson";
const DEFAULT_ROWS = 100;
const MAX_ROWS = 10_000;

export function savepointRoutes(api: FastifyInstance, savepoints: DeploymentSavepoints): void {
  const all = "/deployments/:id/savepoints";
  api.get(all, async (request) => ({ savepoints: await savepoints.list(place(request).id) }));
  api.post(all, async (request) => savepoints.create(place(request).id));
  api.delete(`${all}/:name`, async (request) => {
    const { id, name } = place(request);
    await savepoints.remove(id, name);
    return {};
  });
  api.get(`${all}/:name/check`, async (request) => {
    const { id, name } = place(request);
    return { operators: await savepoints.check(id, name) };
  });
  api.get(`${all}/:name/state/:operator`, async (request, reply) => {
    const { id, name, operator } = place(request);
    return sendState(request, reply, await savepoints.state(id, name, operator));
  });
  api.get("/deployments/:id/state/:operator", async (request, reply) => {
    const { id, operator } = place(request);
    return sendState(request, reply, await savepoints.liveState(id, operator));
  });
}

/** Its first rows, or all of them as a stream for those who accept one. */
async function sendState(
  request: FastifyRequest,
  reply: FastifyReply,
  pieces: AsyncGenerator<StateRows>,
): Promise<unknown> {
  if (request.headers.accept === NDJSON) return streamState(reply, pieces);
  const { limit } = request.query as { readonly limit?: string };
  const asked = Math.trunc(Number(limit ?? DEFAULT_ROWS)) || DEFAULT_ROWS;
  const room = Math.min(Math.max(asked, 1), MAX_ROWS);
  let columns: StateRows["columns"] = [];
  const rows: (readonly unknown[])[] = [];
  for await (const piece of pieces) {
    columns = piece.columns;
    rows.push(...piece.rows.slice(0, room - rows.length));
    if (rows.length === room) break;
  }
  return { columns, rows };
}

async function streamState(reply: FastifyReply, pieces: AsyncGenerator<StateRows>): Promise<void> {
  // What cannot be read at all is an answer with its status.
  const first = await pieces.next();
  const stream = new NdjsonStream(reply);
  let gone = false;
  void stream.closed.then(() => {
    gone = true;
  });
  try {
    if (!first.done) await stream.write(first.value);
    for await (const piece of pieces) {
      if (gone) break;
      await stream.write(piece);
    }
    await stream.write({ type: "end" });
  } catch (error) {
    await stream.write({ type: "error", error: toMillraceError(error).toObject() });
  } finally {
    stream.end();
  }
}

/** What a start is asked to go on from, with the savepoint's folder in place of its name. */
export async function startOptions(
  savepoints: DeploymentSavepoints,
  id: string,
  asked: z.infer<typeof t.StartRequest>,
): Promise<StartOptions> {
  const { fresh, savepoint, allowNonRestoredState, resetState } = asked;
  return {
    ...(fresh === undefined ? {} : { fresh }),
    ...(savepoint === undefined ? {} : { from: (await savepoints.find(id, savepoint)).path }),
    ...(allowNonRestoredState === undefined ? {} : { allowLoss: allowNonRestoredState }),
    ...(resetState === undefined ? {} : { reset: resetState }),
  };
}

function place(request: FastifyRequest): {
  readonly id: string;
  readonly name: string;
  readonly operator: string;
} {
  return request.params as { id: string; name: string; operator: string };
}
