/**
 * Runs SQL scripts with `millrace run` in a process of its own, from the shell's point of view.
 *
 * Flow:    bench commands → here → bin/millrace (or src/cli/main.ts).
 * Measure: CPU seconds of the process and all it started (from the kernel's account of ended children), wall
 *          time from spawn to exit: start-up, parsing and compilation are in both.
 * Contract: exit status 0; talk on standard error; with --json the last line of standard output is
 *          {"numRecordsIn":…,"numRecordsOut":…,"wallMs":…,"cpuMs":…}.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cost, cpuSecondsOfEndedChildren, watchOthers } from "./cpu.ts";
import type { Engine } from "./engine.ts";
import { benchErrors } from "./errors.ts";
import { withOwnCountChar } from "./nexmark/count-char.ts";
import { cacheFolder, repositoryFolder } from "./paths.ts";

const RUN_LIMIT_MS = 60 * 60_000;
const KEPT_ERROR_BYTES = 2_000;
const NEWLINE = 0x0a;

/** The final line of `millrace run --json`. */
export interface RunMetrics {
  readonly numRecordsIn: number;
  readonly numRecordsOut: number;
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface MillraceRun extends Cost {
  readonly metrics: RunMetrics | undefined;
  /** From spawn to the first byte on standard output; undefined when there was none. */
  readonly firstOutputMs: number | undefined;
  /** Lines on standard output, the metrics line not counted. */
  readonly printedLines: number;
}

export class MillraceEngine implements Engine {
  readonly name = "Millrace";
  private readonly command: readonly string[];
  private readonly folder: string;
  private runs = 0;
  /** The scripts stay when a run failed, so that it can be repeated by hand. */
  private failed = false;
  private readonly onExit = () => {
    if (!this.failed) rmSync(this.folder, { recursive: true, force: true });
  };

  /** `command` is what is put before `run FILE …`. */
  constructor(command: readonly string[] = millraceCommand()) {
    this.command = command;
    this.folder = mkdtempSync(join(cacheFolder("bench"), "scripts-"));
    process.once("exit", this.onExit);
  }

  describe(): string {
    const words = this.command.map((word) => word.replace(`${repositoryFolder}/`, ""));
    const form = existsSync(join(repositoryFolder, "dist", "cli.mjs")) ? "bundle" : "sources";
    return `Millrace: ${words.slice(1).join(" ")} run, from ${form}`;
  }

  async run(script: string, parallelism: number): Promise<MillraceRun> {
    const file = join(this.folder, `script-${++this.runs}.sql`);
    writeFileSync(file, withOwnCountChar(script));
    const args = ["run", file, "--json", "-p", String(parallelism)];
    return this.spawnAndMeasure([...this.command.slice(1), ...args], file);
  }

  async stop(): Promise<void> {
    process.removeListener("exit", this.onExit);
    this.onExit();
  }

  private async spawnAndMeasure(args: readonly string[], script: string): Promise<MillraceRun> {
    const others = watchOthers();
    const cpuBefore = cpuSecondsOfEndedChildren();
    const begun = performance.now();
    const child = spawn(this.command[0]!, args, { stdio: ["ignore", "pipe", "pipe"] });
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    const timer = setTimeout(kill, RUN_LIMIT_MS);
    let firstOutputMs: number | undefined;
    let lines = 0;
    let stdoutTail = "";
    let stderrTail = "";
    child.stdout.on("data", (chunk: Buffer) => {
      firstOutputMs ??= performance.now() - begun;
      for (const byte of chunk) if (byte === NEWLINE) lines++;
      stdoutTail = (stdoutTail + chunk.toString()).slice(-KEPT_ERROR_BYTES);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderrTail = (stderrTail + chunk.toString()).slice(-KEPT_ERROR_BYTES);
    });
    const how = await new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) =>
        resolve(code === 0 ? "" : `ended with ${signal ?? `status ${code}`}`),
      );
    });
    const wallSeconds = (performance.now() - begun) / 1000;
    clearTimeout(timer);
    process.removeListener("exit", kill);
    this.failed ||= how !== "";
    if (how !== "") throw benchErrors.MILLRACE_FAILED({ how, script, detail: stderrTail.trim() });
    const cpuSeconds = cpuSecondsOfEndedChildren() - cpuBefore;
    const metrics = metricsOf(stdoutTail);
    const printedLines = metrics === undefined ? lines : lines - 1;
    const othersCores = others(cpuSeconds);
    return { cpuSeconds, wallSeconds, othersCores, metrics, firstOutputMs, printedLines };
  }
}

/** The words before `run`: Node, its options and the launcher. */
export function millraceCommand(): readonly string[] {
  const launcher = join(repositoryFolder, "bin", "millrace");
  const source = join(repositoryFolder, "src", "cli", "main.ts");
  // Under this Node, with the options of the launcher's first line: its own would be whichever the shell finds first.
  if (existsSync(launcher)) {
    const [, options = ""] = /^#!.* node( .*)?$/m.exec(readFileSync(launcher, "utf8")) ?? [];
    return [process.execPath, ...options.split(" ").filter((word) => word !== ""), launcher];
  }
  if (existsSync(source)) return [process.execPath, source];
  throw benchErrors.MILLRACE_MISSING({ launcher, source });
}

function metricsOf(stdout: string): RunMetrics | undefined {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (!line.startsWith("{") || !line.includes('"numRecordsIn"')) return undefined;
  return JSON.parse(line) as RunMetrics;
}
