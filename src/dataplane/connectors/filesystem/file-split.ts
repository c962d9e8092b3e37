/**
 * FileSplit: a range of a file, and how far it has been read.
 *
 * Ranges:  a split holds the records that start in [start, end); one whose start it shares with the range before begins
 *          behind the first record end at or after start − 1. end = −1: to the end of the file, however long it is then.
 * Position: offset is the byte behind the last record read, line counts the line ends from start (from where the first
 *          record starts) to there; skip counts the rows behind offset that were emitted already (replay only).
 */
import type { SourceSplit } from "../../contract/source.ts";
import type { DeadLetter } from "./dead-letters.ts";

export interface FileSplit extends SourceSplit {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly line: number;
  readonly skip: number;
  /** Files to read after this one, in one split (replay). */
  readonly rest: readonly string[];
  /** Bad records before offset that were not yet in the dead-letter file. */
  readonly letters?: readonly DeadLetter[];
}

/** Smallest range into which a file is cut. */
export const MIN_RANGE_BYTES = 2 * 1024 * 1024;

export function wholeFile(path: string, rest: readonly string[] = []): FileSplit {
  return { id: path, path, start: 0, end: -1, offset: 0, line: 0, skip: 0, rest };
}

/** What looking for quotes in a byte costs of what decoding it costs. */
const LOOK_SHARE = 0.15;

export interface FileCuts {
  /** Into how many ranges a big file may be cut; 1 = never. */
  readonly parallelism: number;
  /** Whoever begins within the file looks through all before first, so that later ranges are shorter. */
  readonly quoted?: boolean;
}

/** Ranges of a file that take about as long as each other, none smaller than about MIN_RANGE_BYTES. */
export function cutFile(
  path: string,
  sizeBytes: number,
  { parallelism, quoted = false }: FileCuts,
): FileSplit[] {
  const count = Math.max(1, Math.min(parallelism, Math.floor(sizeBytes / MIN_RANGE_BYTES)));
  if (count === 1) return [wholeFile(path)];
  const shrink = quoted ? 1 - LOOK_SHARE : 1;
  /** The share of the file before range i. */
  const before = (i: number) =>
    shrink === 1 ? i / count : (1 - shrink ** i) / (1 - shrink ** count);
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor(sizeBytes * before(i));
    const end = i === count - 1 ? -1 : Math.floor(sizeBytes * before(i + 1));
    return { id: `${path}#${start}`, path, start, end, offset: start, line: 0, skip: 0, rest: [] };
  });
}

/** A split as a checkpoint gave it back. */
export function asFileSplit(split: SourceSplit): FileSplit {
  return split as FileSplit;
}
