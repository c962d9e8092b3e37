/** How many lines a file has before an offset: asked for when an error must name its line, never otherwise. */
import type { Files } from "../../../foundation/host/env.ts";
import { onFile } from "./file-errors.ts";

const CHUNK_BYTES = 1024 * 1024;
const LINE_FEED = 10;

/** Line ends in [0, offset), where the range that starts at offset begins behind the line of offset − 1. */
export async function countLines(files: Files, path: string, offset: number): Promise<number> {
  const file = await onFile("read", path, () => files.open(path));
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    let lines = 0;
    let position = 0;
    while (true) {
      const bytes = await onFile("read", path, () => file.read(chunk, position));
      if (bytes === 0) return lines;
      for (
        let at = chunk.indexOf(LINE_FEED);
        at >= 0 && at < bytes;
        at = chunk.indexOf(LINE_FEED, at + 1)
      ) {
        lines++;
        // The first line end at or after offset − 1 ends the last foreign line.
        if (position + at >= offset - 1) return lines;
      }
      position += bytes;
    }
  } finally {
    await file.close();
  }
}
