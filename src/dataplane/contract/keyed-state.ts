/**
 * Keyed state as operators see it: maps from key to a fixed-width value, rows in an append log, and lists of them; all in
 * pages of the worker's memory, by key group. Everything here works on addresses; the batch functions are kernels.
 *
 * A map's entry (8-byte aligned, within one page, at a stable address for the entry's life in this process). EntryPtr is
 * the address of the value; header and key lie right before it:
 *
 *     EntryPtr - K - 8   u32 hash    upper half of the 64-bit key hash: key group and index slot are derived from it
 *     EntryPtr - K - 4   u32 meta    bit 31 live; the rest belongs to the backend (TTL)
 *     EntryPtr - K       the key     fixed key: K = keyBytes bytes; variable key (keyBytes = -1): K = 8,
 *                                    u32 handle, u32 length, the bytes are in the log
 *     EntryPtr           the value   valueBytes bytes, all zero in a fresh entry
 *
 * Pages hold no addresses: what one entry keeps of other data is a Handle (u32, 8-byte units within the state's key
 * group), turned into an address by the kernel `logPtr(map, hash, handle)`. So a page restores anywhere.
 *
 * Kernels (all take `map`, the value of KeyedMap.ptr):
 *   mapUpsertBatch(map, n, hashes: *u64[n], keys, entries: *u32[n])      find or insert each; pages are touched for writing
 *   mapFindBatch(map, n, hashes, keys, entries)                          0 where absent; not touched
 *   mapUpsert(map, hash: u64, key: *, keyLength): EntryPtr · mapFind(…): EntryPtr or 0
 *   mapRemove(map, entry)                                                frees the entry (its log rows are the caller's)
 *   mapTouch(map, entry)                                                 before writing into an entry that was only found
 *   mapIterate(map, keyGroup, cursor: u32): EntryPtr                     next live entry after cursor (0 = first), 0 at end
 *   mapSize(map): u32
 *   logAppend(map, hash: u32, bytes: *, length): Handle                  length u32 is kept in front of the bytes
 *   logAllocate(map, hash: u32, length): Handle                          zeroed; write through logPtr at once
 *   logPtr(map, hash: u32, handle): address of the bytes · logLength(address): u32
 *   logTouch(address, length)                                            before overwriting bytes in place
 *   logFree(map, hash: u32, handle)
 * `keys`: fixed keys lie packed, keyBytes each; variable keys as view values (i64 address | length << 32).
 * Handle 0 means none.
 */
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";

export type EntryPtr = number;
export type Handle = number;

/** Names the parts of state, so that a snapshot can be read and compared without the operator's code. */
export interface StateField {
  readonly name: string;
  /** Byte offset within the key or the value. */
  readonly offset: number;
  readonly type: LogicalType | "counter" | "handle" | "flags";
  /** Bytes, where they are not those of the type. */
  readonly width?: number;
  /** Which rows count for it; counters and slots of one condition belong together. */
  readonly condition?: string;
  /** What the bits of flags say, lowest first. */
  readonly bits?: readonly string[];
  /** A handle whose block holds no further handles. */
  readonly flat?: boolean;
}

/** One field of rows that are kept as bytes. */
export interface StateRowField {
  readonly name: string;
  readonly type: LogicalType;
  /** What it is computed of, as operator-identity.ts says it; the runtime adds it. */
  readonly lineage?: string;
  /** Its physical columns; a ROW has several. */
  readonly slots: readonly StateRowSlot[];
}

export interface StateRowSlot {
  /** Byte within the row; -1 where there is only a NULL bit. */
  readonly offset: number;
  readonly width: number;
  /** -1 for what is never NULL. */
  readonly nullBit: number;
  /** u32 offset from the row's start, u32 length of bytes behind the fixed part. */
  readonly view: boolean;
}

/** Rows of an input that a map keeps: what reads them, and what moves them when the input has changed. */
export interface StateRows {
  /** Tells them apart where a map keeps rows of several inputs. */
  readonly name: string;
  /** A handle of the row; a row set (kernels/row-set.as.ts); one whose index is its order (kernels/rank.as.ts). */
  readonly kind: "one" | "set" | "ranked";
  /** Byte of the value where it begins. */
  readonly offset: number;
  /** Which input of the operator the rows are of. */
  readonly input: number;
  readonly fixedBytes: number;
  readonly nullOffset: number;
  readonly fields: readonly StateRowField[];
  /** Fields whose encoding lies beside each row. */
  readonly identity: readonly number[];
  /** Rows are found again by all their bytes. */
  readonly whole: boolean;
}

export interface KeyedMapSpec {
  /** Unique within the operator; with the node's uid it finds the state again after a restore. */
  readonly name: string;
  /** Multiple of 8, or -1 for variable keys. */
  readonly keyBytes: number;
  /** Multiple of 8, at most 2,048. */
  readonly valueBytes: number;
  readonly keyFields: readonly StateField[];
  readonly valueFields: readonly StateField[];
  /** Milliseconds since the last write after which an entry may go; 0 = never. */
  readonly ttlMs: number;
  /** A restore may add and drop value fields (state/map-migration.ts): each is of rows that were added. */
  readonly mayGrow?: boolean;
  /** The key that earlier releases gave it: KeyedMap.former is what a restore has brought of it. */
  readonly former?: Pick<KeyedMapSpec, "keyBytes" | "keyFields">;
  /** The rows behind its handles. */
  readonly rows?: readonly StateRows[];
}

export interface KeyedMap {
  readonly spec: KeyedMapSpec;
  /** Passed to the kernels. */
  readonly ptr: number;
  /** Entries with the former key, which the operator moves into this map before the first row and then releases. */
  readonly former?: { readonly ptr: number; release(): void };
}

export interface KeyedStateBackend {
  readonly maxParallelism: number;
  /** Creates the map, or finds what a restore has filled. Refuses (MR40xx) a restored layout that differs. */
  map(spec: KeyedMapSpec): KeyedMap;
  /** Small operator state that is no row data: a JSON value under a name, part of every checkpoint. */
  operatorValue(name: string): OperatorValue;
}

/** Split among subtasks on rescale by the operator itself: it is given every old subtask's value. */
export interface OperatorValue {
  /** Values of all subtasks of the checkpoint that was restored; empty without one. */
  readonly restored: readonly unknown[];
  set(value: unknown): void;
}
