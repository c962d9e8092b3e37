/**
 * `millrace rescale`: another parallelism for a job of the platform, while it runs.
 *
 * Flow:    arguments → platform's API (POST /deployments/ID/rescale) → job master: a checkpoint, new workers, on from there.
 * Errors:  MR1031 no platform, MR1032 no such job; MR5003, MR5011, MR5024, MR5025 of the job; wrong usage.
 */
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import { engineParts } from "../engine.ts";
import { cliErrors } from "../errors.ts";
import type { Command } from "../main.ts";
import { PlatformClient } from "../platform-client.ts";

const FLAGS: readonly Flag[] = [
  {
    name: "operator",
    value: "NAME=N",
    repeat: true,
    help: "subtasks of one operator, by uid or type; name all that have a number of their own",
  },
  { name: "data", value: "DIR", help: "the platform's folder (default .millrace)" },
];
const PARALLELISM = /^[1-9]\d{0,2}$/;

export const rescaleCommand: Command = {
  usage: "millrace rescale JOB [N] [--operator NAME=N]...",
  help: `  millrace rescale flights 4
  millrace rescale flights --operator Join=2

${flagHelp(FLAGS)}

The job takes a checkpoint, goes on from it with new workers in the process that it has, and keeps the number for
later starts. A job that is stopped takes it at its next start.`,
  run: async (argv, terminal) => {
    const args = parseArgs("rescale", argv, FLAGS);
    const [job, count] = args.positional;
    if (job === undefined || args.positional.length > 2) throw usage("it takes a job and a number");
    if (count !== undefined && !PARALLELISM.test(count))
      throw usage(`'${count}' is no parallelism`);
    const named = args.all("operator").map(operatorOf);
    if (count === undefined && named.length === 0) throw usage("nothing is to change");
    const { env } = engineParts({});
    const client = await PlatformClient.connect(env, args.text("data") ?? ".millrace");
    const id = await client.deploymentId(job);
    const startedMs = env.clock.monotonicMs();
    await client.request("POST", `/deployments/${id}/rescale`, {
      ...(count === undefined ? {} : { parallelism: Number(count) }),
      ...(named.length === 0 ? {} : { operators: Object.fromEntries(named) }),
    });
    const seconds = ((env.clock.monotonicMs() - startedMs) / 1000).toFixed(2);
    terminal.say(`${job} has its new parallelism, after ${seconds} s`);
    return 0;
  },
};

function operatorOf(text: string): [string, number] {
  const at = text.lastIndexOf("=");
  const value = text.slice(at + 1);
  if (at < 1 || !PARALLELISM.test(value)) throw usage(`'${text}' is not NAME=N`);
  return [text.slice(0, at), Number(value)];
}

function usage(problem: string) {
  return cliErrors.USAGE({ problem, command: "rescale" });
}
