/**
 * `millrace checkpoints`: the last checkpoints and savepoints of a job of the platform, with their times by operator and subtask.
 *
 * Flow:    platform's API (GET /deployments/ID/checkpoints) → a table, or JSON.
 * Errors:  MR1031 no platform, MR1032 no such job, MR6012 the job has no process.
 */
import type { CheckpointInfo } from "../../controlplane/api/console/types.ts";
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import { engineParts } from "../engine.ts";
import { cliErrors } from "../errors.ts";
import type { Command } from "../main.ts";
import { PlatformClient } from "../platform-client.ts";
import { alignedTable } from "../render/aligned-table.ts";

const FLAGS: readonly Flag[] = [
  { name: "id", value: "N", help: "one of them, by operator and subtask" },
  { name: "json", help: "print JSON, all there is" },
  { name: "data", value: "DIR", help: "the platform's folder (default .millrace)" },
];

export const checkpointsCommand: Command = {
  usage: "millrace checkpoints JOB [--id N]",
  help: `  millrace checkpoints flights
  millrace checkpoints flights --id 7

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("checkpoints", argv, FLAGS);
    const [job] = args.positional;
    if (job === undefined || args.positional.length > 1)
      throw cliErrors.USAGE({ problem: "it takes one job", command: "checkpoints" });
    const id = args.integer("id", { min: 1, max: Number.MAX_SAFE_INTEGER });
    const { env } = engineParts({});
    const client = await PlatformClient.connect(env, args.text("data") ?? ".millrace");
    const path = `/deployments/${await client.deploymentId(job)}/checkpoints`;
    const { checkpoints } = await client.request<{ readonly checkpoints: CheckpointInfo[] }>(
      "GET",
      path,
    );
    const shown = checkpoints.filter((one) => id === undefined || one.id === id);
    if (id !== undefined && shown.length === 0)
      throw cliErrors.USAGE({
        problem: `${job} has no checkpoint ${id}; it has ${checkpoints.map((one) => one.id).join(", ") || "none"}`,
        command: "checkpoints",
      });
    if (args.has("json")) terminal.out(`${JSON.stringify(shown)}\n`);
    else terminal.out(id === undefined ? listed(shown) : parts(shown[0]!));
    return 0;
  },
};

function listed(checkpoints: readonly CheckpointInfo[]): string {
  const rows = checkpoints.map((one) => [
    String(one.id),
    one.kind,
    one.status,
    new Date(one.triggeredAt).toISOString().replace("T", " ").slice(0, 19),
    one.durationMs === null ? "" : `${one.durationMs} ms`,
    one.bytes === null ? "" : String(one.bytes),
    one.failure === null
      ? `${one.path ?? ""}${one.discarded ? " (replaced)" : ""}`
      : `${one.failure.code}: ${one.failure.message}`,
  ]);
  return alignedTable(
    ["id", "kind", "status", "triggered", "took", "bytes", "where, or why"],
    rows,
  );
}

function parts({ operators }: CheckpointInfo): string {
  const ms = (value: number) => value.toFixed(1);
  const rows = operators.flatMap(({ name, parallelism, subtasks }) =>
    subtasks
      .toSorted((a, b) => a.subtask - b.subtask)
      .map((part) => [
        name,
        `${part.subtask + 1} of ${parallelism}`,
        ms(part.durationMs),
        ms(part.alignmentMs),
        ms(part.syncMs),
        ms(part.asyncMs),
        String(part.bytes),
      ]),
  );
  const header = ["operators", "subtask", "ms", "alignment", "sync", "async", "bytes"];
  return alignedTable(header, rows);
}
