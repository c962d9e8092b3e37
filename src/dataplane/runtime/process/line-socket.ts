/**
 * LineSocket: JSON objects over a stream socket, one a line, for both ends of the control protocol.
 *
 * Limits:  a line has at most MAX_LINE_BYTES; a peer that sends more is cut off. A peer that does
 *          not read has at most MAX_QUEUED_BYTES waiting for it: offer() then leaves out, send()
 *          cuts it off.
 */
import type { Socket } from "node:net";

const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

export class LineSocket {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(
    socket: Socket,
    handlers: {
      readonly onLine: (value: unknown) => void;
      /** Once, however it ended; an error of the connection is its reason. */
      readonly onClose: (reason: Error | undefined) => void;
    },
  ) {
    this.#socket = socket;
    let reason: Error | undefined;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk, handlers.onLine));
    socket.on("error", (error) => {
      reason = error;
    });
    socket.on("close", () => handlers.onClose(reason));
  }

  send(value: object): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) this.#socket.destroy();
    else this.#socket.write(`${JSON.stringify(value)}\n`);
  }

  /** False when the peer has too much waiting already; nothing is sent then. */
  offer(value: object): boolean {
    if (this.#socket.destroyed || this.#socket.writableLength > MAX_QUEUED_BYTES / 4) return false;
    this.send(value);
    return true;
  }

  /** What was sent goes out first. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer, onLine: (value: unknown) => void): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...this.#parts, chunk.subarray(from, end)]).toString("utf8");
      this.#parts = [];
      this.#length = 0;
      from = end + 1;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        this.#socket.destroy(new Error("a line is not JSON", { cause }));
        return;
      }
      onLine(value);
    }
    if (from < chunk.length) this.#parts.push(chunk.subarray(from));
    this.#length += chunk.length - from;
    if (this.#length > MAX_LINE_BYTES) this.#socket.destroy(new Error("a line is too long"));
  }
}
