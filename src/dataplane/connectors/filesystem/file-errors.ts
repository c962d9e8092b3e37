/** Turns what the file system throws into catalogue errors that name the path and what was tried. */
import { MillraceError } from "../../../foundation/base/errors.ts";
import { connectorErrors } from "../errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the quota of disk space is used up",
  EFBIG: "the file is larger than the system allows",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "there is a file of this name",
  EISDIR: "it is a folder",
  EMFILE: "too many files are open",
  EIO: "the device reports an error",
};

export function fileError(error: unknown, action: string, path: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const code =
    typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return connectorErrors.PATH_MISSING({ path }, { cause: error });
  if (code === "EACCES" || code === "EPERM")
    return connectorErrors.PATH_FORBIDDEN({ action, path }, { cause: error });
  const words = Object.hasOwn(REASONS, code) ? `${REASONS[code]} (${code})` : code;
  const reason = words !== "" ? words : error instanceof Error ? error.message : String(error);
  return connectorErrors.PATH_FAILED({ action, path, reason }, { cause: error });
}

/** Runs a file operation; its errors become catalogue errors. */
export async function onFile<T>(
  action: string,
  path: string,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(error, action, path);
  }
}
