/**
 * Workers in the thread of the job master: for small queries, tests and the simulator. Messages are
 * delivered one by one in microtasks, never inside the sender's call.
 */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { SinkPorts } from "../../contract/sink.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import type { CreateSubtaskState, OperatorFactories } from "../task/task-environment.ts";
import type { WorkerLink, WorkerTransport } from "./transport.ts";
import { InlineWakeBoard } from "./wake-board.ts";
import { Worker } from "./worker.ts";
import { acquireRuntime, releaseRuntime } from "./worker-runtime.ts";

export interface InlineTransportOptions {
  readonly env: Env;
  readonly kernelsModule: WebAssembly.Module;
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  readonly createState: CreateSubtaskState;
  readonly ports?: SinkPorts;
}

export function inlineTransport(options: InlineTransportOptions): WorkerTransport {
  return {
    isRemote: false,
    start: async (count, onMessage) => {
      const board = new InlineWakeBoard();
      return Array.from({ length: count }, (_, index): WorkerLink => {
        let open = true;
        let terminated: Promise<readonly ErrorObject[]> | undefined;
        const runtime = acquireRuntime(options.kernelsModule);
        const worker = new Worker({
          index,
          runtime,
          board,
          env: options.env,
          registry: options.registry,
          operators: options.operators,
          createState: options.createState,
          ports: options.ports ?? {},
          post: (message) => {
            queueMicrotask(() => {
              if (open) onMessage(index, message);
            });
          },
        });
        board.register(index, worker.wake);
        return {
          post: (message) => {
            queueMicrotask(() => {
              if (open) worker.handle(message);
            });
          },
          terminate: () => {
            open = false;
            terminated ??= worker.close().finally(() => releaseRuntime(runtime));
            return terminated;
          },
        };
      });
    },
  };
}
