/** How a job master reaches its workers: in place, or in threads. */
import type { MasterMessage, WorkerMessage } from "./messages.ts";

export interface WorkerLink {
  post(message: MasterMessage): void;
  /** Ends the worker, whatever it is doing; nothing arrives from it afterwards. Idempotent. */
  terminate(): Promise<void>;
}

export interface WorkerTransport {
  /** Starts a set of workers that can wake each other. */
  start(
    count: number,
    onMessage: (worker: number, message: WorkerMessage) => void,
    onLost: (worker: number, error: unknown) => void,
  ): Promise<readonly WorkerLink[]>;
}
