/**
 * WireCodec: batches to wire blocks and back, and rows to the consumers they belong to. The work is
 *            done by kernels; this
 * is the interface that the exchange is given, so that it can be tested without them.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";

export interface WireCodec {
  /**
   * Encodes a whole batch into the arena. The bytes are a view of the memory, valid until the arena
   * is released.
   */
  encode(batch: BatchPtr): Uint8Array;
  /** Encodes the rows of each consumer; entries without rows are undefined. */
  encodePartitioned(batch: BatchPtr, consumers: number): readonly (Uint8Array | undefined)[];
  /** Room in the arena for a block of `length` bytes; a view of the memory. */
  allocate(length: number): { readonly address: number; readonly bytes: Uint8Array };
  /** The batch that an encoded block at `address` holds; its columns point into the block. */
  decode(address: number): BatchPtr;
}
