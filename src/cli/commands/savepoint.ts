/**
 * `millrace savepoint`: savepoints as files, and those of the platform's jobs.
 *
 * Flow:    create, list → the platform's API; show, verify, check, fork, rm → the folder itself, without a platform.
 * Exit:    0 ok; 1 damaged, refused, or (check) something would be lost.
 */
import { instantiateKernels } from "../../dataplane/kernels/instantiate.ts";
import type { CheckpointMetadata } from "../../dataplane/runtime/master/checkpoint-metadata.ts";
import type { OperatorVerdict } from "../../dataplane/runtime/savepoint/compare-state.ts";
import { checkRestore, withPrevious } from "../../dataplane/runtime/savepoint/prepare-restore.ts";
import { readStateRows } from "../../dataplane/runtime/savepoint/read-rows.ts";
import { describeSnapshot } from "../../dataplane/runtime/savepoint/describe-snapshot.ts";
import { loadManifest } from "../../dataplane/state/checkpoint-store.ts";
import { copySnapshot } from "../../dataplane/state/copy-snapshot.ts";
import { verifySnapshot } from "../../dataplane/state/verify-snapshot.ts";
import { type Flag, flagHelp, parseArgs, type ParsedArgs } from "../args.ts";
import { engineParts } from "../engine.ts";
import { cliErrors } from "../errors.ts";
import type { Command } from "../main.ts";
import { planScript } from "../plan-script.ts";
import { PlatformClient } from "../platform-client.ts";
import { readText } from "../read-input.ts";
import { alignedTable } from "../render/aligned-table.ts";
import type { Terminal } from "../terminal.ts";
import { snapshotPath } from "../snapshot-path.ts";

const FLAGS: readonly Flag[] = [
  { name: "json", help: "print JSON" },
  { name: "data", value: "DIR", help: "create, list: the platform's folder (default .millrace)" },
  { name: "yes", short: "y", help: "rm: without it, only says what would be removed" },
];

interface Call {
  readonly args: ParsedArgs;
  readonly terminal: Terminal;
  /** What follows the action. */
  readonly rest: readonly string[];
}

const ACTIONS: Readonly<
  Record<string, { readonly arity: number; run(call: Call): Promise<number> }>
> = {
  create: { arity: 1, run: create },
  list: { arity: 1, run: list },
  show: { arity: 1, run: show },
  verify: { arity: 1, run: verify },
  check: { arity: 2, run: check },
  read: { arity: 2, run: read },
  fork: { arity: 2, run: fork },
  rm: { arity: 1, run: remove },
};

