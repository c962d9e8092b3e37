/** What the file system's codes mean, in words: the end of a sentence such as "cannot read x: …". */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "there is a file of this name",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the device",
  EIO: "the device reports an error",
};

export function fileReason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return String(error);
  return Object.hasOwn(REASONS, code) ? REASONS[code]! : code;
}
