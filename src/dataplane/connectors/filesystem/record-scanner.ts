/**
 * RecordScanner: where the records of a file end whose quoted fields may hold line feeds (csv).
 *
 * Flow:    block-input.ts, at both ends of a range → kernels/csv.as.ts. Several parts of a file may be looked through one after
 *          the other: what the one before ended within carries over.
 */
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { QuotedRecords } from "../../contract/format.ts";

const LINE_FEED = 10;
export const SCAN_BYTES = 8;

export class RecordScanner {
  readonly #runtime: WorkerRuntime;
  readonly #records: QuotedRecords;
  readonly #scan: number;
  /** Between two parts: what the kernel says of the state, and the byte before. */
  #state = 0;
  #before = LINE_FEED;
  #isFirst = true;

  /** `scan`: SCAN_BYTES of memory. */
  constructor(runtime: WorkerRuntime, records: QuotedRecords, scan: number) {
    this.#runtime = runtime;
    this.#scan = scan;
    this.#records = records;
  }

  /** What comes next begins with a record, the first one of the file or another. */
  begin(isFirst: boolean): void {
    this.#state = 0;
    this.#before = LINE_FEED;
    this.#isFirst = isFirst;
  }

  /** The first record end at or behind byte `from` of a part, counted from its begin; −1: there is none. */
  find(address: number, length: number, from: number): number {
    const { kernels, memory } = this.#runtime;
    const { delimiter, quote } = this.#records;
    const scan = this.#scan;
    const data = new DataView(memory.buffer);
    data.setUint32(scan, this.#state, true);
    data.setUint32(scan + 4, this.#before, true);
    const skipped = this.#isFirst ? byteOrderMark(data, address, length) : 0;
    const found = kernels.csvRecordEnd(
      scan,
      address + skipped,
      length - skipped,
      Math.min(length, Math.max(0, from - skipped)),
      delimiter,
      quote,
    );
    this.#state = data.getUint32(scan, true);
    this.#before = data.getUint32(scan + 4, true);
    this.#isFirst = false;
    return found < 0 ? found : found + skipped;
  }
}

/** UTF-8's byte order mark at the begin of a file is no part of its first field. */
function byteOrderMark(data: DataView, address: number, length: number): number {
  if (length < 3 || data.getUint8(address) !== 0xef) return 0;
  return data.getUint16(address + 1, false) === 0xbbbf ? 3 : 0;
}
