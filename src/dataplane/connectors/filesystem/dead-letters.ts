/**
 * DeadLetters: records that did not decode, as JSON lines in a folder, one file per subtask.
 *
 * Flow:    decoder's onBadRecord → add() → flush() from the reader's wait() and close().
 * Limits:  MAX_PENDING records wait for the disk; then the reader pauses.
 * Delivery: at least once: after a restart records since the last checkpoint are written again.
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
  readonly record: string;
}

const MAX_PENDING = 1024;

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

  get full(): boolean {
    return this.#pending.length >= MAX_PENDING;
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
