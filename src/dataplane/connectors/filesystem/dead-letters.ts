/**
 * DeadLetters: records that did not decode, as JSON lines in a folder, one file per subtask.
 *
 * Flow:    decoder's onBadRecord → add() → flush() from the reader's wait() and close().
 * Limits:  the records of one batch wait for the disk; then the reader pauses.
 * Delivery: at least once: what waits goes into the checkpoint with its split, and after a restart the records since the
 *          last checkpoint are written again.
 */
import type { Files, WritableFile } from "../../../foundation/host/env.ts";
import { onFile } from "./file-errors.ts";

export interface DeadLetter {
  readonly source: string;
  /** Byte offset of the record in its file. */
  readonly offset: number;
  /** 1-based, in bytes. */
  readonly column: number;
  readonly reason: string;
  /** The record as text, or as base64 where its bytes are not UTF-8. */
  readonly record?: string;
  readonly recordBase64?: string;
}

export function recordOf(bytes: Uint8Array): Pick<DeadLetter, "record" | "recordBase64"> {
  try {
    return { record: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { recordBase64: Buffer.from(bytes).toString("base64") };
  }
}

export class DeadLetters {
  readonly #files: Files;
  readonly #folder: string;
  readonly #path: string;
  #file: WritableFile | undefined;
  #pending: DeadLetter[] = [];

  constructor(files: Files, folder: string, subtaskIndex: number) {
    this.#files = files;
    this.#folder = folder;
    this.#path = `${folder}/dead-letter-${subtaskIndex}.jsonl`;
  }

  async open(): Promise<void> {
    await onFile("create", this.#folder, () => this.#files.mkdirs(this.#folder));
  }

  add(letter: DeadLetter): void {
    this.#pending.push(letter);
  }

  /** What no disk has yet. */
  get pending(): readonly DeadLetter[] {
    return this.#pending;
  }

  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const lines = this.#pending.map((letter) => `${JSON.stringify(letter)}\n`).join("");
    this.#pending = [];
    this.#file ??= await onFile("create", this.#path, () =>
      this.#files.create(this.#path, { append: true }),
    );
    const file = this.#file;
    await onFile("write", this.#path, async () => {
      await file.append(new TextEncoder().encode(lines));
      await file.sync();
    });
  }

  async close(): Promise<void> {
    await this.flush();
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
