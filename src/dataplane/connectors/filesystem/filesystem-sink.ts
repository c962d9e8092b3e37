/** The filesystem sink's factory: options, columns and format are checked here; file-sink.ts writes. */
import type { FormatFactory } from "../../contract/format.ts";
import type { SinkContext, SinkFactory } from "../../contract/sink.ts";
import { checkOptions } from "../../contract/table-option.ts";
import { FileCommitter } from "./file-committer.ts";
import { FileSinkWriter } from "./file-sink.ts";
import { FILESYSTEM_OPTIONS, readFilesystemOptions } from "./filesystem-options.ts";
import { partitionCommit } from "./partition-commit.ts";
import { checkPartitionKeys, partitionLayout } from "./partition-layout.ts";
import { PartitionedWriting } from "./partitioned-writing.ts";
import { checkFolder } from "./path-pattern.ts";

/** `format` finds formats by name. */
export function filesystemSink(format: (identifier: string) => FormatFactory): SinkFactory {
  return {
    identifier: "filesystem",
    accepts: "insert-only",
    validate: (node) => validate(node, format),
    createWriter: (context) => {
      const { table } = context.node;
      const { options, schema } = table;
      const read = readFilesystemOptions(options);
      const factory = format(read.format);
      const { runtime, timeZone } = context;
      const layout = partitionLayout(table);
      // The names are the table's: those of the query are of no account.
      const input = layout?.fileSchema ?? schema;
      const encoder = factory.createEncoder({ runtime, input, options, timeZone });
      const partitions =
        layout &&
        new PartitionedWriting(context, {
          root: read.path,
          layout,
          commit: partitionCommit(options, layout),
        });
      const extension = factory.fileExtension;
      return new FileSinkWriter(context, read, { encoder, extension, partitions });
    },
    createCommitter: ({ env }) => new FileCommitter(env),
  };
}

function validate(
  { table }: SinkContext["node"],
  format: (identifier: string) => FormatFactory,
): void {
  const options = readFilesystemOptions(table.options);
  const known = format(options.format);
  checkOptions("connector filesystem", FILESYSTEM_OPTIONS, table.options, (key) =>
    known.options.includes(key),
  );
  const layout = partitionLayout(table);
  if (layout !== undefined) checkPartitionKeys(layout);
  partitionCommit(table.options, layout);
  known.validate(table.options, layout?.fileSchema ?? table.schema);
  checkFolder(options.path);
}
