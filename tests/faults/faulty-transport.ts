/**
 * A transport on which something happens to one message: it is lost, it comes late (and those behind it with it), or its
 * worker falls silent from then on. The job master must notice by its heartbeat, and start again from the last checkpoint.
 *
 * Flow:    job master ⇄ here ⇄ inline transport. It counts as remote, so that workers are asked for their heartbeat.
 */
import type { Timers } from "../../src/foundation/host/env.ts";
import type { MasterMessage, WorkerMessage } from "../../src/dataplane/runtime/worker/messages.ts";
import type { WorkerTransport } from "../../src/dataplane/runtime/worker/transport.ts";

/** To workers, then from them; `failed` and `declined` come only when something else has gone wrong. */
export const MESSAGE_KINDS = [
  "deploy",
  "splits",
  "start",
  "trigger",
  "aborted",
  "completed",
  "report-metrics",
  "deployed",
  "snapshot",
  "declined",
  "failed",
  "finished",
  "metrics",
] as const;

export const MESSAGE_ACTIONS = ["lost-message", "late-message", "silent-worker"] as const;

export interface MessageFault {
  readonly kind: (typeof MESSAGE_KINDS)[number];
  /** Which message of that kind, of all workers together, from 1 on. */
  readonly nth: number;
  readonly action: (typeof MESSAGE_ACTIONS)[number];
  /** Of a late message. */
  readonly delayMs: number;
}

/** What passes one link in one direction: in order, whatever happens. */
class Line {
  readonly #fault: (kind: string) => MessageFault["action"] | undefined;
  readonly #later: (action: () => void) => void;
  readonly #held: (() => void)[] = [];
  #holding = false;

  constructor(
    fault: (kind: string) => MessageFault["action"] | undefined,
    later: (action: () => void) => void,
  ) {
    this.#fault = fault;
    this.#later = later;
  }

  pass(kind: string, deliver: () => void): void {
    const action = this.#fault(kind);
    if (action === "lost-message" || action === "silent-worker") return;
    if (action === "late-message") {
      this.#holding = true;
      this.#later(() => {
        this.#holding = false;
        for (const next of this.#held.splice(0)) next();
      });
    }
    if (this.#holding) this.#held.push(deliver);
    else deliver();
  }
}

/** For Engine.start(). */
export function faultyTransport(
  fault: MessageFault,
  timers: Timers,
  onFault: () => void,
): (inner: WorkerTransport) => WorkerTransport {
  let left = fault.nth;
  const strike = (kind: string) => {
    if (kind !== fault.kind || --left !== 0) return undefined;
    onFault();
    return fault.action;
  };
  const later = (action: () => void) => void timers.after(fault.delayMs, action);
  return (inner) => ({
    isRemote: true,
    start: async (count, onMessage, onLost) => {
      const silent = new Set<number>();
      const ended = new Set<number>();
      const lines = Array.from({ length: count }, (_, worker) => {
        const struck = (kind: string) => {
          if (silent.has(worker)) return "silent-worker";
          const action = strike(kind);
          if (action === "silent-worker") silent.add(worker);
          return action;
        };
        return { to: new Line(struck, later), from: new Line(struck, later) };
      });
      const receive = (worker: number, message: WorkerMessage) =>
        lines[worker]!.from.pass(message.kind, () => {
          if (!ended.has(worker)) onMessage(worker, message);
        });
      const links = await inner.start(count, receive, onLost);
      return links.map((link, worker) => ({
        post: (message: MasterMessage) =>
          lines[worker]!.to.pass(message.kind, () => link.post(message)),
        terminate: () => {
          ended.add(worker);
          return link.terminate();
        },
      }));
    },
  });
}
