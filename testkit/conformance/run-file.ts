/**
 * Runs the cases of one file in a thread, and goes on in a new thread behind a case that hung or took its thread down.
 *
 * Limits:  a thread that is silent for GRACE_MS beyond the limit of its case is ended.
 */
import { Worker } from "node:worker_threads";
import type { Result, ThreadMessage, ThreadOrder } from "./messages.ts";

const GRACE_MS = 2000;
/** To read and prepare a file before its first case. */
const LOAD_LIMIT_MS = 60_000;

export interface CaseReport {
  readonly id: string;
  readonly result: Result;
}

export async function runFile(order: Omit<ThreadOrder, "from">): Promise<CaseReport[]> {
  const reports: CaseReport[] = [];
  for (let from = 0; ; ) {
    const end = await runThread({ ...order, from }, (report) => reports.push(report));
    if (end.kind === "end") return reports;
    reports.push({
      id: end.id,
      result: { verdict: "failed", expected: "an answer", got: end.reason },
    });
    if (end.next === undefined) return reports;
    from = end.next;
  }
}

type ThreadEnd =
  | { readonly kind: "end" }
  | {
      readonly kind: "lost";
      readonly id: string;
      readonly reason: string;
      /** Undefined: not even the file could be loaded. */
      readonly next: number | undefined;
    };

function runThread(order: ThreadOrder, onReport: (report: CaseReport) => void): Promise<ThreadEnd> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL("./case-thread.worker.ts", import.meta.url), {
      workerData: order,
    });
    let current = { index: -1, id: "(loading)" };
    let timer: NodeJS.Timeout | undefined;
    let done = false;
    const finish = (end: ThreadEnd) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      void thread.terminate().then(() => resolve(end));
    };
    const lost = (reason: string) => {
      const next = current.index < 0 ? undefined : current.index + 1;
      finish({ kind: "lost", id: current.id, reason, next });
    };
    const watch = (limitMs: number) => {
      clearTimeout(timer);
      timer = setTimeout(
        () => lost(`no answer within ${limitMs / 1000} s (thread ended)`),
        limitMs,
      );
    };
    watch(LOAD_LIMIT_MS);
    thread.on("message", (message: ThreadMessage) => {
      if (message.kind === "start") {
        current = message;
        watch(message.limitMs + GRACE_MS);
      } else if (message.kind === "result") onReport(message);
      else if (message.kind === "end") finish({ kind: "end" });
    });
    thread.on("error", (error) => lost(error instanceof Error ? error.message : String(error)));
    thread.on("exit", (code) => lost(`the thread ended with ${code}`));
  });
}
