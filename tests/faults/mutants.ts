/**
 * Mutants: our own code with one line broken, each of which the fault campaign must catch.
 *
 * How:     the tree's sources are copied into a folder of their own, one line is changed there, and the campaign runs in
 *          that copy with a fixed set of seeds; it must fail. A mutant whose line is not found is an error: it has to follow
 *          the code.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";

export interface Mutant {
  /** What is broken, as a user would say it. */
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The scenario that has to notice; default all of them in turn. */
  readonly only?: string;
  /** Default SEEDS: what a few schedules in hundreds notice needs more. */
  readonly seeds?: number;
}

/** Seeds that each mutant is given; the campaign stops the mutant at the first that fails. */
const SEEDS = 240;
/** Of the machine's clock: a mutant that never ends is stopped, and counts as caught. */
const MOST_MS = 300_000;

const STATE = "src/dataplane/state";
const MASTER = "src/dataplane/runtime/master";
const FILES = "src/dataplane/connectors/filesystem";
const KERNELS = "src/dataplane/kernels";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "barriers are not aligned",
    file: "src/dataplane/runtime/exchange/exchange-input.ts",
    find: 'channel.blocked = this.#aligns || barrier.stop !== "none";',
    replace: "channel.blocked = false;",
  },
  {
    name: "pages of a snapshot that was given up are not written again",
    file: `${STATE}/segment-chain.ts`,
    find: "if (this.#pending !== undefined)\n      this.#kernels.snapshotEvict(this.#domain, this.#pending.number);",
    replace: "",
  },
  {
    name: "the oldest segment of a chain is forgotten",
    file: `${STATE}/segment-chain.ts`,
    find: "const base = this.#confirmed.filter((segment) => current(segment) > 0);",
    replace: "const base = this.#confirmed.slice(1).filter((segment) => current(segment) > 0);",
  },
  {
    name: "a segment is not synced",
    file: `${STATE}/segment-writer.ts`,
    find: "await this.#file!.sync();",
    replace: "",
  },
  {
    name: "segments that an older checkpoint needs are removed",
    file: `${STATE}/checkpoint-store.ts`,
    find: "if (!needed.has(file)) await this.#remove(file);",
    replace: "await this.#remove(file);",
  },
  {
    name: "a restored range of key groups ends one too early",
    file: `${STATE}/restore-state.ts`,
    find: "const end = Math.min(a.end, b.end);",
    replace: "const end = Math.min(a.end, b.end) - 1;",
  },
  {
    name: "a checkpoint is complete with the first report",
    file: `${MASTER}/checkpoint-coordinator.ts`,
    find: "if (pending.reports.size === pending.wanted)",
    replace: "if (pending.reports.size >= 1)",
  },
  {
    name: "committables are not committed again after a restore",
    file: `${MASTER}/job-master.ts`,
    find: "await this.#committers.commitAll(",
    replace: "await (async (..._: unknown[]) => {})(",
  },
  {
    name: "a restored source forgets how far into a block it was",
    file: `${FILES}/file-source-reader.ts`,
    find: "this.#queue.push(split);",
    replace: "this.#queue.push({ ...split, skip: 0 });",
  },
  {
    name: "parts are visible before their checkpoint",
    file: `${FILES}/file-sink.ts`,
    find: "await this.#files.rename(written, from);",
    replace: "await this.#files.rename(written, this.#path(visibleName(part, this.#extension)));",
  },
  {
    name: "a part is not synced before it is sealed",
    file: `${FILES}/file-sink.ts`,
    find: "await file.out.sync();",
    replace: "",
  },
  {
    name: "timers are not found again after a restore",
    file: "src/dataplane/operators/windows/window-timers.ts",
    find: "this.#wait(Number(new DataView(memory.buffer).getBigInt64(entry - 8, true)));",
    replace: "void new DataView(memory.buffer).getBigInt64(entry - 8, true);",
  },
  {
    name: "a restart goes back to the beginning instead of the last checkpoint",
    file: "src/dataplane/runtime/process/recovery-point.ts",
    find: "const latest = points.at(-1);",
    replace: "const latest = points.at(0);",
  },
  {
    name: "a spilled page forgets that it has changed",
    file: `${KERNELS}/spill.as.ts`,
    find: "setColdFlag(d, flag == QUIET ? DIRTY : flag);",
    replace: "setColdFlag(d, flag == FROZEN ? FROZEN : CLEAN);",
    only: "spilled-aggregate",
  },
  {
    name: "a torn page of the spill file is taken as it is",
    file: `${KERNELS}/spill.as.ts`,
    find: "if (pageSum(address) != load<u64>(coldOf(d), COLD_HASH)) fail(FAILURE_SPILL);",
    replace: "",
    only: "spilled-aggregate",
    seeds: 400,
  },
  {
    name: "free lists change under the hand that links them",
    file: `${KERNELS}/spill.as.ts`,
    find: "if (linking) return;",
    replace: "",
    only: "spilled-aggregate",
  },
  {
    name: "a page that is restored when it is touched comes out of an older checkpoint",
    file: `${STATE}/restore-state.ts`,
    find: "opened.toReversed().map(",
    replace: "opened.map(",
    only: "spilled-aggregate",
  },
  {
    name: "a damaged copy of a segment on local disk is believed",
    file: `${STATE}/local-copies.ts`,
    find: "if (await isWhole(ref, file, hash)) {",
    replace: "{",
    only: "spilled-aggregate",
  },
  {
    name: "a barrier is passed over by the next one",
    file: "src/dataplane/runtime/task/subtask.ts",
    find: "this.#triggers.push(barrier);\n      return;",
    replace: "",
    only: "overlapping-checkpoints",
  },
];

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How many are caught. */
export async function runMutants(say: (line: string) => void, only = ""): Promise<number> {
  const chosen = MUTANTS.filter(({ name }) => name.includes(only));
  // Before the first one runs: a whole run takes minutes.
  for (const mutant of chosen) checkLine(mutant);
  const folder = copyTree();
  let caught = 0;
  for (const mutant of chosen) {
    const path = join(folder, mutant.file);
    const original = readFileSync(path, "utf8");
    writeFileSync(
      path,
      original.replace(mutant.find, () => mutant.replace),
    );
    const startedMs = performance.now();
    if (path.endsWith(".as.ts")) await buildKernels(folder);
    const { failed, why } = await campaignFails(folder, mutant);
    writeFileSync(path, original);
    if (path.endsWith(".as.ts")) await buildKernels(folder);
    if (failed) caught++;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    say(`${failed ? "caught" : "LIVES "} ${mutant.name} (${seconds} s${failed ? `: ${why}` : ""})`);
  }
  return caught;
}

