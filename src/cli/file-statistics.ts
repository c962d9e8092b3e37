/**
 * How many rows the files of a table have, about: their sizes by the length of a line at their beginning. Nothing is read through.
 *
 * Flow:    sqlHost().statistics → planner (batch), where no ANALYZE TABLE has counted.
 * Formats: those of lines: csv, json, raw and the JSON changelogs. Others, compressed files and pipes: unknown.
 * Limits:  at most MAX_FILES files are looked at, SAMPLE_BYTES of the first; what is known of a table is kept MEMORY_MS.
 * Source:  Flink CsvFileFormatFactory's estimateStatistics, which samples lines too.
 */
import { closeSync, globSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type {
  StatisticsLookup,
  TableStatistics,
} from "../language/sql/statistics/table-statistics.ts";

const MAX_FILES = 10_000;
const SAMPLE_BYTES = 64 * 1024;
const MEMORY_MS = 5_000;
const LINE_FEED = 0x0a;
const LINES = /^(csv|raw|json|[a-z]+-json)$/;
const COMPRESSED = /\.(gz|gzip|zst|bz2|deflate|xz|snappy|lz4)$/i;
const PATTERN = /[*?[{]/;

export function fileStatistics(now: () => number = Date.now): StatisticsLookup {
  const known = new Map<
    string,
    { readonly at: number; readonly found: TableStatistics | undefined }
  >();
  return ({ options }) => {
    const { connector, path, format = "" } = options;
    if (connector !== "filesystem" || path === undefined || !LINES.test(format)) return undefined;
    const remembered = known.get(path);
    if (remembered !== undefined && now() - remembered.at < MEMORY_MS) return remembered.found;
    const found = statisticsOf(localPath(path));
    known.set(path, { at: now(), found });
    return found;
  };
}

function localPath(path: string): string {
  return path.startsWith("file:") ? fileURLToPath(path) : path;
}

/** Undefined for what cannot be read: running the query says why. */
function statisticsOf(path: string): TableStatistics | undefined {
  try {
    const files = filesOf(path);
    if (files === undefined || files.some(({ name }) => COMPRESSED.test(name))) return undefined;
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const first = files.find(({ sizeBytes }) => sizeBytes > 0);
    if (first === undefined) return { rowCount: 0, columns: {} };
    return { rowCount: Math.ceil(bytes / lineBytes(first.name)), columns: {} };
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

interface FoundFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Undefined: too many. */
function filesOf(path: string): readonly FoundFile[] | undefined {
  const found: FoundFile[] = [];
  const waiting = PATTERN.test(path) ? globSync(path) : [path];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const stat = statSync(next);
    if (stat.isDirectory()) {
      for (const name of readdirSync(next)) if (!/^[._]/.test(name)) waiting.push(join(next, name));
    } else if (stat.isFile()) found.push({ name: next, sizeBytes: stat.size });
    else return undefined;
    if (found.length + waiting.length > MAX_FILES) return undefined;
  }
  return found;
}

/** Average length of the lines at a file's beginning. */
function lineBytes(path: string): number {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(SAMPLE_BYTES);
    const sample = buffer.subarray(0, readSync(file, buffer, 0, SAMPLE_BYTES, 0));
    let lines = 0;
    let end = 0;
    for (let at = sample.indexOf(LINE_FEED); at >= 0; at = sample.indexOf(LINE_FEED, at + 1)) {
      lines++;
      end = at + 1;
    }
    return lines === 0 ? Math.max(1, sample.length) : end / lines;
  } finally {
    closeSync(file);
  }
}
