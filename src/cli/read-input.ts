/** Scripts from files and standard input, with clear errors. */
import { readFileSync } from "node:fs";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";
import { readStdin } from "./read-stdin.ts";

/** Byte order mark, with which some editors begin a file. */
const MARK = "\ufeff";

/** The text of a file; `-` reads standard input to its end. */
export function readText(path: string): string {
  try {
    const text = path === "-" ? stdinText() : readFileSync(path, "utf8");
    return text.startsWith(MARK) ? text.slice(MARK.length) : text;
  } catch (cause) {
    throw cliErrors.FILE_UNREADABLE({ path, reason: fileReason(cause) }, { cause });
  }
}

function stdinText(): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  readStdin((bytes) => {
    text += decoder.decode(bytes, { stream: true });
  });
  return text + decoder.decode();
}
