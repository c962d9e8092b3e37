import { resolve } from "node:path";
import { isObjectPath } from "../foundation/host/object-files.ts";

/** Where a checkpoint or savepoint lies, as a user wrote it: an object store's path as it is, else an absolute one. */
export function snapshotPath(text: string): string {
  return isObjectPath(text) ? text : resolve(text.replace(/^file:(\/\/)?/i, ""));
}
