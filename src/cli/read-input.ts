/** Scripts from files and standard input, with clear errors. */
import { readFileSync } from "node:fs";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";

/** Byte order mark, with which some editors begin a file. */
const MARK = "\ufeff";

/** The text of a file; `-` reads standard input to its end. */
export function readText(path: string): string {
  try {
    const text = readFileSync(path === "-" ? 0 : path, "utf8");
    return text.startsWith(MARK) ? text.slice(MARK.length) : text;
  } catch (cause) {
    throw cliErrors.FILE_UNREADABLE({ path, reason: fileReason(cause) }, { cause });
  }
}
