/**
 * RowOrigin: where the rows came from that made an operator or a sink fail: file and lines, topic and offsets.
 *
 * Flow:    chain fails in the call of its source head → withOrigin() → worker stops at once → located() → the master.
 * Rules:   only errors that a row has caused (domain user). The row itself is named where the operator that failed was given
 *          the very batch that the source has made, else the rows of the batch. Beyond an exchange nobody knows any more.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { SourceReader, SourceSplit } from "../../contract/source.ts";

/** An error whose place is still to be asked for, which may mean counting the lines of a file. */
export class UnlocatedError extends Error {
  readonly error: MillraceError;
  readonly #find: () => Promise<string>;

  constructor(error: MillraceError, find: () => Promise<string>) {
    super(error.message, { cause: error });
    this.error = error;
    this.#find = find;
  }

  /** Never fails: what cannot be found is left out. */
  async located(): Promise<MillraceError> {
    try {
      return this.error.at({ source: await this.#find() });
    } catch {
      // The file that held the row may be gone: the error itself matters more.
      return this.error;
    }
  }
}

export function withOrigin(
  error: unknown,
  reader: SourceReader,
  rows: {
    readonly batch: BatchPtr;
    readonly split: SourceSplit;
    readonly before: SourceSplit | undefined;
  },
  view: BatchView,
): unknown {
  const { batch, split: after, before } = rows;
  if (!(error instanceof MillraceError) || error.definition.domain !== "user") return error;
  if (reader.placeOf === undefined || before === undefined || error.place.source !== undefined)
    return error;
  const row = error.place.batch === batch ? error.place.row : undefined;
  const count = view.rows(batch);
  return new UnlocatedError(error, () => reader.placeOf!({ before, after, count, row }));
}
