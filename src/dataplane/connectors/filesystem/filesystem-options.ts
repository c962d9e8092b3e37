/** Options of the filesystem connector. Source: Flink FileSystemConnectorOptions; `replay.*`, `errors…` are ours. */
import { WATERMARK_OPTIONS } from "../../contract/watermark-options.ts";
import { baseErrors } from "../../../foundation/base/errors.ts";
import { FULL_CACHE_OPTIONS, PARTIAL_CACHE_OPTIONS } from "../../contract/lookup.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";
import { PARTITION_OPTIONS } from "./partition-commit.ts";

export const FILESYSTEM_OPTIONS: readonly TableOption[] = [
  ...WATERMARK_OPTIONS,
  { key: "connector", type: "string", required: true, description: "`filesystem`." },
  {
    key: "path",
    type: "string",
    required: true,
    description:
      "A file, a folder (with what lies within it), or a pattern with *, ?, **, [ab] or {a,b}. For sinks a folder.",
  },
  {
    key: "format",
    type: "string",
    required: true,
    description: "Name of the format of the files.",
  },
  {
    key: "source.monitor-interval",
    type: "duration",
    description:
      "Looks for new files this often and never ends; without it the files found at the start are all.",
  },
  {
    key: "source.path.regex-pattern",
    type: "string",
    description: "Reads only files whose whole path matches this regular expression.",
  },
  {
    key: "replay.time-column",
    type: "string",
    description:
      "Replays the rows in the pace of this TIMESTAMP column instead of as fast as possible.",
  },
  {
    key: "replay.speed",
    type: "number",
    default: "1",
    min: 0.001,
    max: 1e9,
    description: "How many times faster than the wall clock event time passes in a replay.",
  },
  {
    key: "dead-letter.path",
    type: "string",
    description: "Folder for the records that do not decode, with `errors` = dead-letter.",
  },
  {
    key: "sink.parallelism",
    type: "integer",
    min: 1,
    max: 256,
    description: "Subtasks that write; default: as many as the operator before it has.",
  },
  {
    key: "sink.rolling-policy.file-size",
    type: "string",
    default: "128MB",
    description:
      "A part file is closed when it has this size; besides, every checkpoint closes it.",
  },
  ...PARTITION_OPTIONS,
  ...FULL_CACHE_OPTIONS,
  ...PARTIAL_CACHE_OPTIONS,
];

export interface FilesystemOptions {
  readonly path: string;
  readonly format: string;
  /** 0 = bounded. */
  readonly monitorIntervalMs: number;
  readonly regex: RegExp | undefined;
  readonly replay: { readonly column: string; readonly speed: number } | undefined;
  readonly deadLetterPath: string | undefined;
  readonly rollBytes: number;
}

export function readFilesystemOptions(options: TableOptions): FilesystemOptions {
  const reader = new OptionReader("connector filesystem", FILESYSTEM_OPTIONS, options);
  const column = reader.text("replay.time-column");
  if (column === undefined && reader.has("replay.speed"))
    throw baseErrors.OPTION_MISSING({ key: "replay.time-column", owner: "connector filesystem" });
  const deadLetterPath = reader.text("dead-letter.path");
  const deadLetter = options.errors?.toLowerCase() === "dead-letter";
  if (deadLetter && deadLetterPath === undefined)
    throw baseErrors.OPTION_MISSING({ key: "dead-letter.path", owner: "connector filesystem" });
  if (!deadLetter && deadLetterPath !== undefined)
    throw connectorErrors.OPTION_NEEDS({
      key: "dead-letter.path",
      owner: "connector filesystem",
      needs: "'errors' = 'dead-letter'",
    });
  return {
    path: localPath(reader.string("path")),
    format: reader.string("format"),
    monitorIntervalMs: reader.has("source.monitor-interval")
      ? reader.durationMs("source.monitor-interval")
      : 0,
    regex: readRegex(reader),
    replay: column === undefined ? undefined : { column, speed: reader.number("replay.speed") },
    deadLetterPath: deadLetterPath === undefined ? undefined : localPath(deadLetterPath),
    rollBytes: memorySize(reader.string("sink.rolling-policy.file-size")),
  };
}

/** Strips file://; other schemes are refused. */
function localPath(path: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(path)?.[1];
  if (scheme === undefined) return path.length > 1 ? path.replace(/\/+$/, "") : path;
  if (scheme.toLowerCase() !== "file") throw connectorErrors.PATH_UNSUPPORTED({ path });
  return decodeURIComponent(path.slice(5).replace(/^\/\/[^/]*/, "")).replace(/(?<=.)\/+$/, "");
}

function readRegex(reader: OptionReader): RegExp | undefined {
  const key = "source.path.regex-pattern";
  const text = reader.text(key);
  if (text === undefined) return undefined;
  try {
    return new RegExp(`^(?:${text})$`, "u");
  } catch (cause) {
    throw baseErrors.OPTION_INVALID(
      { key, value: text, expected: "a regular expression" },
      { cause },
    );
  }
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
};

/** Flink's MemorySize: `128MB`, `64 kb`. */
function memorySize(text: string): number {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? undefined : SIZE_UNITS[match[2]!.toLowerCase()];
  if (match === null || unit === undefined || Number(match[1]) === 0)
    throw baseErrors.OPTION_INVALID({
      key: "sink.rolling-policy.file-size",
      value: text,
      expected: "a size such as 128MB",
    });
  return Number(match[1]) * unit;
}
