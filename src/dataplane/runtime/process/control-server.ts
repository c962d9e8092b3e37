/**
 * ControlServer: a job process's end of the control protocol: greets, answers requests, and sends
 *                events to connections that follow.
 *
 * Flow:    control plane → Unix socket → here → JobControl (job-process.ts).
 * Rules:   requests of one connection are answered as they are done, not in order. A slow reader
 *          loses rows (and is told how many), never slows the job.
 * Security: the socket lies in the job's folder, which only the owner may enter; there is no other
 *           check.
 * Errors:  MR5015 unknown request; those of the request.
 */
import { createServer, type Server, type Socket } from "node:net";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import { runtimeErrors } from "../errors.ts";
import { LineSocket } from "./line-socket.ts";
import type { ControlEvent, ControlKind, ControlRequests, Greeting, Topic } from "./messages.ts";

/** What a request does, by kind. `connection` is whom events of results go to. */
export type ControlHandlers = {
  readonly [K in Exclude<ControlKind, "follow">]: (
    params: ControlRequests[K]["params"],
    connection: Connection,
  ) => Promise<ControlRequests[K]["result"]>;
};

const TOPIC_OF: Readonly<Record<ControlEvent["event"], Topic | undefined>> = {
  status: "status",
  sample: "samples",
  checkpoint: "checkpoints",
  rows: undefined,
};

export class Connection {
  readonly socket: LineSocket;
  readonly topics = new Set<Topic>();
  /** Sinks whose rows it follows, and how many it has missed. */
  readonly sinks = new Map<string, number>();
  /** Checkpoints that it reads. */
  readonly held: number[] = [];

  constructor(socket: LineSocket) {
    this.socket = socket;
  }
}

export class ControlServer {
  readonly #server: Server;
  readonly #greeting: Greeting;
  readonly #handlers: ControlHandlers;
  readonly #onGone: (connection: Connection) => void;
  readonly #connections = new Set<Connection>();

  /** `onGone`: a connection has ended, from either side. */
  constructor(
    greeting: Greeting,
    handlers: ControlHandlers,
    onGone: (connection: Connection) => void,
  ) {
    this.#greeting = greeting;
    this.#onGone = onGone;
    this.#handlers = handlers;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** Sends an event to those that follow its topic, or the rows of its sink. */
  publish(event: ControlEvent): void {
    const topic = TOPIC_OF[event.event];
    for (const connection of this.#connections) {
      if (event.event === "rows") this.#publishRows(connection, event);
      else if (topic !== undefined && connection.topics.has(topic)) connection.socket.send(event);
    }
  }

  /** True while someone follows the rows of the sink. */
  isFollowed(sink: string): boolean {
    return [...this.#connections].some((connection) => connection.sinks.has(sink));
  }

  /** What was sent goes out, then all connections end. */
  close(): Promise<void> {
    for (const { socket } of this.#connections) socket.end();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #publishRows(connection: Connection, event: Extract<ControlEvent, { event: "rows" }>): void {
    const missed = connection.sinks.get(event.sink);
    if (missed === undefined) return;
    const sent = connection.socket.offer({ ...event, missed: event.missed + missed });
    connection.sinks.set(event.sink, sent ? 0 : missed + event.missed + event.rows.length);
  }

  #accept(socket: Socket): void {
    const connection = new Connection(
      new LineSocket(socket, {
        onLine: (line) => {
          void this.#answer(connection, line as { id: number; kind: string; params: unknown });
        },
        onClose: () => {
          this.#connections.delete(connection);
          this.#onGone(connection);
        },
      }),
    );
    this.#connections.add(connection);
    connection.socket.send(this.#greeting);
  }

  async #answer(
    connection: Connection,
    line: { readonly id: number; readonly kind: string; readonly params: unknown },
  ): Promise<void> {
    const { id, kind, params } = line;
    try {
      const result = await this.#handle(connection, kind, params);
      connection.socket.send({ answer: id, result: result ?? null });
    } catch (error) {
      connection.socket.send({ answer: id, error: toMillraceError(error).toObject() });
    }
  }

  async #handle(connection: Connection, kind: string, params: unknown): Promise<unknown> {
    if (kind === "follow") {
      const { topics } = params as ControlRequests["follow"]["params"];
      for (const topic of topics) connection.topics.add(topic);
      return null;
    }
    if (!Object.hasOwn(this.#handlers, kind))
      throw runtimeErrors.REQUEST_UNKNOWN({ request: kind });
    const handler = this.#handlers[kind as keyof ControlHandlers];
    return await handler((params ?? {}) as never, connection);
  }
}
