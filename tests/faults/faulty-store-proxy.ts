/**
 * A proxy in front of an object store, on which something happens to the requests of one kind: refused with 503, cut off in
 * the middle, done without an answer, never answered, or (lists) answered with what was true at first.
 *
 * Flow:    job process → here → s3rver.
 */
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface StoreFault {
  readonly kind: "put" | "part" | "complete" | "get" | "list" | "delete";
  readonly action: "refuse" | "cut" | "no-answer" | "hang" | "stale";
  /** The first request of the kind that it happens to, from 1 on, and how many from there. */
  readonly from: number;
  readonly count: number;
}

export class FaultyStoreProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #lists = new Map<string, Buffer>();
  #fault: StoreFault | undefined;
  #passed = 0;
  /** Requests that something happened to. */
  injected = 0;
  /** Requests by kind. */
  readonly seen = new Map<string, number>();

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => void this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  arm(fault: StoreFault | undefined): void {
    this.#fault = fault;
    this.#passed = 0;
    this.#lists.clear();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      await this.#pass(incoming, Buffer.concat(chunks), outgoing);
    } catch {
      // The other side has gone, as killed processes and cut requests do.
      outgoing.destroy();
    }
  }

  async #pass(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const kind = kindOf(incoming);
    this.seen.set(kind, (this.seen.get(kind) ?? 0) + 1);
    const url = incoming.url ?? "";
    const action = this.#due(kind);
    if (action === "hang") return;
    if (action === "refuse") {
      outgoing.writeHead(503, { "content-type": "application/xml" });
      outgoing.end("<Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>");
      return;
    }
    // S3 drops a body that is shorter than was said (s3rver keeps it): the store sees nothing of it.
    if (action === "cut" && kind !== "get") {
      outgoing.destroy();
      return;
    }
    const { status, headers, bytes } = await this.#forward(incoming, body);
    if (action === "no-answer") {
      outgoing.destroy();
      return;
    }
    const stale = action === "stale" ? this.#lists.get(url) : undefined;
    if (kind === "list" && !this.#lists.has(url)) this.#lists.set(url, bytes);
    outgoing.writeHead(
      status,
      stale === undefined ? headers : { "content-type": "application/xml" },
    );
    if (action !== "cut") {
      outgoing.end(stale ?? bytes);
      return;
    }
    outgoing.write(bytes.subarray(0, bytes.length >> 1), () => outgoing.destroy());
  }

  #due(kind: string): StoreFault["action"] | undefined {
    const fault = this.#fault;
    if (fault === undefined || fault.kind !== kind) return undefined;
    const n = ++this.#passed;
    if (n < fault.from || n >= fault.from + fault.count) return undefined;
    this.injected++;
    return fault.action;
  }

  #forward(incoming: IncomingMessage, body: Buffer) {
    return new Promise<{
      readonly status: number;
      readonly headers: IncomingMessage["headers"];
      readonly bytes: Buffer;
    }>((resolve, reject) => {
      const onward = this.#onward(incoming);
      onward.once("error", reject);
      onward.once("response", (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("error", reject);
        answer.once("end", () => {
          const { statusCode = 502, headers } = answer;
          resolve({ status: statusCode, headers, bytes: Buffer.concat(chunks) });
        });
      });
      onward.end(body);
    });
  }

  #onward({ method, url, headers }: IncomingMessage) {
    const target = { host: "127.0.0.1", port: this.#target, method, path: url, headers };
    return request({ ...target, agent: false });
  }
}

function kindOf({ method, url = "" }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, "http://store");
  if (method === "PUT") return searchParams.has("partNumber") ? "part" : "put";
  if (method === "POST" && searchParams.has("uploadId")) return "complete";
  if (method === "POST") return searchParams.has("delete") ? "delete" : "begin";
  if (method === "GET" && pathname.split("/").filter((part) => part !== "").length < 2)
    return "list";
  return method === "GET" ? "get" : (method ?? "").toLowerCase();
}
