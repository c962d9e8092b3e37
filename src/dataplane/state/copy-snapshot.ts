/**
 * copySnapshot: a savepoint that stands for itself out of any checkpoint or savepoint: all files that it needs in one new
 * folder, which may be moved, copied and removed without regard to the job.
 *
 * Flow:    manifest and segments → <folder>/…seg → <folder>/_metadata, written last. The copy is verified by its reader.
 * Errors:  those of reading; MR4201 when it cannot be written; MR4218 when there is something in the folder already.
 */
import type { Files } from "../../foundation/host/env.ts";
import { handlesOf, loadManifest, type Manifest, writeManifest } from "./checkpoint-store.ts";
import { snapshotErrors, writeError } from "./errors.ts";
import { openBytes } from "./restore-state.ts";
import type { SegmentRef } from "./state-handle.ts";

const COPY_BYTES = 1024 * 1024;

/** Returns the copy's bytes. */
export async function copySnapshot(files: Files, path: string, folder: string): Promise<number> {
  const manifest = await loadManifest<Manifest & { readonly kind: string }>(files, path);
  const there = await files.stat(folder);
  if (there !== undefined && (!there.isDirectory || (await files.list(folder)).length > 0))
    throw snapshotErrors.FOLDER_IN_USE({ folder });
  const copies = new Map<string, string>();
  let bytes = 0;
  try {
    await files.mkdirs(folder);
    for (const ref of handlesOf(manifest.states).flatMap(({ segments }) => segments)) {
      if (ref.file === undefined || copies.has(ref.file)) continue;
      const copy = `${folder}/${ref.file.slice(ref.file.lastIndexOf("/") + 1)}`;
      await copyFile(files, ref, copy);
      copies.set(ref.file, copy);
      bytes += ref.lengthBytes;
    }
    const moved = { ...manifest, kind: "savepoint" as const };
    return bytes + (await writeManifest(files, folder, moved, (file) => copies.get(file)!));
  } catch (error) {
    await files.remove(folder).catch(() => {
      // The first error is the one to tell.
    });
    throw error;
  }
}

async function copyFile(files: Files, ref: SegmentRef, to: string): Promise<void> {
  const { file, read } = await openBytes(ref, files);
  try {
    const target = await files.create(to);
    try {
      for (let at = 0; at < ref.lengthBytes; at += COPY_BYTES)
        await target.append(await read(at, Math.min(COPY_BYTES, ref.lengthBytes - at)));
      await target.sync();
    } catch (error) {
      throw writeError(to, error);
    } finally {
      await target.close();
    }
  } finally {
    await file?.close();
  }
}
