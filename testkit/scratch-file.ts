/** A spill file in memory, for tests of operators. */
import type { ScratchFile } from "../src/foundation/host/env.ts";

export function scratchFile(): ScratchFile {
  let bytes = new Uint8Array(0);
  let end = 0;
  return {
    readSync(target, position) {
      const part = bytes.subarray(position, Math.min(end, position + target.length));
      target.set(part);
      return part.length;
    },
    writeSync(added, position) {
      end = Math.max(end, position + added.length);
      if (end > bytes.length) {
        const longer = new Uint8Array(2 * end);
        longer.set(bytes);
        bytes = longer;
      }
      bytes.set(added, position);
    },
    close() {},
  };
}