/** A mutant that no longer finds its line would be the code as it is. */
export function checkLine({ name, file, find }: Mutant): void {
  const found = readFileSync(join(root, file), "utf8").split(find).length - 1;
  if (found !== 1)
    throw new Error(`mutant "${name}": its line is ${found} times in ${file}, not once`);
}

function copyTree(): string {
  const folder = join(temporaryFolder("mutants"), "tree");
  mkdirSync(folder);
  for (const name of ["bench", "src", "testkit", "tests", "tools", "package.json", "tsconfig.json"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Of the tree that is mutated; the compiler is that of this one. */
async function buildKernels(folder: string): Promise<void> {
  const args = [join(folder, "tools/build-kernels.ts"), "--force"];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error("the mutated kernels do not compile");
}

async function campaignFails(
  folder: string,
  { only = "", seeds = SEEDS }: Mutant,
): Promise<{ failed: boolean; why: string }> {
  const args = [join(folder, "tests/faults/one-mutant.ts"), String(seeds), only];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  if (child.killed) return { failed: true, why: "it never ends" };
  if (status === 0) return { failed: false, why: "" };
  // Anything but a seed that failed says nothing about the mutant.
  if (!text.startsWith("seed ")) throw new Error(`the campaign did not run: ${errors}`);
  return { failed: true, why: text.split("\n")[0]!.slice(0, 120) };
}
