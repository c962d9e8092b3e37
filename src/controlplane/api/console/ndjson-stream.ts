/**
 * One streamed answer: a JSON object a line, with backpressure.
 *
 * write() waits while the browser is slow; offer() drops the message instead (for samples, of which the next one tells as
 * much). `closed` resolves when the browser is gone or end() was called.
 */
import { once } from "node:events";
import type { FastifyReply } from "fastify";

export class NdjsonStream {
  readonly closed: Promise<void>;
  readonly #reply: FastifyReply;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
    reply.hijack();
    const headers = { ...reply.getHeaders() } as Record<string, string>;
    reply.raw.writeHead(200, {
      ...headers,
      "content-type": "application/x-ndjson; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    reply.raw.once("close", resolve);
    this.closed = promise;
  }

  async write(message: object): Promise<void> {
    const raw = this.#reply.raw;
    if (raw.writableEnded || raw.destroyed) return;
    if (!raw.write(`${JSON.stringify(message)}\n`)) {
      await Promise.race([once(raw, "drain"), this.closed]);
    }
  }

  offer(message: object): void {
    const raw = this.#reply.raw;
    if (raw.writableEnded || raw.destroyed || raw.writableNeedDrain) return;
    raw.write(`${JSON.stringify(message)}\n`);
  }

  end(): void {
    this.#reply.raw.end();
  }
}
