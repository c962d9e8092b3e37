/**
 * Workers in threads of this process: one thread a worker, each with its own memory; rings and wake
 * words are shared.
 *
 * Flow:    job master → here → worker_threads → worker-thread.ts.
 * Limits:  a worker gets CLOSE_TIMEOUT_MS to close its readers and writers, then its thread is
 *          terminated.
 * Errors:  a thread that ends unasked, or throws, is reported once as lost.
 */
import { Worker as Thread } from "node:worker_threads";
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { SinkPorts } from "../../contract/sink.ts";
import type { WorkerMessage } from "./messages.ts";
import type { WorkerLink, WorkerTransport } from "./transport.ts";
import { SharedWakeBoard } from "./wake-board.ts";
import type { ThreadData } from "./worker-thread.ts";

const CLOSE_TIMEOUT_MS = 3000;

export interface ThreadTransportOptions {
  /** The composition root's entry for threads; it calls runWorkerThread(). */
  readonly entry: URL;
  readonly env: Env;
  readonly kernelsModule: WebAssembly.Module;
  /** Where rows that workers print or collect go. */
  readonly ports?: SinkPorts;
}

export function threadTransport(options: ThreadTransportOptions): WorkerTransport {
  return {
    isRemote: true,
    start: async (count, onMessage, onLost) => {
      const wakeWords = SharedWakeBoard.allocate(count);
      return Array.from({ length: count }, (_, index) =>
        startThread(options, wakeWords, index, onMessage, onLost),
      );
    },
  };
}

function startThread(
  { entry, env, kernelsModule, ports }: ThreadTransportOptions,
  wakeWords: SharedArrayBuffer,
  index: number,
  onMessage: (worker: number, message: WorkerMessage) => void,
  onLost: (worker: number, error: unknown) => void,
): WorkerLink {
  const workerData: ThreadData = { millraceWorker: index, kernelsModule, wakeWords };
  const thread = new Thread(entry, { workerData, name: `worker ${index}` });
  let state: "open" | "closing" | "gone" = "open";
  let terminated: Promise<readonly ErrorObject[]> | undefined;
  let closed: (failures: readonly ErrorObject[]) => void = () => {};
  const lost = (error: unknown) => {
    const wasOpen = state === "open";
    state = "gone";
    closed([]);
    if (wasOpen) onLost(index, error);
  };
  thread.on("message", (message: WorkerMessage) => {
    if (message.kind === "closed") closed(message.failures);
    else if (message.kind === "print") ports?.print?.(message.text);
    else if (message.kind === "collected") ports?.collect?.(message.rows);
    else if (state === "open") onMessage(index, message);
  });
  thread.on("error", lost);
  thread.on("exit", (code) => lost(new Error(`its thread ended with code ${code}`)));
  const terminate = async (): Promise<readonly ErrorObject[]> => {
    let failures: readonly ErrorObject[] = [];
    if (state === "open") {
      state = "closing";
      failures = await new Promise((resolve) => {
        const cancel = env.timers.after(CLOSE_TIMEOUT_MS, () => resolve([]));
        closed = (found) => {
          cancel();
          resolve(found);
        };
        thread.postMessage({ kind: "close" });
      });
    }
    await thread.terminate();
    return failures;
  };
  return {
    post: (message) => {
      if (state === "open") thread.postMessage(message);
    },
    terminate: () => {
      terminated ??= terminate();
      return terminated;
    },
  };
}
