/** The filesystem sink's factory: options, columns and format are checked here; file-sink.ts writes. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { FormatFactory } from "../../contract/format.ts";
import type { SinkContext, SinkFactory } from "../../contract/sink.ts";
import { checkOptions } from "../../contract/table-option.ts";
import { FileCommitter, FileSinkWriter } from "./file-sink.ts";
import { FILESYSTEM_OPTIONS, readFilesystemOptions } from "./filesystem-options.ts";
import { parsePathPattern } from "./path-pattern.ts";

/** `format` finds formats by name. */
export function filesystemSink(format: (identifier: string) => FormatFactory): SinkFactory {
  return {
    identifier: "filesystem",
    accepts: "insert-only",
    validate: (node) => validate(node, format),
    createWriter: (context) => {
      const { options, schema } = context.node.table;
      const read = readFilesystemOptions(options);
      const factory = format(read.format);
      const { runtime, timeZone } = context;
      // The names are the table's: those of the query are of no account.
      const encoder = factory.createEncoder({ runtime, input: schema, options, timeZone });
      return new FileSinkWriter(context, read, encoder, factory.fileExtension);
    },
    createCommitter: ({ env }) => new FileCommitter(env.files),
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
  known.validate(table.options, table.schema);
  if (parsePathPattern(options.path) !== undefined)
    throw baseErrors.OPTION_INVALID({
      key: "path",
      value: options.path,
      expected: "a folder, without a pattern, to write to",
    });
  if (table.partitionKeys !== undefined && table.partitionKeys.length > 0)
    throw baseErrors.UNSUPPORTED({
      what: "writing a PARTITIONED BY table to files",
      remedy: "Leave PARTITIONED BY out of the sink table.",
    });
}
