/** How a job master reaches its workers: in place, or in threads. */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { MasterMessage, WorkerMessage } from "./messages.ts";

export interface WorkerLink {
  post(message: MasterMessage): void;
  /**
   * Ends the worker, whatever it is doing; nothing arrives from it afterwards. Returns what failed
   * to close. Idempotent.
   */
  terminate(): Promise<readonly ErrorObject[]>;
}

export interface WorkerTransport {
  /** Workers run elsewhere, and may fall silent. */
  readonly isRemote: boolean;
  /** Starts a set of workers that can wake each other. */
  start(
    count: number,
    onMessage: (worker: number, message: WorkerMessage) => void,
    onLost: (worker: number, error: unknown) => void,
  ): Promise<readonly WorkerLink[]>;
}
