/**
 * Runs one group of test files in this process, and reports each test as a line of JSON on file descriptor 3.
 *
 * Flow:    test.ts → one process per group → here → node:test without isolation (a process per file costs 50 ms each).
 * Usage:   node tools/test-group.ts '{"files": […], "names": […], "timeoutMs": n}'
 * Events:  TestEvent. A parent that fails only because of its subtests is not reported; a hook or suite that fails is.
 *          Activity that throws after its test has ended is a failure of that test.
 */
import { writeSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";

export interface TestEvent {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly durationMs: number;
  /** Why a test was skipped, or how it failed. */
  readonly detail: string;
}

export interface GroupRequest {
  readonly files: readonly string[];
  /** Patterns of test names; empty means all. */
  readonly names: readonly string[];
  readonly timeoutMs: number;
}

const EVENTS = 3;

interface Completed {
  readonly name: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: {
    readonly passed: boolean;
    readonly type?: string | undefined;
    readonly duration_ms: number;
    readonly error?: Error & { failureType?: string };
  };
}

async function runGroup({ files, names, timeoutMs }: GroupRequest): Promise<void> {
  const stream = run({
    files,
    isolation: "none",
    timeout: timeoutMs,
    ...(names.length > 0 ? { testNamePatterns: names.map((name) => new RegExp(name)) } : {}),
  });
  for await (const event of stream) {
    if (event.type === "test:complete") {
      const report = reportOf(event.data);
      if (report !== undefined) send(report);
    } else if (
      event.type === "test:diagnostic" &&
      /asynchronous activity/.test(event.data.message)
    ) {
      send(lateFailure(event.data.message));
    }
  }
}

function reportOf({ name, file = "", line = 1, skip, todo, details }: Completed) {
  const at = { name, file, line, durationMs: details.duration_ms };
  const { error, passed, type } = details;
  if (!passed) {
    if (error?.failureType === "subtestsFailed") return undefined;
    return { ...at, outcome: "failed", detail: describe(error) } as const;
  }
  if (type === "suite") return undefined;
  const reason = skip ?? todo;
  if (reason === undefined || reason === false) {
    return { ...at, outcome: "passed", detail: "" } as const;
  }
  const detail = typeof reason === "string" ? reason : "no reason given";
  return { ...at, outcome: "skipped", detail } as const;
}

/** `Error: Test "NAME" at FILE:LINE:COLUMN generated asynchronous activity …`, FILE relative to the working folder. */
function lateFailure(detail: string): TestEvent {
  const [, name = "?", file = "", line = "1"] = /Test "(.*?)" at (.*?):(\d+):/.exec(detail) ?? [];
  return { outcome: "failed", name, file: resolve(file), line: +line, durationMs: 0, detail };
}

/** node:test wraps what the test threw; the wrapper says nothing. */
function describe(error: Error | undefined): string {
  const cause = error?.cause ?? error;
  const text = typeof cause === "string" ? cause : inspect(cause, { depth: 6, breakLength: 100 });
  const lines = text.split("\n");
  return lines
    .filter((line) => !/^\s+(?:at .*node:internal\/|\.{3} \d+ lines)/.test(line))
    .join("\n");
}

function send(event: TestEvent): void {
  writeSync(EVENTS, `${JSON.stringify(event)}\n`);
}

if (import.meta.main) await runGroup(JSON.parse(process.argv[2] ?? "") as GroupRequest);
