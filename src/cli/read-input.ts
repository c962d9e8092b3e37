/** Scripts from files and standard input, with clear errors. */
import { readFileSync } from "node:fs";
import { cliErrors } from "./errors.ts";

/** The text of a file; `-` reads standard input to its end. */
export function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    const reason =
      { ENOENT: "there is no such file", EACCES: "permission denied", EISDIR: "it is a folder" }[
        code
      ] ?? String(cause);
    throw cliErrors.FILE_UNREADABLE({ path, reason }, { cause });
  }
}
