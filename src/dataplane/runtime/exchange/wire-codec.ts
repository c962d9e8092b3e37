/**
 * WireCodec: batches to wire blocks and back, and rows to the consumers they belong to. The work is
 *            done by kernels; this
 * is the interface that the exchange is given, so that it can be tested without them.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";

/** Rows of a batch by consumer. */
export interface Partition {
  /** Address of u32[n] row numbers. */
  readonly rows: number;
  /** Consumer i has rows[bounds[i]] … rows[bounds[i + 1]]. */
  readonly bounds: Uint32Array;
}

export interface WireCodec {
  /**
   * Encodes a whole batch into the arena. The bytes are a view of the memory, valid until the arena
   * is released.
   */
  encode(batch: BatchPtr): Uint8Array;
  /** Sorts the rows of a batch by consumer. */
  partition(batch: BatchPtr, consumers: number): Partition;
  /** Encodes the rows of one consumer, as encode() does; undefined when there are none. */
  encodePart(batch: BatchPtr, part: Partition, consumer: number): Uint8Array | undefined;
  /** The rows of one consumer as a batch in the arena, its texts where they are; undefined when there are none. */
  gatherPart(batch: BatchPtr, part: Partition, consumer: number): BatchPtr | undefined;
  /** Bytes that encode() would make of a batch. */
  bytesOf(batch: BatchPtr): number;
  /** Room in the arena for a block of `length` bytes; a view of the memory. */
  allocate(length: number): { readonly address: number; readonly bytes: Uint8Array };
  /** The batch that an encoded block at `address` holds; its columns point into the block. */
  decode(address: number): BatchPtr;
  /**
   * A batch, from a row on, in pieces of at most so many rows each, as long as `action` returns true; what is put into the
   * arena for a piece goes with it. Returns the row of the next piece, undefined when there is none.
   */
  inPieces(
    batch: BatchPtr,
    from: number,
    mostRows: () => number,
    action: (piece: BatchPtr) => boolean,
  ): number | undefined;
}
