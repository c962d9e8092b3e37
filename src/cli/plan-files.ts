/** Files of COMPILE PLAN and EXECUTE PLAN on this machine; only their owner can read them: options may hold passwords. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { PlanFiles } from "../language/sql/script/session-types.ts";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";

export const planFiles: PlanFiles = {
  exists: (path) => existsSync(path),
  read: (path) => onFile(path, () => readFileSync(path, "utf8")),
  write: (path, text) =>
    onFile(path, () => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode: 0o600 });
    }),
};

function onFile<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw cliErrors.FILE_UNREADABLE({ path, reason: fileReason(cause) }, { cause });
  }
}
