/** Options of every table that is read and has a watermark: language/sql/exec plans them, the runtime obeys them. */
import type { TableOption } from "./table-option.ts";

export const WATERMARK_OPTIONS: readonly TableOption[] = [
  {
    key: "scan.watermark.idle-timeout",
    type: "duration",
    description:
      "Without rows for so long the watermarks of others go on without it; instead of `table.exec.source.idle-timeout`.",
  },
  {
    key: "scan.watermark.alignment.group",
    type: "string",
    description: "Sources of a group wait for each other, by their watermarks.",
  },
  {
    key: "scan.watermark.alignment.max-drift",
    type: "duration",
    description:
      "How far a watermark may be ahead of the group's least before its source is not read; needs a group.",
  },
  {
    key: "scan.watermark.alignment.update-interval",
    type: "duration",
    default: "1 s",
    description: "How often sources tell their group how far they are.",
  },
];
