/** The lines of a file, read piece by piece: a file may be longer than a text can be. */
import { closeSync, openSync, readSync } from "node:fs";

const PIECE_BYTES = 8 << 20;
const NEW_LINE = 10;

export function* linesOf(file: string): Generator<string> {
  const descriptor = openSync(file, "r");
  try {
    let buffer = Buffer.alloc(PIECE_BYTES);
    let held = 0;
    while (true) {
      if (held === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
      const read = readSync(descriptor, buffer, held, buffer.length - held, null);
      const filled = held + read;
      let from = 0;
      const bytes = buffer.subarray(0, filled);
      for (let end = bytes.indexOf(NEW_LINE); end >= 0; end = bytes.indexOf(NEW_LINE, from)) {
        yield bytes.toString("utf8", from, end);
        from = end + 1;
      }
      if (read === 0) {
        if (filled > from) yield buffer.toString("utf8", from, filled);
        return;
      }
      buffer.copyWithin(0, from, filled);
      held = filled - from;
    }
  } finally {
    closeSync(descriptor);
  }
}
