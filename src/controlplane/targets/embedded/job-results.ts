/**
 * The rows of a job's sink for one who watches: its present contents, then changes as they come.
 *
 * Flow:    job process → a connection of its own for each watcher → here → api, preview. A connection of its own, because
 *          contents and changes must not overlap, and a slow watcher must not hold up another.
 * Limits:  contents of 10,000 rows at most (the job process counts the others as missed). A watcher that is more than
 *          QUEUE_ROWS behind gets the contents anew instead of what it has missed.
 * Errors:  MR5019 no such sink; the job's failure when it ends in one.
 */
import { errorFromObject } from "../../../dataplane/runtime/master/error-object.ts";
import { adoptJobProcess, type JobHandle } from "../../../dataplane/runtime/process/job-handle.ts";
import type { ControlEvent, ResultContents } from "../../../dataplane/runtime/process/messages.ts";
import { readResultFile } from "../../../dataplane/runtime/process/result-file.ts";
import type { RenderedRow } from "../../../dataplane/runtime/task/row-render.ts";
import type { RowKind } from "../../../foundation/columnar/row-kind.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ResultEvent } from "../target.ts";

const QUEUE_ROWS = 50_000;

type RowsEvent = Extract<ControlEvent, { readonly event: "rows" }>;

export async function* jobResults(
  env: Env,
  folder: string,
  sink: string,
  signal: AbortSignal,
): AsyncGenerator<ResultEvent> {
  const handle = await adoptJobProcess(env, folder);
  if (handle === undefined || signal.aborted) return;
  try {
    const told = handle.state === "connected" && (yield* follow(handle, sink, signal));
    if (signal.aborted) return;
    if (!told) {
      // It ended before anybody could watch: what its sinks held then is in its folder.
      const kept = await readResultFile(env.files, folder);
      const contents = kept.find((found) => found.sink === sink);
      if (contents !== undefined) yield* contentEvents(contents);
    }
    const { failure } = handle.file.outcome ?? { failure: null };
    if (failure !== null) throw errorFromObject(failure);
  } finally {
    handle.close();
  }
}

/** Until the job ends or the signal aborts; returns whether its reader has seen everything. */
async function* follow(
  handle: JobHandle,
  sink: string,
  signal: AbortSignal,
): AsyncGenerator<ResultEvent, boolean> {
  const queue = new RowQueue();
  handle.onEvent((event) => {
    if (event.event === "rows" && event.sink === sink) queue.push(event);
  });
  handle.onClose(() => queue.close());
  const abort = () => queue.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    for (;;) {
      queue.clear();
      const contents = await ask(handle, sink);
      if (contents === undefined || signal.aborted) return false;
      yield* contentEvents(contents);
      for (;;) {
        const event = await queue.next();
        if (event === "closed") return true;
        if (event === "overrun") break;
        if (event.reset) yield schemaEvent(contents);
        if (event.rows.length > 0 || event.missed > 0) {
          yield rowsEvent(false, event.rows, event.missed);
        }
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Undefined when the job ended before it answered. */
async function ask(handle: JobHandle, sink: string): Promise<ResultContents | undefined> {
  try {
    return await handle.request("results", { sink });
  } catch (error) {
    if (handle.state === "connected") throw error;
    return undefined;
  }
}

function* contentEvents(contents: ResultContents): Generator<ResultEvent> {
  yield schemaEvent(contents);
  yield rowsEvent(true, contents.rows, contents.missed);
}

function schemaEvent({ schema, changelogMode, upsertKey }: ResultContents): ResultEvent {
  return { kind: "schema", schema, changelogMode, upsertKey };
}

function rowsEvent(snapshot: boolean, rows: readonly RenderedRow[], missed: number): ResultEvent {
  return {
    kind: "rows",
    snapshot,
    missed,
    rows: rows.map(({ kind, values }) => ({ kind: kind as RowKind, values })),
  };
}

/** Events that wait for their reader, up to QUEUE_ROWS rows; beyond it they are dropped and the reader is told. */
class RowQueue {
  #events: RowsEvent[] = [];
  #rows = 0;
  #overrun = false;
  #closed = false;
  #wake: (() => void) | undefined;

  push(event: RowsEvent): void {
    if (this.#overrun) return;
    this.#events.push(event);
    this.#rows += event.rows.length;
    if (this.#rows > QUEUE_ROWS) {
      this.#overrun = true;
      this.#events = [];
    }
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  clear(): void {
    this.#events = [];
    this.#rows = 0;
    this.#overrun = false;
  }

  /** What came before the end is still handed out. */
  async next(): Promise<RowsEvent | "overrun" | "closed"> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        this.#rows -= event.rows.length;
        return event;
      }
      if (this.#closed) return "closed";
      if (this.#overrun) return "overrun";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
