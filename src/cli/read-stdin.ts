/**
 * Standard input, read without waiting for events: the language asks for a schema in the middle of a call.
 *
 * Pipes:   one that is not ready yet (EAGAIN) is asked again after RETRY_MS.
 */
import { readSync } from "node:fs";

const CHUNK_BYTES = 1024 * 1024;
const RETRY_MS = 2;

/** Hands over standard input to its end; `take` must copy what it keeps. Throws what the system throws. */
export function readStdin(take: (bytes: Uint8Array) => void): void {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const read = readChunk(buffer);
    if (read === 0) return;
    take(buffer.subarray(0, read));
  }
}

function readChunk(buffer: Uint8Array): number {
  for (;;) {
    try {
      return readSync(0, buffer, 0, buffer.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
