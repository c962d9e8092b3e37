/**
 * verifySnapshot: reads every byte of a checkpoint or savepoint and compares it with its checksums, then reads every entry, as
 * a restore would; needs neither the job nor its plan.
 *
 * Flow:    manifest (checksum over all of it) → every segment: header, index and end by the reference's checksum, each page by
 *          its hash in the index → entries of every map, counted.
 * Foreign: a file that is whole but another one's is told by the checksum in the manifest; files that nothing names are listed.
 * Errors:  MR4210 … MR4215, each with the file, and the byte where one is known.
 */
import type { Files } from "../../foundation/host/env.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { handlesOf, loadManifest, type Manifest } from "./checkpoint-store.ts";
import { snapshotErrors } from "./errors.ts";
import { hashOf, readState } from "./read-state.ts";
import { openBytes, pageOffsets } from "./restore-state.ts";
import { INDEX_RECORD_BYTES, nameOf, readSegmentEnd } from "./segment-format.ts";
import type { SegmentRef, StateHandle } from "./state-handle.ts";

/** Bytes of pages that are read at once. */
const READ_BYTES = 1024 * 1024;

export interface VerifyParts {
  readonly files: Files;
  /** A runtime of its own. */
  readonly runtime: WorkerRuntime;
}

export interface VerifiedSnapshot<M> {
  readonly manifest: M;
  readonly segments: number;
  readonly bytes: number;
  readonly pages: number;
  readonly entries: number;
  /** Files in a savepoint's folder that the manifest does not name. */
  readonly unknownFiles: readonly string[];
}

export async function verifySnapshot<M extends Manifest>(
  path: string,
  { files, runtime }: VerifyParts,
): Promise<VerifiedSnapshot<M>> {
  const manifest = await loadManifest<M>(files, path);
  const handles = handlesOf(manifest.states);
  const refs = new Map(handles.flatMap(({ segments }) => segments.map((ref) => [ref.id, ref])));
  let bytes = 0;
  let pages = 0;
  for (const ref of refs.values()) {
    pages += await verifySegment(ref, { files, runtime });
    bytes += ref.lengthBytes;
  }
  const entries = await countEntries(handles, { files, runtime });
  const folder = path.replace(/\/_metadata$/, "");
  const named = new Set([...refs.values()].map(({ file }) => file));
  const unknownFiles = (await files.list(folder)).filter(
    (name) => name !== "_metadata" && !named.has(`${folder}/${name}`),
  );
  return { manifest, segments: refs.size, bytes, pages, entries, unknownFiles };
}

/** Checks one segment to its last byte; returns its pages. */
async function verifySegment(ref: SegmentRef, { files, runtime }: VerifyParts): Promise<number> {
  const { file, read } = await openBytes(ref, files);
  const hash = (bytes: Uint8Array) => hashOf(runtime, bytes);
  try {
    const end = await readSegmentEnd(ref, read, hash);
    const offsets = pageOffsets(ref, end);
    const index = new DataView(end.index.buffer, end.index.byteOffset, end.index.length);
    const pages = offsets.length - 1;
    for (let first = 0; first < pages; ) {
      let next = first + 1;
      while (next < pages && offsets[next + 1]! - offsets[first]! <= READ_BYTES) next++;
      const from = offsets[first]!;
      const bytes = await read(from, offsets[next]! - from);
      for (let page = first; page < next; page++) {
        const part = bytes.subarray(offsets[page]! - from, offsets[page + 1]! - from);
        if (hash(part) === index.getBigUint64(page * INDEX_RECORD_BYTES + 24, true)) continue;
        const offset = offsets[page]!;
        const reason = "the checksum of a page is wrong";
        throw snapshotErrors.FILE_DAMAGED({ file: nameOf(ref), offset, reason });
      }
      first = next;
    }
    return pages;
  } finally {
    await file?.close();
  }
}

/** What a restore would find, against what the manifest says is there. */
async function countEntries(
  handles: readonly StateHandle[],
  { files, runtime }: VerifyParts,
): Promise<number> {
  let all = 0;
  for (const handle of handles) {
    for (const { uid, name: map, entries } of handle.maps) {
      if (entries === 0) continue;
      let found = 0;
      for await (const _ of readState({ runtime, files, handles: [handle], uid, map })) found++;
      if (found !== entries)
        throw snapshotErrors.HANDLE_INVALID({
          reason: `'${map}' of ${uid} has ${found} entries, not ${entries}`,
        });
      all += found;
    }
  }
  return all;
}