export const savepointCommand: Command = {
  usage:
    "millrace savepoint create|list JOB · show|verify|rm PATH · check PATH FILE · read PATH OPERATOR · fork PATH NEW",
  help: `  millrace savepoint create flights
  millrace savepoint check ./savepoints/savepoint-7-mq3x1 job.sql

create JOB        takes a savepoint of a job of the platform, by name or id
list JOB          the savepoints of a job of the platform
show PATH         what a savepoint or checkpoint holds
verify PATH       reads every byte and compares it with its checksums
check PATH FILE   whether the script can go on from it, operator by operator
read PATH OP      its state as rows; OP is an operator's uid, or uid.map
fork PATH NEW     copies all it needs into a new folder that stands for itself
rm PATH           removes it

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("savepoint", argv, FLAGS);
    const [name = "", ...rest] = args.positional;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action === undefined || rest.length !== action.arity)
      throw cliErrors.USAGE({
        problem:
          action === undefined
            ? `'${name}' is none of them`
            : `${name} takes ${action.arity === 1 ? "one name" : "two names"}, not ${rest.length}`,
        command: "savepoint",
      });
    return action.run({ args, terminal, rest });
  },
};

interface ListedSavepoint {
  readonly path: string;
  readonly checkpointId: number;
  readonly triggeredAt: number;
  readonly bytes: number;
  readonly jobId: string;
}

async function create({ args, terminal, rest }: Call): Promise<number> {
  const client = await connect(args);
  const id = await client.deploymentId(rest[0]!);
  const made = await client.request<ListedSavepoint>("POST", `/deployments/${id}/savepoints`, {});
  terminal.out(args.has("json") ? `${JSON.stringify(made)}\n` : `${made.path}\n`);
  terminal.say(`start from it: millrace run FILE --from-savepoint ${made.path}`);
  return 0;
}

async function list({ args, terminal, rest }: Call): Promise<number> {
  const client = await connect(args);
  const id = await client.deploymentId(rest[0]!);
  const { savepoints } = await client.request<{ readonly savepoints: readonly ListedSavepoint[] }>(
    "GET",
    `/deployments/${id}/savepoints`,
  );
  if (args.has("json")) {
    terminal.out(`${JSON.stringify(savepoints)}\n`);
    return 0;
  }
  const rows = savepoints.map(({ checkpointId, triggeredAt, bytes, path }) => [
    String(checkpointId),
    timeText(triggeredAt),
    String(bytes),
    path,
  ]);
  terminal.out(alignedTable(["id", "taken", "bytes", "path"], rows));
  return 0;
}

async function show({ args, terminal, rest }: Call): Promise<number> {
  const { env } = engineParts({});
  const path = snapshotPath(rest[0]!);
  const shown = describeSnapshot(await loadManifest<CheckpointMetadata>(env.files, path));
  if (args.has("json")) {
    terminal.out(`${JSON.stringify({ path, ...shown })}\n`);
    return 0;
  }
  terminal.out(
    `${shown.kind} ${shown.checkpointId} of job ${shown.jobId}, ${timeText(shown.triggeredAt)}\n` +
      `parallelism ${shown.parallelism} of at most ${shown.maxParallelism}, ${shown.stateBytes} bytes of state\n\n`,
  );
  const rows = shown.operators.map(({ uid, entries, description }) => [
    uid,
    String(entries),
    description,
  ]);
  terminal.out(alignedTable(["operator", "entries", "what it is"], rows));
  for (const { uid, maps } of shown.operators) {
    for (const { name, columns } of maps)
      terminal.out(
        `\n${uid}.${name}: ${columns.map((column) => `${column.name} ${column.type}`).join(", ")}\n`,
      );
  }
  return 0;
}

async function verify({ args, terminal, rest }: Call): Promise<number> {
  const { env, kernelsModule } = engineParts({});
  const path = snapshotPath(rest[0]!);
  const { files } = env;
  try {
    const runtime = instantiateKernels(kernelsModule);
    const { manifest: _, ...found } = await verifySnapshot(path, { files, runtime });
    if (args.has("json")) terminal.out(`${JSON.stringify({ path, ...found })}\n`);
    else
      terminal.out(
        `whole: ${found.segments} segments, ${found.bytes} bytes, ${found.pages} pages, ${found.entries} entries\n`,
      );
    for (const name of found.unknownFiles) terminal.say(`not part of it: ${name}`);
    return 0;
  } catch (error) {
    throw await withPrevious(error, path, files);
  }
}

async function check({ args, terminal, rest }: Call): Promise<number> {
  const [path, file] = rest as [string, string];
  const { plan } = planScript(file, readText(file));
  const { comparison } = await checkRestore(snapshotPath(path), plan, engineParts({}));
  const { operators } = comparison;
  if (args.has("json")) terminal.out(`${JSON.stringify(operators)}\n`);
  else terminal.out(verdictTable(operators));
  const isFine = ({ verdict }: OperatorVerdict) => verdict === "compatible" || verdict === "new";
  return comparison.related && operators.every(isFine) ? 0 : 1;
}

export function verdictTable(operators: readonly OperatorVerdict[]): string {
  const rows = operators.map(({ verdict, uid, entries, reasons }) => [
    verdict,
    uid,
    String(entries),
    reasons.join("; "),
  ]);
  return alignedTable(["verdict", "operator", "entries", "why"], rows);
}

/** One JSON object a line: first the columns' types, then the rows. */
async function read({ args, terminal, rest }: Call): Promise<number> {
  const [path, what] = rest as [string, string];
  const { env, kernelsModule } = engineParts({});
  const [operator = "", map] = what.split(".", 2);
  const asked = { env, kernelsModule, path: snapshotPath(path), operator };
  const table = await readStateRows(map === undefined ? asked : { ...asked, map });
  const names = table.columns.map(({ name }) => name);
  if (!args.has("json")) terminal.out(`${names.join("\t")}\n`);
  for await (const row of table.rows()) {
    if (args.has("json"))
      terminal.out(
        `${JSON.stringify(Object.fromEntries(names.map((name, i) => [name, row[i]])))}\n`,
      );
    else terminal.out(`${row.map((value) => value ?? "NULL").join("\t")}\n`);
  }
  return 0;
}

async function fork({ args, terminal, rest }: Call): Promise<number> {
  const [from, to] = rest.map((path) => snapshotPath(path)) as [string, string];
  const bytes = await copySnapshot(engineParts({}).env.files, from, to);
  terminal.out(args.has("json") ? `${JSON.stringify({ path: to, bytes })}\n` : `${to}\n`);
  return 0;
}

/** Only what is a savepoint: a checkpoint shares files with others of its job. */
async function remove({ args, terminal, rest }: Call): Promise<number> {
  const { files } = engineParts({}).env;
  const path = snapshotPath(rest[0]!);
  const { kind, checkpointId, jobId } = await loadManifest<CheckpointMetadata>(files, path);
  if (kind !== "savepoint") throw cliErrors.NOT_A_SAVEPOINT({ path });
  if (!args.has("yes")) {
    terminal.say(`would remove savepoint ${checkpointId} of job ${jobId}: add --yes`);
    return 1;
  }
  await files.remove(`${path}/_metadata`);
  await files.remove(path);
  terminal.say(`removed ${path}`);
  return 0;
}

function connect(args: ParsedArgs): Promise<PlatformClient> {
  return PlatformClient.connect(engineParts({}).env, args.text("data") ?? ".millrace");
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").slice(0, 19);
}
