/**
 * Segment: an immutable piece of a subtask's state, pages of any of its maps; the unit that
 * checkpoints share.
 *
 * Layout (little-endian):
 *      0           8  magic "MRSTATE1"
 *      8              pages, one after another, trailing zeros left out: dataBytes in all
 *      +dataBytes     index: 40 bytes a page as the kernel snapshotNext writes them
 *                     (snapshot.as.ts), in order of the pages
 *      …              live numbers of every key group, as snapshotBegin writes them
 *      …              JSON: { maps: [{ id, uid, name }] }, what the map ids of this segment mean
 *      end − 48       u64 dataBytes, u32 records, u32 liveBytes, u32 mapsBytes, u32 version, u64
 *                     checkpoint id, u64 XXH64 of everything from the index to here, magic
 *                     "MRSTATEE"
 * Covered: the magic by comparison, each page by its hash in the index, the rest by the hash at the
 *          end; that hash also stands in the reference, so that a whole, valid but foreign file is
 *          noticed.
 * Errors:  MR4211 with file and offset, MR4212 newer version.
 */
import { snapshotErrors } from "./errors.ts";
import type { SegmentRef } from "./state-handle.ts";

export const SEGMENT_VERSION = 1;
export const SEGMENT_HEADER = new TextEncoder().encode("MRSTATE1");
const SEGMENT_END = new TextEncoder().encode("MRSTATEE");
export const TRAILER_BYTES = 48;
const HASHED_TRAILER_BYTES = 32;
export const INDEX_RECORD_BYTES = 40;

export type HashBytes = (bytes: Uint8Array) => bigint;

export interface SegmentMap {
  readonly id: number;
  readonly uid: string;
  readonly name: string;
}

/** Everything behind the pages of a segment. */
export interface SegmentEnd {
  readonly dataBytes: number;
  readonly index: Uint8Array;
  readonly live: Uint8Array;
  readonly maps: readonly SegmentMap[];
}

/** What stands behind the index and the live numbers; the digest of all before it is filled in by `digested`. */
export function encodeTail(
  end: {
    readonly dataBytes: number;
    readonly records: number;
    readonly liveBytes: number;
    readonly maps: readonly SegmentMap[];
  },
  checkpointId: number,
): Uint8Array {
  const maps = new TextEncoder().encode(JSON.stringify({ maps: end.maps }));
  const bytes = new Uint8Array(maps.length + TRAILER_BYTES);
  bytes.set(maps, 0);
  const at = maps.length;
  const data = new DataView(bytes.buffer);
  data.setBigUint64(at, BigInt(end.dataBytes), true);
  data.setUint32(at + 8, end.records, true);
  data.setUint32(at + 12, end.liveBytes, true);
  data.setUint32(at + 16, maps.length, true);
  data.setUint32(at + 20, SEGMENT_VERSION, true);
  data.setBigUint64(at + 24, BigInt(checkpointId), true);
  bytes.set(SEGMENT_END, at + 40);
  return bytes;
}

/** The part of a tail that its digest covers. */
export function hashedPart(tail: Uint8Array): Uint8Array {
  return tail.subarray(0, tail.length - TRAILER_BYTES + HASHED_TRAILER_BYTES);
}

/** Writes the digest into the tail. */
export function setDigest(tail: Uint8Array, digest: bigint): void {
  const data = new DataView(tail.buffer, tail.byteOffset, tail.length);
  data.setBigUint64(tail.length - TRAILER_BYTES + HASHED_TRAILER_BYTES, digest, true);
}

/** Reads bytes [position, position + length) of a segment, all of them or an error. */
export type ReadRange = (position: number, length: number) => Promise<Uint8Array>;

/** Reads and checks everything but the pages. */
export async function readSegmentEnd(
  ref: SegmentRef,
  read: ReadRange,
  hash: HashBytes,
): Promise<SegmentEnd> {
  const { lengthBytes } = ref;
  const damaged = (offset: number, reason: string) =>
    snapshotErrors.FILE_DAMAGED({ file: nameOf(ref), offset, reason });
  const trailerAt = lengthBytes - TRAILER_BYTES;
  if (trailerAt < SEGMENT_HEADER.length) throw damaged(0, "it is too short");
  const header = await read(0, SEGMENT_HEADER.length);
  if (!equalBytes(header, SEGMENT_HEADER)) throw damaged(0, "it does not begin like a segment");
  const trailer = await read(trailerAt, TRAILER_BYTES);
  if (!equalBytes(trailer.subarray(40), SEGMENT_END))
    throw damaged(trailerAt + 40, "it does not end like a segment");
  const data = new DataView(trailer.buffer, trailer.byteOffset, trailer.length);
  const version = data.getUint32(20, true);
  const dataBytes = Number(data.getBigUint64(0, true));
  const indexBytes = data.getUint32(8, true) * INDEX_RECORD_BYTES;
  const liveBytes = data.getUint32(12, true);
  const mapsBytes = data.getUint32(16, true);
  const endAt = SEGMENT_HEADER.length + dataBytes;
  if (endAt + indexBytes + liveBytes + mapsBytes !== trailerAt)
    throw damaged(trailerAt, "its parts do not add up to its length");
  const end = await read(endAt, lengthBytes - endAt);
  const digest = hash(end.subarray(0, end.length - TRAILER_BYTES + HASHED_TRAILER_BYTES));
  if (digest !== data.getBigUint64(HASHED_TRAILER_BYTES, true))
    throw damaged(endAt, "the checksum of its index is wrong");
  if (checksumText(digest) !== ref.checksum)
    throw damaged(trailerAt + HASHED_TRAILER_BYTES, "it is not the file that the manifest means");
  if (version > SEGMENT_VERSION)
    throw snapshotErrors.VERSION_NEWER({
      file: nameOf(ref),
      found: version,
      known: SEGMENT_VERSION,
    });
  const text = new TextDecoder().decode(
    end.subarray(indexBytes + liveBytes).subarray(0, mapsBytes),
  );
  const { maps } = JSON.parse(text) as { readonly maps: readonly SegmentMap[] };
  return {
    dataBytes,
    maps,
    index: end.slice(0, indexBytes),
    live: end.slice(indexBytes, indexBytes + liveBytes),
  };
}

/** What a message calls a segment. */
export function nameOf(ref: SegmentRef): string {
  return ref.file ?? `segment ${ref.id} (within the manifest)`;
}

export function checksumText(digest: bigint): string {
  return digest.toString(16).padStart(16, "0");
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
