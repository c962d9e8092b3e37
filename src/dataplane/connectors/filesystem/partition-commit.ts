/**
 * Partition commit: when a partition is told to be complete, by a file such as `_SUCCESS` in its folder.
 *
 * Flow:    each sink writer tells at every barrier which partitions it has written and when they are due (a vote); the
 *          committer, which sees the votes of all writers, marks those that are due. A writer tells of a partition until it
 *          finds it marked, so a restart from any checkpoint forgets none.
 * Time:    process-time: due `delay` after the writer's first row of it; partition-time: when the watermarks of all writers
 *          have passed the partition's time + delay. When all input has ended, everything is due.
 * Late:    rows that come later are visible with their checkpoint, and the partition is marked anew.
 * Errors:  MR1003 options, MR3009 options without PARTITIONED BY, MR3021 columns that make no time.
 * Source:  Flink FileSystemConnectorOptions, PartitionTimeCommitTrigger, ProcTimeCommitTrigger.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { zoneOffsetMs } from "../../../foundation/columnar/value-text.ts";
import type { Committable, SinkContext } from "../../contract/sink.ts";
import { OptionReader, type TableOption } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";
import { DEFAULT_PARTITION, type PartitionLayout } from "./partition-layout.ts";
import { parsePartitionTime } from "./partition-time.ts";

export const PARTITION_OPTIONS: readonly TableOption[] = [
  {
    key: "partition.default-name",
    type: "string",
    default: DEFAULT_PARTITION,
    description: "The folder of rows whose partition column is NULL or the empty text.",
  },
  {
    key: "partition.time-extractor.kind",
    type: "enum",
    values: ["default"],
    default: "default",
    description: "How a partition's time is found: from its columns' texts.",
  },
  {
    key: "partition.time-extractor.timestamp-pattern",
    type: "string",
    description:
      "How the columns make a time, such as `$dt $hour:00:00`; without it the first column is the time.",
  },
  {
    key: "partition.time-extractor.timestamp-formatter",
    type: "string",
    description:
      "Pattern of that time, such as `yyyyMMdd HH`; default a date, with or without a time of the day.",
  },
  {
    key: "sink.partition-commit.trigger",
    type: "enum",
    values: ["process-time", "partition-time"],
    default: "process-time",
    description: "Whether the clock or the watermark says that a partition is complete.",
  },
  {
    key: "sink.partition-commit.delay",
    type: "duration",
    default: "0 s",
    description: "How long after its time (its first row) a partition is complete.",
  },
  {
    key: "sink.partition-commit.watermark-time-zone",
    type: "string",
    default: "UTC",
    description: "Zone of the partitions' times, when the watermark is of a TIMESTAMP_LTZ column.",
  },
  {
    key: "sink.partition-commit.policy.kind",
    type: "enum",
    values: ["success-file"],
    description: "What is done with a complete partition; without it nothing.",
  },
  {
    key: "sink.partition-commit.success-file.name",
    type: "string",
    default: "_SUCCESS",
    description: "Name of the empty file that marks a complete partition.",
  },
  {
    key: "sink.shuffle-by-partition.enable",
    type: "boolean",
    default: "false",
    description: "Brings the rows of one partition to one task: fewer files.",
  },
];

/** A partition that a writer has written to. `dueMs`: by the clock, or by the watermark. */
export interface PendingPartition {
  readonly folder: string;
  readonly dueMs: number;
}

/** What one writer says at one barrier. */
export interface PartitionVote extends Committable {
  readonly partitions: readonly PendingPartition[];
  readonly byWatermark: boolean;
  readonly watermark: number;
  readonly subtask: number;
  readonly checkpointId: number;
  readonly root: string;
  readonly fileName: string;
}

export interface PartitionCommit {
  readonly byWatermark: boolean;
  readonly fileName: string;
  /** When the partition is due; `nowMs`: its first row. */
  dueMs(texts: readonly (string | undefined)[], nowMs: number): number;
}

const OWNER = "connector filesystem";

/** Undefined when nothing is done with complete partitions. Checks the options. */
export function partitionCommit(
  options: SinkContext["node"]["table"]["options"],
  layout: PartitionLayout | undefined,
): PartitionCommit | undefined {
  const reader = new OptionReader(OWNER, PARTITION_OPTIONS, options);
  const asked = PARTITION_OPTIONS.find(({ key }) => options[key] !== undefined);
  if (layout === undefined) {
    if (asked !== undefined)
      throw connectorErrors.OPTION_NEEDS({
        key: asked.key,
        owner: OWNER,
        needs: "a table PARTITIONED BY columns",
      });
    return undefined;
  }
  const policy = reader.text("sink.partition-commit.policy.kind");
  if (policy === undefined) return undefined;
  reader.choice("sink.partition-commit.policy.kind");
  const delayMs = reader.durationMs("sink.partition-commit.delay");
  const byWatermark = reader.choice("sink.partition-commit.trigger") === "partition-time";
  const timeZone = zone(reader);
  const pattern = reader.text("partition.time-extractor.timestamp-pattern");
  const formatter = reader.text("partition.time-extractor.timestamp-formatter");
  return {
    byWatermark,
    fileName: reader.string("sink.partition-commit.success-file.name"),
    dueMs: (texts, nowMs) => {
      if (!byWatermark) return nowMs + delayMs;
      const named = layout.keys.map(({ name }, i) => [name, texts[i] ?? ""] as const);
      const local = parsePartitionTime(named, { pattern, formatter });
      return local - zoneOffsetMs(local, timeZone) + delayMs;
    },
  };
}

function zone(reader: OptionReader): string {
  const key = "sink.partition-commit.watermark-time-zone";
  const value = reader.string(key);
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return value;
  } catch (cause) {
    throw baseErrors.OPTION_INVALID({ key, value, expected: "a time zone such as UTC" }, { cause });
  }
}

/** The partitions that are due, of all that writers have told of; keeps the others. */
export class DuePartitions {
  readonly #pending = new Map<string, PartitionVote & { readonly dueMs: number }>();

  /** Paths of the files that mark them. */
  take(votes: readonly PartitionVote[], nowMs: number): string[] {
    const latest = new Map<number, PartitionVote>();
    for (const vote of votes) {
      const known = latest.get(vote.subtask);
      if (known === undefined || known.checkpointId <= vote.checkpointId)
        latest.set(vote.subtask, vote);
      for (const { folder, dueMs } of vote.partitions)
        this.#pending.set(folder, { ...vote, dueMs });
    }
    const watermark = Math.min(...[...latest.values()].map((vote) => vote.watermark));
    const files: string[] = [];
    for (const [folder, { byWatermark, dueMs, root, fileName }] of this.#pending) {
      const ended = watermark === Number.MAX_SAFE_INTEGER;
      if (!ended && dueMs > (byWatermark ? watermark : nowMs)) continue;
      files.push(`${root}/${folder}/${fileName}`);
      this.#pending.delete(folder);
    }
    return files;
  }
}
