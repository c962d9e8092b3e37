/**
 * The inside of a worker thread: a Worker driven by the messages of its parent. Which connectors
 * and operators there are is the composition root's to say: its entry file for threads
 * (`*.worker.ts`) imports them and calls runWorkerThread().
 *
 * Flow:    thread-transport.ts → (worker_threads) → entry file → here → Worker.
 * Errors:  an entry that is not started as a thread of ours: assertion.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../../foundation/base/errors.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import { createSubtaskState } from "../../state/subtask-state.ts";
import type { CreateSubtaskState, OperatorFactories } from "../task/task-environment.ts";
import type { MasterMessage, WorkerMessage } from "./messages.ts";
import { SharedWakeBoard } from "./wake-board.ts";
import { Worker } from "./worker.ts";
import { acquireRuntime } from "./worker-runtime.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly millraceWorker: number;
  readonly kernelsModule: WebAssembly.Module;
  readonly wakeWords: SharedArrayBuffer;
}

/** What the composition root gives every worker. */
export interface WorkerBindings {
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  /** Default: the state backend. */
  readonly createState?: CreateSubtaskState;
}

export function runWorkerThread(bindings: WorkerBindings): void {
  const port = parentPort;
  const data = workerData as ThreadData | undefined;
  assert(port !== null && data?.millraceWorker !== undefined, "not started as a worker thread");
  const worker = new Worker({
    registry: bindings.registry,
    operators: bindings.operators,
    createState: bindings.createState ?? createSubtaskState,
    index: data.millraceWorker,
    env: realEnv(),
    runtime: acquireRuntime(data.kernelsModule),
    board: new SharedWakeBoard(data.wakeWords),
    ports: {
      print: (text) => port.postMessage({ kind: "print", text } satisfies WorkerMessage),
      collect: (rows) => port.postMessage({ kind: "collected", rows } satisfies WorkerMessage),
    },
    post: (message) => port.postMessage(message),
  });
  port.on("message", (message: MasterMessage) => worker.handle(message));
}
