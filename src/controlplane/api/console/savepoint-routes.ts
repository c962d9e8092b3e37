/** The calls about savepoints (types.ts lists them). */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { StartOptions } from "../../controller/deployments.ts";
import type { DeploymentSavepoints } from "../../controller/savepoints.ts";
import type * as t from "./types.ts";

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
  api.get(`${all}/:name/state/:operator`, async (request) => {
    const { id, name, operator } = place(request);
    const { limit } = request.query as { readonly limit?: string };
    const asked = Math.trunc(Number(limit ?? DEFAULT_ROWS)) || DEFAULT_ROWS;
    return savepoints.state(id, name, operator, Math.min(Math.max(asked, 1), MAX_ROWS));
  });
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
