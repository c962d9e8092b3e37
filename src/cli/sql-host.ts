/**
 * What the language asks of this machine: the schema of a file that a query names (`FROM 'data/*.csv'`), and of standard
 * input (`FROM stdin`), which is kept in a temporary file until the process ends.
 *
 * Formats: by file name: .csv and .tsv are csv with a header line; .json, .jsonl, .ndjson are JSON lines. Standard input: JSON when
 *          its first character is `{`, else csv.
 * Limits:  types are guessed from the first SAMPLE_BYTES of the first file.
 */
import {
  closeSync,
  globSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { MillraceError } from "../foundation/base/errors.ts";
import { defaultRegistry, unknownConnector } from "../dataplane/connectors/registry.ts";
import { operatorFactories } from "../dataplane/operators/index.ts";
import { findFormat, unknownFormat } from "../dataplane/formats/registry.ts";
import type { ResolvedTable } from "../language/sql/catalog/catalog-objects.ts";
import type { InlineTable, SqlHost } from "../language/sql/script/session-types.ts";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";
import { fileStatistics } from "./file-statistics.ts";
import { planFiles } from "./plan-files.ts";
import { readStdin } from "./read-stdin.ts";
import { savepointTable } from "./savepoint-tables.ts";
import { userFunctions } from "./user-functions.ts";
import { validateTables } from "./validate-tables.ts";

const SAMPLE_BYTES = 256 * 1024;
/** A first line that is longer is sampled up to the longest record that is read. */
const MAX_SAMPLE_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;
/** UTF-8's byte order mark. */
const MARK = [0xef, 0xbb, 0xbf];
export const STDIN = "stdin";

export interface SqlHostOptions {
  /** The folder that modules of functions are relative to; without it there are none. */
  readonly functions?: string;
  /** Modules outside that folder are refused: for a server. */
  readonly onlyThere?: boolean;
}

export function sqlHost(options: SqlHostOptions = {}): SqlHost {
  const registry = defaultRegistry();
  const { functions, onlyThere = false } = options;
  return {
    ...(functions === undefined ? {} : { userFunction: userFunctions(functions, { onlyThere }) }),
    resolveFile: (path, options) => savepointTable(path) ?? inlineTable(path, options),
    operators: new Set(Object.keys(operatorFactories)),
    planFiles,
    statistics: fileStatistics(),
    validate: (plan) => validateTables(plan, registry),
  };
}

/** A host that also refuses tables whose connector or format is not there: what running them would say (MR30xx). */
export function checkingHost(options: SqlHostOptions = {}): SqlHost {
  const registry = defaultRegistry();
  const checkFormat = ({ options: { format } }: ResolvedTable) => {
    if (format !== undefined) registry.format(format);
  };
  return {
    ...sqlHost(options),
    inspect: (table) => tableProblems(table, registry),
    source: (table) => {
      if (table.options.connector !== undefined) registry.source(table.options.connector);
      checkFormat(table);
      return undefined;
    },
    sink: (table) => {
      if (table.options.connector !== undefined) registry.sink(table.options.connector);
      checkFormat(table);
      return undefined;
    },
  };
}

/** A connector that neither reads nor writes here, a format that nobody knows. */
function tableProblems(
  { options: { connector, format } }: ResolvedTable,
  registry: ReturnType<typeof defaultRegistry>,
): MillraceError[] {
  const problems: MillraceError[] = [];
  const known = [...registry.sources, ...registry.sinks];
  if (connector !== undefined && !known.includes(connector))
    problems.push(unknownConnector(connector));
  if (format !== undefined && !registry.formats.includes(format))
    problems.push(unknownFormat(format));
  return problems;
}

function inlineTable(
  path: string,
  given: Readonly<Record<string, string>>,
): InlineTable | undefined {
  const file = path === STDIN ? spooledStdin() : path;
  const first = firstFile(file);
  const sample = readSample(first);
  const format = given.format ?? formatOf(first, sample);
  const guessed = format === "csv" ? csvOptions(first) : {};
  const options: Record<string, string> = {
    connector: "filesystem",
    path: resolve(file),
    format,
    ...guessed,
    ...given,
  };
  const { inferSchema } = findFormat(format);
  if (inferSchema === undefined) {
    throw cliErrors.FILE_UNREADABLE({ path, reason: `format ${format} has no schema to guess` });
  }
  return { fields: inferSchema(sample, options).fields, options };
}

function csvOptions(file: string): Record<string, string> {
  const header = { "csv.header": "true", "csv.null-literal": "" };
  return file.endsWith(".tsv") ? { ...header, "csv.field-delimiter": "\t" } : header;
}

function formatOf(file: string, sample: Uint8Array): string {
  if (/\.(csv|tsv)$/i.test(file)) return "csv";
  if (/\.(json|jsonl|ndjson)$/i.test(file)) return "json";
  const hasMark = MARK.every((byte, i) => sample[i] === byte);
  const first = sample.subarray(hasMark ? MARK.length : 0).find((byte) => byte > 0x20);
  return first === 0x7b ? "json" : "csv";
}

/** What makes a path a pattern. */
const PATTERN = /[*?[{]/;

function firstFile(path: string): string {
  const [first] = PATTERN.test(path) ? globSync(path).sort() : [path];
  if (first === undefined) {
    // A folder that is not there or not allowed is the better reason.
    namesIn(dirname(path.slice(0, path.search(PATTERN) + 1)));
    throw cliErrors.FILE_UNREADABLE({ path, reason: "no file matches this pattern" });
  }
  try {
    if (!statSync(first).isDirectory()) return first;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const inside = namesIn(first).find((name) => !name.startsWith("."));
  if (inside === undefined)
    throw cliErrors.FILE_UNREADABLE({ path, reason: "the folder is empty" });
  return join(first, inside);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

function readSample(path: string): Uint8Array {
  try {
    const file = openSync(path, "r");
    try {
      const sample = readStart(file, SAMPLE_BYTES);
      const cut = sample.length === SAMPLE_BYTES && !sample.includes(LINE_FEED);
      if (!cut) return sample;
      const more = readStart(file, MAX_SAMPLE_BYTES);
      if (more.length < MAX_SAMPLE_BYTES || more.includes(LINE_FEED)) return more;
      const reason = `its first line is longer than ${MAX_SAMPLE_BYTES} bytes`;
      throw cliErrors.FILE_UNREADABLE({ path, reason });
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : unreadable(path, cause);
  }
}

function readStart(file: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  return bytes.subarray(0, readSync(file, bytes, 0, sizeBytes, 0));
}

function unreadable(path: string, cause: unknown) {
  return cliErrors.FILE_UNREADABLE({ path, reason: fileReason(cause) }, { cause });
}

let stdinFile: string | undefined;

/** Copies standard input to a file once; the file goes when the process ends. */
function spooledStdin(): string {
  if (stdinFile !== undefined) return stdinFile;
  const folder = mkdtempSync(join(tmpdir(), "millrace-stdin-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "stdin");
  const file = openSync(path, "w");
  try {
    readStdin((bytes) => writeSync(file, bytes));
  } catch (cause) {
    throw unreadable(STDIN, cause);
  }
  closeSync(file);
  stdinFile = path;
  return path;
}
